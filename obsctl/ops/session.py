"""What verbs begin with that follow the spec of a folder: the spec, and the runtime that its stack runs on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from obsctl.endpoints import Endpoints
from obsctl.errors import StartError, UsageError
from obsctl.ops.home import SITES, Home, open_home
from obsctl.ops.targets import RuntimeTarget
from obsctl.spec.load import load_stack
from obsctl.spec.stack import Service, Stack


@dataclass(frozen=True, kw_only=True)
class Session(Home):
    """One command at work on one stack and its spec. ``reason`` says why this runtime was chosen."""

    stack: Stack
    reason: str

    @cached_property
    def target(self) -> RuntimeTarget:
        """What the spec wants on this runtime."""
        return self.site.target(self.stack)


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
    requested, requester = (runtime, "--runtime") if runtime else (stack.runtime, "obsctl.yaml")
    if home.runtime.is_there():
        _require_same(home.runtime.name, requested if starting else "auto", requester)
        return Session(home.site, home.declared, stack=stack, reason=f"{home.runtime.name}, as it runs")
    if home.runtime.foreign and requested == home.runtime.name:
        return Session(home.site, home.declared, stack=stack, reason="remote, as obsctl.yaml says")
    if requested == "auto":
        return _automatic(stack)
    site = SITES[requested](stack.folder, stack.name)
    return Session(site, stack=stack, reason=f"{requested}, as {requester} says")


def _require_same(running: str, requested: str, requester: str) -> None:
    if requested not in ("auto", running):
        hint = "end it with `obsctl down` first; data is kept"
        raise StartError(f"the stack runs on the {running} runtime, and {requester} says {requested}", hint=hint)


def _automatic(stack: Stack) -> Session:
    """Containers where that needs no download, else processes; and why."""
    obstacle = ""
    for name, site_of in SITES.items():
        site = site_of(stack.folder, stack.name)
        found = site.suitability(stack)
        if found.suits:
            return Session(site, stack=stack, reason=f"{name}, by auto: {found.reason or obstacle}")
        obstacle = found.reason
    raise StartError("no runtime can start this stack", hint=obstacle)


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
