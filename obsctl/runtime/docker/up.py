"""Carrying out a plan. Whatever it makes carries a mark of this run, so that all of it can be found and taken back."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from obsctl.errors import StartError
from obsctl.events import Emit, Event
from obsctl.runtime.base import Operation
from obsctl.runtime.docker import compose_labels
from obsctl.runtime.docker.connection import Engine, EngineJson
from obsctl.runtime.docker.create_request import aliases, create_body
from obsctl.runtime.docker.down import remove_container, remove_quietly, stop_container
from obsctl.runtime.docker.faults import engine_faults, explained
from obsctl.runtime.docker.file_volumes import HELPER_LABEL, copy_files, require_no_folders, shares_files
from obsctl.runtime.docker.images import obtain
from obsctl.runtime.docker.inventory import Inventory, ListedContainer, image_id, take_inventory
from obsctl.runtime.docker.plan import STARTING, current, plan, schedule, settling, unsettled_restart
from obsctl.runtime.docker.project import Project, ProjectContainer, SharedResource
from obsctl.runtime.docker.task_graph import GRACE, TaskGraph
from obsctl.runtime.docker.watch import Watch

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
        self._features: EngineJson = {}

    def carry_out(self, inventory: Inventory, steps: Sequence[Operation]) -> tuple[str, ...]:
        """Execute the steps that were planned for this inventory; the services that were started."""
        images = [s.name for s in steps if s.kind in ("pull", "build")]
        if images:
            self._each(images, lambda i: obtain(self.engine, self.project, i, self.emit, self._stop), leave=_PULL_LEAVE)
            inventory = take_inventory(self.engine, self.project.name, self.project.images)
            steps = plan(self.project, inventory)
        for step in (s for s in steps if s.kind == "orphan"):
            self.emit(Event("noted", step.name, step.cause))
        if any(s.kind not in ("keep", "orphan") for s in steps):
            self._change(steps, inventory)
        return tuple(self.started)

    def _change(self, steps: Sequence[Operation], inventory: Inventory) -> None:
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
        self._each(making, lambda name: self._create(self.project.named(name), inventory))
        with Watch(self.engine, self.project.name, self._stop) as watch:
            self._tasks(schedule(self.project, by_name), lambda work: self._bring(work, by_name, inventory, watch))
        policies = settling(self.project, self._made, podman=self.engine.podman)
        self._each(list(policies), lambda ident: self._settle(ident, policies[ident]))

    def _settle(self, ident: str, policy: str) -> None:
        """From now on the engine starts the container again, whatever ends it."""
        with engine_faults("cannot let the engine start a container again"):
            self.engine.client.update_container(ident, restart_policy={"Name": policy})

    def _bring(self, work: str, steps: Mapping[str, Operation], inventory: Inventory, watch: Watch) -> None:
        """Start a container, or await that one is healthy."""
        kind, _, name = work.partition(" ")
        container = self.project.named(name)
        old = current(container, inventory)
        ident = self._made.get(name) or (old.ident if old else "")
        if kind == "start":
            self._start(steps[name], container, old, ident)
        elif not (steps[name].kind == "keep" and old and old.health == "healthy"):
            watch.healthy(container, ident, self.patience)

    def _prepare(self, making: Sequence[ProjectContainer]) -> None:
        """How new containers get their files, and what this engine is like."""
        with engine_faults("cannot ask the engine what it is like"):
            self._features = self.engine.client.info() if making else {}
        if any(w.copies or w.hosts for w in making) and not shares_files(self.engine, self.project, self.run):
            for container in making:
                require_no_folders(self.engine, container)
            self.emit(Event("noted", "files", f"the engine at {self.engine.candidate.url} gets copies"))
            self._volumes = {w.name: copy_files(self.engine, self.project, w, self.run) for w in making}

    def _each(self, names: Sequence[str], action: Callable[[str], None], leave: float = GRACE) -> None:
        self._tasks(dict.fromkeys(names, ()), action, leave)

    def _tasks(self, needs: Mapping[str, Sequence[str]], action: Callable[[str], None], leave: float = GRACE) -> None:
        TaskGraph(needs, action, self._stop, leave).run()

    def _share(self, kind: str, shared: SharedResource) -> None:
        labels = {**shared.labels, compose_labels.RUN: self.run}
        with engine_faults(f"cannot make the {kind} {shared.name}"):
            if kind == "volume":
                self.engine.client.create_volume(shared.name, labels=labels)
            else:
                self.engine.client.create_network(
                    shared.name, labels=labels, internal=shared.internal, check_duplicate=True
                )
        self.emit(Event("noted", shared.name, f"{kind} made"))

    def _create(self, container: ProjectContainer, inventory: Inventory) -> None:
        """Make a container; beside an old one, which goes on until the new one can be started."""
        api, old = self.engine.client, current(container, inventory)
        name = f"{old.ident[:12]}_{container.engine_name}" if old else container.engine_name
        with engine_faults(f"cannot make the container {container.engine_name}"):
            body = create_body(
                container,
                image_id(self.engine, container.image),
                run=self.run,
                volumes=self._volumes.get(container.name, {}),
                selinux=any("selinux" in str(option) for option in self._features.get("SecurityOptions") or []),
                init=not self.engine.podman,
                restart=unsettled_restart(podman=self.engine.podman),
                replaced=old.engine_name if old else "",
            )
            made = api.create_container_from_config(body, name, container.spec.platform or None)["Id"]
            for network in container.networks[1:]:
                api.connect_container_to_network(made, network, aliases=aliases(container))
        self._made[container.name] = made

    def _start(self, step: Operation, container: ProjectContainer, old: ListedContainer | None, ident: str) -> None:
        if step.kind not in STARTING:
            return
        begun = time.monotonic()
        if step.kind == "replace" and old:
            self._take_over(container, old)
        self._run(step, container, ident)
        self.started.append(step.name)
        self.emit(Event("started", step.name, step.cause, time.monotonic() - begun))

    def _run(self, step: Operation, container: ProjectContainer, ident: str) -> None:
        import docker.errors

        if step.kind in ("start", "resume"):
            self._again.append(ident)
        with engine_faults(f"cannot start {step.name}"):
            try:
                self.engine.client.unpause(ident) if step.kind == "resume" else self.engine.client.start(ident)
            except docker.errors.APIError as error:
                raise self._not_started(container, str(error.explanation or error)) from error

    def _not_started(self, container: ProjectContainer, said: str) -> StartError:
        """With who holds the port, where that is the reason and another container is who."""
        found = explained(f"cannot start {container.name}", said)
        if "port" not in said:
            return found
        with contextlib.suppress(StartError):
            held = port_holders(self.engine, {port.host for port in container.spec.ports})
            others = {p: name for p, name in held.items() if name != container.engine_name}
            if others:
                listed = ", ".join(f"port {port} is taken by the container {name}" for port, name in others.items())
                return StartError(f"cannot start {container.name}: {listed}", hint=found.hint)
        return found

    def _take_over(self, container: ProjectContainer, old: ListedContainer) -> None:
        """End the old container and give the new one its name."""
        with engine_faults(f"cannot replace {old.engine_name}"):
            stop_container(self.engine.client, old.ident)
            remove_container(self.engine.client, old.ident)
            self.engine.client.rename(self._made[container.name], container.engine_name)

    def undo(self) -> None:
        """Take back everything that this run has made, and stop what it had started."""
        self._stop.set()
        api = self.engine.client
        with engine_faults("cannot take back what was started; `obsctl down` does it once the engine answers"):
            for ident in self._again:
                stop_container(api, ident)
            mark = {"label": f"{compose_labels.RUN}={self.run}"}
            for raw in api.containers(all=True, filters=mark):
                remove_container(api, raw["Id"], force=True)
                service = (raw.get("Labels") or {}).get(compose_labels.SERVICE, "")
                if service and HELPER_LABEL not in raw["Labels"]:
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
