"""What a backend description says: who it is, which roles it fills, and how it is run and asked whether it is ready.

A product that comes as a container has one ``Edition`` for every line of its releases that wants a configuration of its
own. Texts in an edition may hold ``@{name}`` for values that ``render`` fills in; ``render/values.py`` lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from obsctl.endpoints import Dialect, Role

DEFAULT_NETWORK = "default"
DATA_NETWORK = "data"
"""A network without a way out, for stores that ask for no password."""


@dataclass(frozen=True)
class Served:
    """One role a backend fills. ``port`` is the key in the spec's ``ports``; ``probe`` a path that answers 200.

    ``probe_port`` is the key of the port that is probed, where it is not ``port`` itself. ``when`` maps questions to
    the answers with which the backend fills the role in this way.
    """

    role: Role
    dialect: Dialect
    port: str
    probe: str = ""
    probe_port: str = ""
    when: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Edition:
    """How one line of a product's releases is run as a container.

    ``mounts`` maps a folder of rendered files ("" for all of them) to where the container sees it, read-only.
    ``volumes`` maps the name of a kept volume to its place; a place that the image itself owns, so that a new volume
    belongs to ``user``. ``tmpfs`` are the other places it writes to. ``metrics`` is the port of its own metrics, read
    at ``/metrics``; 0 for none. ``health`` is a command inside the image, only where the image has one.
    ``memory`` is in MiB. ``reads_logs``: it follows log files; ``takes_logs``: it passes on logs that come by OTLP.
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


@dataclass(frozen=True)
class Backend:
    """A product as a description. ``module`` is the Python module that runs it where it is a local process.

    As a container: ``name`` is its service and host name, ``purpose`` says why it is there, ``product`` is its key in
    the presets (its name, when empty), ``ports`` maps keys of the spec's ``ports`` to the ports inside that are
    published under them, ``inside`` is the main port within the network where none of them is. ``when`` maps questions
    to the answers with which it is part of the stack. ``after`` names what should be up first. ``editions`` maps the
    first version that an edition is for to the edition, or to None where obsctl has none for what follows. ``exposes``
    are globs for the names of its own metrics. ``takes_lines`` is the port and path, within the network, at which it
    takes the lines of a body and sends them to the log store; empty where it does not.
    """

    name: str
    serves: tuple[Served, ...] = ()
    module: str = ""
    purpose: str = ""
    product: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)
    when: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    editions: Mapping[str, Edition | None] = field(default_factory=dict)
    networks: tuple[str, ...] = (DEFAULT_NETWORK,)
    exposes: tuple[str, ...] = ()
    takes_lines: str = ""

    @property
    def key(self) -> str:
        """Its key in the presets, and the name of its template folder."""
        return self.product or self.name

    @property
    def edition(self) -> Edition:
        """The only edition of a backend that has one."""
        (only,) = (edition for edition in self.editions.values() if edition)
        return only
