"""Runs of consecutive spans and what is in them, made in the background: a search reads only those it cannot rule out.

Spans that came since are not in a block yet; searches read them all. Making blocks waits while spans come in fast.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from obsctl.embedded.own_metrics import OwnMetrics
from obsctl.embedded.store import bloom, tokens
from obsctl.embedded.store.database import MOST, Database, clamp
from obsctl.embedded.store.periodic import Periodic
from obsctl.embedded.store.writer import Job, Writer

SIZE = 1_024
"""Spans in a block."""
_INTERVAL = 0.25
_BUSY = 2 * SIZE
"""More spans than these in an interval, and a round makes one block only."""
_ROUND = 8
_PAGE = 64

_COLUMNS = (
    *("last", "first", "earliest", "latest", "shortest", "longest"),
    *("kinds", "statuses", "names", "services", "resources", "scopes", "filter"),
)
_ROWS = """SELECT id, start, end, kind, status, name, service, resource, scope, payload FROM spans
           WHERE id > ? ORDER BY id LIMIT ?"""


@dataclass(frozen=True)
class Block:
    """A block of spans by number, both ends included; numbers of names and blobs as their tables have them."""

    first: int
    last: int
    earliest: int
    latest: int
    shortest: int
    longest: int
    kinds: frozenset[int]
    statuses: frozenset[int]
    names: frozenset[int]
    services: frozenset[int]
    resources: frozenset[int]
    scopes: frozenset[int]
    filter: bytes


def indexed_until(connection: sqlite3.Connection) -> int:
    """Number of the last span that is in a block."""
    return int(connection.execute("SELECT coalesce(max(last), 0) FROM span_blocks").fetchone()[0])


def blocks(database: Database, until: int, start_min: int | None, start_max: int | None) -> Iterator[Block]:
    """Blocks with spans that started in a time, by their latest start, newest first; only those up to a number."""
    sql = f"""SELECT {", ".join(_COLUMNS)} FROM span_blocks WHERE (latest, last) < (?, ?) AND latest >= ?
              AND earliest <= ? AND last <= ? ORDER BY latest DESC, last DESC LIMIT {_PAGE}"""  # noqa: S608 - constants
    low, high = clamp(start_min or 0), MOST if start_max is None else clamp(start_max)
    before = (MOST, MOST)
    while True:
        with database.reading() as connection:
            rows = connection.execute(sql, (*before, low, high, until)).fetchall()
        yield from map(_block, rows)
        if len(rows) < _PAGE:
            return
        before = (rows[-1][3], rows[-1][0])


def _block(row: Sequence[Any]) -> Block:
    last, first, earliest, latest, shortest, longest = row[:6]
    kinds, statuses, names, services, resources, scopes = (frozenset(json.loads(text)) for text in row[6:12])
    return Block(
        *(first, last, earliest, latest, shortest, longest),
        *(kinds, statuses, names, services, resources, scopes),
        row[12],
    )


def _summary(rows: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    """The row of a block, from those of its spans."""
    numbers, starts, ends, *columns, payloads = zip(*rows, strict=True)
    took = [end - start for start, end in zip(starts, ends, strict=True)]
    found = {token for payload in payloads for token in tokens.of_span(Span.FromString(payload))}
    lists = [json.dumps(sorted(set(column))) for column in columns]
    return (
        *(numbers[-1], numbers[0], min(starts), max(starts), min(took), max(took)),
        *lists,
        bloom.build(found),
    )


class SpanIndexer:
    """A thread that makes blocks as spans come in, and removes those whose spans are gone."""

    def __init__(self, database: Database, writer: Writer, metrics: OwnMetrics) -> None:
        self._database = database
        self._writer = writer
        self._newest = 0
        self._thread = Periodic("span-indexer", _INTERVAL, self._catch_up, metrics)

    def close(self) -> None:
        """Stop between two blocks."""
        self._thread.close()

    def _catch_up(self) -> None:
        while not self._thread.stopping and self.round():
            pass

    def round(self) -> bool:
        """Make some blocks; whether there is more to do, and time for it."""
        with self._database.reading() as connection:
            until = indexed_until(connection)
            first, newest = connection.execute("SELECT min(id), max(id) FROM spans").fetchone()
            oldest = connection.execute("SELECT min(last) FROM span_blocks").fetchone()[0]
        busy = (newest or 0) - self._newest > _BUSY
        self._newest = newest or 0
        if oldest is not None and oldest < (first or MOST):
            self._writer.run(_remove_before(first or MOST)).result()
        made = []
        for _ in range(1 if busy else _ROUND):
            rows = self._rows(until)
            if len(rows) < SIZE:
                break
            made.append(_summary(rows))
            until = rows[-1][0]
        if made:
            self._writer.run(_add(made)).result()
        return len(made) == _ROUND

    def _rows(self, after: int) -> list[Any]:
        with self._database.reading() as connection:
            return connection.execute(_ROWS, (after, SIZE)).fetchall()


def _add(made: Iterable[Sequence[Any]]) -> Job:
    marks = ", ".join("?" * len(_COLUMNS))
    sql = f"INSERT OR REPLACE INTO span_blocks ({', '.join(_COLUMNS)}) VALUES ({marks})"  # noqa: S608 - constants
    return lambda connection: connection.executemany(sql, made).rowcount


def _remove_before(first: int) -> Job:
    return lambda connection: connection.execute("DELETE FROM span_blocks WHERE last < ?", (first,)).rowcount
