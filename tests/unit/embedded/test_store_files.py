from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from obsctl.embedded.records import Batch, ExemplarRecord, LogRecord, SampleRecord
from obsctl.embedded.self_metrics import EXPIRED, MAINTENANCE_FAILURES
from obsctl.embedded.store import maintenance
from obsctl.embedded.store.base import RetentionLimits, SpanScan
from obsctl.embedded.store.database import FILE
from obsctl.embedded.store.sqlite import SqliteStore
from obsctl.errors import StartError

from .conftest import eventually
from .memory_store import client
from .test_store_logs import stream
from .test_store_samples import cut, labels, named, read
from .test_store_spans import span


def refused(folder: Path) -> StartError:
    with pytest.raises(StartError) as caught:
        SqliteStore(folder)
    return caught.value


def test_a_file_that_is_no_database_is_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"certainly not SQLite, and longer than its header of one hundred bytes" * 2)
    error = refused(tmp_path)
    assert str(tmp_path / FILE) in error.message
    assert "not a database" in error.message
    assert "down --volumes" in error.hint
    assert (tmp_path / FILE).read_bytes().startswith(b"certainly")


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as other:
        other.execute("CREATE TABLE theirs (x)")
    assert "some other program" in refused(tmp_path).message
    with closing(sqlite3.connect(tmp_path / FILE)) as other:
        assert other.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]


def test_another_version_is_refused(tmp_path: Path) -> None:
    SqliteStore(tmp_path).close()
    for version in (1, 99):
        with closing(sqlite3.connect(tmp_path / FILE)) as other:
            other.execute(f"PRAGMA user_version = {version}")
        error = refused(tmp_path)
        assert f"format {version}" in error.message
        assert "down --volumes" in error.hint


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    SqliteStore(tmp_path).close()
    content = bytearray((tmp_path / FILE).read_bytes())
    content[200:8000] = b"\xff" * 7800
    (tmp_path / FILE).write_bytes(content)
    assert str(tmp_path / FILE) in refused(tmp_path).message


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE series SET labels = '[[1'",
        "UPDATE series SET labels = '7'",
        "UPDATE journal SET data = x'0102'",
        "UPDATE streams SET labels = 'x'",
    ],
)
def test_damage_in_what_is_kept_in_memory_is_refused(tmp_path: Path, damage: str) -> None:
    store = SqliteStore(tmp_path)
    batch = Batch(samples=[SampleRecord(labels("m"), 1, 1.0)], logs=[LogRecord(stream(a="1"), 1, "x")])
    store.submit(batch).result(10)
    store.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as file, file:
        file.execute(damage)
    error = refused(tmp_path)
    assert f"{FILE} is damaged" in error.message
    assert "down --volumes" in error.hint


def test_damage_that_a_query_meets_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    store.submit(Batch(samples=[SampleRecord(labels(name), 1_000, 1.0) for name in ("bad", "good")])).result(10)
    cut(store)
    with closing(sqlite3.connect(tmp_path / FILE)) as file, file:
        file.execute("UPDATE pages SET data = x'00' WHERE metric = 'bad'")
    api = client(store)
    answer = api.get("/api/v1/query", params={"query": "bad", "time": "1"})
    assert (answer.status_code, answer.json()["errorType"]) == (500, "internal")
    assert "database is damaged" in answer.json()["error"]
    assert "down --volumes" in answer.json()["error"]
    assert len(api.get("/api/v1/query", params={"query": "good", "time": "1"}).json()["data"]["result"]) == 1
    store.close()


def test_a_file_that_is_overwritten_meanwhile_is_told(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    store.submit(Batch(logs=[LogRecord(stream(a="1"), n, "x" * 5_000) for n in range(500)])).result(10)
    store.database.checkpoint()
    size = (tmp_path / FILE).stat().st_size
    (tmp_path / FILE).write_bytes(b"\xff" * size)
    answer = client(store).get("/loki/api/v1/query_range", params={"query": '{a="1"}', "start": "0", "end": "9"})
    with suppress(sqlite3.Error):
        store.close()
    assert answer.status_code == 500
    assert "damaged" in answer.text


def test_a_folder_in_use_is_refused(store: SqliteStore) -> None:
    error = refused(store.database.path.parent)
    assert "in use by another server" in error.message
    assert "obsctl down" in error.hint


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be used" in refused(tmp_path / "file" / "data").message


def test_the_folder_is_free_again_after_a_refusal(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"x" * 200)
    refused(tmp_path)
    (tmp_path / FILE).unlink()
    SqliteStore(tmp_path).close()


@dataclass
class Aging:
    """A store that keeps things for ten minutes, on a clock that the test sets. Maintenance happens when asked for."""

    store: SqliteStore
    now: float = 1_800_000_000.0

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.store.maintenance.tick(self.now)


@pytest.fixture
def aging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aging]:
    monkeypatch.setattr(maintenance, "_INTERVAL", 3_600.0)
    aging = Aging(SqliteStore(tmp_path, retention=RetentionLimits(600, 1 << 40)))
    monkeypatch.setattr(time, "time", lambda: aging.now)
    yield aging
    aging.store.close()


def fill(store: SqliteStore, mark: str, trace: int, spans: int = 3) -> None:
    """One of everything, all with the same far-off times: only arrival counts."""
    series = labels("m", mark=mark)
    store.submit(
        Batch(
            spans=[span(trace=trace, service=mark, name=mark, start=2**62) for _ in range(spans)],
            logs=[LogRecord(stream(mark=mark), 2**62, mark)],
            samples=[SampleRecord(series, 2**50, 1.0)],
            exemplars=[ExemplarRecord(series, (("trace_id", mark),), 2**50, 1.0)],
        )
    ).result(10)
    cut(store)


def contents(store: SqliteStore) -> dict[str, list[str]]:
    return {
        "services": store.services(),
        "spans": sorted({one.name for one in store.scan(SpanScan())}),
        "lines": sorted(one.line for one in store.lines([], 0, 2**63)),
        "streams": sorted(dict(one)["mark"] for one in store.streams([])),
        "series": sorted(dict(one.labels)["mark"] for one in store.series(named("m"))),
        "samples": sorted(dict(one)["mark"] for one in read(store, "m")),
        "exemplars": sorted(dict(one.labels)["trace_id"] for one in store.exemplars(named("m"), 0, 2**63)),
    }


def everything(*marks: str) -> dict[str, list[str]]:
    kinds = ("services", "spans", "lines", "streams", "series", "samples", "exemplars")
    return {kind: list(marks) for kind in kinds}


def test_retention_by_age_goes_by_arrival_and_leaves_nothing_of_what_is_old(aging: Aging) -> None:
    fill(aging.store, "old", 1, spans=1_200)
    aging.later(100)
    fill(aging.store, "new", 2)
    aging.later(100)
    assert contents(aging.store) == everything("new", "old")
    aging.later(550)
    assert contents(aging.store) == everything("new")
    assert aging.store.metrics.value(EXPIRED, "spans") == 1_200
    aging.later(10_000)
    aging.later(10_000)
    assert contents(aging.store) == everything()


def test_what_is_still_in_use_is_not_old(aging: Aging) -> None:
    for number in range(20):
        fill(aging.store, "steady", number)
        aging.later(50)
    assert contents(aging.store) == everything("steady")
    assert aging.store.metrics.value(EXPIRED, "spans") > 0


def test_new_data_in_an_emptied_store_is_not_taken_for_old(aging: Aging) -> None:
    fill(aging.store, "old", 1)
    aging.later(100)
    aging.later(1_000)
    aging.later(100)
    assert contents(aging.store) == everything()
    fill(aging.store, "new", 2)
    aging.later(550)
    assert contents(aging.store) == everything("new")


def test_retention_by_size_removes_the_oldest_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "_INTERVAL", 3_600.0)
    store = SqliteStore(tmp_path, retention=RetentionLimits(10**9, 1 << 20))
    now = time.time()
    for number in range(10):
        text = "x" * 100_000
        logs = [LogRecord(stream(n=str(number)), n, f"{number} {n} {text}") for n in range(3)]
        store.submit(Batch(logs=logs)).result(10)
        store.maintenance.tick(now + 20 * number)
    kept = [int(dict(one)["n"]) for one in store.streams([])]
    used = store.database.used_bytes()
    store.close()
    assert used <= 1 << 20
    assert kept == list(range(10 - len(kept), 10))
    assert len(kept) >= 2


def test_maintenance_runs_by_itself_and_survives_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "_INTERVAL", 0.01)
    store = SqliteStore(tmp_path)
    calls: list[float] = []

    def tick(now: float) -> None:
        calls.append(now)
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(store.maintenance, "tick", tick)
    eventually(lambda: len(calls) > 2)
    store.close()
    assert store.metrics.value(MAINTENANCE_FAILURES) >= 2


def test_the_write_ahead_log_is_merged_on_close(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    store.submit(Batch(logs=[LogRecord(stream(a="1"), 1, "x" * 100_000)])).result(10)
    store.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", FILE]


def test_checkpoints_keep_the_write_ahead_log_from_growing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "_INTERVAL", 3_600.0)
    monkeypatch.setattr("obsctl.embedded.store.database.WAL_BYTES", 1 << 20)
    monkeypatch.setattr(maintenance, "_CHECKPOINT_BYTES", 1 << 18)
    store = SqliteStore(tmp_path)
    for number in range(40):
        logs = [LogRecord(stream(a="1"), n, f"{number} {n} {'x' * 1000}") for n in range(100)]
        store.submit(Batch(logs=logs)).result(10)
        store.maintenance.tick(time.time())
    size = store.database.file_bytes("-wal")
    store.close()
    assert size < 3 << 20
