"""How long telemetry is kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Retention:
    """What came more than ``age_seconds`` ago goes; the oldest goes first while more than ``size_bytes`` are used."""

    age_seconds: float
    size_bytes: int


FOREVER = Retention(float("inf"), 1 << 62)
