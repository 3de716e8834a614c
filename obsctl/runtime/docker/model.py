"""Containers as Docker Compose sees them: its names, its labels, and the hashes by which it knows what changed. Pure.

With these, ``docker compose`` works on what obsctl made and the other way round, and neither makes anew what the other
made. A service's hash is the SHA-256 of its configuration as Compose writes it with ``config --format json``: keys in a
fixed order, and without those that do not make a container another one. Tests hold it against Compose itself.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from obsctl.render.desired import COMPOSE_FILE, Composition, Container, Mount, Network

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
SEEDED = f"{OWN}seeded"

SECRETS = "/run/secrets"

Values = dict[str, Any]


def service_values(composition: Composition, container: Container, root: Path) -> Values:
    """A service as Compose's ``config`` shows it, in Compose's order; what is empty is left out.

    ``root`` is the folder of the rendered files; relative paths start there.
    """
    memory = str(container.memory)
    values: Values = {
        "cap_drop": ["ALL"],
        "command": list(container.command) or None,
        "entrypoint": None,
        "environment": dict(sorted(container.environment.items())),
        "extra_hosts": [f"{name}={address}" for name, address in sorted(container.extra_hosts.items())],
        "healthcheck": _health(container),
        "image": container.image,
        "init": True,
        "logging": {"driver": "json-file", "options": {"max-file": "3", "max-size": "10m"}},
        "mem_limit": memory,
        "memswap_limit": memory,
        "networks": dict.fromkeys(sorted(container.networks)),
        "pids_limit": container.pids,
        "platform": container.platform,
        "ports": [_port(_address(composition.bind), port.host, port.inside) for port in container.ports],
        "read_only": True,
        "restart": "unless-stopped",
        "secrets": [{"source": name, "target": f"{SECRETS}/{name}"} for name in container.secrets],
        "security_opt": ["no-new-privileges:true"],
        "tmpfs": list(container.tmpfs),
        "user": container.user,
        "volumes": [_volume(mount, root) for mount in container.mounts],
    }
    always = ("command", "entrypoint")
    return {key: value for key, value in values.items() if value or key in always}


def _address(bind: str) -> str:
    return "127.0.0.1" if bind == "localhost" else bind


def _health(container: Container) -> Values:
    if not container.health:
        return {}
    return {"test": list(container.health), "timeout": "3s", "interval": "2s", "retries": 30}


def _port(address: str, host: int, inside: int) -> Values:
    return {"mode": "ingress", "host_ip": address, "target": inside, "published": str(host), "protocol": "tcp"}


def _volume(mount: Mount, root: Path) -> Values:
    kind = "volume" if mount.kind == "volume" else "bind"
    source = mount.source if kind == "volume" else absolute(root, mount.source)
    values: Values = {"type": kind, "source": source, "target": mount.target}
    if mount.read_only:
        values["read_only"] = True
    return values | ({"volume": {}} if kind == "volume" else {"bind": {"create_host_path": True}})


def absolute(root: Path, source: str) -> str:
    """A path of the Compose file as Compose reads it: from its folder, without following links."""
    return os.path.normpath(root / source)


def network_values(project: str, network: Network) -> Values:
    """A network as Compose's ``config`` shows it."""
    values: Values = {"name": f"{project}_{network.name}", "ipam": {}}
    return values | ({"internal": True} if network.internal else {})


def volume_values(project: str, volume: str) -> Values:
    """A volume as Compose hashes it."""
    return {"name": f"{project}_{volume}", "driver": "local"}


def config_hash(values: Mapping[str, Any]) -> str:
    """The hash that Compose labels with: of the JSON as Go writes it, which escapes a few characters more."""
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    for character in "&<>\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return hashlib.sha256(text.encode()).hexdigest()


def container_name(project: str, service: str) -> str:
    """How Compose names the only container of a service."""
    return f"{project}-{service}-1"


def container_labels(composition: Composition, container: Container, values: Values, root: Path) -> dict[str, str]:
    """Compose's labels, but for the image's id, which is known only once the image is there."""
    depends = (f"{name}:{condition}:false" for name, condition in sorted(container.depends_on.items()))
    return {
        PROJECT: composition.name,
        SERVICE: container.name,
        NUMBER: "1",
        f"{PREFIX}oneoff": "False",
        HASH: config_hash(values),
        DEPENDS_ON: ",".join(depends),
        f"{PREFIX}project.config_files": str(root / COMPOSE_FILE),
        FOLDER: str(root),
        f"{PREFIX}version": COMPOSE_VERSION,
    }


def shared_labels(project: str, kind: str, name: str, values: Values) -> dict[str, str]:
    """The labels of a ``network`` or a ``volume``."""
    return {
        PROJECT: project,
        f"{PREFIX}{kind}": name,
        f"{PREFIX}version": COMPOSE_VERSION,
        HASH: config_hash(values),
    }


def prerequisites(label: str) -> dict[str, str]:
    """What a ``depends_on`` label says: service -> condition."""
    entries = (entry.split(":") for entry in label.split(",") if entry)
    return {entry[0]: entry[1] if len(entry) > 1 else "service_started" for entry in entries}
