"""What every verb begins with: the spec of this folder, and the runtime that its stack runs on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from obsctl import __version__
from obsctl.endpoints import Endpoints
from obsctl.errors import StartError, UsageError
from obsctl.events import Emit, Event
from obsctl.render.desired import Desired
from obsctl.render.stack import STATE_FOLDER, embedded
from obsctl.runtime.embedded import EmbeddedRuntime
from obsctl.runtime.state import LOCK
from obsctl.spec.load import load_stack
from obsctl.spec.stack import Service, Stack

LOCK_PATIENCE = 60.0


@dataclass(frozen=True)
class Home:
    """The stack of one folder, whatever its spec says now. Enough to stop it, or to read its output."""

    runtime: EmbeddedRuntime

    @contextlib.contextmanager
    def lock(self, command: str, emit: Emit, *, file: str = LOCK) -> Iterator[None]:
        """Hold the stack's lock, or another one in ``file``; says so when it has to wait for another command."""

        def waiting(holder: str) -> None:
            emit(Event("noted", holder, "is working on this stack; waiting for it"))

        with self.runtime.state.lock(command, patience=LOCK_PATIENCE, waiting=waiting, file=file):
            yield

    def running(self) -> Endpoints:
        """The endpoints of the running stack. StartError where nothing runs."""
        observed = self.runtime.observe()
        if not any(o.state == "running" for o in observed):
            left = "" if observed else leftover(self.runtime)
            raise StartError(
                f"no stack is running in {self.runtime.home.parent}{left}", hint="start it with `obsctl up`"
            )
        return self.runtime.endpoints()


def leftover(runtime: EmbeddedRuntime) -> str:
    """What to say about processes that run without being recorded, as after ``rm -rf .obsctl``; "" for none."""
    pids = [str(p.pid) for p in runtime.unrecorded()]
    return f"; processes of an earlier one are left over, though: pid {', '.join(pids)}" if pids else ""


@dataclass(frozen=True)
class Session(Home):
    """One command at work on one stack and its spec. ``reason`` says why this runtime was chosen."""

    stack: Stack
    reason: str

    @property
    def desired(self) -> Desired:
        """The stack as it should be."""
        return embedded(self.stack, version=__version__)


def open_home(folder: Path) -> Home:
    """The stack of a folder."""
    return Home(EmbeddedRuntime(_existing(folder) / STATE_FOLDER))


def open_session(folder: Path, *, runtime: str | None = None, port_offset: int | None = None) -> Session:
    """The session of a folder. ``port_offset`` None keeps the one the stack was started with."""
    home = open_home(folder)
    stack = load_stack(home.runtime.home.parent)
    reason = _choose(runtime or stack.runtime, asked="--runtime" if runtime else "obsctl.yaml")
    state = home.runtime.state.read()
    offset = port_offset if port_offset is not None else state.port_offset - stack.port_offset if state.processes else 0
    return Session(home.runtime, _moved(stack, offset), reason)


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


def _choose(choice: str, *, asked: str) -> str:
    """Why the embedded runtime; it is the only one this version has."""
    if choice == "docker":
        hint = "use `--runtime embedded`: the same wire APIs, with nothing but Python"
        raise StartError(f"the docker runtime (from {asked}) is not part of this version", hint=hint)
    if choice == "embedded":
        return f"embedded, as {asked} says"
    return "embedded: auto prefers it, because it needs nothing but Python and is the only one this version has"


def located(service: Service, endpoints: Endpoints) -> Service:
    """A service with its components where they really run."""
    found = ((c, endpoints.named(c.name)) for c in service.components)
    return replace(service, components=tuple(replace(c, url=e.url) if e else c for c, e in found))
