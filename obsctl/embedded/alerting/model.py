"""Alerts and silences as an alert manager holds them. Times are milliseconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from obsctl.languages.labels import Matcher, matches_all

_PRIME, _START, _MASK = 0x100000001B3, 0xCBF29CE484222325, (1 << 64) - 1


@dataclass(frozen=True)
class StoredAlert:
    """An alert as an alert manager holds it. ``guessed``: the sender gave no end, so the next one given replaces it."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: int
    ends_at: int
    updated_at: int
    generator_url: str = ""
    guessed: bool = False

    def resolved(self, now: int) -> bool:
        """Whether it has ended."""
        return self.ends_at <= now

    @property
    def fingerprint(self) -> str:
        """The identity of the alert: a hash of its labels (FNV-1a, as in Prometheus' ``model.LabelSet``)."""
        return fingerprint(self.labels)


def fingerprint(labels: Mapping[str, str]) -> str:
    """16 hexadecimal digits."""
    value = _START
    for name, text in sorted(labels.items()):
        for byte in b"\xff".join((name.encode("utf-8", "replace"), text.encode("utf-8", "replace"), b"")):
            value = (value ^ byte) * _PRIME & _MASK
    return f"{value:016x}"


def merged(old: StoredAlert, new: StoredAlert, now: int) -> StoredAlert:
    """An alert after it was posted again. Where the two overlap it is one alert, which began at the earlier time."""
    overlaps = old.starts_at < new.ends_at < old.ends_at or old.starts_at < new.starts_at < old.ends_at
    if not overlaps:
        return new
    ends = new.ends_at
    if new.resolved(now):
        ends = max(old.ends_at, ends) if old.resolved(now) else ends
    elif not old.guessed:
        ends = max(old.ends_at, ends)
    return replace(new, starts_at=min(old.starts_at, new.starts_at), ends_at=ends)


SilenceState = Literal["active", "pending", "expired"]


@dataclass(frozen=True)
class Silence:
    """Alerts that match all matchers are muted from ``starts_at`` to ``ends_at``."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: int
    ends_at: int
    updated_at: int
    created_by: str
    comment: str

    def state(self, now: int) -> SilenceState:
        """How it is now."""
        if now < self.starts_at:
            return "pending"
        return "active" if now < self.ends_at else "expired"

    def mutes(self, labels: Mapping[str, str], now: int) -> bool:
        """Whether an alert is silenced by it now."""
        return self.state(now) == "active" and matches_all(self.matchers, labels)
