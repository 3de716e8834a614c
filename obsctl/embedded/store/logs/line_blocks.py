"""Blocks of consecutive log lines, and searching them: only those are read that may hold what is looked for."""

# ruff: noqa: S608 - table and column names in SQL are constants of this package
from __future__ import annotations

import heapq
import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np

from obsctl.embedded.store.database import LEAST, MOST, Database
from obsctl.embedded.store.indexer import Indexed
from obsctl.embedded.store.logs import ngrams as grams

_COLUMNS = ("last", "first", "earliest", "latest", "streams", "grams")
_ROWS = "SELECT id, stream, time, line, metadata FROM lines WHERE id > ? ORDER BY id LIMIT ?"
_PAGE = 64
_LONG_TAIL = 50_000
"""Lines that are in no block yet, from which on searching them all is no gain."""

Row = tuple[int, int, int, str, str]
"""Time, row number, stream, line, metadata."""


def _summary(rows: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    numbers, streams, times, lines, metadata = zip(*rows, strict=True)
    text = "\n".join((*lines, *metadata)).encode("utf-8", "surrogatepass")
    listed = json.dumps(sorted(set(streams)))
    return (numbers[-1], numbers[0], min(times), max(times), listed, grams.build(text))


LINES = Indexed("lines", "line_blocks", _COLUMNS, _ROWS, _summary)


@dataclass(frozen=True)
class LineSearch:
    """What is looked for: lines of some streams in [start, end) ns, with texts in them and in their metadata's JSON."""

    streams: Collection[int]
    start: int
    end: int
    in_line: tuple[str, ...]
    in_metadata: tuple[str, ...]
    backward: bool

    def rows(self, database: Database) -> Iterator[Row] | None:
        """Matching rows by time, lazily; None when too few lines are in blocks for it to be worth it."""
        with database.reading() as connection:
            until = LINES.until(connection)
            newest = connection.execute("SELECT coalesce(max(id), 0) FROM lines").fetchone()[0]
        if newest - until > _LONG_TAIL:
            return None
        tail = sorted(self._rows(database, until + 1, MOST), key=itemgetter(0, 1), reverse=self.backward)
        return heapq.merge(tail, self._in_blocks(database, until), key=itemgetter(0, 1), reverse=self.backward)

    def _in_blocks(self, database: Database, until: int) -> Iterator[Row]:
        """Blocks come by the end that is met first, so a row goes out once no block left can have an earlier one."""
        texts = (*self.in_line, *self.in_metadata)
        wanted = np.concatenate([grams.hashes(b""), *(grams.hashes(text.encode()) for text in texts)])
        chosen, sign = frozenset(self.streams), -1 if self.backward else 1
        waiting: list[tuple[int, int, Row]] = []
        for last, first, edge, streams, table in self._blocks(database, until):
            while waiting and waiting[0][0] < sign * edge:
                yield heapq.heappop(waiting)[2]
            if grams.may_hold(table, wanted) and not chosen.isdisjoint(json.loads(streams)):
                for row in self._rows(database, first, last):
                    heapq.heappush(waiting, (sign * row[0], sign * row[1], row))
        while waiting:
            yield heapq.heappop(waiting)[2]

    def _blocks(self, database: Database, until: int) -> Iterator[tuple[int, int, int, str, bytes]]:
        edge, order, beyond = ("latest", "DESC", "<") if self.backward else ("earliest", "ASC", ">")
        sql = f"""SELECT last, first, {edge}, streams, grams FROM line_blocks
                  WHERE ({edge}, last) {beyond} (?, ?) AND latest >= ? AND earliest < ? AND last <= ?
                  ORDER BY {edge} {order}, last {order} LIMIT {_PAGE}"""
        before = (MOST, MOST) if self.backward else (LEAST, LEAST)
        while True:
            with database.reading() as connection:
                page = connection.execute(sql, (*before, self.start, self.end, until)).fetchall()
            yield from page
            if len(page) < _PAGE:
                return
            before = (page[-1][2], page[-1][0])

    def _rows(self, database: Database, first: int, last: int) -> list[Row]:
        tests = " AND instr(line, ?)" * len(self.in_line) + " AND instr(metadata, ?)" * len(self.in_metadata)
        sql = f"""SELECT time, id, stream, line, metadata FROM lines
                  WHERE id BETWEEN ? AND ? AND time >= ? AND time < ?{tests}"""
        values = (first, last, self.start, self.end, *self.in_line, *self.in_metadata)
        with database.reading() as connection:
            return [row for row in connection.execute(sql, values) if row[2] in self.streams]


def count_up_to(connection: sqlite3.Connection, streams: Collection[int], start: int, end: int, most: int) -> int:
    """How many lines some streams have in [start, end), counted up to a number."""
    sql = "SELECT count(*) FROM (SELECT 1 FROM lines WHERE stream = ? AND time >= ? AND time < ? LIMIT ?)"
    found = 0
    for stream in streams:
        found += connection.execute(sql, (stream, start, end, most - found)).fetchone()[0]
        if found >= most:
            break
    return found
