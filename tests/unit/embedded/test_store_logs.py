from __future__ import annotations

from typing import Literal

import pytest

from obsctl.embedded.records import Batch, FilePosition, LogRecord
from obsctl.embedded.store.base import Written
from obsctl.embedded.store.sqlite import SqliteStore
from obsctl.languages.labels import Labels, Matcher

ALWAYS = (-(2**63), 2**63)


def stream(**labels: str) -> Labels:
    return tuple(sorted(labels.items()))


def save(store: SqliteStore, *logs: LogRecord) -> Written:
    return store.submit(Batch(logs=logs)).result(10)


def texts(
    store: SqliteStore,
    *matchers: Matcher,
    direction: Literal["backward", "forward"] = "forward",
    metadata: dict[str, str] | None = None,
    window: tuple[int, int] = ALWAYS,
) -> list[str]:
    return [one.line for one in store.lines(matchers, *window, direction=direction, metadata=metadata)]


def test_a_line_comes_back_whole(store: SqliteStore) -> None:
    record = LogRecord(
        stream(service_name="api", level="info"), 5, 'a "line" with \u00fc\x00', (("trace_id", "ab"), ("x", "1"))
    )
    assert save(store, record) == Written(1)
    assert list(store.lines([], *ALWAYS)) == [record]


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_lines_of_many_streams_are_merged_in_time_order_over_pages(
    store: SqliteStore, direction: Literal["backward", "forward"]
) -> None:
    save(store, *(LogRecord(stream(n=str(n % 3)), n // 4, f"{n:05}") for n in range(3_500)))
    found = texts(store, direction=direction)
    assert found == sorted(found, reverse=direction == "backward")
    assert len(found) == 3_500


def test_the_window_includes_its_start_and_not_its_end(store: SqliteStore) -> None:
    save(store, *(LogRecord(stream(a="1"), n, str(n)) for n in range(5)))
    assert texts(store, window=(1, 3)) == ["1", "2"]
    assert texts(store, window=(1, 3), direction="backward") == ["2", "1"]
    assert store.streams([], 4, 5) == [stream(a="1")]
    assert store.streams([], 5, 9) == []


def test_an_exact_repetition_is_stored_once_and_anything_else_is_not_one(store: SqliteStore) -> None:
    one = LogRecord(stream(a="1"), 1, "x")
    others = (
        LogRecord(stream(a="1"), 1, "y"),
        LogRecord(stream(a="1"), 1, "x", (("k", "v"),)),
        LogRecord(stream(a="2"), 1, "x"),
    )
    assert save(store, one, one, *others) == Written(stored=4, duplicates=1)
    assert save(store, one) == Written(stored=0, duplicates=1)


def test_metadata_hints_hold_exactly_alone_and_with_matchers(store: SqliteStore) -> None:
    def record(service: str, line: str, **metadata: str) -> LogRecord:
        return LogRecord(stream(service_name=service), len(line), line, stream(**metadata))

    save(
        store,
        record("api", "a", trace_id="t1", request_id="r1"),
        record("worker", "bb", trace_id="t1", span_id="s"),
        record("api", "ccc", trace_id="t2", request_id="r1"),
        record("api", "dddd"),
    )
    assert texts(store, metadata={"trace_id": "t1"}) == ["a", "bb"]
    assert texts(store, metadata={"trace_id": "t1"}, direction="backward") == ["bb", "a"]
    assert texts(store, Matcher("service_name", "=", "api"), metadata={"trace_id": "t1"}) == ["a"]
    assert texts(store, metadata={"request_id": "r1", "trace_id": "t2"}) == ["ccc"]
    assert texts(store, metadata={"span_id": "s"}) == ["bb"]
    assert texts(store, metadata={"trace_id": "nope"}) == []


def test_reading_is_lazy_and_survives_writes_in_between(store: SqliteStore) -> None:
    save(store, *(LogRecord(stream(a="1"), n, str(n)) for n in range(1_000)))
    lines = store.lines([], 0, 1_000, direction="forward")
    first = next(lines)
    save(store, *(LogRecord(stream(a="1"), n, str(n)) for n in range(1_000, 1_100)))
    assert [first.line, *(one.line for one in lines)] == [str(n) for n in range(1_000)]


def test_positions_of_files_are_replaced(store: SqliteStore) -> None:
    store.submit(Batch(positions=(FilePosition("/a", 1, 2, 3, b"h"),))).result(10)
    store.submit(Batch(positions=(FilePosition("/a", 1, 2, 9, b"he"), FilePosition("/b", 1, 3, 0)))).result(10)
    assert store.positions() == [FilePosition("/a", 1, 2, 9, b"he"), FilePosition("/b", 1, 3, 0)]
