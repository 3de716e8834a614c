"""Carrying out a plan. Whatever it makes carries a mark of this run, so that all of it can be found and taken back."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from obsctl.errors import StartError
from obsctl.events import Emit, Event
from obsctl.runtime.base import Operation
from obsctl.runtime.docker import model
from obsctl.runtime.docker.engine import Engine
from obsctl.runtime.docker.faults import engine_faults, explained
from obsctl.runtime.docker.images import obtain
from obsctl.runtime.docker.plan import STARTING, current, plan, schedule
from obsctl.runtime.docker.project import Project, Shared, Wanted
from obsctl.runtime.docker.request import create_body, endpoint
from obsctl.runtime.docker.seed import HELPER, require_no_folders, seed, sees_files
from obsctl.runtime.docker.seen import Seen, SeenContainer, image_id, see
from obsctl.runtime.docker.tasks import LEAVE, Tasks
from obsctl.runtime.docker.watch import Watch

STOP_TIMEOUT = 10
"""Seconds that a container is given to end by itself."""

_PULL_LEAVE = 0.2
"""A pull makes nothing that has to be taken back, so nobody waits for it."""


class Up:
    """One ``up``. ``patience``: seconds that a container may take to become healthy when others wait for that."""

    def __init__(self, engine: Engine, project: Project, emit: Emit, patience: float) -> None:
        self.engine, self.project, self.emit, self.patience = engine, project, emit, patience
        self.run = uuid.uuid4().hex
        self.started: list[str] = []
        self._again: list[str] = []  # ids of containers that were there, and that this run started
        self._stop = threading.Event()
        self._made: dict[str, str] = {}  # service -> id of its new container
        self._volumes: dict[str, dict[str, str]] = {}
        self._features: Mapping[str, Any] = {}

    def carry_out(self, seen: Seen, steps: Sequence[Operation]) -> tuple[str, ...]:
        """Execute the steps that were planned for what was seen; the services that were started."""
        images = [s.name for s in steps if s.kind in ("pull", "build")]
        if images:
            self._each(images, lambda i: obtain(self.engine, self.project, i, self.emit, self._stop), leave=_PULL_LEAVE)
            seen = see(self.engine, self.project.name, self.project.images)
            steps = plan(self.project, seen)
        for step in (s for s in steps if s.kind == "orphan"):
            self.emit(Event("noted", step.name, step.cause))
        if any(s.kind not in ("keep", "orphan") for s in steps):
            self._change(steps, seen)
        return tuple(self.started)

    def _change(self, steps: Sequence[Operation], seen: Seen) -> None:
        by_name = {s.name: s for s in steps if s.kind in (*STARTING, "keep")}
        making = [name for name, step in by_name.items() if step.kind in ("create", "replace")]
        shared = {("network", n.key): n for n in self.project.networks}
        shared |= {("volume", v.key): v for v in self.project.volumes}
        work = {
            f"{s.kind} {s.name}": partial(self._share, s.kind, shared[s.kind, s.name])
            for s in steps
            if (s.kind, s.name) in shared
        }
        work["files"] = partial(self._prepare, [self.project.named(name) for name in making])
        self._each(list(work), lambda name: work[name]())
        self._each(making, lambda name: self._create(self.project.named(name), current(self.project.named(name), seen)))
        with Watch(self.engine, self.project.name, self._stop) as watch:
            self._tasks(schedule(self.project, by_name), lambda work: self._bring(work, by_name, seen, watch))

    def _bring(self, work: str, steps: Mapping[str, Operation], seen: Seen, watch: Watch) -> None:
        """Start a container, or await that one is healthy."""
        kind, _, name = work.partition(" ")
        wanted = self.project.named(name)
        old = current(wanted, seen)
        ident = self._made.get(name) or (old.ident if old else "")
        if kind == "start":
            self._start(steps[name], wanted, old, ident)
        elif not (steps[name].kind == "keep" and old and old.health == "healthy"):
            watch.healthy(wanted, ident, self.patience)

    def _prepare(self, making: Sequence[Wanted]) -> None:
        """How new containers get their files, and what this engine is like."""
        with engine_faults("cannot ask the engine what it is like"):
            self._features = self.engine.client.info() if making else {}
        if any(w.seeds or w.hosts for w in making) and not sees_files(self.engine, self.project, self.run):
            for wanted in making:
                require_no_folders(self.engine, wanted)
            self.emit(Event("noted", "files", f"the engine at {self.engine.candidate.url} gets copies"))
            self._volumes = {w.name: seed(self.engine, self.project, w, self.run) for w in making}

    def _each(self, names: Sequence[str], action: Callable[[str], None], leave: float = LEAVE) -> None:
        self._tasks(dict.fromkeys(names, ()), action, leave)

    def _tasks(self, needs: Mapping[str, Sequence[str]], action: Callable[[str], None], leave: float = LEAVE) -> None:
        Tasks(needs, action, self._stop, leave).run()

    def _share(self, kind: str, shared: Shared) -> None:
        labels = {**shared.labels, model.RUN: self.run}
        with engine_faults(f"cannot make the {kind} {shared.name}"):
            if kind == "volume":
                self.engine.client.create_volume(shared.name, labels=labels)
            else:
                self.engine.client.create_network(
                    shared.name, labels=labels, internal=shared.internal, check_duplicate=True
                )
        self.emit(Event("noted", shared.name, f"{kind} made"))

    def _create(self, wanted: Wanted, old: SeenContainer | None) -> None:
        """Make a container; beside an old one, which goes on until the new one can be started."""
        api = self.engine.client
        name = f"{old.ident[:12]}_{wanted.container}" if old else wanted.container
        with engine_faults(f"cannot make the container {wanted.container}"):
            body = create_body(
                wanted,
                self.project.name,
                image_id(self.engine, wanted.image),
                run=self.run,
                volumes=self._volumes.get(wanted.name, {}),
                selinux=any("selinux" in str(option) for option in self._features.get("SecurityOptions") or []),
                init=not self.engine.podman,
            )
            if old:
                body["Labels"][f"{model.PREFIX}replace"] = old.container
            made = api.create_container_from_config(body, name, wanted.platform or None)["Id"]
            for network in wanted.networks[1:]:
                api.connect_container_to_network(made, network, aliases=endpoint(wanted)["Aliases"])
        self._made[wanted.name] = made

    def _start(self, step: Operation, wanted: Wanted, old: SeenContainer | None, ident: str) -> None:
        if step.kind not in STARTING:
            return
        begun = time.monotonic()
        if step.kind == "replace" and old:
            self._take_over(wanted, old)
        self._run(step, wanted, ident)
        self.started.append(step.name)
        self.emit(Event("started", step.name, step.cause, time.monotonic() - begun))

    def _run(self, step: Operation, wanted: Wanted, ident: str) -> None:
        import docker.errors

        if step.kind in ("start", "resume"):
            self._again.append(ident)
        with engine_faults(f"cannot start {step.name}"):
            try:
                self.engine.client.unpause(ident) if step.kind == "resume" else self.engine.client.start(ident)
            except docker.errors.APIError as error:
                raise self._not_started(wanted, str(error.explanation or error)) from error

    def _not_started(self, wanted: Wanted, said: str) -> StartError:
        """With who holds the port, where that is the reason and another container is who."""
        found = explained(f"cannot start {wanted.name}", said)
        if "port" not in said:
            return found
        with contextlib.suppress(StartError):
            held = port_holders(self.engine, {port for _, port in wanted.ports})
            others = {p: name for p, name in held.items() if name != wanted.container}
            if others:
                listed = ", ".join(f"port {port} is taken by the container {name}" for port, name in others.items())
                return StartError(f"cannot start {wanted.name}: {listed}", hint=found.hint)
        return found

    def _take_over(self, wanted: Wanted, old: SeenContainer) -> None:
        """End the old container and give the new one its name."""
        with engine_faults(f"cannot replace {old.container}"):
            stop_container(self.engine.client, old.ident)
            remove_container(self.engine.client, old.ident)
            self.engine.client.rename(self._made[wanted.name], wanted.container)

    def undo(self) -> None:
        """Take back everything that this run has made, and stop what it had started."""
        self._stop.set()
        api = self.engine.client
        with engine_faults("cannot take back what was started; `obsctl down` does it once the engine answers"):
            for ident in self._again:
                stop_container(api, ident)
            mark = {"label": f"{model.RUN}={self.run}"}
            for raw in api.containers(all=True, filters=mark):
                remove_container(api, raw["Id"], force=True)
                service = (raw.get("Labels") or {}).get(model.SERVICE, "")
                if service and HELPER not in raw["Labels"]:
                    self.emit(Event("stopped", service, "taken back"))
            for raw in api.networks(filters=mark):
                remove_quietly(partial(api.remove_network, raw["Id"]))
            for raw in api.volumes(filters=mark).get("Volumes") or []:
                remove_quietly(partial(api.remove_volume, raw["Name"]))


def port_holders(engine: Engine, ports: set[int]) -> dict[int, str]:
    """Port -> the container that has it published."""
    with engine_faults("cannot list containers"):
        found = engine.client.containers()
    pairs = ((p.get("PublicPort"), raw["Names"][0].lstrip("/")) for raw in found for p in raw.get("Ports") or [])
    return {port: name for port, name in pairs if port in ports}


def stop_container(api: Any, ident: str) -> None:
    """End a container; one that is gone or has ended is fine."""
    import docker.errors

    with contextlib.suppress(docker.errors.NotFound):
        api.stop(ident, timeout=STOP_TIMEOUT)


def remove_container(api: Any, ident: str, *, force: bool = False) -> None:
    """Remove a container with its anonymous volumes; one that is gone, or is being removed, is fine."""
    import docker.errors

    with contextlib.suppress(docker.errors.NotFound):
        try:
            api.remove_container(ident, v=True, force=force)
        except docker.errors.APIError as error:
            if error.status_code != 409 or "already in progress" not in str(error.explanation):
                raise


def remove_quietly(remove: Callable[[], object]) -> None:
    """Remove a network or volume; one that is gone, or that somebody else uses by now, is left."""
    import docker.errors

    with contextlib.suppress(docker.errors.NotFound):
        try:
            remove()
        except docker.errors.APIError as error:
            if error.status_code not in (403, 409):
                raise
