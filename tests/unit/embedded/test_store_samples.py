from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsctl.embedded.signals import (
    STALE_BITS,
    Batch,
    ExemplarRecord,
    Labels,
    Matcher,
    MetadataRecord,
    SampleRecord,
)
from obsctl.embedded.store import chunk, sqlite
from obsctl.embedded.store.base import Points, Written
from obsctl.embedded.store.sqlite import SqliteStore

STALE = struct.unpack("<d", struct.pack("<Q", STALE_BITS))[0]


def labels(name: str, **more: str) -> Labels:
    return tuple(sorted({"__name__": name, **more}.items()))


def save(store: SqliteStore, *samples: SampleRecord) -> Written:
    return store.submit(Batch(samples=samples)).result(10)


def named(name: str) -> list[Matcher]:
    return [Matcher("__name__", "=", name)]


def bits(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def read(store: SqliteStore, name: str, start: int = -(2**63), end: int = 2**63) -> dict[Labels, list[tuple[int, int]]]:
    """Times and bit patterns of every series of a name."""
    series = store.series(named(name))
    points = store.points(series, start, end)
    return {
        one.labels: [(int(t), bits(float(v))) for t, v in zip(points[one.id].times, points[one.id].values, strict=True)]
        for one in series
        if one.id in points
    }


def cut(store: SqliteStore) -> None:
    store.writer.run(store.tables.samples.cut).result(10)


_floats = st.floats(width=64) | st.sampled_from([0.0, 1.0, -0.0, math.inf, STALE])


@given(st.dictionaries(st.integers(-(2**62), 2**62), _floats, min_size=1, max_size=60))
def test_a_chunk_unpacks_to_what_was_packed(points: dict[int, float]) -> None:
    times = np.array(sorted(points), dtype=np.int64)
    values = np.array([points[int(t)] for t in times], dtype=np.float64)
    found = chunk.decode(chunk.encode(Points(times, values)))
    assert found.times.tolist() == times.tolist()
    assert found.values.view(np.uint64).tolist() == values.view(np.uint64).tolist()


def test_regular_samples_take_few_bytes() -> None:
    times = np.arange(0, 300_000, 2_000, dtype=np.int64) + 1_790_000_000_000
    data = chunk.encode(Points(times, np.floor(times / 3_000.0)))
    assert len(data) < 4 * len(times)


_steps = st.one_of(
    st.tuples(st.just("save"), st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 30), _floats), max_size=6)),
    st.just(("cut", [])),
    st.just(("reopen", [])),
)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(_steps, max_size=8), window=st.tuples(st.integers(-1, 31), st.integers(-1, 31)))
def test_samples_read_the_same_however_they_are_kept(
    steps: list[tuple[str, list[tuple[str, int, float]]]],
    window: tuple[int, int],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("samples")
    store = SqliteStore(folder)
    model: dict[str, dict[int, float]] = {}
    for step, rows in steps:
        if step == "cut":
            cut(store)
        elif step == "reopen":
            store.close()
            store = SqliteStore(folder)
        else:
            save(store, *(SampleRecord(labels("m", s=s), t, v) for s, t, v in rows))
            for s, t, v in rows:
                model.setdefault(s, {}).setdefault(t, v)
    start, end = window
    expected = {
        labels("m", s=s): [(t, bits(v)) for t, v in sorted(points.items()) if start <= t <= end]
        for s, points in model.items()
    }
    expected = {series: points for series, points in expected.items() if points}
    found = read(store, "m", start, end)
    listed = {one.labels for one in store.series(named("m"), start, end)}
    store.close()
    assert found == expected
    assert listed == set(expected)


def test_a_sample_at_a_time_that_is_taken_is_a_duplicate(store: SqliteStore) -> None:
    assert save(store, SampleRecord(labels("m"), 1, 1.0), SampleRecord(labels("m"), 1, 2.0)) == Written(1, 1)
    assert save(store, SampleRecord(labels("m"), 1, 3.0), SampleRecord(labels("m"), 0, 3.0)) == Written(1, 1)
    assert read(store, "m") == {labels("m"): [(0, bits(3.0)), (1, bits(1.0))]}


def test_all_matchers_hold_and_a_missing_label_is_empty(store: SqliteStore) -> None:
    save(store, *(SampleRecord(labels("m", **more), 1, 1.0) for more in ({}, {"a": "1"}, {"a": "2", "b": "x"})))

    def found(*matchers: Matcher) -> list[dict[str, str]]:
        return [dict(one.labels) for one in store.series([*named("m"), *matchers])]

    assert found(Matcher("a", "=", "")) == [{"__name__": "m"}]
    assert found(Matcher("a", "=~", "1|2"), Matcher("b", "!=", "x")) == [{"__name__": "m", "a": "1"}]
    assert len(store.series([Matcher("__name__", "=~", "m|n")])) == 3
    assert store.series(named("n")) == []


def test_series_beyond_the_limit_are_refused_and_known_ones_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "SERIES_LIMIT", 2)
    store = SqliteStore(tmp_path)
    written = save(store, *(SampleRecord(labels("m", n=str(n)), 1, 1.0) for n in range(5)))
    assert written == Written(stored=2, duplicates=0)
    assert save(store, SampleRecord(labels("m", n="0"), 2, 1.0)).stored == 1
    store.close()


def test_exemplars_are_stored_once_and_found_by_series_and_time(store: SqliteStore) -> None:
    one = ExemplarRecord(labels("h_bucket", le="1.0"), (("trace_id", "ab"),), 5, 0.7)
    late = ExemplarRecord(labels("h_bucket", le="1.0"), (("trace_id", "cd"),), 9, math.nan)
    assert store.submit(Batch(exemplars=(late, one, one))).result(10) == Written(2, 1)
    assert store.exemplars(named("h_bucket"), 0, 8) == [one]
    assert [found.time_ms for found in store.exemplars(named("h_bucket"), 0, 9)] == [5, 9]
    assert store.exemplars(named("other"), 0, 9) == []


def test_metadata_is_replaced(store: SqliteStore) -> None:
    store.submit(Batch(metadata=(MetadataRecord("b", "gauge"), MetadataRecord("a", "counter", "old")))).result(10)
    store.submit(Batch(metadata=(MetadataRecord("a", "counter", "new", "seconds"),))).result(10)
    assert store.metadata() == [MetadataRecord("a", "counter", "new", "seconds"), MetadataRecord("b", "gauge")]
