"""Spans in SQLite."""

from __future__ import annotations

import heapq
import sqlite3
import time
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from obsctl.embedded.records import SpanRecord
from obsctl.embedded.spans import StoredSpan
from obsctl.embedded.store.base import SpanScan, WriteCounts
from obsctl.embedded.store.database import MOST, Database, SqlValue, clamp, insert
from obsctl.embedded.store.dictionary import Dictionary
from obsctl.embedded.store.traces import decode
from obsctl.embedded.store.traces.span_blocks import SPANS
from obsctl.embedded.store.traces.span_search import Row, SpanSearch, Where

_COLUMNS = ("trace_id", "span_id", "service", "name", "kind", "status", "resource", "scope", "start", "end", "payload")
_SELECT = """
SELECT spans.start, spans.id, service.value, resource.value, scope.value, spans.payload
FROM spans
JOIN names AS service ON service.id = spans.service
JOIN blobs AS resource ON resource.id = spans.resource
JOIN blobs AS scope ON scope.id = spans.scope
"""
_OPERATION = "INSERT OR REPLACE INTO operations (service, name, kind, seen) VALUES (?, ?, ?, ?)"
_SAME = "SELECT id, end, payload FROM spans WHERE (trace_id, span_id, service, kind) = (?, ?, ?, ?)"
_NEWEST = "SELECT coalesce(max(id), 0) FROM spans"
_TAIL = 20_000
"""Spans that are in no block yet and are simply all read; of more than these, only those that the index names."""

_PAGES = (50, 500)
"""Rows of the first page of a scan and of the later ones: most searches want few."""


class SpanTable:
    """Writes on the writer's thread, reads from any."""

    def __init__(self, database: Database, names: Dictionary[str], blobs: Dictionary[bytes]) -> None:
        self._database = database
        self._names = names
        self._blobs = blobs
        self._operations: set[tuple[int, int, int]] = set()

    def write(self, connection: sqlite3.Connection, spans: Sequence[SpanRecord]) -> WriteCounts:
        """Insert. A span sent again as it was is a duplicate; of two that differ, the fuller one stays."""
        known: dict[tuple[str, str, int, int, bytes, bytes], tuple[int, ...]] = {}
        rows: list[tuple[SqlValue, ...]] = []
        for span in spans:
            repeated = (span.service, span.name, span.kind, span.status, span.resource, span.scope)
            numbers = known.get(repeated)
            if numbers is None:
                numbers = known[repeated] = self._numbers(connection, *repeated)
            rows.append((span.trace_id, span.span_id, *numbers, span.start_ns, span.end_ns, span.payload))
        newest = connection.execute(_NEWEST).fetchone()[0]
        stored = insert(connection, "spans", _COLUMNS, rows)
        return WriteCounts(stored) if stored == len(rows) else _keep_fuller(connection, spans, rows, stored, newest)

    def _numbers(
        self,
        connection: sqlite3.Connection,
        service: str,
        name: str,
        kind: int,
        status: int,
        resource: bytes,
        scope: bytes,
    ) -> tuple[int, ...]:
        """What stands in a row for the values that spans share."""
        operation = (self._names.id(connection, service), self._names.id(connection, name), kind)
        if operation not in self._operations:
            connection.execute(_OPERATION, (*operation, int(time.time())))
            self._operations.add(operation)
        return (*operation, status, self._blobs.id(connection, resource), self._blobs.id(connection, scope))

    def forget(self) -> None:
        """Drop the memory; see ``Dictionary.forget``."""
        self._operations.clear()

    def services(self) -> list[str]:
        """See ``SpanReader.services``."""
        return [name for _, name in self._services()]

    def _services(self) -> list[tuple[int, str]]:
        sql = "SELECT DISTINCT service, value FROM operations JOIN names ON names.id = service ORDER BY value"
        return self._rows(sql, ())

    def operations(self, service: str) -> list[tuple[str, int]]:
        """See ``SpanReader.operations``."""
        sql = """SELECT names.value, kind FROM operations JOIN names ON names.id = operations.name
                 WHERE service = (SELECT id FROM names WHERE value = ?) ORDER BY 1, 2"""
        return self._rows(sql, (service,))

    def trace(self, trace_id: bytes) -> list[StoredSpan]:
        """See ``SpanReader.trace``."""
        rows = self._rows(f"{_SELECT} WHERE spans.trace_id = ? ORDER BY spans.start, spans.id", (trace_id,))
        return [_stored(row) for row in rows]

    def scan(self, scan: SpanScan) -> Iterator[StoredSpan]:
        """See ``SpanReader.scan``."""
        if scan.prefilter is None:
            return map(_stored, self._by_service(scan, Where("1")))
        with self._database.reading() as connection:
            until = SPANS.until(connection)
            newest = connection.execute(_NEWEST).fetchone()[0]
        search = SpanSearch(self._database, _SELECT, scan, until)
        tail = search.tail() if newest - until <= _TAIL else self._by_service(scan, search.where())
        return map(_stored, heapq.merge(tail, search.in_blocks(), key=itemgetter(0, 1), reverse=True))

    def _by_service(self, scan: SpanScan, where: Where) -> Iterator[Row]:
        """Rows by way of the index of services: costs nothing for spans of other times."""
        services = [number for number, name in self._services() if scan.service in (None, name)]
        each = (self._scan_service(service, scan, where) for service in services)
        return heapq.merge(*each, key=itemgetter(0, 1), reverse=True)

    def _scan_service(self, service: int, scan: SpanScan, more: Where) -> Iterator[Row]:
        """Rows of one service, newest first, a page at a time, so that no connection is held in between."""
        where, values = _conditions(scan)
        sql = f"""{_SELECT} WHERE spans.service = ? AND (spans.start, spans.id) < (?, ?) {where} AND {more.sql}
                  ORDER BY spans.start DESC, spans.id DESC LIMIT ?"""
        start, number = MOST if scan.start_max is None else clamp(scan.start_max), MOST
        size = _PAGES[0]
        while True:
            page = self._rows(sql, (service, start, number, *values, *more.values, size))
            yield from page
            if len(page) < size:
                return
            start, number = page[-1][:2]
            size = _PAGES[1]

    def _rows(self, sql: str, values: tuple[SqlValue, ...]) -> list[Any]:
        with self._database.reading() as connection:
            return connection.execute(sql, values).fetchall()


def _keep_fuller(
    connection: sqlite3.Connection,
    spans: Sequence[SpanRecord],
    rows: Sequence[Sequence[SqlValue]],
    stored: int,
    newest: int,
) -> WriteCounts:
    """Compares rows with those that are stored by now under the same ids, their own or others.

    ``newest`` is the number of the last row that was there before.
    """
    replaced = conflicting = 0
    seen: set[tuple[SqlValue, ...]] = set()
    known: set[int] = set()
    for index, (span, row) in enumerate(zip(spans, rows, strict=True)):
        ids = (*row[:3], span.kind)
        number, end, payload = connection.execute(_SAME, ids).fetchone()
        if number <= newest or ids in seen:
            known.add(index)
        seen.add(ids)
        if payload == span.payload:
            continue
        if (span.end_ns, len(span.payload)) > (end, len(payload)):
            connection.execute("DELETE FROM spans WHERE id = ?", (number,))
            replaced += insert(connection, "spans", _COLUMNS, [row])
        else:
            conflicting += 1
    return WriteCounts(stored + replaced, conflicting=conflicting, replaced=replaced, known=frozenset(known))


def _conditions(scan: SpanScan) -> tuple[str, list[SqlValue]]:
    """SQL and values of everything but the service and the newest start."""
    possible = (
        ("spans.start >= ?", scan.start_min),
        ("spans.name = (SELECT id FROM names WHERE value = ?)", scan.operation),
        ("spans.end - spans.start >= ?", scan.duration_min),
        ("spans.end - spans.start <= ?", scan.duration_max),
    )
    given = [(sql, value if isinstance(value, str) else clamp(value)) for sql, value in possible if value is not None]
    return "".join(f" AND {sql}" for sql, _ in given), [value for _, value in given]


def _stored(row: Row) -> StoredSpan:
    return decode.span(*row[2:])
