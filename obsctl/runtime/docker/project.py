"""A composition as an engine gets it: each container, network and volume with its names and labels.

Pure but for reading the rendered files. Their owner may have edited them: what is on the disk is what counts.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from obsctl.errors import StartError
from obsctl.render.compose_mapping import (
    SECRETS,
    Service,
    absolute,
    canonical_network,
    canonical_service,
    canonical_volume,
    mount_source,
)
from obsctl.render.containers import Composition, Container, Network
from obsctl.runtime.docker import compose_labels


@dataclass(frozen=True)
class SharedResource:
    """A network or a volume: its name in the engine, and what it is created with."""

    key: str
    name: str
    labels: Mapping[str, str]
    internal: bool = False


@dataclass(frozen=True)
class MountedFiles:
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
class Bind:
    """What a container mounts: a ``volume`` by its name in the engine, or a folder or file of this machine."""

    kind: Literal["volume", "bind"]
    source: str
    target: str
    read_only: bool


@dataclass(frozen=True)
class ProjectContainer:
    """A container as it should be, with what only its engine needs to know.

    ``engine_name`` is the container's name in the engine, ``networks`` are names there. ``fingerprint`` is a hash of
    its configuration and of the files that it reads, ``changed`` the time of the last change of those, in seconds since
    the epoch. ``copies`` are what it mounts from the rendered files and secrets, for an engine that gets copies.
    ``hosts`` are other folders of this machine that it mounts, ``build_files`` what its image is built from.
    """

    spec: Container
    engine_name: str
    fingerprint: str
    labels: Mapping[str, str]
    address: str
    networks: tuple[str, ...]
    binds: tuple[Bind, ...]
    secret_binds: tuple[Bind, ...]
    copies: tuple[MountedFiles, ...]
    hosts: tuple[str, ...]
    changed: float
    build_files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its service."""
        return self.spec.name

    @property
    def image(self) -> str:
        """The image that it is created from."""
        return self.spec.image

    @property
    def volumes(self) -> tuple[str, ...]:
        """The volumes that it mounts, by their names in the engine."""
        return tuple(bind.source for bind in self.binds if bind.kind == "volume")


@dataclass(frozen=True)
class Project:
    """Everything of one stack, in the order of its Compose file. ``root`` is the folder of that file."""

    name: str
    root: Path
    bind: str
    containers: tuple[ProjectContainer, ...]
    networks: tuple[SharedResource, ...]
    volumes: tuple[SharedResource, ...]

    @property
    def images(self) -> Mapping[str, str]:
        """Every image that is needed -> the platform that it must be made for, empty for any."""
        return {c.image: c.spec.platform for c in self.containers}

    def named(self, name: str) -> ProjectContainer:
        """The container of that service."""
        return next(c for c in self.containers if c.name == name)


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


def project_of(composition: Composition, root: Path, pending: Mapping[str, bytes] | None = None) -> Project:
    """The composition, with its files as they are in ``root`` now. StartError for one that is missing."""
    name, on_disk = composition.name, Files(root, pending or {})
    networks = tuple(_network(name, n) for n in composition.networks)
    volumes = tuple(_volume(name, v) for v in composition.volumes)
    containers = tuple(_container(composition, c, on_disk) for c in composition.containers)
    return Project(name, root, composition.bind, containers, networks, volumes)


def _network(project_name: str, network: Network) -> SharedResource:
    config = canonical_network(project_name, network)
    shared = compose_labels.shared_labels(project_name, "network", network.name, config)
    return SharedResource(network.name, f"{project_name}_{network.name}", shared, network.internal)


def _volume(project_name: str, volume: str) -> SharedResource:
    shared = compose_labels.shared_labels(project_name, "volume", volume, canonical_volume(project_name, volume))
    return SharedResource(volume, f"{project_name}_{volume}", shared)


def _container(composition: Composition, container: Container, on_disk: Files) -> ProjectContainer:
    root = on_disk.root
    service = canonical_service(container, composition.address, root)
    files = {file.path: on_disk.read(file.path) for file in container.files}
    mounted = [m.source for m in container.mounts if m.kind == "config"]
    read = {path: data for path, data in files.items() if any(_is_below(path, source) for source in mounted)}
    fingerprint = _fingerprint(service, read)
    own = compose_labels.container_labels(composition, container, service, root)
    return ProjectContainer(
        spec=container,
        engine_name=compose_labels.container_name(composition.name, container.name),
        fingerprint=fingerprint,
        labels=own | {compose_labels.FINGERPRINT: fingerprint},
        address=composition.address,
        networks=tuple(f"{composition.name}_{key}" for key in sorted(container.networks)),
        binds=tuple(_binds(composition.name, container, root)),
        secret_binds=tuple(_secret_binds(composition, container, root)),
        copies=(*_config_copies(container, read), *_secret_copies(composition, container, on_disk)),
        hosts=tuple(absolute(root, m.source) for m in container.mounts if m.kind == "host"),
        changed=max(map(on_disk.changed, read), default=0.0),
        build_files=_build_files(container, files),
    )


def _binds(project_name: str, container: Container, root: Path) -> Iterator[Bind]:
    for mount in container.mounts:
        kind, source = mount_source(mount, root)
        yield Bind(kind, f"{project_name}_{source}" if kind == "volume" else source, mount.target, mount.read_only)


def _secret_binds(composition: Composition, container: Container, root: Path) -> Iterator[Bind]:
    for name in container.secrets:
        yield Bind("bind", absolute(root, composition.secrets[name]), f"{SECRETS}/{name}", read_only=True)


def _build_files(container: Container, files: Mapping[str, bytes]) -> dict[str, bytes]:
    if container.build is None:
        return {}
    context = container.build.context
    return {path.removeprefix(f"{context}/"): data for path, data in files.items() if _is_below(path, context)}


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _fingerprint(service: Service, files: Mapping[str, bytes]) -> str:
    """A hash of everything that makes a container what it is, its files included."""
    content = [service, sorted((path, hashlib.sha256(data).hexdigest()) for path, data in files.items())]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _config_copies(container: Container, files: Mapping[str, bytes]) -> Iterator[MountedFiles]:
    for mount in (m for m in container.mounts if m.kind == "config"):
        below = ((path, data) for path, data in files.items() if _is_below(path, mount.source))
        inside = {path.removeprefix(f"{mount.source}/"): data for path, data in below}
        yield MountedFiles(mount.target, inside, container.user)


def _secret_copies(composition: Composition, container: Container, on_disk: Files) -> Iterator[MountedFiles]:
    if container.secrets:
        files = {name: on_disk.read(composition.secrets[name]) for name in container.secrets}
        yield MountedFiles(SECRETS, files, container.user, secret=True)
