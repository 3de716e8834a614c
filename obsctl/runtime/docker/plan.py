"""Wanted against seen -> steps, each with its cause. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from obsctl.errors import StartError
from obsctl.runtime.base import Kind, Operation
from obsctl.runtime.docker import model
from obsctl.runtime.docker.project import Project, Shared, Wanted
from obsctl.runtime.docker.seen import RUNNING, Seen, SeenContainer, is_ours

STARTING: tuple[Kind, ...] = ("create", "replace", "start", "resume")
_CHANGED = "its configuration changed"


def plan(project: Project, seen: Seen) -> tuple[Operation, ...]:
    """What to do, in the order in which it is begun. StartError where the engine has a stack of that name already."""
    require_ours(project, seen)
    return (
        *_images(project, seen),
        *_shared("network", project.networks, seen.networks or {}),
        *_shared("volume", project.volumes, seen.volumes or {}),
        *(_container(wanted, seen) for wanted in project.containers),
        *_orphans(project, seen),
    )


def require_ours(project: Project, seen: Seen) -> None:
    """A stack of the same name that another folder made is not touched."""
    others = sorted({c.folder for c in seen.containers if c.folder and not is_ours(c, project.root)})
    if others:
        message = f"the engine runs another stack named {project.name!r}, made from {', '.join(others)}"
        hint = f"give this one another `name:` in obsctl.yaml, or end that one: `docker compose -p {project.name} down`"
        raise StartError(message, hint=hint)


def _images(project: Project, seen: Seen) -> Iterator[Operation]:
    known, done = seen.images or {}, set[str]()
    for wanted in project.containers:
        if wanted.image not in done and not known.get(wanted.image):
            done.add(wanted.image)
            yield Operation("build" if wanted.build else "pull", wanted.image, "the engine does not have it")


def _shared(kind: Literal["network", "volume"], wanted: tuple[Shared, ...], there: object) -> Iterator[Operation]:
    labels = there if isinstance(there, dict) else {}
    for shared in wanted:
        if shared.name not in labels:
            yield Operation(kind, shared.key, "not there")
        elif kind == "network" and _differs(shared, labels[shared.name]):
            hint = "`obsctl down`, then `obsctl up`; data is kept"
            raise StartError(f"the network {shared.name} is there, but made in another way", hint=hint)


def _differs(shared: Shared, labels: dict[str, str]) -> bool:
    """Whether a network was made with other options; one without a hash is taken as it is."""
    return labels.get(model.HASH, shared.labels[model.HASH]) != shared.labels[model.HASH]


def _container(wanted: Wanted, seen: Seen) -> Operation:
    found = current(wanted, seen)
    if found is None:
        return Operation("create", wanted.name, "not there")
    cause = _outdated(wanted, found, (seen.images or {}).get(wanted.image, ""))
    if cause:
        return Operation("replace", wanted.name, cause)
    if found.state == RUNNING or found.state == "restarting":
        return Operation("keep", wanted.name, "running, nothing changed")
    if found.state == "paused":
        return Operation("resume", wanted.name, "it was paused")
    if found.state == "created":
        return Operation("start", wanted.name, "it was never started")
    return Operation("start", wanted.name, f"it had ended: {found.status}")


def schedule(project: Project, steps: Mapping[str, Operation]) -> dict[str, tuple[str, ...]]:
    """``start x`` and ``await x`` -> what of these has to be done before, in the order of the project.

    A container is awaited, until it is healthy, where one that is to be started needs that. Those, and what they need
    themselves, go first: an engine that has to start everything at once starts everything late.
    """
    after = {w.name: {n: c for n, c in w.after.items() if n in steps} for w in project.containers}
    starting = [needed for name, needed in after.items() if steps[name].kind in STARTING]
    awaited = {n for needed in starting for n, condition in needed.items() if condition == "service_healthy"}
    first = set(awaited)
    while more := {n for name in first for n in after[name]} - first:
        first |= more
    work: dict[str, tuple[str, ...]] = {}
    for name, needed in after.items():
        own = [f"await {n}" if n in awaited and c == "service_healthy" else f"start {n}" for n, c in needed.items()]
        ahead = () if name in first else (f"start {n}" for n in after if n in first)
        work[f"start {name}"] = tuple(dict.fromkeys((*own, *ahead)))
        if name in awaited:
            work[f"await {name}"] = (f"start {name}",)
    return work


def current(wanted: Wanted, seen: Seen) -> SeenContainer | None:
    """The container of a service."""
    return next((c for c in seen.containers if c.name == wanted.name and not c.extra), None)


def _outdated(wanted: Wanted, found: SeenContainer, image_id: str) -> str:
    """Why a container has to be made anew; empty where it has not."""
    if found.state in ("dead", "removing"):
        return "the engine could not remove it"
    if _reconfigured(wanted, found):
        return _CHANGED
    if image_id and found.image_id != image_id:
        return f"{wanted.image} is another image now"
    apart = sorted(set(wanted.networks) - found.networks)
    if apart:
        return f"it is not attached to the network {apart[0]}"
    unmounted = sorted(set(wanted.volumes) - found.volumes)
    return f"it does not have the volume {unmounted[0]}" if unmounted else ""


def _reconfigured(wanted: Wanted, found: SeenContainer) -> bool:
    """By our fingerprint, which covers the files; by Compose's hash and the age of the files where Compose made it."""
    ours = found.labels.get(model.FINGERPRINT)
    if ours:
        return ours != wanted.fingerprint
    return found.labels.get(model.HASH) != wanted.labels[model.HASH] or wanted.changed > found.created + 1


def _orphans(project: Project, seen: Seen) -> Iterator[Operation]:
    names = {w.name for w in project.containers}
    for found in seen.containers:
        if found.name not in names:
            yield Operation("orphan", found.container, "not in the spec any more; `obsctl down` removes it")
        elif found.extra:
            yield Operation("orphan", found.container, "a further container of its service; `obsctl down` removes it")
