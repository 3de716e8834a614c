"""Pages of samples in SQLite: written when the head is cut, merged while they are small, read by metric and time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from obsctl.embedded.store.base import DamagedError, Samples
from obsctl.embedded.store.database import WAY_OUT
from obsctl.embedded.store.metrics import columns as page
from obsctl.embedded.store.metrics.columns import Ints, Numbers, Rows
from obsctl.languages.labels import Labels

MERGE_PAGES = 8
"""Small pages of one metric are merged when there are this many of them."""
_OPEN_SAMPLES = page.PAGE_SAMPLES // 2
_OPEN_PER_SERIES = 240
"""A page with this many samples, all in all or of each series, is not merged any more."""
_MERGED_AT_ONCE = 64

Page = tuple[str, int, int, int, bytes, bytes]
"""Metric name, first and last time, whether it may still be merged, members, data: a row without its number."""
_COLUMNS = "metric, start, end, open, members, data"
INSERT = f"INSERT INTO pages ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608 - a constant


def pages_of(rows: Rows, labels_of: Callable[[int], Labels]) -> list[Page]:
    """Samples as pages, each of one metric, with series that have similar labels side by side."""
    members, names, rank = _ranked(rows, labels_of)
    rows = page.ordered(rows, rank)
    # Where the metric changes: rows are sorted by it first.
    places = np.searchsorted(rank[rows.series], np.arange(len(members) + 1)).tolist()
    edges = [i for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
    return [
        _page(names[low], part)
        for low, high in pairwise([*edges, len(names)])
        for part in page.split(rows[places[low] : places[high]])
    ]


def _ranked(rows: Rows, labels_of: Callable[[int], Labels]) -> tuple[list[int], list[str], Ints]:
    """Series of rows and their metric names in order of metric and labels; and the place in it by number."""
    found = sorted((_name(labels := labels_of(number)), labels, number) for number in np.unique(rows.series).tolist())
    members = [number for _, _, number in found]
    rank = np.zeros(max(members, default=-1) + 1, dtype=np.int64)
    rank[members] = np.arange(len(members))
    return members, [name for name, _, _ in found], rank


def _name(labels: Labels) -> str:
    return next((value for name, value in labels if name == "__name__"), "")


def _page(metric: str, rows: Rows) -> Page:
    members, data = page.encode(rows)
    is_open = len(rows) < min(_OPEN_SAMPLES, _OPEN_PER_SERIES * len(members) // 4)
    return metric, int(rows.times.min()), int(rows.times.max()), int(is_open), members, data


def read(
    connection: sqlite3.Connection, metric: str, wanted: Ints, start: int, end: int, *, inside: bool = True
) -> Iterator[Rows]:
    """Samples of a metric in a time, from all pages that have any of the wanted series, oldest first.

    Args:
        connection: in a transaction, for pages may be merged meanwhile.
        metric: the metric name.
        wanted: by series number, -1 for those not wanted; the last element is one.
        start: first time in ms.
        end: last time in ms.
        inside: without it pages that lie within the time as a whole are left out.
    """
    listing = "SELECT id, start, end, members FROM pages WHERE metric = ? AND end >= ? AND start <= ? ORDER BY id"
    for number, first, last, members in connection.execute(listing, (metric, start, end)).fetchall():
        within = start <= first and last <= end
        if (within and not inside) or not (ranks(wanted, _numbers(members)) >= 0).any():
            continue
        (data,) = connection.execute("SELECT data FROM pages WHERE id = ?", (number,)).fetchone()
        rows = _decoded(members, data)
        yield rows if within else between(rows, start, end)


def between(rows: Rows, start: int, end: int) -> Rows:
    """The rows with ``start <= time <= end``."""
    chosen = (rows.times >= start) & (rows.times <= end)
    return rows if chosen.all() else rows[chosen]


def ranks(wanted: Ints, series: Numbers) -> Ints:
    """What ``wanted`` says of series; those beyond it are not wanted."""
    return wanted.take(series, mode="clip")


def members_within(connection: sqlite3.Connection, metric: str, start: int, end: int) -> Iterator[Numbers]:
    """Series of the pages of a metric that lie within a time as a whole."""
    listing = "SELECT members FROM pages WHERE metric = ? AND end BETWEEN ? AND ? AND start >= ?"
    for (members,) in connection.execute(listing, (metric, start, end, start)):
        yield _numbers(members)


def newer(connection: sqlite3.Connection, than: int) -> Iterator[tuple[int, Numbers]]:
    """Number and series of every page after a number, oldest first."""
    for number, members in connection.execute("SELECT id, members FROM pages WHERE id > ? ORDER BY id", (than,)):
        yield number, _numbers(members)


def merged(
    connection: sqlite3.Connection, labels_of: Callable[[int], Labels]
) -> Iterator[tuple[list[int], list[Page]]]:
    """Small pages by number, and the pages that can take their place, metric by metric.

    The new ones get the greatest of the old numbers, so that retention, which goes by number, never takes them early.
    """
    due = "SELECT metric FROM pages WHERE open = 1 GROUP BY metric HAVING count(*) >= ?"
    for (metric,) in connection.execute(due, (MERGE_PAGES,)).fetchall():
        found = connection.execute(
            "SELECT id, members, data FROM pages WHERE open = 1 AND metric = ? ORDER BY id LIMIT ?",
            (metric, _MERGED_AT_ONCE),
        ).fetchall()
        rows = joined([_decoded(members, data) for _, members, data in found])
        _, _, rank = _ranked(rows, labels_of)
        yield (
            [number for number, _, _ in found],
            [_page(metric, part) for part in page.split(page.ordered(rows, rank))],
        )


def replace(connection: sqlite3.Connection, old: Sequence[int], new: Sequence[Page]) -> int:
    """A job of the writer: put merged pages in the place of what they were made of."""
    connection.executemany("DELETE FROM pages WHERE id = ?", [(number,) for number in old])
    numbers = old[len(old) - len(new) :]
    connection.executemany(
        f"INSERT INTO pages (id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants
        [(number, *one) for number, one in zip(numbers, new, strict=True)],
    )
    return len(old) - len(new)


def joined(parts: Sequence[Rows]) -> Rows:
    """Rows one after the other."""
    if len(parts) == 1:
        return parts[0]
    found = [page.NO_ROWS, *parts]
    return Rows(
        np.concatenate([rows.series for rows in found]),
        np.concatenate([rows.times for rows in found]),
        np.concatenate([rows.values for rows in found]),
    )


def gathered(parts: Sequence[Rows], wanted: Ints, size: int) -> Samples:
    """Samples of wanted series out of several parts, by rank and time; of several at one time the first one stays.

    ``wanted`` has the rank of each series by its number, as in ``read``; there are ``size`` ranks.
    """
    kept = []
    for rows in parts:
        chosen = ranks(wanted, rows.series) >= 0
        kept.append(rows if chosen.all() else rows[chosen])
    rows = joined(kept)
    rank, rows = _sorted(ranks(wanted, rows.series), rows)
    return Samples(rows.times, rows.values, np.searchsorted(rank, np.arange(size + 1)))


def _sorted(rank: Ints, rows: Rows) -> tuple[Ints, Rows]:
    if len(rank) < 2:
        return rank, rows
    later = (rank[1:] > rank[:-1]) | ((rank[1:] == rank[:-1]) & (rows.times[1:] > rows.times[:-1]))
    if later.all():
        return rank, rows
    order = np.lexsort((rows.times, rank))
    rank, rows = rank[order], rows[order]
    new = np.concatenate(([True], (rank[1:] != rank[:-1]) | (rows.times[1:] != rows.times[:-1])))
    return (rank, rows) if new.all() else (rank[new], rows[new])


def _numbers(members: bytes) -> Numbers:
    return np.frombuffer(members, dtype=np.int32)


def _decoded(members: bytes, data: bytes) -> Rows:
    try:
        return page.decode(members, data)
    except ValueError as error:
        raise DamagedError(f"The database is damaged: {error}. {WAY_OUT}") from error
