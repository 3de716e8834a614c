"""Makes blocks of consecutive rows, and notes what is in them: a search passes over those it can rule out.

Rows that came since are not in a block yet; searches read them all. Making blocks waits while rows come in fast.
"""

# ruff: noqa: S608 - table and column names in SQL are constants of this package
from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from obsctl.embedded.self_metrics import OwnMetrics
from obsctl.embedded.store.database import MOST, Database
from obsctl.embedded.store.periodic import Periodic
from obsctl.embedded.store.writer import Job, Writer

SIZE = 1_024
"""Rows in a block."""
_INTERVAL = 0.25
_BUSY = 2_048
"""More rows than these in an interval, and a round makes one block only."""
_ROUND = 8


@dataclass(frozen=True)
class Indexed:
    """A table with blocks: ``select`` gives rows after a number, by number, up to a count; ``summary`` is their block.

    Of ``columns``, the first two are the greatest and the least number in a block.
    """

    table: str
    blocks: str
    columns: Sequence[str]
    select: str
    summary: Callable[[Sequence[Sequence[Any]]], tuple[Any, ...]]

    def until(self, connection: sqlite3.Connection) -> int:
        """Number of the last row that is in a block."""
        return int(connection.execute(f"SELECT coalesce(max(last), 0) FROM {self.blocks}").fetchone()[0])


class Indexer:
    """A thread that makes blocks as rows come in, and removes those whose rows are gone."""

    def __init__(self, what: Indexed, database: Database, writer: Writer, metrics: OwnMetrics) -> None:
        self._what = what
        self._database = database
        self._writer = writer
        self._newest = 0
        self._thread = Periodic(f"{what.table}-indexer", _INTERVAL, self._catch_up, metrics)

    def close(self) -> None:
        """Stop between two blocks."""
        self._thread.close()

    def _catch_up(self) -> None:
        while not self._thread.stopping and self.round():
            pass

    def round(self) -> bool:
        """Make some blocks; whether there is more to do, and time for it."""
        with self._database.reading() as connection:
            until = self._what.until(connection)
            first, newest = connection.execute(f"SELECT min(id), max(id) FROM {self._what.table}").fetchone()
            oldest = connection.execute(f"SELECT min(last) FROM {self._what.blocks}").fetchone()[0]
        busy = (newest or 0) - self._newest > _BUSY
        self._newest = newest or 0
        if oldest is not None and oldest < (first or MOST):
            self._writer.run(self._remove_before(first or MOST)).result()
        made = []
        for _ in range(1 if busy else _ROUND):
            rows = self._rows(until)
            if len(rows) < SIZE:
                break
            made.append(self._what.summary(rows))
            until = rows[-1][0]
        if made:
            self._writer.run(self._add(made)).result()
        return len(made) == _ROUND

    def _rows(self, after: int) -> list[Any]:
        with self._database.reading() as connection:
            return connection.execute(self._what.select, (after, SIZE)).fetchall()

    def _add(self, made: Iterable[Sequence[Any]]) -> Job:
        columns = self._what.columns
        values = f"({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        sql = f"INSERT OR REPLACE INTO {self._what.blocks} {values}"
        return lambda connection: connection.executemany(sql, made).rowcount

    def _remove_before(self, first: int) -> Job:
        sql = f"DELETE FROM {self._what.blocks} WHERE last < ?"
        return lambda connection: connection.execute(sql, (first,)).rowcount
