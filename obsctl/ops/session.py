"""What verbs begin with that follow the spec of a folder: the spec, and the runtime that its stack runs on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from obsctl import __version__
from obsctl.endpoints import Endpoints
from obsctl.errors import ObsctlError, StartError, UsageError
from obsctl.ops.deploy import composed
from obsctl.ops.home import Home, embedded_runtime, open_home
from obsctl.render.containers import Composition
from obsctl.render.desired import OUTPUT, STATE_FOLDER, Desired
from obsctl.render.stack import embedded
from obsctl.runtime.base import Runtime
from obsctl.runtime.docker.runtime import DockerRuntime
from obsctl.spec.load import load_stack
from obsctl.spec.stack import Service, Stack


@dataclass(frozen=True, kw_only=True)
class Session(Home):
    """One command at work on one stack and its spec. ``reason`` says why this runtime was chosen."""

    stack: Stack
    reason: str

    @cached_property
    def desired(self) -> Desired | Composition:
        """The stack as it should be."""
        return composed(self.stack) if self.runtime.name == "docker" else embedded(self.stack, version=__version__)


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
    return DockerRuntime(home, stack.folder / OUTPUT, stack.name) if name == "docker" else embedded_runtime(home)


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
