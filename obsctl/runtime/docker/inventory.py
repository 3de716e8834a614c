"""What an engine has of a stack, as values: the inventory for planning, and the containers as the user sees them.

The inventory takes one list of each kind; only ``observe`` asks about single containers.
"""

from __future__ import annotations

import calendar
import contextlib
import os
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from obsctl.errors import StartError
from obsctl.runtime.base import Observed
from obsctl.runtime.docker import compose_labels
from obsctl.runtime.docker.connection import Engine, EngineJson, Sdk
from obsctl.runtime.docker.faults import RefusalError, engine_faults
from obsctl.runtime.docker.task_graph import TaskGraph

RUNNING = "running"

LOOPING = 2
"""Restarts after which a container that has only just started counts as one that goes on ending."""

_JUST = 15.0

_NANO = 1_000_000_000


@dataclass(frozen=True)
class ListedContainer:
    """A container as the engine lists it.

    ``state`` is the engine's word (``created``, ``running``, ``restarting``, ``exited``, ``paused``, ``dead``);
    ``health`` is ``healthy``, ``unhealthy``, ``starting`` or empty where nothing checks it. ``networks`` and
    ``volumes`` are names. ``created`` is in seconds since the epoch.
    """

    ident: str
    engine_name: str
    state: str
    status: str
    image: str
    image_id: str
    labels: Mapping[str, str]
    networks: frozenset[str]
    volumes: frozenset[str]
    created: float
    ports: frozenset[int]

    @property
    def name(self) -> str:
        """Its service."""
        return self.labels.get(compose_labels.SERVICE, self.engine_name)

    @property
    def folder(self) -> str:
        """The folder of the Compose file that it comes from."""
        return self.labels.get(compose_labels.FOLDER, "")

    @property
    def health(self) -> str:
        """As its last check found it."""
        found = re.search(r"\((?:health: )?(starting|healthy|unhealthy)\)", self.status)
        return found[1] if found else ""

    @property
    def extra(self) -> bool:
        """Whether it is a further one of its service, or was made to run one command."""
        return (
            self.labels.get(compose_labels.NUMBER, "1") != "1"
            or self.labels.get(f"{compose_labels.PREFIX}oneoff") == "True"
        )


@dataclass(frozen=True)
class Inventory:
    """Everything that carries a stack's label. ``images`` maps an image to its id, empty where it is not there.

    ``networks`` and ``volumes`` map the names of all that the engine has under a wanted name to their labels.
    """

    containers: tuple[ListedContainer, ...] = ()
    networks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    volumes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)


def is_ours(found: ListedContainer, root: Path) -> bool:
    """Whether a container comes from the Compose file in this folder."""
    return bool(found.folder) and os.path.realpath(found.folder) == os.path.realpath(root)


def list_containers(engine: Engine, project: str) -> tuple[ListedContainer, ...]:
    """All containers of a stack, running or not."""
    with engine_faults("cannot list containers"):
        found = engine.read("/containers/json", all="1", filters=_of(project))
    return tuple(sorted((_container(raw) for raw in found), key=lambda c: c.engine_name))


def list_networks(engine: Engine, project: str) -> dict[str, Mapping[str, str]]:
    """All networks of a stack: name -> labels."""
    with engine_faults("cannot list networks"):
        found = engine.read("/networks", filters=_of(project))
    return {raw["Name"]: raw.get("Labels") or {} for raw in found}


def take_inventory(engine: Engine, project: str, images: Mapping[str, str]) -> Inventory:
    """The whole stack, and which of these images are there. ``images``: image -> platform, empty for any."""
    with engine_faults("cannot list volumes"):
        listed = engine.read("/volumes", filters=_of(project)).get("Volumes") or []
    volumes = {raw["Name"]: raw.get("Labels") or {} for raw in listed}
    return Inventory(
        list_containers(engine, project), list_networks(engine, project), volumes, _image_ids(engine, images)
    )


def _of(project: str) -> Mapping[str, Sequence[str]]:
    return {"label": [f"{compose_labels.PROJECT}={project}"]}


def _image_ids(engine: Engine, images: Mapping[str, str]) -> dict[str, str]:
    """Image -> its id. One list serves almost all; a platform, a digest, or an odd name is asked for by itself."""
    with engine_faults("cannot list images"):
        listed = engine.read("/images/json")
    tags = {tag: str(raw["Id"]) for raw in listed for tag in raw.get("RepoTags") or []}

    def ident(image: str, platform: str) -> str:
        found = "" if platform else tags.get(image.removeprefix("docker.io/"), "")
        return found or image_id(engine, image, platform)

    return {image: ident(image, platform) for image, platform in images.items()}


def image_id(engine: Engine, image: str, platform: str = "") -> str:
    """The id of an image that is there, and made for that platform if one is given; else empty."""
    with engine_faults("cannot look at an image"):
        try:
            found = engine.read(f"/images/{quote(image, safe='/:@')}/json")
        except RefusalError as error:
            if error.status != 404:
                raise
            return ""
    return str(found["Id"]) if not platform or _is_for(found, platform) else ""


def _is_for(image: EngineJson, platform: str) -> bool:
    """Whether an image is made for ``os/architecture[/variant]``. What either of them leaves open fits."""
    made = [str(image.get(key) or "").lower() for key in ("Os", "Architecture", "Variant")]
    return all(
        not has or not asked or has == asked for has, asked in zip(made, platform.lower().split("/"), strict=False)
    )


def _container(raw: EngineJson) -> ListedContainer:
    mounts = raw.get("Mounts") or []
    networks = (raw.get("NetworkSettings") or {}).get("Networks") or {}
    names = [name.lstrip("/") for name in raw.get("Names") or []]
    return ListedContainer(
        ident=raw["Id"],
        engine_name=names[0] if names else raw["Id"][:12],
        state=raw.get("State", ""),
        status=raw.get("Status", ""),
        image=raw.get("Image", ""),
        image_id=raw.get("ImageID", ""),
        labels=raw.get("Labels") or {},
        networks=frozenset(networks),
        volumes=frozenset(m["Name"] for m in mounts if m.get("Type") == "volume" and m.get("Name")),
        created=float(raw.get("Created") or 0),
        ports=frozenset(p["PublicPort"] for p in raw.get("Ports") or [] if p.get("PublicPort")),
    )


def observe(engine: Engine, containers: Sequence[ListedContainer], *, memory: bool) -> tuple[Observed, ...]:
    """All of them as they are now; ``memory`` asks the engine for what each uses, too."""
    by_ident = {c.ident: c for c in containers}
    found: dict[str, Observed] = {}

    def look(ident: str) -> None:
        with contextlib.suppress(StartError):  # gone since it was listed
            with engine_faults("cannot look at a container"):
                raw = engine.client.inspect_container(ident)
                used = _memory(engine.client, ident) if memory and by_ident[ident].state == RUNNING else 0
            found[ident] = _observed(by_ident[ident], raw, used)

    TaskGraph(dict.fromkeys(by_ident, ()), look, threading.Event()).run()
    return tuple(found[c.ident] for c in containers if c.ident in found)


def _observed(listed: ListedContainer, raw: EngineJson, memory: int) -> Observed:
    state = raw.get("State") or {}
    restarts = int(raw.get("RestartCount") or 0)
    started = nanoseconds(str(state.get("StartedAt", ""))) / 1e9
    return Observed(
        name=listed.name,
        state=_alive(listed.state, restarts, started),
        fingerprint=listed.labels.get(compose_labels.FINGERPRINT, ""),
        pid=int(state.get("Pid") or 0),
        started_at=started,
        memory=memory,
        image=str((raw.get("Config") or {}).get("Image", listed.image)),
        health=str((state.get("Health") or {}).get("Status", "")),
        restarts=restarts,
        detail=listed.status,
    )


def _alive(state: str, restarts: int, started: float) -> Literal["running", "paused", "dead"]:
    """A container that its engine starts again and again is not running, whatever it is at this moment."""
    if state == "paused":
        return "paused"
    looping = restarts >= LOOPING and (state == "restarting" or time.time() - started < _JUST)
    return "running" if state in (RUNNING, "restarting") and not looping else "dead"


def _memory(api: Sdk, ident: str) -> int:
    """What it uses without the file cache, as ``docker stats`` shows it, in bytes."""
    stats = api.stats(ident, stream=False, one_shot=True).get("memory_stats") or {}
    detail = stats.get("stats") or {}
    cache = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    return max(0, int(stats.get("usage") or 0) - int(cache))


def nanoseconds(stamp: str) -> int:
    """``2026-01-02T03:04:05.678901234Z`` as nanoseconds since the epoch; 0 for what is no such time."""
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    try:
        seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
        return seconds * _NANO + int((fraction or "0").ljust(9, "0")[:9])
    except ValueError:
        return 0
