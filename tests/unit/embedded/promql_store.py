"""Series in memory, for tests of the PromQL engine: a ``SampleReader`` that is fast enough for hundreds of queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from obsctl.embedded.signals import ExemplarRecord, Labels, Matcher, MetadataRecord, matches_all
from obsctl.embedded.store.base import Points, Series


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

    def series(self, matchers: Sequence[Matcher], start: int | None = None, end: int | None = None) -> list[Series]:
        low, high = (-(2**63) if start is None else start), (2**63 - 1 if end is None else end)
        return [
            Series(number, labels)
            for number, (labels, points) in enumerate(self.found.items())
            if matches_all(matchers, dict(labels)) and len(_between(points, low, high).times)
        ]

    def points(self, series: Sequence[Series], start: int, end: int) -> Mapping[int, Points]:
        found = {one.id: _between(self.found[one.labels], start, end) for one in series}
        return {number: points for number, points in found.items() if len(points.times)}

    def metadata(self) -> list[MetadataRecord]:
        return []

    def exemplars(self, matchers: Sequence[Matcher], start: int, end: int) -> list[ExemplarRecord]:
        return []


def _between(points: Points, start: int, end: int) -> Points:
    inside = slice(np.searchsorted(points.times, start, "left"), np.searchsorted(points.times, end, "right"))
    return Points(points.times[inside], points.values[inside])
