"""The stack of a folder as it was started: all that ``down``, ``logs`` and ``status`` begin with.

Neither the spec nor what renders it is loaded, unless nothing is recorded.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from obsctl.endpoints import Endpoints
from obsctl.errors import ObsctlError, StartError, UsageError
from obsctl.events import Emit, Event
from obsctl.render.desired import COMPOSE_FILE, OUTPUT, STATE_FOLDER
from obsctl.runtime.base import StackRuntime
from obsctl.runtime.docker.runtime import DockerRuntime
from obsctl.runtime.remote import RemoteRuntime
from obsctl.runtime.state import LOCK, StateFile

if TYPE_CHECKING:
    from obsctl.ops.targets import ContainerTarget, ProcessTarget, RemoteTarget, RuntimeTarget
    from obsctl.runtime.embedded import EmbeddedRuntime
    from obsctl.spec.stack import Stack

LOCK_PATIENCE = 60.0


@dataclass(frozen=True)
class Suitability:
    """Whether a runtime can start a stack at once, and why (not)."""

    suits: bool
    reason: str = ""


class Site(Protocol):
    """The stack of one folder on one runtime: the only place that knows which runtime takes which desired state."""

    @property
    def runtime(self) -> StackRuntime:
        """What runs there."""
        ...

    def target(self, stack: Stack) -> RuntimeTarget:
        """What the spec wants there."""
        ...

    def suitability(self, stack: Stack) -> Suitability:
        """Whether this stack can be started there without a download."""
        ...

    def declared(self, stack: Stack) -> Endpoints:
        """Where a stack answers that obsctl did not start, or that nothing records; empty for none."""
        ...


@dataclass(frozen=True)
class ContainerSite:
    """A stack of containers."""

    runtime: DockerRuntime

    @classmethod
    def of(cls, folder: Path, stack_name: str) -> ContainerSite:
        """The one of a folder."""
        return cls(DockerRuntime(folder / STATE_FOLDER, folder / OUTPUT, stack_name))

    def target(self, stack: Stack) -> ContainerTarget:
        """The stack as containers."""
        from obsctl.ops.targets import ContainerTarget

        return ContainerTarget(self.runtime, stack)

    def suitability(self, stack: Stack) -> Suitability:
        """Whether there is an engine that has every image: users who want to wait for gigabytes say so."""
        try:
            engine = self.runtime.engine
            missing = self.runtime.missing_images(self.target(stack).desired)
        except ObsctlError as error:
            return Suitability(False, error.message.splitlines()[0].removesuffix("; tried:"))
        if missing:
            many = f"{len(missing)} image{'s' * (len(missing) != 1)}"
            return Suitability(False, f"{many} would have to be pulled; `--runtime docker` does")
        return Suitability(True, f"{engine} has every image")

    def declared(self, stack: Stack) -> Endpoints:
        """Those of the rendered files, if an engine has containers of them: Docker Compose started it.

        StartError where the spec wants containers and no engine answers that could say so.
        """
        if stack.runtime == self.runtime.name:
            self.runtime.require()
        if not (self.runtime.root / COMPOSE_FILE).is_file() or not self.runtime.is_there():
            return Endpoints()
        return self.runtime.reachable(self.target(stack).desired.endpoints)


@dataclass(frozen=True)
class ProcessSite:
    """A stack of local processes."""

    runtime: EmbeddedRuntime

    @classmethod
    def of(cls, folder: Path, _stack_name: str = "") -> ProcessSite:
        """The one of a folder. A stack of containers does without what this loads."""
        from obsctl.runtime.embedded import EmbeddedRuntime

        return cls(EmbeddedRuntime(folder / STATE_FOLDER))

    def target(self, stack: Stack) -> ProcessTarget:
        """The stack as processes."""
        from obsctl.ops.targets import ProcessTarget

        return ProcessTarget(self.runtime, stack)

    def suitability(self, _stack: Stack) -> Suitability:
        """Processes can run wherever obsctl does."""
        return Suitability(True)

    def declared(self, _stack: Stack) -> Endpoints:
        """None: every process of it is recorded."""
        return Endpoints()


@dataclass(frozen=True)
class RemoteSite:
    """A stack that somebody else runs."""

    runtime: RemoteRuntime

    @classmethod
    def of(cls, folder: Path, _stack_name: str = "") -> RemoteSite:
        """The one that the spec of a folder names."""
        return cls(RemoteRuntime(folder / STATE_FOLDER))

    def target(self, stack: Stack) -> RemoteTarget:
        """The stack as it is asked."""
        from obsctl.ops.targets import RemoteTarget

        return RemoteTarget(self.runtime, stack)

    def suitability(self, _stack: Stack) -> Suitability:
        """It starts nothing."""
        return Suitability(False, "the remote runtime starts nothing")

    def declared(self, stack: Stack) -> Endpoints:
        """Those of ``remote:``, where the spec's runtime is that."""
        if stack.runtime != self.runtime.name:
            return Endpoints()
        return self.target(stack).desired.endpoints


SITES: Mapping[str, Callable[[Path, str], Site]] = {
    "docker": ContainerSite.of,
    "embedded": ProcessSite.of,
    "remote": RemoteSite.of,
}
"""Name of a runtime -> the site of a folder and of a stack's name, in the order in which `auto` tries them."""


@dataclass(frozen=True)
class Home:
    """The stack of one folder, whatever its spec says now. Enough to stop it, or to read its output.

    ``declared`` is where a stack answers of which nothing is recorded: Docker Compose or somebody else started it.
    ``unseen`` says why it cannot be known whether there is one, where that is so.
    """

    site: Site
    declared: Endpoints = Endpoints()
    unseen: str = ""

    @property
    def runtime(self) -> StackRuntime:
        """What runs it."""
        return self.site.runtime

    def require_seen(self) -> None:
        """StartError where nothing is recorded and the spec's runtime cannot be asked: silence would be a guess."""
        if self.unseen and not self.runtime.orphans():
            message = f"no stack is recorded in {self.runtime.home.parent}, and {self.unseen}"
            raise StartError(message, hint="start the engine, or name it in DOCKER_HOST; then ask again")

    @contextlib.contextmanager
    def lock(self, command: str, emit: Emit, *, file: str = LOCK) -> Iterator[None]:
        """Hold the stack's lock, or another one in ``file``; says so when it has to wait for another command."""

        def waiting(holder: str) -> None:
            emit(Event("noted", holder, "is working on this stack; waiting for it"))

        with self.runtime.state.lock(command, patience=LOCK_PATIENCE, waiting=waiting, file=file):
            yield

    @property
    def endpoints(self) -> Endpoints:
        """As applied last, or else as declared."""
        applied = self.runtime.endpoints()
        return applied if applied.all else self.declared

    def running(self) -> Endpoints:
        """The endpoints of the running stack. StartError where nothing runs."""
        if self.runtime.foreign:
            return self.endpoints
        observed = self.runtime.observe(memory=False)
        if not any(o.state == "running" for o in observed):
            if paused := [o.name for o in observed if o.state == "paused"]:
                raise StartError(f"nothing of the stack runs; paused: {', '.join(paused)}", hint=RESUME)
            left = "" if observed else leftover(self.runtime)
            raise StartError(
                f"no stack is running in {self.runtime.home.parent}{left}", hint="start it with `obsctl up`"
            )
        return self.endpoints


RESUME = "`obsctl up` lets it go on, as `docker compose unpause` does"
"""What to do about a container that is paused."""


def leftover(runtime: StackRuntime) -> str:
    """What to say about processes that run without being recorded, as after ``rm -rf .obsctl``; "" for none."""
    pids = [str(pid) for pid in runtime.orphans()]
    return f"; processes of an earlier one are left over, though: pid {', '.join(pids)}" if pids else ""


def open_home(folder: Path) -> Home:
    """The stack of a folder: the one that is recorded, or else one that the spec knows and somebody else started."""
    folder = _existing(folder)
    with contextlib.suppress(StartError):  # a damaged record: what it was about is looked for
        state = StateFile(folder / STATE_FOLDER).read()
        if state.runtime:
            return Home(SITES.get(state.runtime, ProcessSite.of)(folder, state.stack))
    return _unrecorded(folder) or Home(ProcessSite.of(folder))


def _unrecorded(folder: Path) -> Home | None:
    """The stack that Docker Compose started from the rendered files, or that somebody else runs."""
    from obsctl.spec.load import load_stack

    with contextlib.suppress(ObsctlError):
        stack = load_stack(folder)
        for name, site_of in SITES.items():
            site = site_of(folder, stack.name)
            try:
                declared = site.declared(stack)
            except StartError as error:
                if stack.runtime == name:
                    return Home(ProcessSite.of(folder), unseen=unseen(name, error.message))
                continue
            if declared.all:
                return Home(site, declared)
    return None


def unseen(runtime: str, problem: str) -> str:
    """What to say where the spec's runtime is the one that cannot be asked; ``problem`` is what that said."""
    said = problem.splitlines()[0].removesuffix("; tried:")
    return f"obsctl.yaml says {runtime}, but {said}: what an earlier `up` left cannot be seen"


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise StartError(f"{folder} is not a folder", hint="make it first, or choose another with --directory")
    try:
        resolved = folder.resolve()
    except OSError as error:
        raise StartError(f"this folder is gone: {error.strerror}", hint="change to one that is there") from error
    try:
        str(resolved).encode()
    except UnicodeEncodeError:
        hint = "rename it, or choose another with --directory"
        raise UsageError(f"the path of this folder is not UTF-8: {resolved}", hint=hint) from None
    return resolved
