"""Background work on the store: checkpoints, moving samples into pages, and retention by age and size.

Everything that changes rows is a small job of the writer's thread, so ingest goes on in between.
"""

# ruff: noqa: S608 - table and column names in SQL are constants of this package
from __future__ import annotations

import sqlite3
import time
from functools import partial
from typing import Protocol

from obsctl.embedded.self_metrics import EXPIRED, SelfMetrics
from obsctl.embedded.store.background import Periodic
from obsctl.embedded.store.base import RetentionLimits
from obsctl.embedded.store.database import Database
from obsctl.embedded.store.dictionary import LabelSets
from obsctl.embedded.store.logs.lines import LogTable
from obsctl.embedded.store.metrics.samples import SampleTable
from obsctl.embedded.store.schema import MARKED, REFRESH_SECONDS
from obsctl.embedded.store.writer import Job, StoreWriter

_INTERVAL = 1.0
_MARK_SECONDS = 10
_ROWS = 500
"""Rows removed in one transaction."""

_CHECKPOINT_BYTES = 4 << 20


class _Tables(Protocol):
    samples: SampleTable
    logs: LogTable

    def forget(self) -> None: ...


class Maintenance:
    """A thread that looks after the store once a second."""

    def __init__(
        self, database: Database, tables: _Tables, writer: StoreWriter, retention: RetentionLimits, metrics: SelfMetrics
    ) -> None:
        self._database = database
        self._tables = tables
        self._writer = writer
        self._retention = retention
        self._metrics = metrics
        self._marked_at = 0.0
        for table in MARKED:
            metrics.add(EXPIRED, 0, table)
        self._thread = Periodic("store-maintenance", _INTERVAL, lambda: self.tick(time.time()), metrics)

    def close(self) -> None:
        """Stop between two pieces of work."""
        self._thread.close()

    def tick(self, now: float) -> None:
        """Do what is due at ``now`` (seconds since the epoch)."""
        if self._tables.samples.cut_is_due:
            self._tables.samples.cut(self._run)
            self._tables.samples.merge(self._run)
        if now - self._marked_at >= _MARK_SECONDS:
            self._marked_at = now
            self._run(lambda connection: _mark(connection, int(now)))
            self.expire(now)
        if self._database.file_bytes("-wal") > _CHECKPOINT_BYTES:
            self._database.checkpoint()

    def expire(self, now: float) -> None:
        """Apply retention."""
        cutoff = self._marks("time <= ?", now - self._retention.age_seconds, "DESC")
        if cutoff:
            self._remove_until(cutoff)
        while self._database.used_bytes() > self._retention.size_bytes and not self._thread.stopping:
            oldest = self._marks("time > ?", cutoff[0] if cutoff else 0, "ASC")
            if oldest is None:
                return
            cutoff = oldest
            self._remove_until(cutoff)

    def _marks(self, where: str, value: float, order: str) -> tuple[int, ...] | None:
        """The first mark under a condition: its time and a row number for each table."""
        sql = f"SELECT time, {', '.join(MARKED)} FROM marks WHERE {where} ORDER BY time {order} LIMIT 1"
        with self._database.reading() as connection:
            row: tuple[int, ...] | None = connection.execute(sql, (value,)).fetchone()
        return row

    def _remove_until(self, mark: tuple[int, ...]) -> None:
        """Remove everything that had arrived at a mark."""
        moment, *numbers = mark
        for table, number in zip(MARKED, numbers, strict=True):
            while removed := self._run(_remove_rows(table, number)):
                self._metrics.add(EXPIRED, removed, table)
        self._run(_remove_unseen(self._tables, moment - REFRESH_SECONDS))
        self._remove_series(numbers[MARKED.index("pages")])
        self._remove_labels(self._tables.logs.labels, "streams", _STREAM_IN_USE)
        self._run(lambda connection: connection.execute("DELETE FROM marks WHERE time <= ?", (moment,)).rowcount)

    def _remove_series(self, page: int) -> None:
        """Remove series that have nothing after a page."""
        candidates = self._tables.samples.unused(page)
        for start in range(0, len(candidates), _ROWS):
            self._run(partial(self._tables.samples.remove_unused, numbers=candidates[start : start + _ROWS]))

    def _remove_labels(self, labels: LabelSets, table: str, in_use: str) -> None:
        """Remove label sets without data. A reader finds them; the writer tests them again before removal."""
        unused = f"SELECT id FROM {table} AS labels WHERE NOT ({in_use})"
        with self._database.reading() as connection:
            candidates = [number for (number,) in connection.execute(unused)]
        for start in range(0, len(candidates), _ROWS):
            self._run(_remove_labels(labels, table, in_use, candidates[start : start + _ROWS]))

    def _run(self, job: Job) -> int:
        return self._writer.run(job).result()


_STREAM_IN_USE = "EXISTS (SELECT 1 FROM lines WHERE lines.stream = labels.id)"


def _mark(connection: sqlite3.Connection, now: int) -> int:
    """Remember the row numbers given out so far."""
    newest = ", ".join(f"coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0)" for table in MARKED)
    sql = f"INSERT OR IGNORE INTO marks (time, {', '.join(MARKED)}) SELECT ?, {newest}"
    return connection.execute(sql, (now,)).rowcount


def _remove_rows(table: str, last: int) -> Job:
    """Remove the oldest rows up to a number, a few hundred at a time."""
    sql = f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE id <= ? ORDER BY id LIMIT {_ROWS})"
    return lambda connection: connection.execute(sql, (last,)).rowcount


def _remove_unseen(tables: _Tables, moment: int) -> Job:
    """Remove dictionary rows that nothing stored since ``moment`` refers to."""

    def job(connection: sqlite3.Connection) -> int:
        tables.forget()
        dictionaries = ("operations", "names", "blobs")
        return sum(
            connection.execute(f"DELETE FROM {name} WHERE seen < ?", (moment,)).rowcount for name in dictionaries
        )

    return job


def _remove_labels(labels: LabelSets, table: str, in_use: str, numbers: list[int]) -> Job:
    def job(connection: sqlite3.Connection) -> int:
        marks = ", ".join("?" * len(numbers))
        sql = f"DELETE FROM {table} AS labels WHERE id IN ({marks}) AND NOT ({in_use}) RETURNING id"
        gone = [number for (number,) in connection.execute(sql, numbers).fetchall()]
        labels.remove(gone)
        return len(gone)

    return job
