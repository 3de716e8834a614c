"""Blocks of spans: made in the background, gone with their spans, and never wrong about what is not in them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from obsctl.embedded.query.traceql.search import search
from obsctl.embedded.records import Batch
from obsctl.embedded.store import background
from obsctl.embedded.store.sqlite import SqliteStore
from obsctl.embedded.store.traces import attribute_filter, span_blocks
from obsctl.languages.traceql.parse import parse
from tests.unit.embedded.conftest import eventually
from tests.unit.embedded.memory_store import span_record
from tests.unit.embedded.test_api_jaeger import attribute, span


@given(st.sets(st.binary(max_size=12), max_size=300), st.sets(st.binary(max_size=12), max_size=50))
def test_a_filter_never_denies_a_member(members, others):
    built = attribute_filter.bloom_filter(members)
    assert all(attribute_filter.may_hold(built, attribute_filter.bloom_probes(member)) for member in members)
    assert attribute_filter.may_hold_any(built, map(attribute_filter.bloom_probes, others)) or not members & others


def test_a_filter_seldom_affirms_what_is_no_member():
    built = attribute_filter.bloom_filter({b"member %d" % n for n in range(5_000)})
    wrong = sum(attribute_filter.may_hold(built, attribute_filter.bloom_probes(b"other %d" % n)) for n in range(5_000))
    assert wrong < 5_000 * 0.03
    assert not attribute_filter.may_hold(attribute_filter.bloom_filter(()), attribute_filter.bloom_probes(b"x"))


@given(st.one_of(st.text(max_size=20), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats()))
def test_a_stored_value_has_one_of_its_needles(value):
    stored = span(1)
    stored.attributes.append(attribute("key", value))
    needles = attribute_filter.needles(value)
    payload = stored.SerializeToString()
    assert not needles or any(needle in payload for needle in needles)
    assert attribute_filter.value_token("key", value) in set(attribute_filter.attribute_tokens(stored.attributes))


@pytest.mark.parametrize(("a", "b"), [(1, 1.0), (0, -0.0), (2**60, float(2**60)), (-3, -3.0)])
def test_numbers_are_equal_across_kinds(a, b):
    assert attribute_filter.value_token("k", a) == attribute_filter.value_token("k", b)
    assert set(attribute_filter.needles(a)) == set(attribute_filter.needles(b))


def records(first, count, **attributes):
    service = Resource(attributes=[attribute("service.name", "shop")])
    return [
        span_record(span(n, trace_id=n.to_bytes(16, "big"), start=time.time_ns(), **attributes), service)
        for n in range(first, first + count)
    ]


def blocks(store):
    return list(span_blocks.blocks(store.database, 10**9, None, None))


def found(store, query):
    return len(search(store, parse(query), None, None, 10_000).found)


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """A store with blocks of ten, made only when a test says so."""
    monkeypatch.setattr(background, "BLOCK_ROWS", 10)
    store = SqliteStore(tmp_path / "data")
    store.span_indexer.close()
    yield store
    store.close()


def test_whole_runs_become_blocks(opened):
    opened.submit(Batch(spans=records(1, 35, a="x"))).result()
    assert blocks(opened) == []
    opened.span_indexer.round()
    assert [(b.first, b.last) for b in blocks(opened)] == [(21, 30), (11, 20), (1, 10)]
    assert found(opened, '{ span.a = "x" }') == 35


def test_while_spans_come_in_fast_a_round_makes_one(opened, monkeypatch):
    monkeypatch.setattr(background, "_BUSY_ROWS", 20)
    opened.submit(Batch(spans=records(1, 35))).result()
    assert not opened.span_indexer.round()
    assert len(blocks(opened)) == 1
    opened.span_indexer.round()
    assert len(blocks(opened)) == 3


def test_blocks_go_with_their_spans(opened):
    opened.submit(Batch(spans=records(1, 30, a="x"))).result()
    opened.span_indexer.round()

    def remove(until):
        opened.writer.run(lambda c: c.execute("DELETE FROM spans WHERE id <= ?", (until,)).rowcount).result()

    remove(15)
    opened.span_indexer.round()
    assert [(b.first, b.last) for b in blocks(opened)] == [(21, 30), (11, 20)]
    assert found(opened, '{ span.a = "x" }') == 15
    remove(30)
    opened.span_indexer.round()
    assert blocks(opened) == []
    opened.submit(Batch(spans=records(101, 12, a="x"))).result()
    opened.span_indexer.round()
    assert [(b.first, b.last) for b in blocks(opened)] == [(31, 40)]
    assert found(opened, '{ span.a = "x" }') == 12


def test_it_happens_by_itself_and_survives_a_restart(tmp_path, monkeypatch):
    monkeypatch.setattr(background, "BLOCK_ROWS", 10)
    store = SqliteStore(tmp_path / "data")
    store.submit(Batch(spans=records(1, 25, a="x"))).result()
    eventually(lambda: len(blocks(store)) == 2)
    store.close()
    store = SqliteStore(tmp_path / "data")
    assert len(blocks(store)) == 2
    assert found(store, '{ span.a = "x" }') == 25
    store.close()
