"""Blocks of consecutive log lines, and searching them: only those are read that may hold the text.

A block has a table of bits with the four-grams (runs of four bytes) of its lines and metadata. A text of n bytes has
n - 3 of them, all of which must be there, so that a false "yes" is rare for all but short texts.
"""

# ruff: noqa: S608 - table and column names in SQL are constants of this package
from __future__ import annotations

import heapq
import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from obsctl.embedded.store.background import BlockTable
from obsctl.embedded.store.database import LEAST, MOST, Database, SqlValue

_LENGTH = 4
_MOST_BITS = 1 << 18
_LEAST_BITS = 1 << 10
_SPARSE = 4
"""Bits for each four-gram that occurs."""
_MULTIPLIER = np.uint32(2_654_435_761)
_SHIFT = np.uint32(14)

Hashes = npt.NDArray[np.uint32]


def four_gram_hashes(text: bytes) -> Hashes:
    """The 18-bit hash of every four-gram of a text; none for a text of under four bytes."""
    if len(text) < _LENGTH:
        return np.zeros(0, dtype=np.uint32)
    data = np.frombuffer(text, dtype=np.uint8).astype(np.uint32)
    grams = data[:-3] | data[1:-2] << np.uint32(8) | data[2:-1] << np.uint32(16) | data[3:] << np.uint32(24)
    found: Hashes = (grams * _MULTIPLIER) >> _SHIFT
    return found


def four_gram_table(text: bytes) -> bytes:
    """The four-grams of a text as a table of bits, as small as they allow."""
    flags = np.zeros(_MOST_BITS, dtype=np.bool_)
    flags[four_gram_hashes(text)] = True
    wanted = max(_LEAST_BITS, int(np.count_nonzero(flags)) * _SPARSE)
    while len(flags) // 2 >= wanted:
        half = len(flags) // 2
        flags = flags[:half] | flags[half:]
    return np.packbits(flags, bitorder="little").tobytes()


def may_contain(table: bytes, wanted: Hashes) -> bool:
    """Whether the text of a table may have all these four-grams."""
    places = wanted & np.uint32(len(table) * 8 - 1)
    bits = np.frombuffer(table, dtype=np.uint8)[places >> np.uint32(3)]
    return bool(np.all(bits >> (places & np.uint32(7)).astype(np.uint8) & np.uint8(1)))


_COLUMNS = ("last", "first", "earliest", "latest", "streams", "grams")
_ROWS = "SELECT id, stream, time, line, metadata FROM lines WHERE id > ? ORDER BY id LIMIT ?"
_PAGE = 64
_LONG_TAIL = 50_000
"""Lines that are in no block yet, from which on reading them all is no gain; a text to search for leaves few."""

Row = tuple[int, int, int, str, str]
"""Time, row number, stream, line, metadata."""


def _summary(rows: Sequence[tuple[int, int, int, str, str]]) -> tuple[SqlValue, ...]:
    numbers, streams, times, lines, metadata = zip(*rows, strict=True)
    text = "\n".join((*lines, *metadata)).encode("utf-8", "surrogatepass")
    listed = json.dumps(sorted(set(streams)))
    return (numbers[-1], numbers[0], min(times), max(times), listed, four_gram_table(text))


LINES = BlockTable("lines", "line_blocks", _COLUMNS, _ROWS, _summary)


@dataclass(frozen=True)
class LineSearch:
    """A search for lines of some streams in [start, end) ns, with texts in them and in their metadata's JSON."""

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
        if newest - until > _LONG_TAIL and not (self.in_line or self.in_metadata):
            return None
        tail = sorted(self._rows(database, until + 1, MOST), key=itemgetter(0, 1), reverse=self.backward)
        return heapq.merge(tail, self._in_blocks(database, until), key=itemgetter(0, 1), reverse=self.backward)

    def _in_blocks(self, database: Database, until: int) -> Iterator[Row]:
        """Blocks come by the end that is met first, so a row goes out once no block left can have an earlier one."""
        texts = (*self.in_line, *self.in_metadata)
        wanted = np.concatenate([four_gram_hashes(b""), *(four_gram_hashes(text.encode()) for text in texts)])
        chosen, sign = frozenset(self.streams), -1 if self.backward else 1
        waiting: list[tuple[int, int, Row]] = []
        for last, first, edge, streams, table in self._blocks(database, until):
            while waiting and waiting[0][0] < sign * edge:
                yield heapq.heappop(waiting)[2]
            if may_contain(table, wanted) and not chosen.isdisjoint(json.loads(streams)):
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
