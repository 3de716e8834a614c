"""What an engine has of a stack, as values. One list of each kind; nothing is asked of a single container."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from obsctl.runtime import docker_model as model
from obsctl.runtime.docker_engine import Engine
from obsctl.runtime.docker_faults import engine_faults

RUNNING = "running"


@dataclass(frozen=True)
class SeenContainer:
    """A container as the engine lists it.

    ``state`` is the engine's word (``created``, ``running``, ``restarting``, ``exited``, ``paused``, ``dead``);
    ``health`` is ``healthy``, ``unhealthy``, ``starting`` or empty where nothing checks it. ``networks`` and
    ``volumes`` are names. ``created`` is in seconds since the epoch.
    """

    ident: str
    container: str
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
        return self.labels.get(model.SERVICE, self.container)

    @property
    def folder(self) -> str:
        """The folder of the Compose file that it comes from."""
        return self.labels.get(model.FOLDER, "")

    @property
    def health(self) -> str:
        """As its last check found it."""
        found = re.search(r"\((?:health: )?(starting|healthy|unhealthy)\)", self.status)
        return found[1] if found else ""

    @property
    def extra(self) -> bool:
        """Whether it is a further one of its service, or was made to run one command."""
        return self.labels.get(model.NUMBER, "1") != "1" or self.labels.get(f"{model.PREFIX}oneoff") == "True"


@dataclass(frozen=True)
class Seen:
    """Everything that carries a stack's label. ``images`` maps an image to its id, empty where it is not there.

    ``networks`` and ``volumes`` map the names of all that the engine has under a wanted name to their labels.
    """

    containers: tuple[SeenContainer, ...] = ()
    networks: Mapping[str, Mapping[str, str]] | None = None
    volumes: Mapping[str, Mapping[str, str]] | None = None
    images: Mapping[str, str] | None = None


def is_ours(found: SeenContainer, root: Path) -> bool:
    """Whether a container comes from the Compose file in this folder."""
    return bool(found.folder) and os.path.realpath(found.folder) == os.path.realpath(root)


def see_containers(engine: Engine, project: str) -> tuple[SeenContainer, ...]:
    """All containers of a stack, running or not."""
    with engine_faults("cannot list containers"):
        found = engine.client.containers(all=True, filters={"label": f"{model.PROJECT}={project}"})
    return tuple(sorted((_container(raw) for raw in found), key=lambda c: c.container))


def see_networks(engine: Engine, project: str) -> dict[str, Mapping[str, str]]:
    """All networks of a stack: name -> labels."""
    with engine_faults("cannot list networks"):
        found = engine.client.networks(filters={"label": f"{model.PROJECT}={project}"})
    return {raw["Name"]: raw.get("Labels") or {} for raw in found}


def see(engine: Engine, project: str, images: Collection[str]) -> Seen:
    """The whole stack, and which of these images are there."""
    with engine_faults("cannot look at the engine"):
        api, label = engine.client, {"label": f"{model.PROJECT}={project}"}
        volumes = {raw["Name"]: raw.get("Labels") or {} for raw in api.volumes(filters=label).get("Volumes") or []}
        known = _image_ids(api, images)
    return Seen(see_containers(engine, project), see_networks(engine, project), volumes, known)


def _image_ids(api: Any, images: Collection[str]) -> dict[str, str]:
    """Image -> its id. One list serves almost all; a digest, or an odd way to write a name, is asked for by itself."""
    tags = {tag: str(raw["Id"]) for raw in api.images() for tag in raw.get("RepoTags") or []}
    return {image: tags.get(image.removeprefix("docker.io/")) or image_id(api, image) for image in images}


def image_id(api: Any, image: str) -> str:
    """The id of an image that is there, else empty."""
    import docker.errors

    try:
        return str(api.inspect_image(image)["Id"])
    except docker.errors.NotFound:
        return ""


def _container(raw: Mapping[str, Any]) -> SeenContainer:
    mounts = raw.get("Mounts") or []
    networks = (raw.get("NetworkSettings") or {}).get("Networks") or {}
    names = [name.lstrip("/") for name in raw.get("Names") or []]
    return SeenContainer(
        ident=raw["Id"],
        container=names[0] if names else raw["Id"][:12],
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
