"""Ending a stack: containers in the reverse order of their needs, then what they shared. Only what is ours."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from obsctl.events import Emit, Event
from obsctl.runtime.docker import compose_labels
from obsctl.runtime.docker.connection import Engine, Sdk
from obsctl.runtime.docker.faults import engine_faults
from obsctl.runtime.docker.file_volumes import HELPER_LABEL, helper
from obsctl.runtime.docker.inventory import RUNNING, ListedContainer, is_ours, list_containers
from obsctl.runtime.docker.task_graph import TaskGraph
from obsctl.wait import Deadline, stays

STOP_TIMEOUT = 10
"""Seconds that a container is given to end by itself."""

LATE_QUIET = 1.0
"""Seconds without anything new after which an engine is taken to have finished what it was asked."""

LATE_MOST = 30.0
"""Seconds that ``down`` waits for that."""


def stop_services(engine: Engine, containers: Sequence[ListedContainer], emit: Emit, *, remove: bool) -> list[str]:
    """Stop containers, those first that need others; the services of those that ran."""
    by_name = {c.engine_name: c for c in containers}
    ran: list[str] = []

    def end(work: str) -> None:
        kind, _, name = work.partition(" ")
        found = by_name[name]
        with engine_faults(f"cannot {kind} {name}"):
            if kind == "remove":
                remove_container(engine.client, found.ident, force=True)
                return
            stop_container(engine.client, found.ident)
        if found.state in (RUNNING, "restarting", "paused"):
            ran.append(found.name)
            emit(Event("stopped", found.name))

    work = {f"stop {name}": [f"stop {d}" for d in needing] for name, needing in _dependents(containers).items()}
    if remove:  # nobody waits for that
        work |= {f"remove {name}": [f"stop {name}"] for name in by_name}
    TaskGraph(work, end, threading.Event()).run()
    return [c.name for c in containers if c.name in ran]


def _dependents(containers: Sequence[ListedContainer]) -> dict[str, list[str]]:
    """Container -> the containers that need it, by the labels that Compose keeps."""
    needs = {
        c.engine_name: compose_labels.prerequisites(c.labels.get(compose_labels.DEPENDS_ON, "")) for c in containers
    }
    return {c.engine_name: [other for other, needed in needs.items() if c.name in needed] for c in containers}


def down(
    engine: Engine, project: str, root: Path, emit: Emit, *, volumes: bool, unsettled: bool = False
) -> tuple[str, ...]:
    """Remove the containers and networks of a stack, and with ``volumes`` its data; the services that ran.

    ``unsettled``: an ``up`` lost the engine half-way, which may still be making what was asked of it.
    """
    ran = _clear(engine, project, root, emit, volumes=volumes)
    if unsettled:
        _clear_late(engine, project, root, emit, volumes=volumes)
    return ran


def _clear_late(engine: Engine, project: str, root: Path, emit: Emit, *, volumes: bool) -> None:
    """Remove what the engine finishes only now, until nothing more comes.

    An engine does not give up a request whose sender is gone. A container that is made now takes as long as those
    that are being made: once it is there, so are they, but for a little.
    """

    def look() -> frozenset[str]:
        there = _present(engine, project, root)
        if there:
            _clear(engine, project, root, lambda _event: None, volumes=volumes)
        return there

    with engine_faults("cannot see whether the engine is still making something"):
        images = engine.read("/images/json")
        if images:  # without any, it makes no container
            with helper(engine, project, images[0]["Id"], "", {}):
                pass
    _, quiet = stays(look, LATE_QUIET, Deadline.after(LATE_MOST))
    if not quiet:
        note = f"the engine was still making parts of it after {LATE_MOST:.0f} s; `obsctl down` again removes them"
        emit(Event("noted", project, note))


def _present(engine: Engine, project: str, root: Path) -> frozenset[str]:
    """The ids of the stack's containers, of its helpers and of its networks."""
    containers = {c.ident for c in list_containers(engine, project) if is_ours(c, root)}
    with engine_faults("cannot list what the containers shared"):
        helpers = engine.client.containers(all=True, filters={"label": f"{HELPER_LABEL}={project}"})
        networks = engine.client.networks(filters={"label": f"{compose_labels.PROJECT}={project}"})
    return frozenset(containers | {raw["Id"] for raw in [*helpers, *networks]})


def _clear(engine: Engine, project: str, root: Path, emit: Emit, *, volumes: bool) -> tuple[str, ...]:
    found = list_containers(engine, project)
    ours = [c for c in found if is_ours(c, root)]
    ran = stop_services(engine, ours, emit, remove=True)
    others = sorted({c.folder for c in found if c not in ours})
    if others:
        note = f"containers made from {', '.join(others)} carry its name, too; they and what they use are left"
        emit(Event("noted", project, note))
        return tuple(ran)
    with engine_faults("cannot remove what the containers shared"):
        _remove_shared(engine.client, project, volumes=volumes)
    return tuple(ran)


def _remove_shared(api: Sdk, project: str, *, volumes: bool) -> None:
    for raw in api.containers(all=True, filters={"label": f"{HELPER_LABEL}={project}"}):
        remove_container(api, raw["Id"], force=True)
    label = {"label": f"{compose_labels.PROJECT}={project}"}
    removals = {f"network {raw['Id']}": partial(api.remove_network, raw["Id"]) for raw in api.networks(filters=label)}
    for raw in api.volumes(filters=label).get("Volumes") or []:
        if volumes or compose_labels.FILE_COPY in (raw.get("Labels") or {}):
            removals[f"volume {raw['Name']}"] = partial(api.remove_volume, raw["Name"])
    TaskGraph(dict.fromkeys(removals, ()), lambda name: remove_quietly(removals[name]), threading.Event()).run()


def sweep(engine: Engine, project: str) -> None:
    """Remove copies of configuration that no container uses any more."""
    with engine_faults("cannot remove copies of former configuration"):
        api = engine.client
        used = {name for c in list_containers(engine, project) for name in c.volumes}
        label = {"label": [f"{compose_labels.PROJECT}={project}", compose_labels.FILE_COPY]}
        for raw in api.volumes(filters=label).get("Volumes") or []:
            if raw["Name"] not in used:
                remove_quietly(partial(api.remove_volume, raw["Name"]))


def stop_container(api: Sdk, ident: str) -> None:
    """End a container; one that is gone or has ended is fine."""
    import docker.errors

    with contextlib.suppress(docker.errors.NotFound):
        api.stop(ident, timeout=STOP_TIMEOUT)


def remove_container(api: Sdk, ident: str, *, force: bool = False) -> None:
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
