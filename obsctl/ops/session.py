"""What every verb begins with: the spec of this folder, and the runtime that its stack runs on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from obsctl import __version__
from obsctl.endpoints import Endpoints
from obsctl.errors import ObsctlError, StartError, UsageError
from obsctl.events import Emit, Event
from obsctl.ops.deploy import COMPOSE_FILE, OUTPUT, composed
from obsctl.render.desired import Composition, Desired
from obsctl.render.stack import STATE_FOLDER, embedded
from obsctl.runtime.base import Runtime
from obsctl.runtime.docker import DockerRuntime
from obsctl.runtime.embedded import EmbeddedRuntime
from obsctl.runtime.state import LOCK, StateFile
from obsctl.spec.load import load_stack
from obsctl.spec.stack import Service, Stack

LOCK_PATIENCE = 60.0


@dataclass(frozen=True)
class Home:
    """The stack of one folder, whatever its spec says now. Enough to stop it, or to read its output.

    ``declared`` is where a stack answers that Docker Compose started, and of which nothing is recorded.
    """

    runtime: Runtime[Any]
    declared: Endpoints = Endpoints()

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
        observed = self.runtime.observe(memory=False)
        if not any(o.state == "running" for o in observed):
            left = "" if observed else leftover(self.runtime)
            raise StartError(
                f"no stack is running in {self.runtime.home.parent}{left}", hint="start it with `obsctl up`"
            )
        return self.endpoints


def leftover(runtime: Runtime[Any]) -> str:
    """What to say about processes that run without being recorded, as after ``rm -rf .obsctl``; "" for none."""
    pids = [str(pid) for pid in runtime.strays()]
    return f"; processes of an earlier one are left over, though: pid {', '.join(pids)}" if pids else ""


@dataclass(frozen=True, kw_only=True)
class Session(Home):
    """One command at work on one stack and its spec. ``reason`` says why this runtime was chosen."""

    stack: Stack
    reason: str

    @cached_property
    def desired(self) -> Desired | Composition:
        """The stack as it should be."""
        return composed(self.stack) if self.runtime.name == "docker" else embedded(self.stack, version=__version__)


def open_home(folder: Path) -> Home:
    """The stack of a folder: the one that is recorded, or else one that Docker Compose started from its files."""
    folder = _existing(folder)
    home = folder / STATE_FOLDER
    with contextlib.suppress(StartError):  # a damaged record: what it was about is looked for
        state = StateFile(home).read()
        if state.runtime == "docker":
            return Home(DockerRuntime(home, folder / OUTPUT, state.stack))
        if state.runtime:
            return Home(EmbeddedRuntime(home))
    return _started_by_compose(folder) or Home(EmbeddedRuntime(home))


def _started_by_compose(folder: Path) -> Home | None:
    """The stack of the rendered files, if an engine has containers of it."""
    if not (folder / OUTPUT / COMPOSE_FILE).is_file():
        return None
    with contextlib.suppress(ObsctlError):
        stack = load_stack(folder)
        runtime = DockerRuntime(folder / STATE_FOLDER, folder / OUTPUT, stack.name)
        if runtime.is_there():
            return Home(runtime, runtime.reachable(composed(stack).endpoints))
    return None


def open_session(
    folder: Path, *, runtime: str | None = None, port_offset: int | None = None, starting: bool = False
) -> Session:
    """The session of a folder. ``port_offset`` None keeps the one the stack was started with.

    A stack that runs stays on its runtime; to be ``starting`` it on another one is an error.
    """
    home = open_home(folder)
    stack = load_stack(home.runtime.home.parent)
    state = home.runtime.state.read()
    offset = port_offset if port_offset is not None else state.port_offset - stack.port_offset if state.runtime else 0
    stack = _moved(stack, offset)
    asked, asker = (runtime, "--runtime") if runtime else (stack.runtime, "obsctl.yaml")
    if home.runtime.is_there():
        _require_same(home.runtime.name, asked if starting else "auto", asker)
        return Session(home.runtime, home.declared, stack=stack, reason=f"{home.runtime.name}, as it runs")
    name, reason = _automatic(stack) if asked == "auto" else (asked, f"{asked}, as {asker} says")
    return Session(_runtime(name, stack), stack=stack, reason=reason)


def _runtime(name: str, stack: Stack) -> Runtime[Any]:
    home = stack.folder / STATE_FOLDER
    return DockerRuntime(home, stack.folder / OUTPUT, stack.name) if name == "docker" else EmbeddedRuntime(home)


def _require_same(running: str, asked: str, asker: str) -> None:
    if asked not in ("auto", running):
        hint = "end it with `obsctl down` first; data is kept"
        raise StartError(f"the stack runs on the {running} runtime, and {asker} says {asked}", hint=hint)


def _automatic(stack: Stack) -> tuple[str, str]:
    """Containers where that needs no download, else processes; and why.

    Whoever wants containers enough to wait for gigabytes says so.
    """
    runtime = DockerRuntime(stack.folder / STATE_FOLDER, stack.folder / OUTPUT, stack.name)
    try:
        engine = runtime.engine
        missing = runtime.missing_images(composed(stack))
    except ObsctlError as error:
        return "embedded", f"embedded, by auto: {error.message.splitlines()[0].removesuffix('; tried:')}"
    if missing:
        many = f"{len(missing)} image{'s' * (len(missing) != 1)}"
        return "embedded", f"embedded, by auto: {many} would have to be pulled; `--runtime docker` does"
    return "docker", f"docker, by auto: {engine} has every image"


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


def _moved(stack: Stack, offset: int) -> Stack:
    if not offset:
        return stack
    moved = stack.with_port_offset(offset)
    beyond = {key: port for key, port in moved.ports.items() if not 0 < port < 65536}
    if beyond:
        listed = ", ".join(f"{key} would be {port}" for key, port in beyond.items())
        raise UsageError(f"a port offset of {offset} leaves no valid port: {listed}", hint="ports are 1 to 65535")
    return moved


def located(service: Service, endpoints: Endpoints) -> Service:
    """A service with its components where they really run."""
    found = ((c, endpoints.named(c.name)) for c in service.components)
    return replace(service, components=tuple(replace(c, url=e.url) if e else c for c, e in found))
