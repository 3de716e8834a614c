"""Containers as they should be. Values only, with sizes in bytes and times in seconds.

The Compose file, the hash of a container's configuration and the request that creates it all derive from these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from obsctl.access.secret_text import SecretText
from obsctl.endpoints import Endpoints
from obsctl.render.desired import File

MEBIBYTE = 1024**2

Condition = Literal["service_started", "service_healthy"]


@dataclass(frozen=True)
class Mount:
    """Something that a container sees at ``target``.

    ``source`` is a folder of rendered files (``config``, relative to the stack's files), a ``volume`` by name, or a
    folder of the ``host`` (relative to the stack's files, or absolute).
    """

    kind: Literal["config", "volume", "host"]
    source: str
    target: str
    read_only: bool = True


@dataclass(frozen=True)
class Tmpfs:
    """A folder in memory, ``size`` in bytes. ``user`` and ``group`` own it; empty leaves that to the engine."""

    path: str
    size: int = 64 * MEBIBYTE
    user: str = ""
    group: str = ""
    flags: tuple[str, ...] = ("noexec", "nosuid", "nodev")


@dataclass(frozen=True)
class Published:
    """A port of a container on the machine: ``key`` is the spec's, ``host`` the number outside, ``inside`` within."""

    key: str
    host: int
    inside: int


@dataclass(frozen=True)
class HealthCheck:
    """A command in the image that tells whether the container is healthy; ``interval`` and ``timeout`` in seconds."""

    test: tuple[str, ...]
    interval: float = 2.0
    timeout: float = 3.0
    retries: int = 30


@dataclass(frozen=True)
class LogLimit:
    """What the engine keeps of a container's output: at most ``files`` files of ``size`` bytes each."""

    size: int = 10 * MEBIBYTE
    files: int = 3
    driver: str = "json-file"


@dataclass(frozen=True)
class Hardening:
    """What a container may not do, and what its engine does for it."""

    restart: str = "unless-stopped"
    init: bool = True
    read_only: bool = True
    dropped_capabilities: tuple[str, ...] = ("ALL",)
    security_options: tuple[str, ...] = ("no-new-privileges:true",)
    log: LogLimit = LogLimit()


@dataclass(frozen=True)
class Build:
    """How an image is made: a folder of rendered files with its Dockerfile, and build arguments."""

    context: str
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Container:
    """A container as it should be. ``files`` are what it reads at start, so that a change of them means a new one.

    ``name`` is its service and host name, ``volumes`` and ``secrets`` are named in the stack. ``memory`` is in bytes.
    ``depends_on`` maps a container to the condition of a Compose file, ``secrets`` are found in ``/run/secrets``.
    ``health`` is None where readiness is asked from outside. ``pull`` is the policy of a Compose file, empty for its
    own: ``never`` for an image that is built.
    """

    name: str
    purpose: str
    image: str
    user: str
    memory: int
    pids: int
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[Published, ...] = ()
    mounts: tuple[Mount, ...] = ()
    tmpfs: tuple[Tmpfs, ...] = ()
    networks: tuple[str, ...] = ()
    depends_on: Mapping[str, Condition] = field(default_factory=dict)
    health: HealthCheck | None = None
    secrets: tuple[str, ...] = ()
    extra_hosts: Mapping[str, str] = field(default_factory=dict)
    build: Build | None = None
    pull: str = ""
    platform: str = ""
    files: tuple[File, ...] = ()
    hardening: Hardening = Hardening()


@dataclass(frozen=True)
class Network:
    """A network of the stack. An ``internal`` one has no way out."""

    name: str
    internal: bool = False


@dataclass(frozen=True)
class Composition:
    """A whole stack of containers. ``files`` are all rendered files, their paths relative to the stack's files.

    ``secrets`` maps a name to the file that holds it, which is made where the stack is written, never rendered.
    ``given_secrets`` are those of them that the spec refers to; the others are made at random.
    """

    name: str
    preset: str
    bind: str
    containers: tuple[Container, ...]
    networks: tuple[Network, ...]
    volumes: tuple[str, ...]
    secrets: Mapping[str, str]
    files: tuple[File, ...]
    endpoints: Endpoints
    port_offset: int = 0
    given_secrets: Mapping[str, SecretText] = field(default_factory=dict)

    @property
    def ports(self) -> Mapping[str, Mapping[str, int]]:
        """Container -> the ports of this machine that lead to it, by the spec's keys; in start order."""
        return {c.name: {port.key: port.host for port in c.ports} for c in self.containers}

    @property
    def modules(self) -> Mapping[str, str]:
        """Empty: what containers run is in their images."""
        return {}

    @property
    def address(self) -> str:
        """The address of this machine on which ports are published."""
        return "127.0.0.1" if self.bind == "localhost" else self.bind
