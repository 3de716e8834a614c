"""The Docker runtime: containers, through the Docker SDK. What is there is asked of the engine, by Compose's labels.

An ``up`` with nothing to do is to be quick, so what only changes need is imported where it is used.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from obsctl.endpoints import Endpoint, Endpoints
from obsctl.errors import StartError
from obsctl.events import Emit, Event, LogText
from obsctl.render.containers import Composition
from obsctl.runtime.base import Cancelled, Observed, Operation, Runtime
from obsctl.runtime.docker.connection import Engine
from obsctl.runtime.docker.engine import find_engine
from obsctl.runtime.docker.inventory import (
    Inventory,
    ListedContainer,
    is_ours,
    list_containers,
    list_networks,
    take_inventory,
)
from obsctl.runtime.docker.plan import STARTING, current, plan
from obsctl.runtime.docker.project import Project, project_of
from obsctl.runtime.ports import MOVED
from obsctl.runtime.state import State, StateFile

if TYPE_CHECKING:
    from obsctl.runtime.docker.up import Up

PATIENCE = 120.0
"""Seconds that a container may take to become healthy where others wait for it."""


class DockerRuntime(Runtime[Composition]):
    """The stack of one folder. Callers hold the state lock around everything that changes something.

    ``home`` is the state folder, ``root`` the folder of the rendered files, ``name`` the stack's. The engine is looked
    for at the first need of it. Every method raises StartError where it does not answer.
    """

    name = "docker"
    supervised = True
    foreign = False

    def __init__(
        self,
        home: Path,
        root: Path,
        stack: str,
        environment: Mapping[str, str] | None = None,
        engine: Engine | None = None,
    ) -> None:
        self.home, self.root, self.stack = home, root, stack
        self.state = StateFile(home)
        self._environment = os.environ if environment is None else environment
        self._given = engine
        self._up: Up | None = None
        self._before = State()

    @cached_property
    def engine(self) -> Engine:
        """The engine. StartError where none answers; with the way to go on where the stack was started on one."""
        if self._given:
            return self._given
        try:
            return find_engine(self._environment, Path.home())
        except StartError as error:
            before = self.state.read()
            if before.runtime != self.name:
                raise
            message = (
                f"this stack was started on the engine at {before.engine or 'an unknown address'}; {error.message}"
            )
            hint = (
                "start that engine, or name it in DOCKER_HOST; if it is gone for good, remove "
                f"{self.home / 'state.json'}, and `obsctl up --runtime embedded` needs none"
            )
            raise StartError(message, hint=hint) from error

    def _containers(self) -> tuple[ListedContainer, ...]:
        found = list_containers(self.engine, self.stack)
        return tuple(c for c in found if is_ours(c, self.root))

    def observe(self, *, memory: bool = True) -> tuple[Observed, ...]:
        """Every container of this stack. Without ``memory`` it is quicker."""
        from obsctl.runtime.docker.inventory import observe

        return observe(self.engine, self._containers(), memory=memory)

    def endpoints(self) -> Endpoints:
        """As applied last; empty where Docker Compose started the stack."""
        return self.state.read().endpoints

    def reachable(self, endpoints: Endpoints) -> Endpoints:
        """The endpoints as seen from here: those of published ports are on the engine's machine."""
        return Endpoints(tuple(_moved(e, self.engine.host) for e in endpoints)) if self.engine.host else endpoints

    def require(self) -> None:
        """An engine that answers."""
        _ = self.engine

    def is_there(self) -> bool:
        """Whether it has containers, even ones that have ended: its engine may start them again. Or their network."""
        return bool(self._containers() or list_networks(self.engine, self.stack))

    def missing_images(self, composition: Composition) -> tuple[str, ...]:
        """The images that would have to be pulled; those that are built need their base images."""
        needed = {
            base: c.platform
            for c in composition.containers
            for base in (c.build.args.values() if c.build else (c.image,))
        }
        there = take_inventory(self.engine, composition.name, needed).images
        return tuple(sorted(image for image in needed if not there.get(image)))

    def plan(self, composition: Composition, pending: Mapping[str, bytes] | None = None) -> tuple[Operation, ...]:
        """What ``apply`` would do, once the ``pending`` files are written. Changes nothing."""
        target = project_of(composition, self.root, pending)
        return plan(target, take_inventory(self.engine, target.name, target.images))

    def apply(self, composition: Composition, emit: Emit, *, patience: float = PATIENCE) -> tuple[str, ...]:
        """Make it so; the services that were started. Interrupted or failed: what this call made is gone again."""
        target = project_of(composition, self.root)
        self._require_reachable(target)
        inventory = take_inventory(self.engine, target.name, target.images)
        steps = plan(target, inventory)
        if not self.engine.host and any(step.kind in STARTING for step in steps):
            self._require_ports(target, inventory, steps)
        before = self.state.read()
        endpoints = self.reachable(composition.endpoints)
        where = self.engine.candidate.url
        changed = State(
            self.name, port_offset=composition.port_offset, endpoints=endpoints, stack=self.stack, engine=where
        )
        if all(step.kind == "keep" for step in steps):
            if changed != before:
                self.state.write(changed)
            return ()
        return self._carry_out(target, inventory, steps, changed, emit, patience)

    def _carry_out(
        self,
        target: Project,
        inventory: Inventory,
        steps: Sequence[Operation],
        changed: State,
        emit: Emit,
        patience: float,
    ) -> tuple[str, ...]:
        from obsctl.runtime.docker.down import sweep
        from obsctl.runtime.docker.up import Up

        self._before = self.state.read()
        self.state.write(replace(changed, settled=False))  # so that an engine that is lost is not forgotten
        self._up = up = Up(self.engine, target, emit, patience)
        try:
            started = up.carry_out(inventory, steps)
            self.state.write(changed)
            if started:
                sweep(self.engine, self.stack)
        except BaseException:
            with reported(emit):
                self.undo(up.started, emit)
            raise
        return started

    def undo(self, _names: Sequence[str], _emit: Emit) -> None:
        """Take back everything that the last ``apply`` made; what was there before it stays."""
        from obsctl.runtime.interrupts import uninterrupted

        if self._up is None:
            return
        with uninterrupted():
            self._up.undo()
            if self._containers():
                self.state.write(self._before)
            else:
                self.state.forget()

    def _require_reachable(self, target: Project) -> None:
        """Ports that another machine publishes on its own loopback address cannot be reached from here."""
        if self.engine.host and target.bind in ("127.0.0.1", "::1", "localhost"):
            message = f"the engine is on {self.engine.host}, where {target.bind} cannot be reached from here"
            hint = (
                "set `bind: 0.0.0.0` in obsctl.yaml (others in that network can reach it, too), or use a local engine"
            )
            raise StartError(message, hint=hint)

    def _require_ports(self, target: Project, inventory: Inventory, steps: Sequence[Operation]) -> None:
        """Ports of what is to be started must be free, but for those that it holds already."""
        from obsctl.runtime.docker.up import port_holders
        from obsctl.runtime.ports import require_free

        starting = [target.named(s.name) for s in steps if s.kind in STARTING]
        needed = {port.key: port.host for c in starting for port in c.spec.ports}
        ours = {port for c in starting if (held := current(c, inventory)) for port in held.ports}
        holders = port_holders(self.engine, set(needed.values()) - ours) if needed else {}
        if holders:
            listed = "; ".join(
                f"port {port} is taken by the container {name}" for port, name in sorted(holders.items())
            )
            raise StartError(listed, hint=f"stop it, or move all ports with `{MOVED}`")
        require_free(target.bind, {key: port for key, port in needed.items() if port not in ours})

    def logs(self, names: Sequence[str], *, follow: bool, cancelled: Cancelled, tail: int) -> Iterator[LogText]:
        """The last lines of each container, merged by time, then, with ``follow``, new ones as they come."""
        from obsctl.runtime.docker.logs import logs

        chosen = [c for c in self._containers() if not names or c.name in names]
        return logs(self.engine, self.stack, chosen, follow=follow, cancelled=cancelled, tail=tail)

    def log_names(self) -> list[str]:
        """The services whose output can be read."""
        return [c.name for c in self._containers()]

    def exit_log(self, name: str, count: int) -> list[str]:
        """The last lines of one service's output."""
        from obsctl.runtime.docker.logs import last_lines

        chosen = [c for c in self._containers() if c.name == name]
        return [line.text for c in chosen for line in last_lines(self.engine, c.ident, c.name, count)]

    def orphans(self) -> tuple[int, ...]:
        """None: the engine knows all of its containers."""
        return ()

    def stop(self, names: Sequence[str], emit: Emit) -> tuple[str, ...]:
        """Stop the named services; their containers stay, and ``apply`` starts them again."""
        from obsctl.runtime.docker.down import stop_services

        chosen = [c for c in self._containers() if c.name in names]
        return tuple(stop_services(self.engine, chosen, emit, remove=False))

    def down(self, emit: Emit, *, volumes: bool) -> tuple[str, ...]:
        """Remove the stack's containers and networks; with ``volumes`` also what it stored."""
        from obsctl.runtime.docker.down import down

        unsettled = not self.state.read().settled
        ran = down(self.engine, self.stack, self.root, emit, volumes=volumes, unsettled=unsettled)
        self.state.forget()
        return ran


@contextlib.contextmanager
def reported(emit: Emit) -> Iterator[None]:
    """For what is done on the way out of a failure: a second failure is told, and does not hide the first."""
    try:
        yield
    except StartError as error:
        emit(Event("failed", "undo", f"{error.message} ({error.hint})"))


def _moved(endpoint: Endpoint, host: str) -> Endpoint:
    return replace(endpoint, url=_at(endpoint.url, host), probe=_at(endpoint.probe, host))


def _at(url: str, host: str) -> str:
    parts = urlsplit(url)
    if parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        return url
    shown = f"[{host}]" if ":" in host else host
    return parts._replace(netloc=f"{shown}:{parts.port}" if parts.port else shown).geturl()
