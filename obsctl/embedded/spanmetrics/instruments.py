"""Counters and histograms that become samples, a row of them for every label set. Nothing here is thread-safe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from obsctl.embedded.records import MetadataRecord, SampleRecord
from obsctl.languages.labels import Labels

IDLE_SECONDS = 15.0
"""Rows that did not change are repeated this often, so that they do not go stale."""


def series(name: str, labels: Labels, *more: tuple[str, str]) -> Labels:
    """A label set with the metric's name in it; empty labels are left out."""
    pairs = (("__name__", name), *labels, *more)
    return tuple(sorted(pair for pair in pairs if pair[1]))


class Counter:
    """A counter of one label set."""

    def __init__(self, name: str, labels: Labels) -> None:
        self._series = series(name, labels)
        self.value = 0.0

    def points(self) -> Iterator[tuple[Labels, float]]:
        """What it stands at."""
        yield self._series, self.value


class Histogram:
    """A classic histogram of one label set; bounds in seconds."""

    def __init__(self, name: str, labels: Labels, bounds: Sequence[float]) -> None:
        shown = [*(f"{bound:g}" for bound in bounds), "+Inf"]
        self.buckets = tuple(series(f"{name}_bucket", labels, ("le", text)) for text in shown)
        self._count, self._sum = (series(f"{name}_{part}", labels) for part in ("count", "sum"))
        self._counts: npt.NDArray[np.int64] = np.zeros(len(shown), dtype=np.int64)
        self._seconds = 0.0

    def add(self, counts: npt.NDArray[np.int64], seconds: float) -> None:
        """Observations by bucket (not cumulative), and the sum of them all."""
        self._counts += counts
        self._seconds += seconds

    def points(self) -> Iterator[tuple[Labels, float]]:
        """What it stands at, buckets cumulative."""
        cumulative = np.cumsum(self._counts).tolist()
        yield from zip(self.buckets, map(float, cumulative), strict=True)
        yield self._count, float(cumulative[-1])
        yield self._sum, self._seconds


@dataclass
class Row:
    """Instruments that change together. ``emitted`` is when they were last written (s), 0 for never."""

    instruments: tuple[Counter | Histogram, ...]
    changed: bool = True
    emitted: float = 0.0

    def samples(self, now: float, before: float) -> Iterator[SampleRecord]:
        """Samples at a time; new ones begin at zero a while before, so that their first rise counts as one."""
        for instrument in self.instruments:
            for labels, value in instrument.points():
                if not self.emitted:
                    yield SampleRecord(labels, round(before * 1000), 0.0)
                yield SampleRecord(labels, round(now * 1000), value)


@dataclass
class InstrumentRows:
    """Rows that were written or are still to be."""

    all: list[Row] = field(default_factory=list)

    def due(self, now: float) -> list[Row]:
        """Rows that changed, or have been silent for too long."""
        return [row for row in self.all if row.changed or not 0 <= now - row.emitted < IDLE_SECONDS]


def written(rows: Sequence[Row], now: float) -> None:
    """Remember that rows were written."""
    for row in rows:
        row.changed, row.emitted = False, now


def metadata(counters: dict[str, str], histograms: dict[str, str]) -> list[MetadataRecord]:
    """Type and help of families, by name."""
    found = [MetadataRecord(name, "counter", text) for name, text in counters.items()]
    return found + [MetadataRecord(name, "histogram", text, "seconds") for name, text in histograms.items()]
