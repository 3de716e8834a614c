"""Series and samples as they were at one moment, whatever is written or moved to pages meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from obsctl.embedded.store.base import Samples, Series
from obsctl.embedded.store.database import LEAST, MOST, clamp
from obsctl.embedded.store.metrics import pages
from obsctl.embedded.store.metrics.columns import Ints, Rows
from obsctl.embedded.store.metrics.series import SeriesIndex
from obsctl.languages.labels import Matcher


class SampleView:
    """``base.SeriesReader`` over the head as it was, and a transaction that sees one state of the pages.

    A series that is new since then may be found, and has no samples. For one thread.
    """

    def __init__(self, labels: SeriesIndex, newest: Rows, connection: sqlite3.Connection) -> None:
        self._labels = labels
        self._newest = newest
        self._connection = connection

    def series(self, matchers: Sequence[Matcher], start: int | None = None, end: int | None = None) -> list[Series]:
        """See ``SeriesReader.series``."""
        found = self._labels.find(matchers)
        if start is None and end is None:
            return list(found)
        low, high = LEAST if start is None else clamp(start), MOST if end is None else clamp(end)
        seen = set(np.unique(pages.between(self._newest, low, high).series).tolist())
        wanted = _wanted([one for one in found if one.id not in seen])
        for name in {one.name for one in found if one.id not in seen}:
            for members in pages.members_within(self._connection, name, low, high):
                seen.update(members.tolist())
            for rows in pages.read(self._connection, name, wanted, low, high, inside=False):
                seen.update(np.unique(rows.series).tolist())
        return [one for one in found if one.id in seen]

    def samples(self, series: Sequence[Series], start: int, end: int) -> Samples:
        """See ``SeriesReader.samples``."""
        start, end = clamp(start), clamp(end)
        newest = pages.between(self._newest, start, end)
        wanted = _wanted(series)
        names = {one.name for one in series}
        parts = [rows for name in names for rows in pages.read(self._connection, name, wanted, start, end)]
        return pages.gathered([*parts, newest], wanted, len(series))


def _wanted(series: Sequence[Series]) -> Ints:
    """See ``pages.read``."""
    numbers = np.fromiter((one.id for one in series), dtype=np.int64, count=len(series))
    wanted = np.full(int(numbers.max(initial=-1)) + 2, -1, dtype=np.int64)
    wanted[numbers] = np.arange(len(series))
    return wanted
