"""The one thread that writes. It commits all queued batches in one transaction, and then resolves their futures.

There is no timer: while one transaction runs the next group collects, so a lone batch is committed at once and a busy
server commits few large groups.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from obsctl.embedded.records import Batch
from obsctl.embedded.self_metrics import COMMIT_FAILURES, COMMIT_SECONDS, COMMITS, SelfMetrics
from obsctl.embedded.store.base import StoreFailedError, StoreFullError, Written

_GROUP_ITEMS = 20_000
"""A transaction is closed after about this many records, so that no sender waits long for an acknowledgement."""


class BatchTables(Protocol):
    """What turns batches into rows, on the writer's thread."""

    def write(self, connection: sqlite3.Connection, batch: Batch) -> Written:
        """Insert one batch inside the current transaction."""
        ...

    def commit(self) -> None:
        """The transaction is on disk: show it to readers."""
        ...

    def rollback(self) -> None:
        """The transaction is gone: forget what it added."""
        ...


@dataclass(frozen=True)
class _Entry:
    batch: Batch
    done: Future[Written] = field(default_factory=Future)


Job = Callable[[sqlite3.Connection], int]
"""Background work in a transaction of its own; its count is the result of ``StoreWriter.run``."""


class StoreWriter:
    """A bounded queue and its thread."""

    def __init__(self, connection: sqlite3.Connection, tables: BatchTables, limit: int, metrics: SelfMetrics) -> None:
        self._connection = connection
        self._tables = tables
        self._limit = limit
        self._metrics = metrics
        self._entries: deque[_Entry] = deque()
        self._jobs: deque[tuple[Job, Future[int]]] = deque()
        self._items = 0
        self._closing = False
        self._wake = threading.Condition()
        for family in (COMMITS, COMMIT_SECONDS, COMMIT_FAILURES):
            metrics.add(family, 0)
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def items(self) -> int:
        """Records waiting."""
        return self._items

    def submit(self, batch: Batch) -> Future[Written]:
        """See ``Sink.submit``. A batch larger than the whole queue is accepted when the queue is empty."""
        entry = _Entry(batch)
        with self._wake:
            if self._closing or (self._items and self._items + batch.items > self._limit):
                raise StoreFullError("the write queue is full" if not self._closing else "the server is stopping")
            self._entries.append(entry)
            self._items += batch.items
            self._wake.notify()
        return entry.done

    def run(self, job: Job) -> Future[int]:
        """Run background work between two groups; cancelled when the server stops first."""
        done: Future[int] = Future()
        with self._wake:
            if self._closing:
                done.cancel()
            else:
                self._jobs.append((job, done))
                self._wake.notify()
        return done

    def close(self) -> None:
        """Commit what waits, then end."""
        with self._wake:
            self._closing = True
            for _, done in self._jobs:
                done.cancel()
            self._jobs.clear()
            self._wake.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not (self._entries or self._jobs or self._closing):
                    self._wake.wait()
                if not self._entries and not self._jobs:
                    return
                group = self._next_group()
                job = self._jobs.popleft() if self._jobs else None
            if group:
                self._commit(group)
            if job:
                self._run(*job)

    def _next_group(self) -> list[_Entry]:
        group: list[_Entry] = []
        room = _GROUP_ITEMS
        while self._entries and room > 0:
            entry = self._entries.popleft()
            room -= max(1, entry.batch.items)
            self._items -= entry.batch.items
            group.append(entry)
        return group

    def _commit(self, group: Sequence[_Entry]) -> None:
        began = time.perf_counter()
        try:
            results = self._transaction([entry.batch for entry in group])
        except Exception as error:  # noqa: BLE001 - whatever it was, senders wait for an answer
            self._failed(group, error)
            return
        self._metrics.add(COMMITS)
        self._metrics.add(COMMIT_SECONDS, time.perf_counter() - began)
        for entry, written in zip(group, results, strict=True):
            entry.done.set_result(written)

    def _failed(self, group: Sequence[_Entry], error: Exception) -> None:
        """One bad batch must not take its neighbours along: try each alone."""
        if len(group) > 1:
            for entry in group:
                self._commit([entry])
            return
        self._metrics.add(COMMIT_FAILURES)
        failure = StoreFailedError(f"the store could not write: {error}")
        failure.__cause__ = error
        group[0].done.set_exception(failure)

    def _transaction(self, batches: Sequence[Batch]) -> list[Written]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            results = [self._tables.write(self._connection, batch) for batch in batches]
            self._connection.execute("COMMIT")
        except BaseException:
            self._undo()
            raise
        self._tables.commit()
        return results

    def _run(self, job: Job, done: Future[int]) -> None:
        if not done.set_running_or_notify_cancel():
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            count = job(self._connection)
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - handed to the caller of ``run``
            self._undo()
            done.set_exception(error)
            return
        self._tables.commit()
        done.set_result(count)

    def _undo(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._tables.rollback()
