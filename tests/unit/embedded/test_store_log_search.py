"""Searching log lines: whatever blocks are passed over, what is found is what a look at every line finds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.embedded.records import Batch, LogRecord
from obsctl.embedded.store import background
from obsctl.embedded.store.logs import line_blocks
from obsctl.embedded.store.logs import lines as logs
from obsctl.embedded.store.logs.line_blocks import LineSearch, four_gram_hashes, four_gram_table, may_contain
from obsctl.embedded.store.sqlite import SqliteStore
from obsctl.languages.labels import Matcher

from .memory_store import MemoryStore, labels

ALL = (Matcher("app", "=~", ".+"),)
TEXTS = st.text(alphabet='ab"\\é😀\n{}: ', min_size=1, max_size=6)
COUNT = 400


@given(st.lists(TEXTS, max_size=8).map("".join), TEXTS)
def test_a_text_that_is_there_is_never_ruled_out(text, other):
    table = four_gram_table(f"{text}{other}{text}".encode())
    assert may_contain(table, four_gram_hashes(other.encode()))
    assert may_contain(table, four_gram_hashes(f"{text}{other}".encode()))


def test_a_text_that_is_not_there_is_ruled_out():
    table = four_gram_table(" ".join(f"{number:08x}" for number in range(0, 100_000, 97)).encode())
    assert not may_contain(table, four_gram_hashes(b"no such text"))
    assert len(table) < 1 << 15
    assert len(four_gram_table(b"")) == 128


def record(number: int, chance: random.Random) -> LogRecord:
    """Times are not in order of arrival, and some are the same."""
    stream = labels(app=f"a{number % 5}")
    metadata = labels(job_id=f"job-{chance.randrange(40)}", quote='a"b') if number % 3 else ()
    return LogRecord(
        stream, 1_000 + chance.randrange(500), f'{{"n": {number}, "word": "w{chance.randrange(60)}é"}}', metadata
    )


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SqliteStore, MemoryStore]]:
    monkeypatch.setattr(background, "BLOCK_ROWS", 8)
    monkeypatch.setattr(logs, "_FEW_LINES", 1)
    disk, memory, chance = SqliteStore(tmp_path), MemoryStore(), random.Random(1)
    disk.line_indexer.close()
    try:
        for start in range(0, COUNT, 100):
            batch = Batch(logs=[record(number, chance) for number in range(start, start + 100)])
            disk.submit(batch).result()
            memory.submit(batch)
            if start < COUNT - 100:  # the last lines are in no block
                while disk.line_indexer.round():
                    pass
        yield disk, memory
    finally:
        disk.close()


QUERIES = [
    {"contains": ["w7é"]},
    {"contains": ["w7é", '"n": 1']},
    {"contains": ["w"]},
    {"contains": ["nowhere to be found"]},
    {"metadata": {"job_id": "job-7"}},
    {"metadata": {"job_id": "job-7", "quote": 'a"b'}, "contains": ["word"]},
    {"metadata": {"job_id": "job"}},
    {},
]


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("query", QUERIES, ids=str)
@pytest.mark.parametrize("window", [(0, 10_000), (1_100, 1_300)])
@pytest.mark.parametrize("matchers", [ALL, (Matcher("app", "=", "a3"),)], ids=["all", "one"])
def test_what_is_found_is_what_is_there(stores, matchers, window, query, direction):
    disk, memory = stores
    found = list(disk.lines(matchers, *window, direction=direction, **query))
    times = [one.time_ns for one in found]
    assert times == sorted(times, reverse=direction == "backward")
    wanted = memory.lines(matchers, *window, direction=direction, **query)
    has = [one for one in found if all(text in one.line for text in query.get("contains", ()))]
    assert sorted(map(repr, has)) == sorted(map(repr, wanted))


def test_blocks_are_passed_over(stores, monkeypatch):
    disk, _ = stores
    read: list[int] = []
    rows = LineSearch._rows
    monkeypatch.setattr(LineSearch, "_rows", lambda *args: read.append(args[2]) or rows(*args))
    list(disk.lines(ALL, 0, 10_000, contains=['"n": 77,']))
    with disk.database.reading() as connection:
        blocks = connection.execute("SELECT count(*) FROM line_blocks").fetchone()[0]
    assert blocks > 30
    assert len(read) <= 3


def test_a_limit_ends_the_reading(stores, monkeypatch):
    disk, _ = stores
    read: list[int] = []
    rows = LineSearch._rows
    monkeypatch.setattr(LineSearch, "_rows", lambda *args: read.append(args[2]) or rows(*args))
    assert next(disk.lines(ALL, 0, 10_000, contains=["word"]))
    assert len(read) < 30


def test_lines_that_are_in_no_block_yet_are_read_by_stream(stores, monkeypatch):
    disk, _ = stores
    monkeypatch.setattr(line_blocks, "_LONG_TAIL", 10)
    assert len(list(disk.lines(ALL, 0, 10_000, contains=["word"]))) == COUNT


def test_what_arrives_is_told_in_order_of_arrival(stores):
    disk, memory = stores
    found, place = disk.arrivals(ALL, 0, 150)
    assert [one.line for one in found] == [one.line for one in memory.logs[:150]]
    rest, place = disk.arrivals((Matcher("app", "=", "a3"),), place, 1_000)
    assert [one.line for one in rest] == [one.line for one in memory.logs[150:] if one.labels == labels(app="a3")]
    assert disk.arrivals(ALL, place, 10) == ([], place)
    assert disk.arrivals(ALL, None, 10) == ([], place)


def test_volumes_are_counted_by_stream_and_step(stores):
    disk, memory = stores
    for step in (100, 10_000):
        found = disk.volumes(ALL, 1_050, 1_450, step)
        assert sorted(map(repr, found)) == sorted(map(repr, memory.volumes(ALL, 1_050, 1_450, step)))
