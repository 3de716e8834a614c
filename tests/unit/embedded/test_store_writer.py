from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from obsctl.embedded.records import Batch, LogRecord
from obsctl.embedded.self_metrics import COMMIT_FAILURES, COMMITS
from obsctl.embedded.store.base import StoreFailedError, StoreFullError, Written
from obsctl.embedded.store.sqlite import SqliteStore

from .test_store_logs import stream


def lines(*texts: str) -> Batch:
    return Batch(logs=[LogRecord(stream(a="1"), 1, text) for text in texts])


class Gate:
    """A job that keeps the writer busy until it is opened."""

    def __init__(self, store: SqliteStore) -> None:
        self.opened = threading.Event()
        entered = threading.Event()

        def job(_connection: sqlite3.Connection) -> int:
            entered.set()
            assert self.opened.wait(20)
            return 0

        store.writer.run(job)
        assert entered.wait(20)


def test_a_full_queue_refuses_and_takes_again_once_it_is_written(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, queue_items=3)
    gate = Gate(store)
    waiting = store.submit(lines("a", "b"))
    with pytest.raises(StoreFullError):
        store.submit(lines("c", "d"))
    last = store.submit(lines("e"))
    assert store.writer.items == 3
    gate.opened.set()
    assert (waiting.result(10), last.result(10)) == (Written(2), Written(1))
    assert store.submit(lines("c", "d")).result(10) == Written(2)
    store.close()


def test_a_batch_larger_than_the_queue_is_taken_when_nothing_waits(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, queue_items=2)
    assert store.submit(lines("a", "b", "c")).result(10) == Written(3)
    store.close()


def test_what_waits_together_is_committed_together(store: SqliteStore) -> None:
    gate = Gate(store)
    before = store.metrics.value(COMMITS)
    futures = [store.submit(lines(str(n))) for n in range(50)]
    gate.opened.set()
    assert all(one.result(10) == Written(1) for one in futures)
    assert store.metrics.value(COMMITS) - before == 1


def test_a_batch_that_cannot_be_written_does_not_take_its_neighbours_along(store: SqliteStore) -> None:
    gate = Gate(store)
    bad = Batch(logs=[LogRecord(stream(fresh="label"), 1 << 80, "time out of range")])
    good, failed, late = store.submit(lines("a")), store.submit(bad), store.submit(lines("b"))
    gate.opened.set()
    assert (good.result(10), late.result(10)) == (Written(1), Written(1))
    with pytest.raises(StoreFailedError, match="could not write"):
        failed.result(10)
    assert store.metrics.value(COMMIT_FAILURES) == 1
    assert store.streams([]) == [stream(a="1")]
    assert store.submit(Batch(logs=[LogRecord(stream(fresh="label"), 1, "fine")])).result(10) == Written(1)


def test_a_failing_job_reports_its_error_and_leaves_nothing(store: SqliteStore) -> None:
    def job(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO streams (labels) VALUES ('[]')")
        raise sqlite3.OperationalError("made to fail")

    with pytest.raises(sqlite3.OperationalError, match="made to fail"):
        store.writer.run(job).result(10)
    assert store.writer.run(lambda c: c.execute("SELECT count(*) FROM streams").fetchone()[0]).result(10) == 0


def test_closing_commits_what_waits_and_refuses_what_comes_later(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    gate = Gate(store)
    waiting = store.submit(lines("kept"))
    job = store.writer.run(lambda _: 1)
    closing = threading.Thread(target=store.close)
    closing.start()
    with pytest.raises(CancelledError):
        job.result(10)
    with pytest.raises(StoreFullError, match="stopping"):
        store.submit(lines("late"))
    gate.opened.set()
    closing.join()
    assert waiting.result(0) == Written(1)
    again = SqliteStore(tmp_path)
    assert [one.line for one in again.lines([], 0, 9)] == ["kept"]
    again.close()
