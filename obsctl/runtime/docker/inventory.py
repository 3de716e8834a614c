"""What an engine has of a stack, as values. One list of each kind; nothing is asked of a single container."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from obsctl.runtime.docker import compose_labels
from obsctl.runtime.docker.engine import Engine
from obsctl.runtime.docker.faults import RefusalError, engine_faults

RUNNING = "running"


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


def _is_for(image: Mapping[str, Any], platform: str) -> bool:
    """Whether an image is made for ``os/architecture[/variant]``. What either of them leaves open fits."""
    made = [str(image.get(key) or "").lower() for key in ("Os", "Architecture", "Variant")]
    return all(
        not has or not asked or has == asked for has, asked in zip(made, platform.lower().split("/"), strict=False)
    )


def _container(raw: Mapping[str, Any]) -> ListedContainer:
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
