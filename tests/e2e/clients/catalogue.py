"""The clients of ``clients.yaml`` as values."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.images.build import program

FOLDER = Path(__file__).parent
SIGNALS = ("traces", "metrics", "logs")


@dataclass(frozen=True)
class Case:
    """One way in which a client sends. ``service`` is its ``service.name`` and the ``job`` of its metrics."""

    client: str
    protocol: str
    compression: str
    signals: tuple[str, ...]

    @property
    def service(self) -> str:
        """Of letters, digits and hyphens only."""
        return f"matrix-{self.client}-{self.protocol}-{self.compression}".replace("/", "-").replace(".", "-")

    def __str__(self) -> str:
        """As the programs read it."""
        return f"{self.service},{self.protocol},{self.compression}"


@dataclass(frozen=True)
class Client:
    """A client: what it needs on the path, how it is installed and started, what it offers.

    ``install`` and ``command`` run in a folder of the cache that holds the files of the client's own folder, with the
    tests' interpreter as ``python``. ``version`` is a command that prints it; without one, it is the
    ``telemetry.sdk.version`` that arrived.
    """

    name: str
    title: str
    command: tuple[str, ...]
    cases: tuple[Case, ...]
    needs: tuple[str, ...] = ()
    product: str = ""
    """A program of the images' cache that it is, as ``RECIPE/FILE``."""
    install: tuple[tuple[str, ...], ...] = ()
    version: tuple[str, ...] = ()
    source: str = ""
    """The folder of its files, where that has not its name."""
    keeps: bool = True
    """Whether it keeps its connections open while it has nothing to send."""
    note: str = ""

    @property
    def folder(self) -> Path:
        """Its source."""
        return FOLDER / (self.source or self.name)

    @property
    def lacks(self) -> list[str]:
        """Programs that it needs and this machine has not."""
        lacking = [name for name in self.needs if not shutil.which(name)]
        return [*lacking, self.product] if self.product and not self.program else lacking

    @property
    def program(self) -> Path | None:
        """Its product, where it was made."""
        return program(*self.product.split("/")) if self.product else None


@dataclass(frozen=True)
class Catalogue:
    """Every client, and those that cannot be had from the registries: title -> reason."""

    clients: tuple[Client, ...]
    not_tried: Mapping[str, str]


def load(file: Path = FOLDER / "clients.yaml") -> Catalogue:
    """Read the data file."""
    data = yaml.safe_load(file.read_text(encoding="utf8"))
    return Catalogue(tuple(_client(*entry) for entry in data["clients"].items()), data["not_tried"])


def _client(name: str, entry: Mapping[str, Any]) -> Client:
    known = {"title", "needs", "product", "install", "command", "version", "offers", "source", "keeps", "note"}
    if unknown := set(entry) - known:
        raise ValueError(f"clients.yaml: {name} has unknown keys: {', '.join(sorted(unknown))}")
    return Client(
        name=name,
        title=entry["title"],
        command=tuple(shlex.split(entry["command"])),
        cases=tuple(case for offer in entry["offers"] for case in _cases(name, offer)),
        needs=tuple(entry.get("needs", ())),
        product=entry.get("product", ""),
        install=tuple(tuple(shlex.split(line)) for line in entry.get("install", ())),
        version=tuple(shlex.split(entry.get("version", ""))),
        source=entry.get("source", ""),
        keeps=entry.get("keeps", True),
        note=entry.get("note", ""),
    )


def _cases(name: str, offer: Mapping[str, Any]) -> list[Case]:
    signals = tuple(offer.get("signals", SIGNALS))
    return [Case(name, offer["protocol"], compression, signals) for compression in offer["compression"]]
