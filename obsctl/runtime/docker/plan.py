"""Desired containers against the inventory of the engine -> steps, each with its cause. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from obsctl.errors import StartError
from obsctl.runtime.base import Kind, Operation
from obsctl.runtime.docker import compose_labels
from obsctl.runtime.docker.inventory import RUNNING, Inventory, ListedContainer, is_ours
from obsctl.runtime.docker.project import Project, ProjectContainer, SharedResource

STARTING: tuple[Kind, ...] = ("create", "replace", "start", "resume")
NO_RESTART = "no"
_CHANGED = "its configuration changed"


def plan(project: Project, inventory: Inventory) -> tuple[Operation, ...]:
    """What to do, in the order in which it is begun. StartError where the engine has a stack of that name already."""
    require_ours(project, inventory)
    return (
        *_images(project, inventory),
        *_shared("network", project.networks, inventory.networks),
        *_shared("volume", project.volumes, inventory.volumes),
        *(_container(container, inventory) for container in project.containers),
        *_orphans(project, inventory),
    )


def require_ours(project: Project, inventory: Inventory) -> None:
    """A stack of the same name that another folder made is not touched."""
    others = sorted({c.folder for c in inventory.containers if c.folder and not is_ours(c, project.root)})
    if others:
        message = f"the engine runs another stack named {project.name!r}, made from {', '.join(others)}"
        hint = f"give this one another `name:` in obsctl.yaml, or end that one: `docker compose -p {project.name} down`"
        raise StartError(message, hint=hint)


def _images(project: Project, inventory: Inventory) -> Iterator[Operation]:
    known, done = inventory.images, set[str]()
    for container in project.containers:
        if container.image not in done and not known.get(container.image):
            done.add(container.image)
            yield Operation("build" if container.spec.build else "pull", container.image, "the engine does not have it")


def _shared(
    kind: Literal["network", "volume"], resources: Sequence[SharedResource], labels: Mapping[str, Mapping[str, str]]
) -> Iterator[Operation]:
    for shared in resources:
        if shared.name not in labels:
            yield Operation(kind, shared.key, "not there")
        elif kind == "network" and _differs(shared, labels[shared.name]):
            hint = "`obsctl down`, then `obsctl up`; data is kept"
            raise StartError(f"the network {shared.name} is there, but made in another way", hint=hint)


def _differs(shared: SharedResource, labels: Mapping[str, str]) -> bool:
    """Whether a network was made with other options; one without a hash is taken as it is."""
    return labels.get(compose_labels.HASH, shared.labels[compose_labels.HASH]) != shared.labels[compose_labels.HASH]


def _container(container: ProjectContainer, inventory: Inventory) -> Operation:
    existing = current(container, inventory)
    if existing is None:
        return Operation("create", container.name, "not there")
    cause = _outdated(container, existing, inventory.images.get(container.image, ""))
    if cause:
        return Operation("replace", container.name, cause)
    if existing.state == RUNNING or existing.state == "restarting":
        return Operation("keep", container.name, "running, nothing changed")
    if existing.state == "paused":
        return Operation("resume", container.name, "it was paused")
    if existing.state == "created":
        return Operation("start", container.name, "it was never started")
    return Operation("start", container.name, f"it had ended: {existing.status}")


def schedule(project: Project, steps: Mapping[str, Operation]) -> dict[str, tuple[str, ...]]:
    """``start x`` and ``await x`` -> what of these has to be done before, in the order of the project.

    A container is awaited, until it is healthy, where one that is to be started needs that. Those, and what they need
    themselves, go first: an engine that has to start everything at once starts everything late.
    """
    after = {w.name: {n: c for n, c in w.spec.depends_on.items() if n in steps} for w in project.containers}
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


def unsettled_restart(*, podman: bool) -> str:
    """The policy with which an unfinished ``up`` makes containers; "" for their own.

    An engine that is lost half-way, and comes back later, must not start a part of a stack by itself. Podman's engine
    changes no policy afterwards, and starts nothing by itself.
    """
    return "" if podman else NO_RESTART


def settling(project: Project, made: Mapping[str, str], *, podman: bool) -> dict[str, str]:
    """Id of each new container -> the policy that it gets once the whole stack has been started."""
    if podman:
        return {}
    policies = {c.name: c.spec.hardening.restart for c in project.containers}
    return {ident: policies[name] for name, ident in made.items() if policies[name] != NO_RESTART}


def current(container: ProjectContainer, inventory: Inventory) -> ListedContainer | None:
    """The container of a service."""
    return next((c for c in inventory.containers if c.name == container.name and not c.extra), None)


def _outdated(container: ProjectContainer, existing: ListedContainer, image_id: str) -> str:
    """Why a container has to be made anew; empty where it has not."""
    if existing.state in ("dead", "removing"):
        return "the engine could not remove it"
    if _reconfigured(container, existing):
        return _CHANGED
    if image_id and existing.image_id != image_id:
        return f"{container.image} is another image now"
    apart = sorted(set(container.networks) - existing.networks)
    if apart:
        return f"it is not attached to the network {apart[0]}"
    unmounted = sorted(set(container.volumes) - existing.volumes)
    return f"it does not have the volume {unmounted[0]}" if unmounted else ""


def _reconfigured(container: ProjectContainer, existing: ListedContainer) -> bool:
    """By our fingerprint, which covers the files; by Compose's hash and the age of the files where Compose made it."""
    ours = existing.labels.get(compose_labels.FINGERPRINT)
    if ours:
        return ours != container.fingerprint
    return (
        existing.labels.get(compose_labels.HASH) != container.labels[compose_labels.HASH]
        or container.changed > existing.created + 1
    )


def _orphans(project: Project, inventory: Inventory) -> Iterator[Operation]:
    names = {w.name for w in project.containers}
    for existing in inventory.containers:
        if existing.name not in names:
            yield Operation("orphan", existing.engine_name, "not in the spec any more; `obsctl down` removes it")
        elif existing.extra:
            yield Operation(
                "orphan", existing.engine_name, "a further container of its service; `obsctl down` removes it"
            )
