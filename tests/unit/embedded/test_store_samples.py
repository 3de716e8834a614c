from __future__ import annotations

import math
import sqlite3
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obsctl.embedded.query.promql import engine
from obsctl.embedded.query.vectors.values import Steps, Vector
from obsctl.embedded.records import STALE_BITS, Batch, ExemplarRecord, MetadataRecord, SampleRecord
from obsctl.embedded.store import schema
from obsctl.embedded.store import sqlite as store_module
from obsctl.embedded.store.base import Samples, SeriesReader, StoredSeries, UnwrittenSamples, Written
from obsctl.embedded.store.metrics import columns as page
from obsctl.embedded.store.metrics import pages
from obsctl.embedded.store.metrics.samples import Job
from obsctl.embedded.store.metrics.series import SeriesIndex
from obsctl.embedded.store.sqlite import SqliteStore
from obsctl.languages.labels import Labels, Matcher, matches_all
from obsctl.languages.promql.parse import parse

from .promql_store import rows_of

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
    """Times and bit patterns of every series of a name that has samples."""
    series = store.series(named(name))
    rows = rows_of(store.samples(series, start, end))
    found = zip(series, rows, strict=True)
    return {one.labels: [(moment, bits(value)) for moment, value in row] for one, row in found if row}


def run(store: SqliteStore) -> Callable[[Job], int]:
    return lambda job: store.writer.run(job).result(10)


def cut(store: SqliteStore) -> int:
    return store.tables.samples.cut(run(store))


def merge(store: SqliteStore) -> int:
    return store.tables.samples.merge(run(store))


_floats = st.floats(width=64) | st.sampled_from([0.0, 1.0, -0.0, math.inf, STALE])


_series = st.dictionaries(st.integers(-(2**62), 2**62), _floats | st.integers(-99, 99).map(float), min_size=1)


@given(st.lists(_series, min_size=1, max_size=5), st.randoms())
def test_a_page_unpacks_to_what_was_packed(series: list[dict[int, float]], chance: Random) -> None:
    numbers = chance.sample(range(100), len(series))
    rows = [(n, t, v) for n, points in zip(numbers, series, strict=True) for t, v in sorted(points.items())]
    found = page.decode(*page.encode(columns(rows)))
    assert found.series.tolist() == [number for number, _, _ in rows]
    assert found.times.tolist() == [moment for _, moment, _ in rows]
    assert found.values.view(np.int64).tolist() == [struct.unpack("<q", struct.pack("<d", v))[0] for _, _, v in rows]


def columns(rows: list[tuple[int, int, float]]) -> page.Rows:
    numbers, times, values = zip(*rows, strict=True)
    return page.Rows(np.array(numbers, dtype=np.int32), np.array(times), np.array(values, dtype=np.float64))


@pytest.mark.parametrize("damage", [b"", b"\xff" * 40, b"x"])
def test_a_damaged_page_is_told(damage: bytes) -> None:
    members, data = page.encode(columns([(1, 5, 1.5), (1, 6, 2.5), (2, 5, 3.5)]))
    for broken in (damage, data[:10] + damage, data[:16] + damage, data[:-4] + damage):
        with pytest.raises(ValueError, match="cannot be read"):
            page.decode(members, broken)
    with pytest.raises(ValueError, match="cannot be read"):
        page.decode(members[:4], data)


def test_regular_samples_take_few_bytes() -> None:
    rows = [(s, 1_790_000_000_000 + 15_000 * n + s, float(n * s // 3)) for s in range(60) for n in range(240)]
    assert sum(map(len, page.encode(columns(rows)))) < len(rows) / 2


_steps = st.one_of(
    st.tuples(st.just("save"), st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 30), _floats), max_size=6)),
    st.just(("cut", [])),
    st.just(("merge", [])),
    st.just(("reopen", [])),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_steps, max_size=12), window=st.tuples(st.integers(-1, 31), st.integers(-1, 31)))
def test_samples_read_the_same_however_they_are_kept(
    steps: list[tuple[str, list[tuple[str, int, float]]]],
    window: tuple[int, int],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pages, "MERGE_PAGES", 2)
    monkeypatch.setattr(page, "PAGE_SAMPLES", 4)
    folder = tmp_path_factory.mktemp("samples")
    store = SqliteStore(folder)
    model: dict[str, dict[int, float]] = {}
    for step, rows in steps:
        if step == "cut":
            cut(store)
        elif step == "merge":
            merge(store)
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
    one = SampleRecord(labels("m"), 1, 1.0)
    assert save(store, one, SampleRecord(labels("m"), 1, 2.0), one) == Written(1, 1, 1)
    assert save(store, SampleRecord(labels("m"), 1, 3.0), SampleRecord(labels("m"), 0, 3.0)) == Written(1, 0, 1)
    assert save(store, one, SampleRecord(labels("m"), 0, 3.0)) == Written(0, 2, 0)
    assert read(store, "m") == {labels("m"): [(0, bits(3.0)), (1, bits(1.0))]}


def test_each_sample_of_a_batch_is_held_against_what_is_stored(store: SqliteStore) -> None:
    at = [SampleRecord(labels("m"), 1, value) for value in (1.0, 2.0, 2.0, 1.0)]
    assert save(store, at[0]) == Written(1)
    written = store.submit(Batch(samples=[*at[1:], SampleRecord(labels("m"), 2, 2.0)])).result(10)
    assert written == Written(1, 1, 2)
    assert written.unwritten == UnwrittenSamples(repeated=frozenset({2}), conflicting=frozenset({0, 1}))


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
    monkeypatch.setattr(store_module, "SERIES_LIMIT", 2)
    store = SqliteStore(tmp_path)
    written = save(store, *(SampleRecord(labels("m", n=str(n)), 1, 1.0) for n in range(5)))
    assert written == Written(stored=2, duplicates=0)
    assert save(store, SampleRecord(labels("m", n="0"), 2, 1.0)).stored == 1
    store.close()


def test_what_comes_in_while_the_head_is_moved_stays_in_it(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    save(store, SampleRecord(labels("m"), 1, 1.0), SampleRecord(labels("gone"), 1, 1.0))
    later = iter(range(2, 99))

    def meanwhile(job: Job) -> int:
        moment = next(later)
        save(store, SampleRecord(labels("m"), moment, float(moment)))
        return run(store)(job)

    assert store.tables.samples.cut(meanwhile) == 3
    expected = {labels("m"): [(moment, bits(float(moment))) for moment in range(1, 5)]}
    assert read(store, "m") == expected
    assert store.database.writer.execute("SELECT count(*) FROM journal").fetchone() == (2,)
    store.close()
    store = SqliteStore(tmp_path)
    assert read(store, "m") == expected
    store.close()


class Busy:
    """A reader to whom a scrape of two equal series comes in, and is moved to a page, before every look at samples."""

    scrapes = 0

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.reader: SeriesReader = store

    @contextmanager
    def snapshot(self) -> Iterator[SeriesReader]:
        with self.store.snapshot() as self.reader:
            yield self

    def scrape(self) -> None:
        self.scrapes += 1
        values = [SampleRecord(labels(name), self.scrapes * 1000, float(self.scrapes)) for name in ("all", "part")]
        save(self.store, *values)
        cut(self.store)

    def series(
        self, matchers: Sequence[Matcher], start: int | None = None, end: int | None = None
    ) -> list[StoredSeries]:
        return self.reader.series(matchers, start, end)

    def samples(self, series: Sequence[StoredSeries], start: int, end: int) -> Samples:
        self.scrape()
        return self.reader.samples(series, start, end)

    def metadata(self) -> list[MetadataRecord]:
        return self.store.metadata()

    def exemplars(self, matchers: Sequence[Matcher], start: int, end: int) -> list[ExemplarRecord]:
        return self.store.exemplars(matchers, start, end)


def test_one_expression_sees_one_moment_while_scrapes_come_in(store: SqliteStore) -> None:
    busy = Busy(store)
    busy.scrape()
    value = engine.instant(busy, parse("all - part"), 60_000)
    assert isinstance(value, Vector)
    assert value.values.tolist() == [[0.0]]
    steps = Steps(0, 60_000, 30_000)
    value = engine.over_steps(busy, parse("rate(all[60s]) - rate(part[60s])"), steps)
    assert isinstance(value, Vector)
    assert set(value.values[value.present].tolist()) == {0.0}
    assert len(read(store, "all")[labels("all")]) == busy.scrapes > 4


def test_a_write_that_is_undone_leaves_nothing_and_takes_no_later_one_along(store: SqliteStore) -> None:
    def fail(connection: sqlite3.Connection) -> int:
        store.tables.samples.write(connection, [SampleRecord(labels("m"), 9, 9.0), SampleRecord(labels("n"), 9, 9.0)])
        raise sqlite3.OperationalError("disk full")

    save(store, SampleRecord(labels("m"), 1, 1.0))
    with pytest.raises(sqlite3.OperationalError):
        run(store)(fail)
    assert read(store, "m") == {labels("m"): [(1, bits(1.0))]}
    assert store.series(named("n")) == []
    assert save(store, SampleRecord(labels("m"), 9, 2.0), SampleRecord(labels("m"), 1, 1.0)) == Written(1, 1)
    assert read(store, "m") == {labels("m"): [(1, bits(1.0)), (9, bits(2.0))]}


def page_counts(store: SqliteStore) -> tuple[int, int]:
    """Pages, and those that may still be merged."""
    found: tuple[int, int] = store.database.writer.execute("SELECT count(*), sum(open) FROM pages").fetchone()
    return found


def test_small_pages_are_merged_until_they_are_large_enough(store: SqliteStore) -> None:
    series = [labels("m", n=str(n)) for n in range(40)]
    for moment in range(0, 40 * 20, 20):
        save(store, *(SampleRecord(one, moment + n, float(n)) for one in series for n in range(20)))
        cut(store)
        merge(store)
    total, still_open = page_counts(store)
    assert total < 10
    assert still_open < pages.MERGE_PAGES
    assert [len(row) for row in read(store, "m").values()] == [800] * 40


def test_a_page_holds_series_with_similar_labels(store: SqliteStore) -> None:
    names = [f"{a}{b}" for b in range(40) for a in range(40)]
    save(store, *(SampleRecord(labels("m", n=name), moment, 1.0) for name in names for moment in range(30)))
    cut(store)
    rows = store.database.writer.execute("SELECT members FROM pages ORDER BY id").fetchall()
    numbers = [number for (members,) in rows for number in np.frombuffer(members, dtype=np.int32).tolist()]
    known = [store.tables.samples.labels.labels(number) for number in numbers]
    assert known == sorted(known)
    assert len(rows) == 3


_word = st.sampled_from(["", "a", "b", "ab"])
_matchers = st.builds(
    Matcher, st.sampled_from(["x", "y", "__name__", "none"]), st.sampled_from(["=", "!="]), _word
) | st.builds(
    Matcher,
    st.sampled_from(["x", "y", "none"]),
    st.sampled_from(["=~", "!~"]),
    st.sampled_from(["", "a.*", "a|", ".+"]),
)


@given(st.lists(st.tuples(_word, _word), max_size=12), st.lists(_matchers, max_size=3), st.sets(st.integers(0, 11)))
def test_the_index_finds_what_matchers_say(
    pairs: list[tuple[str, str]], matchers: list[Matcher], removed: set[int]
) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(schema.TABLES)
        index = SeriesIndex(connection, 100)
        sets = [tuple(p for p in (("__name__", "a"), ("x", x), ("y", y)) if p[1]) for x, y in pairs]
        numbers = {one: index.id(connection, one) for one in sets}
        assert index.find(matchers) == ()
        index.commit()
        index.find(matchers)
        gone = {one for place, one in enumerate(numbers) if place in removed}
        index.remove([numbers[one] or 0 for one in gone])
        expected = sorted(one for one in numbers if one not in gone and matches_all(matchers, dict(one)))
        assert [one.labels for one in index.find(matchers)] == expected
        assert [one.labels for one in index.find(matchers)] == expected


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
