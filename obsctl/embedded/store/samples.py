"""Samples, exemplars and metadata in SQLite."""

from __future__ import annotations

import json
import sqlite3
import struct
import time
from collections.abc import Mapping, Sequence
from operator import attrgetter

from obsctl.embedded.signals import ExemplarRecord, Labels, Matcher, MetadataRecord, SampleRecord
from obsctl.embedded.store import chunk
from obsctl.embedded.store.base import Points, Series
from obsctl.embedded.store.database import LEAST, MOST, Database, clamp, insert
from obsctl.embedded.store.dictionary import LabelSets
from obsctl.embedded.store.head import Head

CUT_ROWS = 100_000
CUT_SECONDS = 300.0
"""The head is moved to chunks when it has this many rows or is this old."""


class SampleTable:
    """Writes on the writer's thread, reads from any."""

    def __init__(self, database: Database, series_limit: int) -> None:
        self._database = database
        self.labels = LabelSets(database.writer, "series", series_limit)
        self._head = Head()
        rows = database.writer.execute("SELECT series, time, value FROM head")
        self._head.fresh((series, moment, _number(value)) for series, moment, value in rows)
        self._head.commit()
        self._cut_at = time.monotonic()
        self._cut_pending = False

    def write(self, connection: sqlite3.Connection, samples: Sequence[SampleRecord]) -> tuple[int, int]:
        """Insert; how many were new, and how many had no room for their series."""
        rows = []
        for sample in samples:
            series = self.labels.id(connection, sample.labels)
            if series is not None:
                rows.append((series, sample.time_ms, sample.value))
        fresh = self._head.fresh(rows)
        insert(
            connection,
            "head",
            ("series", "time", "value"),
            [(series, moment, _storable(value)) for series, moment, value in fresh],
        )
        return len(fresh), len(samples) - len(rows)

    def write_exemplars(self, connection: sqlite3.Connection, exemplars: Sequence[ExemplarRecord]) -> tuple[int, int]:
        """Insert; how many were new, and how many had no room for their series."""
        rows = []
        for exemplar in exemplars:
            series = self.labels.id(connection, exemplar.series)
            if series is not None:
                rows.append((series, exemplar.time_ms, json.dumps(exemplar.labels), _storable(exemplar.value)))
        stored = insert(connection, "exemplars", ("series", "time", "labels", "value"), rows)
        return stored, len(exemplars) - len(rows)

    def write_metadata(self, connection: sqlite3.Connection, metadata: Sequence[MetadataRecord]) -> None:
        """Insert or replace."""
        connection.executemany(
            "INSERT OR REPLACE INTO families (family, type, help, unit) VALUES (?, ?, ?, ?)",
            map(attrgetter("family", "type", "help", "unit"), metadata),
        )

    def commit(self) -> None:
        """Show to readers what the transaction wrote."""
        self.labels.commit()
        if self._cut_pending:
            self._head.clear()
            self._cut_pending = False
            self._cut_at = time.monotonic()
        self._head.commit()

    def rollback(self) -> None:
        """Forget what the transaction wrote."""
        self.labels.rollback()
        self._head.rollback()
        self._cut_pending = False

    @property
    def cut_is_due(self) -> bool:
        """Whether the head has grown or aged enough to be moved."""
        old = time.monotonic() - self._cut_at > CUT_SECONDS
        return len(self._head) >= CUT_ROWS or (old and len(self._head) > 0)

    def cut(self, connection: sqlite3.Connection) -> int:
        """A job of the writer: move the head to chunks; how many series it had."""
        rows = []
        for series in self._head.series():
            points = self._head.points(series)
            rows.append((series, int(points.times[0]), int(points.times[-1]), chunk.encode(points)))
        insert(connection, "chunks", ("series", "start", "end", "data"), rows)
        connection.execute("DELETE FROM head")
        self._cut_pending = True
        return len(rows)

    def series(self, matchers: Sequence[Matcher], start: int | None = None, end: int | None = None) -> list[Series]:
        """See ``SampleReader.series``."""
        found = [Series(number, labels) for number, labels in self.labels.find(matchers)]
        if start is None and end is None:
            return found
        low, high = LEAST if start is None else clamp(start), MOST if end is None else clamp(end)
        with self._database.reading() as connection:
            return [series for series in found if self._has_points(connection, series.id, low, high)]

    def points(self, series: Sequence[Series], start: int, end: int) -> Mapping[int, Points]:
        """See ``SampleReader.points``."""
        start, end = clamp(start), clamp(end)
        with self._database.reading() as connection:
            found = {one.id: self._points(connection, one.id, start, end) for one in series}
        return {number: points for number, points in found.items() if len(points.times)}

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
            for number, labels in self.labels.find(matchers):
                for moment, text, value in connection.execute(sql, (number, start, end)):
                    found.append(ExemplarRecord(labels, _pairs(text), moment, _number(value)))
        return sorted(found, key=attrgetter("time_ms"))

    def _has_points(self, connection: sqlite3.Connection, series: int, start: int, end: int) -> bool:
        if len(chunk.between(self._head.points(series), start, end).times):
            return True
        sql = "SELECT 1 FROM chunks WHERE series = ? AND end BETWEEN ? AND ? LIMIT 1"
        if connection.execute(sql, (series, start, end)).fetchone():
            return True
        return len(self._points(connection, series, start, end).times) > 0

    def _points(self, connection: sqlite3.Connection, series: int, start: int, end: int) -> Points:
        # The head is copied first: a cut in between then shows points twice, which merging undoes, and never hides any.
        newest = self._head.points(series)
        sql = "SELECT data FROM chunks WHERE series = ? AND end >= ? AND start <= ? ORDER BY end"
        parts = [chunk.decode(data) for (data,) in connection.execute(sql, (series, start, end))]
        return chunk.between(chunk.merge([*parts, newest]), start, end)


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
