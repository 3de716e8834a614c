"""A composition as an engine will be told of it: each container, network and volume with its names and labels.

Pure but for reading the rendered files. Their owner may have edited them: what is on the disk is what counts.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from obsctl.errors import StartError
from obsctl.render.desired import Composition, Container, Network
from obsctl.runtime.docker import model
from obsctl.runtime.docker.model import Values


@dataclass(frozen=True)
class Shared:
    """A network or a volume: its name in the engine, and what it is created with."""

    key: str
    name: str
    labels: Mapping[str, str]
    internal: bool = False


@dataclass(frozen=True)
class Seed:
    """Files for a container, for engines that cannot see this machine's: path in the mount -> content.

    ``secret`` ones are readable by ``user`` alone.
    """

    target: str
    files: Mapping[str, bytes]
    user: str
    secret: bool = False

    @property
    def digest(self) -> str:
        """A short hash of the content, part of the name of the volume that holds it."""
        content = [self.user, self.target, sorted((path, data.hex()) for path, data in self.files.items())]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Wanted:
    """A container as it should be. ``name`` is its service, ``container`` its name in the engine.

    ``networks`` and ``volumes`` are names in the engine. ``values`` is what Compose would say of it, ``changed`` the
    time of the last change of its files, in seconds since the epoch. ``seeds`` are what it mounts from the rendered
    files, ``hosts`` other folders of this machine that it mounts. ``secrets`` maps where the container finds a secret
    to the file that holds it.
    """

    name: str
    container: str
    image: str
    fingerprint: str
    labels: Mapping[str, str]
    values: Values
    networks: tuple[str, ...]
    volumes: tuple[str, ...]
    ports: tuple[tuple[str, int], ...]
    after: Mapping[str, str]
    seeds: tuple[Seed, ...]
    hosts: tuple[str, ...]
    secrets: Mapping[str, str]
    changed: float
    platform: str = ""
    build: Mapping[str, bytes] = field(default_factory=dict)
    build_args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Project:
    """Everything of one stack, in the order of its Compose file. ``root`` is the folder of that file."""

    name: str
    root: Path
    bind: str
    containers: tuple[Wanted, ...]
    networks: tuple[Shared, ...]
    volumes: tuple[Shared, ...]

    @property
    def images(self) -> Mapping[str, str]:
        """Every image that is needed -> the platform that it must be made for, empty for any."""
        return {w.image: w.platform for w in self.containers}

    def named(self, name: str) -> Wanted:
        """The container of that service."""
        return next(w for w in self.containers if w.name == name)


@dataclass(frozen=True)
class Files:
    """The rendered files as they are in ``root``, but for those that are ``pending``: about to be written."""

    root: Path
    pending: Mapping[str, bytes] = field(default_factory=dict)

    def read(self, path: str) -> bytes:
        """The content of a file. StartError for one that is missing."""
        if path in self.pending:
            return self.pending[path]
        try:
            return (self.root / path).read_bytes()
        except OSError as error:
            hint = "`obsctl render` writes the files of the stack"
            raise StartError(f"{self.root / path} cannot be read: {error.strerror}", hint=hint) from error

    def changed(self, path: str) -> float:
        """When it was changed, in seconds since the epoch."""
        return math.inf if path in self.pending else (self.root / path).stat().st_mtime


def project(composition: Composition, root: Path, pending: Mapping[str, bytes] | None = None) -> Project:
    """The composition, with its files as they are in ``root`` now. StartError for one that is missing."""
    name, on_disk = composition.name, Files(root, pending or {})
    networks = tuple(_network(name, n) for n in composition.networks)
    volumes = tuple(_volume(name, v) for v in composition.volumes)
    containers = tuple(_wanted(composition, c, on_disk) for c in composition.containers)
    return Project(name, root, composition.bind, containers, networks, volumes)


def _network(project_name: str, network: Network) -> Shared:
    values = model.network_values(project_name, network)
    labels = model.shared_labels(project_name, "network", network.name, values)
    return Shared(network.name, values["name"], labels, network.internal)


def _volume(project_name: str, volume: str) -> Shared:
    values = model.volume_values(project_name, volume)
    return Shared(volume, values["name"], model.shared_labels(project_name, "volume", volume, values))


def _wanted(composition: Composition, container: Container, on_disk: Files) -> Wanted:
    root = on_disk.root
    values = model.service_values(composition, container, root)
    labels = model.container_labels(composition, container, values, root)
    files = {file.path: on_disk.read(file.path) for file in container.files}
    mounted = [m.source for m in container.mounts if m.kind == "config"]
    read = {path: data for path, data in files.items() if any(_is_below(path, source) for source in mounted)}
    fingerprint = _fingerprint(values, read)
    context = container.build.context if container.build else ""
    return Wanted(
        name=container.name,
        container=model.container_name(composition.name, container.name),
        image=container.image,
        fingerprint=fingerprint,
        labels=labels | {model.FINGERPRINT: fingerprint},
        values=values,
        networks=tuple(f"{composition.name}_{key}" for key in values.get("networks", {})),
        volumes=tuple(f"{composition.name}_{m.source}" for m in container.mounts if m.kind == "volume"),
        ports=tuple((port.key, port.host) for port in container.ports),
        after=container.depends_on,
        seeds=(*_config_seeds(container, read), *_secret_seeds(composition, container, on_disk)),
        hosts=tuple(model.absolute(root, m.source) for m in container.mounts if m.kind == "host"),
        secrets={f"{model.SECRETS}/{s}": model.absolute(root, composition.secrets[s]) for s in container.secrets},
        changed=max(map(on_disk.changed, read), default=0.0),
        platform=container.platform,
        build={
            path.removeprefix(f"{context}/"): data
            for path, data in files.items()
            if context and _is_below(path, context)
        },
        build_args=container.build.args if container.build else {},
    )


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _fingerprint(values: Values, files: Mapping[str, bytes]) -> str:
    """A hash of everything that makes a container what it is, its files included."""
    content = [values, sorted((path, hashlib.sha256(data).hexdigest()) for path, data in files.items())]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _config_seeds(container: Container, files: Mapping[str, bytes]) -> list[Seed]:
    seeds = []
    for mount in (m for m in container.mounts if m.kind == "config"):
        inside = {
            path.removeprefix(f"{mount.source}/"): data for path, data in files.items() if _is_below(path, mount.source)
        }
        seeds.append(Seed(mount.target, inside, container.user))
    return seeds


def _secret_seeds(composition: Composition, container: Container, on_disk: Files) -> list[Seed]:
    if not container.secrets:
        return []
    files = {name: on_disk.read(composition.secrets[name]) for name in container.secrets}
    return [Seed(model.SECRETS, files, container.user, secret=True)]
