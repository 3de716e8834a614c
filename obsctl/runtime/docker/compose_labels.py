"""The names and labels of Docker Compose, and the hashes by which it knows what changed. Pure.

With these, ``docker compose`` works on what obsctl made and the other way round, and neither makes anew what the other
made. A service's hash is the SHA-256 of its configuration as Compose writes it with ``config --format json``: keys in a
fixed order, and without those that do not make a container another one. Tests hold it against Compose itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from obsctl.json_types import Json
from obsctl.render.compose_mapping import Service
from obsctl.render.containers import Composition, Container
from obsctl.render.desired import COMPOSE_FILE

PREFIX = "com.docker.compose."
PROJECT = f"{PREFIX}project"
SERVICE = f"{PREFIX}service"
HASH = f"{PREFIX}config-hash"
FOLDER = f"{PREFIX}project.working_dir"
IMAGE = f"{PREFIX}image"
DEPENDS_ON = f"{PREFIX}depends_on"
NUMBER = f"{PREFIX}container-number"
COMPOSE_VERSION = "2.40.3"
"""The version whose labels and hashes these are."""

OWN = "dev.obsctl."
FINGERPRINT = f"{OWN}fingerprint"
RUN = f"{OWN}run"
FILE_COPY = f"{OWN}seeded"

Labels = dict[str, str]


def config_hash(values: Mapping[str, Json]) -> str:
    """The hash that Compose labels with: of the JSON as Go writes it, which escapes a few characters more."""
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    for character in "&<>\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return hashlib.sha256(text.encode()).hexdigest()


def container_name(project: str, service: str) -> str:
    """How Compose names the only container of a service."""
    return f"{project}-{service}-1"


def container_labels(composition: Composition, container: Container, service: Service, root: Path) -> Labels:
    """Compose's labels, but for the image's id, which is known only once the image is there."""
    depends = (f"{name}:{condition}:false" for name, condition in sorted(container.depends_on.items()))
    return {
        PROJECT: composition.name,
        SERVICE: container.name,
        NUMBER: "1",
        f"{PREFIX}oneoff": "False",
        HASH: config_hash(service),
        DEPENDS_ON: ",".join(depends),
        f"{PREFIX}project.config_files": str(root / COMPOSE_FILE),
        FOLDER: str(root),
        f"{PREFIX}version": COMPOSE_VERSION,
    }


def shared_labels(project: str, kind: str, name: str, config: Service) -> Labels:
    """The labels of a ``network`` or a ``volume``."""
    return {
        PROJECT: project,
        f"{PREFIX}{kind}": name,
        f"{PREFIX}version": COMPOSE_VERSION,
        HASH: config_hash(config),
    }


def prerequisites(label: str) -> Labels:
    """What a ``depends_on`` label says: service -> condition."""
    entries = (entry.split(":") for entry in label.split(",") if entry)
    return {entry[0]: entry[1] if len(entry) > 1 else "service_started" for entry in entries}
