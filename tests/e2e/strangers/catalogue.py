"""The services of ``strangers.yaml`` as values."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Stranger:
    """A service: its program, what people ask of it, the families that its metrics are recognised as (``kinds``), and
    the checks that find nothing of theirs in it (``lacks``)."""

    name: str
    command: tuple[str, ...]
    requests: tuple[tuple[str, str], ...]
    kinds: tuple[str, ...]
    lacks: tuple[str, ...]
    install: tuple[tuple[str, ...], ...] = ()
    needs: tuple[str, ...] = ()
    own_page: bool = False
    """Whether its metrics are a page on a port of their own."""

    @property
    def folder(self) -> Path:
        """Its source."""
        return FOLDER / self.name if self.install else FOLDER

    @property
    def missing(self) -> list[str]:
        """Programs that it needs and this machine has not."""
        return [name for name in self.needs if not shutil.which(name)]


def load(file: Path = FOLDER / "strangers.yaml") -> tuple[Stranger, ...]:
    """Every service of the data file."""
    return tuple(_stranger(name, entry) for name, entry in yaml.safe_load(file.read_text(encoding="utf8")).items())


def _stranger(name: str, entry: Mapping[str, Any]) -> Stranger:
    if unknown := set(entry) - {"command", "requests", "kinds", "lacks", "install", "needs", "own_page"}:
        raise ValueError(f"strangers.yaml: {name} has unknown keys: {', '.join(sorted(unknown))}")
    asked = [request.partition(" ") for request in entry["requests"]]
    return Stranger(
        name=name,
        command=tuple(shlex.split(entry["command"])),
        requests=tuple((method, path) for method, _, path in asked),
        kinds=tuple(entry["kinds"]),
        lacks=tuple(entry["lacks"]),
        install=tuple(tuple(shlex.split(line)) for line in entry.get("install", ())),
        needs=tuple(entry.get("needs", ())),
        own_page=entry.get("own_page", False),
    )
