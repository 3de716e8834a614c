"""Log lines and the positions of followed files in SQLite."""

# ruff: noqa: S608 - table and column names in SQL are constants of this package
from __future__ import annotations

import hashlib
import heapq
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Literal

from obsctl.embedded.records import FilePosition, LogRecord
from obsctl.embedded.store.base import LogVolume
from obsctl.embedded.store.database import LEAST, MOST, Database, clamp, insert
from obsctl.embedded.store.dictionary import LabelSets
from obsctl.embedded.store.logs.line_blocks import LineSearch, Row, count_up_to
from obsctl.languages.labels import Labels, Matcher, matches_all

_COLUMNS = ("stream", "time", "digest", "line", "metadata", "trace_id", "request_id")
_INDEXED = ("trace_id", "request_id")
_PAGES = (100, 1000)
_POSITION = ("path", "device", "inode", "offset", "head")

_FEW_STREAMS = 16
_FEW_LINES = 2_000
"""With no more streams and lines than these, the lines of each stream are read in turn."""


class LogTable:
    """Writes on the writer's thread, reads from any."""

    def __init__(self, database: Database, stream_limit: int) -> None:
        self._database = database
        self.labels = LabelSets(database.writer, "streams", stream_limit)

    def write(self, connection: sqlite3.Connection, logs: Sequence[LogRecord]) -> tuple[int, int]:
        """Insert; how many were new, and how many had no room for their stream. Exact repetitions are stored once."""
        rows = []
        for record in logs:
            stream = self.labels.id(connection, record.labels)
            if stream is not None:
                metadata = json.dumps(record.metadata)
                found = dict(record.metadata)
                digest = _digest(record.line, metadata)
                indexed = (found.get(name) for name in _INDEXED)
                rows.append((stream, record.time_ns, digest, record.line, metadata, *indexed))
        return insert(connection, "lines", _COLUMNS, rows), len(logs) - len(rows)

    def write_positions(self, connection: sqlite3.Connection, positions: Sequence[FilePosition]) -> None:
        """Insert or replace."""
        connection.executemany(
            'INSERT OR REPLACE INTO positions (path, device, inode, "offset", head) VALUES (?, ?, ?, ?, ?)',
            map(attrgetter(*_POSITION), positions),
        )

    def positions(self) -> list[FilePosition]:
        """How far every file was read."""
        with self._database.reading() as connection:
            rows = connection.execute('SELECT path, device, inode, "offset", head FROM positions').fetchall()
        return [FilePosition(*row) for row in rows]

    def streams(self, matchers: Sequence[Matcher], start: int | None = None, end: int | None = None) -> list[Labels]:
        """See ``LogReader.streams``."""
        found = self.labels.find(matchers)
        if start is None and end is None:
            return [labels for _, labels in found]
        low, high = LEAST if start is None else clamp(start), MOST if end is None else clamp(end)
        sql = "SELECT 1 FROM lines WHERE stream = ? AND time >= ? AND time < ? LIMIT 1"
        with self._database.reading() as connection:
            return [labels for number, labels in found if connection.execute(sql, (number, low, high)).fetchone()]

    def lines(
        self,
        matchers: Sequence[Matcher],
        start: int,
        end: int,
        *,
        direction: Literal["backward", "forward"] = "backward",
        metadata: Mapping[str, str] | None = None,
        contains: Sequence[str] = (),
    ) -> Iterator[LogRecord]:
        """See ``LogReader.lines``."""
        start, end = clamp(start), clamp(end)
        streams = dict(self.labels.find(matchers))
        wanted = dict(metadata or {})
        order = _ORDERS[direction]
        hint = next((name for name in _INDEXED if name in wanted), None)
        rows: Iterator[Row] | None = None
        if hint:
            rows = (row for row in self._pages(hint, wanted[hint], order, start, end) if row[2] in streams)
        elif contains or wanted or len(streams) > _FEW_STREAMS:
            texts = tuple(json.dumps(value) for value in wanted.values())
            rows = self._searched(LineSearch(streams, start, end, tuple(contains), texts, order.reverse))
        if rows is None:
            runs = (self._pages("stream", number, order, start, end) for number in streams)
            rows = heapq.merge(*runs, key=itemgetter(0, 1), reverse=order.reverse)
        records = (LogRecord(streams[stream], time, line, _pairs(text)) for time, _, stream, line, text in rows)
        return (record for record in records if wanted.items() <= dict(record.metadata).items())

    def _searched(self, search: LineSearch) -> Iterator[Row] | None:
        """A search over blocks; None when reading the streams costs less."""
        with self._database.reading() as connection:
            count = count_up_to(connection, search.streams, search.start, search.end, _FEW_LINES)
        return search.rows(self._database) if count >= _FEW_LINES else None

    def volumes(self, matchers: Sequence[Matcher], start: int, end: int, step: int) -> list[LogVolume]:
        """See ``LogReader.volumes``."""
        start, end = clamp(start), clamp(end)
        sql = """SELECT (time - ?) / ? AS step, count(*), sum(length(CAST(line AS BLOB))) FROM lines
                 WHERE stream = ? AND time >= ? AND time < ? GROUP BY step ORDER BY step"""
        found: list[LogVolume] = []
        for number, labels in self.labels.find(matchers):
            with self._database.reading() as connection:
                rows = connection.execute(sql, (start, clamp(step), number, start, end)).fetchall()
            found += [LogVolume(labels, *row) for row in rows]
        return found

    def arrivals(self, matchers: Sequence[Matcher], after: int | None, limit: int) -> tuple[list[LogRecord], int]:
        """See ``LogReader.arrivals``."""
        with self._database.reading() as connection:
            if after is None:
                return [], int(connection.execute("SELECT coalesce(max(id), 0) FROM lines").fetchone()[0])
            sql = "SELECT id, stream, time, line, metadata FROM lines WHERE id > ? ORDER BY id LIMIT ?"
            rows = connection.execute(sql, (after, limit)).fetchall()
        found, wanted = [], dict[int, bool]()
        for number, stream, moment, line, metadata in rows:
            labels = self.labels.labels(stream)
            if labels is None:
                break  # committed a moment ago; its labels will be here next time
            if stream not in wanted:
                wanted[stream] = matches_all(matchers, dict(labels))
            if wanted[stream]:
                found.append(LogRecord(labels, moment, line, _pairs(metadata)))
            after = number
        return found, after

    def _pages(self, column: str, value: str | int, order: _Order, start: int, end: int) -> Iterator[Row]:
        """Rows with one value in an indexed column, a page at a time, so that no connection is held in between."""
        after = order.first(start, end)
        size = _PAGES[0]
        sql = f"""SELECT time, id, stream, line, metadata FROM lines
                  WHERE {column} = ? AND time >= ? AND time < ? AND (time, id) {order.beyond} (?, ?)
                  ORDER BY time {order.sql}, id {order.sql} LIMIT ?"""
        while True:
            with self._database.reading() as connection:
                page = connection.execute(sql, (value, start, end, *after, size)).fetchall()
            yield from page
            if len(page) < size:
                return
            after = page[-1][:2]
            size = _PAGES[1]


class _Order:
    """One direction of reading, in SQL."""

    def __init__(self, beyond: str, sql: str, reverse: bool, first: Callable[[int, int], tuple[int, int]]) -> None:
        self.beyond, self.sql, self.reverse, self.first = beyond, sql, reverse, first


_ORDERS = {
    "backward": _Order("<", "DESC", True, lambda _start, end: (end, LEAST)),
    "forward": _Order(">", "ASC", False, lambda start, _end: (start, LEAST)),
}


def _digest(line: str, metadata: str) -> int:
    text = f"{metadata}\n{line}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big", signed=True)


def _pairs(text: str) -> Labels:
    return tuple((name, value) for name, value in json.loads(text))
