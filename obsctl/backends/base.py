"""What a backend description says: who it is, which roles it fills, what it accepts, how it is run and probed.

A product that comes as a container has one ``ConfigVariant`` for every line of its releases that wants a configuration
of its own. Texts in a variant may hold ``@{name}`` for values of the template context, see ``render/values.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from obsctl.endpoints import Dialect, Feature, Role

DEFAULT_NETWORK = "default"
DATA_NETWORK = "data"
"""A network without a way out, for stores that ask for no password."""

ROLE_OPTIONS: Mapping[str, Role] = {"metrics": Role.METRICS, "logs": Role.LOGS, "traces": Role.TRACES}
"""The keys of the spec that choose a backend, and the role that the chosen backend fills."""


@dataclass(frozen=True)
class Served:
    """One role a backend fills. ``port`` is the key in the spec's ``ports``; ``probe`` a path that answers 200.

    ``probe_port`` is the key of the port that is probed, where it is not ``port`` itself. ``path`` is where the dialect
    begins below the port, such as ``/select/jaeger``; the probe does not stand below it. ``without`` names what the
    dialect has and this backend does not answer, ``lag`` is how many seconds may pass until what is written to it is
    found. ``when`` maps questions to the answers with which the backend fills
    the role in this way.
    """

    role: Role
    dialect: Dialect
    port: str
    probe: str = ""
    probe_port: str = ""
    when: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    without: tuple[Feature, ...] = ()
    lag: float = 0.0


class WriteProtocol(StrEnum):
    """How telemetry is written to a backend."""

    OTLP_HTTP = "otlp_http"  # the path is the base; senders append /v1/traces and the like
    REMOTE_WRITE = "remote_write"  # Prometheus remote write 1.0
    LOKI_PUSH = "loki_push"
    RAW_LINES = "raw_lines"  # the lines of a body, each of which becomes a log line


@dataclass(frozen=True)
class Accepted:
    """What a backend accepts: a protocol at a port and a path within the network, for the store of a role."""

    role: Role
    protocol: WriteProtocol
    port: int
    path: str = ""


HeaderSupport = Literal["", "files", "lines"]
"""How a scraper takes headers of its requests: not at all, from files, or as lines of its configuration."""


@dataclass(frozen=True)
class ConfigVariant:
    """How one line of a product's releases is run as a container.

    ``mounts`` maps a folder of rendered files ("" for all of them) to where the container sees it, read-only.
    ``volumes`` maps the name of a kept volume to its place; a place that the image itself owns, so that a new volume
    belongs to ``user``. ``tmpfs`` are the other places it writes to. ``metrics`` is the port of its own metrics, read
    at ``/metrics``; 0 for none. ``health`` is a command inside the image, only where the image has one.
    ``memory`` is in MiB. ``reads_logs``: it follows log files; ``takes_logs``: it passes on logs that come by OTLP.
    ``scrape_headers`` is how it can be told headers to scrape with.
    """

    user: str
    memory: int
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    tmpfs: tuple[str, ...] = ("/tmp",)  # noqa: S108 - inside a container
    metrics: int = 0
    health: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    pids: int = 256
    reads_logs: bool = False
    takes_logs: bool = False
    scrape_headers: HeaderSupport = ""


@dataclass(frozen=True)
class Backend:
    """A product as a description. ``module`` is the Python module that runs it where it is a local process.

    As a container: ``name`` is its service and host name, ``purpose`` says why it is there, ``product`` is its key in
    the presets (its name, when empty), ``ports`` maps keys of the spec's ``ports`` to the ports inside that are
    published under them. ``when`` maps questions to the answers with which it is part of the stack. ``after`` names
    what should be up first: backends, or roles for whichever backend fills them. ``variants`` maps the first version
    that a variant is for to the variant, or to None where obsctl has none for what follows. ``exposes`` are globs for
    the names of its own metrics. ``accepts`` is what it stores or passes on to a store.

    ``scrapes``: it reads the metrics of services at their ``/metrics``. ``evaluates_rules``: it evaluates Prometheus
    rule files, and gets the folder ``rules`` beside its own files.
    """

    name: str
    serves: tuple[Served, ...] = ()
    module: str = ""
    purpose: str = ""
    product: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)
    when: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str | Role, ...] = ()
    variants: Mapping[str, ConfigVariant | None] = field(default_factory=dict)
    networks: tuple[str, ...] = (DEFAULT_NETWORK,)
    exposes: tuple[str, ...] = ()
    accepts: tuple[Accepted, ...] = ()
    scrapes: bool = False
    evaluates_rules: bool = False

    @property
    def key(self) -> str:
        """Its key in the presets, and the name of its template folder."""
        return self.product or self.name

    @property
    def variant(self) -> ConfigVariant:
        """The only variant of a backend that has one."""
        (only,) = (variant for variant in self.variants.values() if variant)
        return only
