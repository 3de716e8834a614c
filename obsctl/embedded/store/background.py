"""Background threads of the store, and making blocks: runs of rows with a summary, by which a search passes over them.

Rows that came since are not in a block yet; searches read them all. Making blocks waits while rows come in fast, until
there are many of those; then it goes on at full speed, and from ``MOST_BEHIND`` rows on, new rows wait for it.
"""

# ruff: noqa: S608 - table and column names in SQL are constants of this package
from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Generic, TypeVar

from obsctl.embedded.self_metrics import MAINTENANCE_FAILURES, SelfMetrics
from obsctl.embedded.store.base import DamagedError
from obsctl.embedded.store.database import MOST, Database, SqlValue
from obsctl.embedded.store.writer import Job, StoreWriter


class Periodic:
    """Calls ``work`` every ``interval`` seconds until it is closed or the writer has stopped. Failures are counted."""

    def __init__(self, name: str, interval: float, work: Callable[[], None], metrics: SelfMetrics) -> None:
        self._interval = interval
        self._work = work
        self._metrics = metrics
        self._stop = threading.Event()
        metrics.add(MAINTENANCE_FAILURES, 0)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def stopping(self) -> bool:
        """Whether to end between two pieces of work."""
        return self._stop.is_set()

    def close(self) -> None:
        """Stop between two pieces of work."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                self._work()
            except CancelledError:
                return
            except (sqlite3.Error, OSError, DamagedError):
                self._metrics.add(MAINTENANCE_FAILURES)


R = TypeVar("R", bound="tuple[int, *tuple[SqlValue, ...]]")
"""A row of a table with blocks, its number first."""

BLOCK_ROWS = 1_024
"""Rows in a block."""
_INTERVAL = 0.25
_BUSY_ROWS = 2_048
"""More rows than these in an interval, and a round makes one block only."""
_ROUND_BLOCKS = 8
LATE = 100_000
"""With more rows than these in no block, a round does not spare the rows that come in."""
MOST_BEHIND = 400_000
"""With more, blocks are made on the writer's thread, which commits nothing meanwhile: senders are slowed down."""
_REMEMBERED = 4_096
"""Rounds whose newest row is remembered, to tell how long rows wait: those of a quarter of an hour."""
_HELD_BLOCKS = 24
"""Blocks made so between two groups of rows: more than a group has rows, so that the number in no block falls."""


@dataclass(frozen=True)
class BlockTable(Generic[R]):
    """A table of ``rows`` and that of their ``blocks``.

    ``select`` gives rows after a number, in order, up to a count; ``summary`` makes a block of them. The first two of
    ``columns`` are the greatest and the least number in a block.
    """

    rows: str
    blocks: str
    columns: Sequence[str]
    select: str
    summary: Callable[[Sequence[R]], tuple[SqlValue, ...]]

    def until(self, connection: sqlite3.Connection) -> int:
        """Number of the last row that is in a block."""
        return int(connection.execute(f"SELECT coalesce(max(last), 0) FROM {self.blocks}").fetchone()[0])


@dataclass(frozen=True)
class IndexBacklog:
    """How far blocks are behind: rows that are in none, and for how long (s) the oldest whole run of them waits."""

    rows: int
    seconds: float


class BlockIndexer(Generic[R]):
    """A thread that makes blocks as rows come in, and removes those whose rows are gone."""

    def __init__(self, table: BlockTable[R], database: Database, writer: StoreWriter, metrics: SelfMetrics) -> None:
        self._table = table
        self._database = database
        self._writer = writer
        self._newest = 0
        self._arrivals: deque[tuple[float, int]] = deque(maxlen=_REMEMBERED)
        self._thread = Periodic(f"{table.rows}-indexer", _INTERVAL, self._catch_up, metrics)

    def close(self) -> None:
        """Stop between two blocks."""
        self._thread.close()

    def backlog(self) -> IndexBacklog:
        """How far behind it is now. The time is exact to the interval of the rounds, and counts from the start."""
        with self._database.reading() as connection:
            until = self._table.until(connection)
            newest = connection.execute(f"SELECT coalesce(max(id), 0) FROM {self._table.rows}").fetchone()[0]
        rows = max(0, newest - until)
        waiting = next((moment for moment, number in list(self._arrivals) if number >= until + BLOCK_ROWS), None)
        return IndexBacklog(rows, time.monotonic() - waiting if waiting is not None and rows >= BLOCK_ROWS else 0.0)

    def _note_arrivals(self, newest: int) -> None:
        if newest > self._newest:
            self._arrivals.append((time.monotonic(), newest))
        self._newest = newest

    def _catch_up(self) -> None:
        while not self._thread.stopping and self.round():
            pass

    def round(self) -> bool:
        """Make some blocks; whether there is more to do, and time for it."""
        with self._database.reading() as connection:
            until = self._table.until(connection)
            first, newest = connection.execute(f"SELECT min(id), max(id) FROM {self._table.rows}").fetchone()
            oldest = connection.execute(f"SELECT min(last) FROM {self._table.blocks}").fetchone()[0]
        behind = (newest or 0) - until
        busy = (newest or 0) - self._newest > _BUSY_ROWS and behind <= LATE
        self._note_arrivals(newest or 0)
        if oldest is not None and oldest < (first or MOST):
            self._writer.run(self._remove_before(first or MOST)).result()
        if behind > MOST_BEHIND:
            return self._writer.run(lambda writing: self._add(writing, self._made(until, _HELD_BLOCKS))).result() > 0
        made = self._made(until, 1 if busy else _ROUND_BLOCKS)
        if made:
            self._writer.run(lambda writing: self._add(writing, made)).result()
        return len(made) == _ROUND_BLOCKS

    def _made(self, until: int, most: int) -> list[tuple[SqlValue, ...]]:
        """Up to so many blocks of the rows after a number."""
        made = []
        for _ in range(most):
            with self._database.reading() as connection:
                rows = connection.execute(self._table.select, (until, BLOCK_ROWS)).fetchall()
            if len(rows) < BLOCK_ROWS:
                break
            made.append(self._table.summary(rows))
            until = rows[-1][0]
        return made

    def _add(self, connection: sqlite3.Connection, made: Iterable[Sequence[SqlValue]]) -> int:
        columns = self._table.columns
        values = f"({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        return connection.executemany(f"INSERT OR REPLACE INTO {self._table.blocks} {values}", made).rowcount

    def _remove_before(self, first: int) -> Job:
        sql = f"DELETE FROM {self._table.blocks} WHERE last < ?"
        return lambda connection: connection.execute(sql, (first,)).rowcount
