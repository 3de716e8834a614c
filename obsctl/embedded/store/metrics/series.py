"""All metric series with an index by label, in memory.

For every label value there is a list of series numbers. A selector is evaluated on those lists, and on distinct values
instead of series, so it costs what it selects and not what is known.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter

import numpy as np

from obsctl.embedded.store.base import StoredSeries
from obsctl.embedded.store.dictionary import Numbering
from obsctl.embedded.store.metrics.columns import Bools
from obsctl.languages.labels import Labels, Matcher

_REMEMBERED = 32
_REMEMBERED_SERIES = 20_000
_DEAD = 10_000

Postings = dict[str, dict[str, "array[int]"]]


class SeriesIndex(Numbering):
    """Written on the writer's thread, read from any. What a transaction adds shows on ``commit``."""

    def __init__(self, connection: sqlite3.Connection, limit: int) -> None:
        self._series: dict[int, StoredSeries] = {}
        self._alive: Bools = np.zeros(1_024, dtype=np.bool_)
        self._postings: Postings = {}
        self._dead = 0
        self._found: dict[tuple[Matcher, ...], tuple[StoredSeries, ...]] = {}
        super().__init__(connection, "series", limit)

    def find(self, matchers: Sequence[Matcher]) -> Sequence[StoredSeries]:
        """Every series that satisfies all matchers, in order of labels."""
        key = tuple(matchers)
        known = self._found.get(key)
        if known is not None:
            return known
        with self._lock:
            chosen = self._alive.copy()
            before = len(self._ids), self._dead
        for matcher in sorted(matchers, key=lambda matcher: matcher.op != "="):
            self._narrow(chosen, matcher)
            if not chosen.any():
                return ()
        with self._lock:
            numbers = np.flatnonzero(chosen & self._alive[: len(chosen)]).tolist()
            found = tuple(sorted(map(self._series.__getitem__, numbers), key=attrgetter("labels")))
            if len(found) <= _REMEMBERED_SERIES and before == (len(self._ids), self._dead):
                if len(self._found) >= _REMEMBERED:
                    self._found.clear()
                self._found[key] = found
        return found

    def labels(self, number: int) -> Labels:
        """The labels of a series; none when it is not known any more."""
        series = self._series.get(number)
        return series.labels if series else ()

    def numbers(self) -> list[int]:
        """All series."""
        with self._lock:
            return list(self._series)

    def remove(self, numbers: Collection[int]) -> None:
        """Forget series whose rows were deleted."""
        with self._lock:
            for number in numbers:
                series = self._series.pop(number, None)
                if series is not None:
                    self._ids.pop(series.labels, None)
                    self._alive[number] = False
                    self._dead += 1
            self._found.clear()
            if self._dead > max(_DEAD, len(self._series)):
                self._postings, self._dead = {}, 0
                for number, series in self._series.items():
                    self._post(series.labels, number)

    def _narrow(self, chosen: Bools, matcher: Matcher) -> None:
        """Leave only series that satisfy a matcher. Patterns are tried outside the lock, which the writer needs."""
        with self._lock:
            by_value: Mapping[str, array[int]] = self._postings.get(matcher.name, {})
            exact = matcher.op == "=" and matcher.value != ""
            values = [matcher.value] if exact else list(by_value)
        missing = matcher.matches("")
        hits = values if exact else [value for value in values if matcher.matches(value) != missing]
        marked = np.zeros(len(chosen), dtype=np.bool_)
        with self._lock:
            for value in hits:
                numbers = np.array(by_value.get(value, ()), dtype=np.int64)
                marked[numbers[numbers < len(marked)]] = True
        chosen &= ~marked if missing else marked

    def _publish(self, labels: Labels, number: int) -> None:
        super()._publish(labels, number)
        self._found.clear()
        self._series[number] = StoredSeries(number, labels)
        if number >= len(self._alive):
            self._alive = np.concatenate((self._alive, np.zeros(number + 1, dtype=np.bool_)))
        self._alive[number] = True
        self._post(labels, number)

    def _post(self, labels: Labels, number: int) -> None:
        for name, value in labels:
            self._postings.setdefault(name, {}).setdefault(value, array("I")).append(number)
