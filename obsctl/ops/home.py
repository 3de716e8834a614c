"""The stack of a folder as it was started: all that ``down``, ``logs`` and ``status`` begin with.

Neither the spec nor what renders it is loaded, unless nothing is recorded.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from obsctl.endpoints import Endpoints
from obsctl.errors import ObsctlError, StartError, UsageError
from obsctl.events import Emit, Event
from obsctl.render.desired import COMPOSE_FILE, OUTPUT, STATE_FOLDER
from obsctl.runtime.base import Runtime
from obsctl.runtime.docker.runtime import DockerRuntime
from obsctl.runtime.state import LOCK, StateFile

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


def open_home(folder: Path) -> Home:
    """The stack of a folder: the one that is recorded, or else one that Docker Compose started from its files."""
    folder = _existing(folder)
    home = folder / STATE_FOLDER
    with contextlib.suppress(StartError):  # a damaged record: what it was about is looked for
        state = StateFile(home).read()
        if state.runtime == "docker":
            return Home(DockerRuntime(home, folder / OUTPUT, state.stack))
        if state.runtime:
            return Home(embedded_runtime(home))
    return _started_by_compose(folder) or Home(embedded_runtime(home))


def _started_by_compose(folder: Path) -> Home | None:
    """The stack of the rendered files, if an engine has containers of it."""
    if not (folder / OUTPUT / COMPOSE_FILE).is_file():
        return None
    from obsctl.spec.load import load_stack

    with contextlib.suppress(ObsctlError):
        stack = load_stack(folder)
        runtime = DockerRuntime(folder / STATE_FOLDER, folder / OUTPUT, stack.name)
        if runtime.is_there():
            from obsctl.ops.deploy import composed

            return Home(runtime, runtime.reachable(composed(stack).endpoints))
    return None


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


def embedded_runtime(home: Path) -> Runtime[Any]:
    """The embedded runtime of a state folder."""
    from obsctl.runtime.embedded import EmbeddedRuntime  # with psutil: a stack of containers does without

    return EmbeddedRuntime(home)
