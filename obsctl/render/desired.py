"""The output of rendering: what should be there. Values only; a runtime makes them so."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from obsctl.endpoints import Endpoints

STATE_FOLDER = ".obsctl"
"""Beside the spec: what is remembered of its stack."""

OUTPUT = "deploy"
"""Beside the spec: the files of a stack of containers, of which this is the first."""

COMPOSE_FILE = "compose.yaml"


@dataclass(frozen=True)
class File:
    """A file to write; ``path`` is relative to the stack's state folder."""

    path: str
    text: str


@dataclass(frozen=True)
class Process:
    """A local process: ``python -m <module> <args>``.

    ``ports`` maps the spec's port key to the number it listens on; ``files`` are what it reads at start, so that a
    change of their text means a restart.
    """

    name: str
    module: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    files: tuple[File, ...] = ()

    @property
    def fingerprint(self) -> str:
        """A hash of everything that makes this process what it is."""
        content = [self.module, self.args, sorted(self.env.items()), [(f.path, f.text) for f in self.files]]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Desired:
    """A whole stack of local processes, in the order in which they are started."""

    name: str
    home: Path
    bind: str
    port_offset: int
    processes: tuple[Process, ...]
    endpoints: Endpoints

    @property
    def ports(self) -> Mapping[str, Mapping[str, int]]:
        """Process -> the ports that it listens on, by the spec's keys; in start order."""
        return {process.name: process.ports for process in self.processes}


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
class Published:
    """A port of a container on the machine: ``key`` is the spec's, ``host`` the number outside, ``inside`` within."""

    key: str
    host: int
    inside: int


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
    ``health`` is a command in the image, empty where readiness is asked from outside.
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
    tmpfs: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    depends_on: Mapping[str, str] = field(default_factory=dict)
    health: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    extra_hosts: Mapping[str, str] = field(default_factory=dict)
    build: Build | None = None
    platform: str = ""
    files: tuple[File, ...] = ()

    @property
    def fingerprint(self) -> str:
        """A hash of everything that makes this container what it is, its files included."""
        content = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Network:
    """A network of the stack. An ``internal`` one has no way out."""

    name: str
    internal: bool = False


@dataclass(frozen=True)
class Composition:
    """A whole stack of containers. ``files`` are all rendered files, their paths relative to the stack's files.

    ``secrets`` maps a name to the file that holds it, which is made where the stack is written, never rendered.
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

    @property
    def ports(self) -> Mapping[str, Mapping[str, int]]:
        """Container -> the ports of this machine that lead to it, by the spec's keys; in start order."""
        return {c.name: {port.key: port.host for port in c.ports} for c in self.containers}
