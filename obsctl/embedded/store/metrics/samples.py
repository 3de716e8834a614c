"""Samples, exemplars and metadata in SQLite."""

from __future__ import annotations

import json
import sqlite3
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from operator import attrgetter

import numpy as np

from obsctl.embedded.records import ExemplarRecord, MetadataRecord, SampleRecord
from obsctl.embedded.store.base import Samples, StoredSeries, UnwrittenSamples, WriteCounts
from obsctl.embedded.store.database import LEAST, MOST, Database, clamp, insert
from obsctl.embedded.store.metrics import pages
from obsctl.embedded.store.metrics.columns import Ints, Rows
from obsctl.embedded.store.metrics.head import Fresh, Head
from obsctl.embedded.store.metrics.series import SeriesIndex
from obsctl.languages.labels import Labels, Matcher


class SampleView:
    """``base.SeriesReader`` over the head as it was, and a transaction that sees one state of the pages.

    A series that is new since then may be found, and has no samples. For one thread.
    """

    def __init__(self, labels: SeriesIndex, newest: Rows, connection: sqlite3.Connection) -> None:
        self._labels = labels
        self._newest = newest
        self._connection = connection

    def series(
        self, matchers: Sequence[Matcher], start: int | None = None, end: int | None = None
    ) -> list[StoredSeries]:
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

    def samples(self, series: Sequence[StoredSeries], start: int, end: int) -> Samples:
        """See ``SeriesReader.samples``."""
        start, end = clamp(start), clamp(end)
        newest = pages.between(self._newest, start, end)
        wanted = _wanted(series)
        names = {one.name for one in series}
        parts = [rows for name in names for rows in pages.read(self._connection, name, wanted, start, end)]
        return pages.gathered([*parts, newest], wanted, len(series))


def _wanted(series: Sequence[StoredSeries]) -> Ints:
    """See ``pages.read``."""
    numbers = np.fromiter((one.id for one in series), dtype=np.int64, count=len(series))
    wanted = np.full(int(numbers.max(initial=-1)) + 2, -1, dtype=np.int64)
    wanted[numbers] = np.arange(len(series))
    return wanted


CUT_ROWS = 250_000
CUT_SECONDS = 300.0
"""The head is moved to pages when it has this many rows or is this old."""

Job = Callable[[sqlite3.Connection], int]


class SampleTable:
    """Writes on the writer's thread, reads from any."""

    def __init__(self, database: Database, series_limit: int) -> None:
        self._database = database
        self.labels = SeriesIndex(database.writer, series_limit)
        self._head = Head()
        self._journal = self._journal_shown = 0
        for number, data in database.writer.execute("SELECT id, data FROM journal ORDER BY id"):
            self._head.append(_unpacked(data))
            self._journal = number
        self._journal_shown = self._journal
        self._head.commit()
        self._cut_at = time.monotonic()
        self._usage = _Usage()

    def write(self, connection: sqlite3.Connection, samples: Sequence[SampleRecord]) -> WriteCounts:
        """Insert what is new."""
        give = self.labels.id
        numbers = [give(connection, sample.labels) for sample in samples]
        fresh = self._head.append(_columns(numbers, samples))
        if len(fresh.rows):
            self._write_journal(connection, fresh)
        unwritten = _unwritten(numbers, fresh)
        stored, no_room = len(fresh.rows), len(unwritten.no_room)
        return WriteCounts(stored, no_room, len(unwritten.conflicting), unwritten=unwritten)

    def _write_journal(self, connection: sqlite3.Connection, fresh: Fresh) -> None:
        rows = fresh.rows
        data = rows.series.tobytes() + rows.times.tobytes() + rows.values.tobytes()
        self._journal = connection.execute("INSERT INTO journal (data) VALUES (?)", (data,)).lastrowid or 0

    def write_exemplars(self, connection: sqlite3.Connection, exemplars: Sequence[ExemplarRecord]) -> WriteCounts:
        """Insert what is new."""
        rows = []
        for exemplar in exemplars:
            series = self.labels.id(connection, exemplar.series)
            if series is not None:
                rows.append((series, exemplar.time_ms, json.dumps(exemplar.labels), _storable(exemplar.value)))
        stored = insert(connection, "exemplars", ("series", "time", "labels", "value"), rows)
        return WriteCounts(stored, len(exemplars) - len(rows))

    def write_metadata(self, connection: sqlite3.Connection, metadata: Sequence[MetadataRecord]) -> None:
        """Insert or replace."""
        connection.executemany(
            "INSERT OR REPLACE INTO families (family, type, help, unit) VALUES (?, ?, ?, ?)",
            map(attrgetter("family", "type", "help", "unit"), metadata),
        )

    def commit(self) -> None:
        """Show to readers what the transaction wrote."""
        self.labels.commit()
        self._head.commit()
        self._journal_shown = self._journal

    def rollback(self) -> None:
        """Forget what the transaction wrote."""
        self.labels.rollback()
        self._head.rollback()
        self._journal = self._journal_shown

    @property
    def cut_is_due(self) -> bool:
        """Whether the head has grown or aged enough to be moved."""
        old = time.monotonic() - self._cut_at > CUT_SECONDS
        return len(self._head) >= CUT_ROWS or (old and len(self._head) > 0)

    def cut(self, run: Callable[[Job], int]) -> int:
        """Move the head to pages; how many rows it had. ``run`` gives a job to the writer and waits for it.

        Called from one thread at a time, not the writer's: packing takes a while, and ingest goes on meanwhile.
        """
        seen: list[tuple[Rows, int]] = []

        def look(_: sqlite3.Connection) -> int:
            seen.append((self._head.rows(), self._journal))
            return 0

        run(look)
        rows, journal = seen[0]
        made = pages.pages_of(rows, self.labels.labels)

        def move(connection: sqlite3.Connection) -> int:
            connection.executemany(pages.INSERT, made)
            return connection.execute("DELETE FROM journal WHERE id <= ?", (journal,)).rowcount

        def drop(_: sqlite3.Connection) -> int:
            self._head.drop(len(rows))
            return len(rows)

        run(move)
        self._cut_at = time.monotonic()
        return run(drop)

    def merge(self, run: Callable[[Job], int]) -> int:
        """Merge small pages; how many there are less. As ``cut``."""
        fewer = 0
        with self._database.reading() as connection:
            for old, new in pages.merged(connection, self.labels.labels):
                fewer += run(partial(pages.replace, old=old, new=new))
                self._usage.moved(old, new)
        return fewer

    def unused(self, until: int) -> list[int]:
        """Series without a sample in any page after a number; they may have some in the head."""
        with self._database.reading() as connection:
            self._usage.update(connection)
        return [number for number in self.labels.numbers() if self._usage.last(number) <= until]

    def remove_unused(self, connection: sqlite3.Connection, numbers: Sequence[int]) -> int:
        """A job of the writer: remove series that ``unused`` gave and that nothing refers to; how many."""
        recent = self._head.series()
        sql = """DELETE FROM series WHERE id = ?
                 AND NOT EXISTS (SELECT 1 FROM exemplars WHERE exemplars.series = series.id)"""
        gone = [number for number in numbers if number not in recent and connection.execute(sql, (number,)).rowcount]
        self.labels.remove(gone)
        return len(gone)

    @contextmanager
    def snapshot(self) -> Iterator[SampleView]:
        """See ``SampleReader.snapshot``."""
        # The head comes first: a cut in between then shows samples twice, which is undone, and never hides any.
        newest = self._head.rows()
        with self._database.reading() as connection:
            connection.execute("BEGIN")
            try:
                connection.execute("SELECT 1 FROM pages LIMIT 1").fetchone()  # only a look fixes what is seen
                yield SampleView(self.labels, newest, connection)
            finally:
                connection.execute("COMMIT")

    def series(
        self, matchers: Sequence[Matcher], start: int | None = None, end: int | None = None
    ) -> list[StoredSeries]:
        """See ``SeriesReader.series``."""
        if start is None and end is None:
            return list(self.labels.find(matchers))
        with self.snapshot() as view:
            return view.series(matchers, start, end)

    def samples(self, series: Sequence[StoredSeries], start: int, end: int) -> Samples:
        """See ``SeriesReader.samples``."""
        with self.snapshot() as view:
            return view.samples(series, start, end)

    def metadata(self) -> list[MetadataRecord]:
        """See ``SampleReader.metadata``."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT family, type, help, unit FROM families ORDER BY family").fetchall()
        return [MetadataRecord(*row) for row in rows]

    def exemplars(self, matchers: Sequence[Matcher], start: int, end: int) -> list[ExemplarRecord]:
        """See ``SampleReader.exemplars``."""
        sql = "SELECT time, labels, value FROM exemplars WHERE series = ? AND time BETWEEN ? AND ?"
        found = []
        start, end = clamp(start), clamp(end)
        with self._database.reading() as connection:
            for series in self.labels.find(matchers):
                for moment, text, value in connection.execute(sql, (series.id, start, end)):
                    found.append(ExemplarRecord(series.labels, _pairs(text), moment, _number(value)))
        return sorted(found, key=attrgetter("time_ms"))


class _Usage:
    """The newest page that each series is in. For one thread."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}
        self._seen = 0

    def last(self, series: int) -> int:
        """The number of a page; 0 for none."""
        return self._last.get(series, 0)

    def update(self, connection: sqlite3.Connection) -> None:
        """Look at the pages that are new."""
        for number, members in pages.newer(connection, self._seen):
            self._last.update(dict.fromkeys(members.tolist(), number))
            self._seen = number

    def moved(self, old: Sequence[int], new: Sequence[pages.Page]) -> None:
        """Pages were merged under the last of their numbers."""
        for number, one in zip(old[len(old) - len(new) :], new, strict=True):
            for series in np.frombuffer(one[4], dtype=np.int32).tolist():
                self._last[series] = max(self._last.get(series, 0), number)


def _unwritten(numbers: Sequence[int | None], fresh: Fresh) -> UnwrittenSamples:
    """The places among all samples; ``fresh`` has those among the ones whose series has a number."""
    if len(fresh.rows) == len(numbers):
        return UnwrittenSamples()
    places = [place for place, number in enumerate(numbers) if number is not None]
    no_room = frozenset(place for place, number in enumerate(numbers) if number is None)
    repeated, conflicting = (
        frozenset(places[n] for n in found.tolist()) for found in (fresh.repeated, fresh.conflicting)
    )
    return UnwrittenSamples(repeated, conflicting, no_room)


def _columns(numbers: Sequence[int | None], samples: Sequence[SampleRecord]) -> Rows:
    """Samples whose series has a number, as columns."""
    if None in numbers:
        samples = [sample for number, sample in zip(numbers, samples, strict=True) if number is not None]
        numbers = [number for number in numbers if number is not None]
    _, times, values = zip(*samples, strict=True) if samples else ((), (), ())
    return Rows(np.array(numbers, dtype=np.int32), np.array(times, dtype=np.int64), np.array(values, dtype=np.float64))


def _unpacked(data: bytes) -> Rows:
    """The rows of one journal entry; ``ValueError`` when it is damaged."""
    count, rest = divmod(len(data), 20)
    if rest:
        raise ValueError("a journal entry has a wrong length")
    return Rows(
        np.frombuffer(data, dtype=np.int32, count=count),
        np.frombuffer(data, dtype=np.int64, count=count, offset=4 * count),
        np.frombuffer(data, dtype=np.float64, count=count, offset=12 * count),
    )


def _pairs(text: str) -> Labels:
    return tuple((name, value) for name, value in json.loads(text))


def _storable(value: float) -> float | int:
    """SQLite turns NaN into NULL, so a NaN is stored as the integer of its bits."""
    if value == value:
        return value
    return int(struct.unpack("<q", struct.pack("<d", value))[0])


def _number(stored: float | int) -> float:  # noqa: PYI041 - the two types mean different things
    if isinstance(stored, int):
        return float(struct.unpack("<d", struct.pack("<q", stored))[0])
    return stored
