"""Series in memory, for tests of the PromQL engine: a ``SampleReader`` that is fast enough for hundreds of queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import Any

import numpy as np

from obsctl.embedded.records import ExemplarRecord, MetadataRecord
from obsctl.embedded.store.base import Points, Samples, SeriesReader, StoredSeries
from obsctl.languages.labels import Labels, Matcher, matches_all


class SeriesStore:
    """Whole series, by label set."""

    def __init__(self) -> None:
        self.found: dict[Labels, Points] = {}

    @classmethod
    def of(cls, series: Iterable[tuple[Mapping[str, str], Mapping[int, float]]]) -> SeriesStore:
        """From labels and values by time in milliseconds."""
        store = cls()
        for labels, points in series:
            times = np.array(sorted(points), dtype=np.int64)
            values = np.array([points[time] for time in times.tolist()], dtype=np.float64)
            store.found[tuple(sorted(labels.items()))] = Points(times, values)
        return store

    def snapshot(self) -> AbstractContextManager[SeriesReader]:
        return nullcontext(self)

    def series(
        self, matchers: Sequence[Matcher], start: int | None = None, end: int | None = None
    ) -> list[StoredSeries]:
        low, high = (-(2**63) if start is None else start), (2**63 - 1 if end is None else end)
        return [
            StoredSeries(number, labels)
            for number, (labels, points) in enumerate(sorted(self.found.items(), key=lambda one: one[0]))
            if matches_all(matchers, dict(labels)) and len(_between(points, low, high).times)
        ]

    def samples(self, series: Sequence[StoredSeries], start: int, end: int) -> Samples:
        found = [_between(self.found[one.labels], start, end) for one in series]
        bounds = np.cumsum([0, *(len(points.times) for points in found)], dtype=np.int64)
        return Samples(_joined([p.times for p in found], np.int64), _joined([p.values for p in found], float), bounds)

    def metadata(self) -> list[MetadataRecord]:
        return []

    def exemplars(self, matchers: Sequence[Matcher], start: int, end: int) -> list[ExemplarRecord]:
        return []


def samples_of(series: Iterable[Mapping[int, float]]) -> Samples:
    """Values by time, of several series."""
    rows = [sorted(points.items()) for points in series]
    pairs = [pair for row in rows for pair in row]
    return Samples(
        np.array([time for time, _ in pairs], dtype=np.int64),
        np.array([value for _, value in pairs], dtype=np.float64),
        np.cumsum([0, *map(len, rows)], dtype=np.int64),
    )


def rows_of(samples: Samples) -> list[list[tuple[int, float]]]:
    """Time and value of every sample, by series."""
    pairs = list(zip(samples.times.tolist(), samples.values.tolist(), strict=True))
    return [pairs[low:high] for low, high in pairwise(samples.bounds.tolist())]


def _joined(parts: Sequence[Any], kind: Any) -> Any:
    return np.concatenate([np.empty(0, dtype=kind), *parts])


def _between(points: Points, start: int, end: int) -> Points:
    inside = slice(np.searchsorted(points.times, start, "left"), np.searchsorted(points.times, end, "right"))
    return Points(points.times[inside], points.values[inside])
