"""The newest samples of all series, in memory. The ``journal`` table holds the same rows, to start again from."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from obsctl.embedded.store.metrics.columns import Bools, Ints, Rows

_NEVER = np.iinfo(np.int64).min
_ROOM = 4_096
_NOWHERE: Ints = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Fresh:
    """Rows that were new, in order; and the places of the others: with the value that is kept, and with another one."""

    rows: Rows
    repeated: Ints
    conflicting: Ints


class Head:
    """Columns that only grow, until their older part is moved to pages. One thread writes; any may read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows = _empty(_ROOM)
        self._shown = 0
        self._written = 0
        self._newest = np.full(_ROOM, _NEVER, dtype=np.int64)

    def __len__(self) -> int:
        return self._shown

    def append(self, rows: Rows) -> Fresh:
        """Keep rows whose series has nothing at their time here; readers see them after ``commit``."""
        order = np.lexsort((rows.times, rows.series))
        rows = rows[order]
        if not len(rows):
            return Fresh(rows, _NOWHERE, _NOWHERE)
        self._know(int(rows.series[-1]))
        bits = rows.values.view(np.int64)
        first = np.concatenate(([True], (rows.series[1:] != rows.series[:-1]) | (rows.times[1:] != rows.times[:-1])))
        known = first & (rows.times <= self._newest[rows.series])
        values = bits
        if known.any():
            known, values = self._stored(rows, known)
        fresh = first & ~known
        self._append(rows[fresh])
        if fresh.all():
            return Fresh(rows, _NOWHERE, _NOWHERE)
        leader = np.maximum.accumulate(np.where(first, np.arange(len(rows)), 0))
        differs = bits != values[leader]
        return Fresh(rows[fresh], order[~fresh & ~differs], order[~fresh & differs])

    def commit(self) -> None:
        """Show to readers what was appended."""
        with self._lock:
            self._shown = self._written

    def rollback(self) -> None:
        """Forget what was appended since the last commit."""
        self._written = self._shown
        self._newest.fill(_NEVER)
        np.maximum.at(self._newest, self._rows.series[: self._shown], self._rows.times[: self._shown])

    def rows(self) -> Rows:
        """Everything shown, in order of arrival: a view that stays as it is."""
        with self._lock:
            return self._rows[: self._shown]

    def series(self) -> set[int]:
        """Numbers of all series here, those of the transaction under way too. For the writer's thread."""
        return set(np.unique(self._rows.series[: self._written]).tolist())

    def drop(self, count: int) -> None:
        """The oldest rows were moved to pages."""
        rest = self._rows[count : self._written]
        rows = _empty(max(_ROOM, 2 * len(rest)))
        _copy(rest, rows, 0)
        with self._lock:
            self._rows = rows
            self._shown -= count
            self._written -= count

    def _stored(self, rows: Rows, late: Bools) -> tuple[Bools, Ints]:
        """Which of the late rows are here already; and the bits of each row's value, of those here the kept ones."""
        here = self._rows[: self._written]
        wanted = np.zeros(len(self._newest), dtype=np.bool_)
        wanted[rows.series[late]] = True
        near: Ints = np.flatnonzero(wanted[here.series])
        near = near[np.isin(here.times[near], rows.times[late])]
        bits = here.values.view(np.int64)
        found = {
            (series, moment): value
            for series, moment, value in zip(
                here.series[near].tolist(), here.times[near].tolist(), bits[near].tolist(), strict=True
            )
        }
        known = np.zeros(len(rows), dtype=np.bool_)
        values: Ints = rows.values.view(np.int64).copy()
        for index in np.flatnonzero(late).tolist():
            value = found.get((int(rows.series[index]), int(rows.times[index])))
            if value is not None:
                known[index], values[index] = True, value
        return known, values

    def _know(self, series: int) -> None:
        """Make room for series numbers up to this one."""
        if series >= len(self._newest):
            more = np.full(series + 1, _NEVER, dtype=np.int64)
            self._newest = np.concatenate((self._newest, more))

    def _append(self, rows: Rows) -> None:
        if not len(rows):
            return
        size = self._written + len(rows)
        if size > len(self._rows):
            larger = _empty(2 * size)
            _copy(self._rows[: self._written], larger, 0)
            with self._lock:
                self._rows = larger
        _copy(rows, self._rows, self._written)
        self._written = size
        last = np.flatnonzero(np.append(rows.series[1:] != rows.series[:-1], True))
        series = rows.series[last]
        self._newest[series] = np.maximum(self._newest[series], rows.times[last])


def _empty(size: int) -> Rows:
    return Rows(np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int64), np.empty(size, dtype=np.float64))


def _copy(rows: Rows, into: Rows, position: int) -> None:
    place = slice(position, position + len(rows))
    into.series[place], into.times[place], into.values[place] = rows.series, rows.times, rows.values
