"""Annotations: what an answer says beside its values, in Prometheus' words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from obsctl.languages.numbers import go_float

_LINE = b"\n"
MOST = 10
"""Warnings, and infos, that are told."""

MONOTONICITY = (
    "input to histogram_quantile needed to be fixed for monotonicity "
    "(see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
)


@dataclass
class Forced:
    """Where buckets of classic histograms had to be made monotonic. Times in milliseconds."""

    at: int
    times: tuple[int, int]
    bounds: tuple[float, float]
    difference: float
    samples: int

    def join(self, other: Forced) -> Forced:
        """Both together."""
        return Forced(
            self.at,
            (min(self.times[0], other.times[0]), max(self.times[1], other.times[1])),
            (min(self.bounds[0], other.bounds[0]), max(self.bounds[1], other.bounds[1])),
            max(self.difference, other.difference),
            self.samples + other.samples,
        )

    @property
    def text(self) -> str:
        """The sentence, without the position."""
        low, high = (_day(time) for time in self.times)
        bounds = " to ".join(map(go_float, self.bounds))
        return (
            f"{MONOTONICITY}, from buckets {bounds}, with a max diff of {self.difference:.2g}, "
            f"over {self.samples} samples from {low} to {high}"
        )


@dataclass
class Notes:
    """Collects annotations of one evaluation: each text once, with the position (a byte) it was met at last
    (of buckets: at first).
    """

    _warnings: dict[str, int] = field(default_factory=dict)
    _infos: dict[str, int] = field(default_factory=dict)
    _forced: Forced | None = None

    def warn(self, text: str, at: int) -> None:
        """Something is wrong with the query or its data."""
        self._warnings[text] = at

    def inform(self, text: str, at: int) -> None:
        """Something may be wrong."""
        self._infos[text] = at

    def forced(self, found: Forced) -> None:
        """Buckets were made monotonic."""
        self._forced = self._forced.join(found) if self._forced else found

    def told(self, query: str) -> tuple[list[str], list[str]]:
        """Warnings and infos, with line and column in the query."""
        infos = [*self._infos.items()]
        if self._forced:
            infos.append((self._forced.text, self._forced.at))
        return _told("warning", [*self._warnings.items()], query), _told("info", infos, query)


def _told(kind: str, notes: Sequence[tuple[str, int]], query: str) -> list[str]:
    shown = [f"PromQL {kind}: {text}{_place(query, at)}" for text, at in notes[:MOST]]
    omitted = len(notes) - len(shown)
    return [*shown, f"{omitted} more {kind} annotations omitted"] if omitted else shown


def _place(query: str, at: int) -> str:
    if at < 0:
        return ""
    before = query.encode("utf-8", "replace")[:at]
    return f" ({before.count(_LINE) + 1}:{at - before.rfind(_LINE)})"


def _day(time: int) -> str:
    try:
        return datetime.fromtimestamp(time // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "0001-01-01T00:00:00Z"
