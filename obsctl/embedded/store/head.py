"""The newest samples of every series, in memory. The ``head`` table holds the same rows, to start again from."""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence

import numpy as np

from obsctl.embedded.store.base import Points

NO_POINTS = Points(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64))

Row = tuple[int, int, float]
"""Series number, time in ms, value."""


class Head:
    """Points by series. One thread writes; any may read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._points: dict[int, tuple[array[int], array[float]]] = {}
        self._pending: dict[tuple[int, int], float] = {}
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def fresh(self, rows: Iterable[Row]) -> list[Row]:
        """Rows whose series has nothing at their time yet; they count as taken until ``commit`` or ``rollback``."""
        found = []
        for row in rows:
            series, time, value = row
            if (series, time) not in self._pending and not self._has(series, time):
                self._pending[series, time] = value
                found.append(row)
        return found

    def commit(self) -> None:
        """Show what was taken to readers."""
        if self._pending:
            with self._lock:
                for (series, time), value in self._pending.items():
                    self._put(series, time, value)
            self._rows += len(self._pending)
            self._pending.clear()

    def rollback(self) -> None:
        """Forget what was taken."""
        self._pending.clear()

    def points(self, series: int) -> Points:
        """A copy of one series; empty when it has none here."""
        with self._lock:
            found = self._points.get(series)
            if found is None:
                return NO_POINTS
            return Points(np.array(found[0], dtype=np.int64), np.array(found[1], dtype=np.float64))

    def series(self) -> Sequence[int]:
        """Numbers of all series here."""
        with self._lock:
            return list(self._points)

    def clear(self) -> None:
        """Everything was moved to chunks."""
        with self._lock:
            self._points.clear()
        self._rows = 0

    def _has(self, series: int, time: int) -> bool:
        found = self._points.get(series)
        if found is None or time > found[0][-1]:
            return False
        index = bisect_left(found[0], time)
        return found[0][index] == time

    def _put(self, series: int, time: int, value: float) -> None:
        times, values = self._points.setdefault(series, (array("q"), array("d")))
        if not times or time > times[-1]:
            times.append(time)
            values.append(value)
            return
        index = bisect_left(times, time)
        times.insert(index, time)
        values.insert(index, value)
