"""TraceQL against a brute-force oracle: what the store rules out by its blocks and indexes never costs an answer."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from obsctl.embedded.query import traces
from obsctl.embedded.query.traceql import tags
from obsctl.embedded.query.traceql.evaluate import evaluator
from obsctl.embedded.query.traceql.search import search
from obsctl.embedded.query.traceql.view import TraceView
from obsctl.embedded.records import Batch
from obsctl.embedded.store import background
from obsctl.embedded.store.base import SpanScan
from obsctl.embedded.store.sqlite import SqliteStore
from obsctl.embedded.store.traces import span_blocks, span_search, spans
from obsctl.languages.errors import QueryError
from obsctl.languages.traceql.names import INTRINSICS, type_of
from obsctl.languages.traceql.parse import parse
from obsctl.languages.traceql.tree import (
    Field,
    FieldOp,
    Filter,
    Pipeline,
    SpanKind,
    SpansetOp,
    SpanStatus,
    Static,
    Unary,
)
from tests.unit.embedded.memory_store import MemoryStore, span_record

T = 1_754_000_000_000_000_000
KEYS = ("a", "b", "c.d", "with space", "ä")
TEXTS = ("x", "y", "", "1", "true", "ü", "1.5", "x" * 40)
NUMBERS = (0, 1, -1, 2**60, 2**53 + 1, 1.0, 1.5, -0.0, 1e300, float("inf"), float("nan"))
NAMES = ("GET /", "POST /", "x", "")
SERVICES = ("shop", "bank", "x", "unknown_service")


def any_value(value):
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=map(any_value, value)))
    if isinstance(value, dict):
        pairs = [KeyValue(key=k, value=any_value(v)) for k, v in value.items()]
        return AnyValue(kvlist_value=KeyValueList(values=pairs))
    kinds = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value", bytes: "bytes_value"}
    return AnyValue(**{kinds[type(value)]: value}) if value is not None else AnyValue()


def attributes(chance, most=3):
    values = (*TEXTS, *NUMBERS, True, False, None, b"x", ["x", 1], [], [[1], {"a": "y"}, 1.5], {"a": 1})
    keys = chance.sample(KEYS, chance.randint(0, most))
    return [KeyValue(key=key, value=any_value(chance.choice(values))) for key in keys]


def make_spans(seed, count):
    """Spans of small traces, some broken: parents that are not there, circles, clocks far off, unknown enums."""
    chance = random.Random(seed)
    records = []
    for trace in range(count):
        ids = [bytes([trace % 251, trace // 251, 7, n, 0, 0, 0, 1]) for n in range(chance.randint(1, 6))]
        for own in ids:
            start = chance.choice([0, 1, T, T + 1, T + chance.randrange(10**10), T + 10**10, 2**63 - 1])
            span = Span(
                trace_id=ids[0] + ids[0],
                span_id=own,
                parent_span_id=chance.choice([b"", *ids, b"\xff" * 8]),
                name=chance.choice(NAMES),
                kind=chance.choice([0, 1, 2, 3, 4, 5, 9]),
                start_time_unix_nano=start,
                end_time_unix_nano=max(0, min(2**63 - 1, start + chance.choice([-5, 0, 1, 1000, 10**9, 10**10]))),
                attributes=attributes(chance),
            )
            span.status.code = chance.choice([0, 1, 2, 2, 7])
            span.status.message = chance.choice(["", "boom"])
            for _ in range(chance.choice([0, 0, 1, 2])):
                span.events.add(name=chance.choice(NAMES), time_unix_nano=start, attributes=attributes(chance, 2))
            for _ in range(chance.choice([0, 0, 1])):
                span.links.add(trace_id=ids[0] * 2, span_id=own, attributes=attributes(chance, 1))
            service = chance.choice([*SERVICES, None])
            named = [KeyValue(key="service.name", value=any_value(service))] if service else []
            resource = Resource(attributes=[*named, *attributes(chance, 2)])
            scope = InstrumentationScope(name=chance.choice(["", "lib"]), attributes=attributes(chance, 1))
            record = span_record(span, resource, scope)
            records.append(record if record.service else with_service(record))
    chance.shuffle(records)
    return records


def with_service(record):
    return replace(record, service="unknown_service")


class Stores:
    """The same spans twice. No dataclass: Hypothesis would print all of it."""

    def __init__(self, disk, memory):
        self.disk = disk
        self.memory = memory
        self.views = {s.trace_id: TraceView(memory.trace(s.trace_id)) for s in memory.spans}


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """The same spans twice: in blocks of three on disk, some in none yet; and in a list."""
    records = make_spans(7, 60)
    disk = SqliteStore(tmp_path_factory.mktemp("spans"))
    disk.span_indexer.close()
    patch = pytest.MonkeyPatch()
    patch.setattr(background, "BLOCK_ROWS", 3)
    memory = MemoryStore()
    for part in (records[:-40], records[-40:]):
        disk.submit(Batch(spans=part)).result()
        memory.submit(Batch(spans=part))
        if part is not records[-40:]:
            while disk.span_indexer.round():
                pass
            disk.span_indexer.round()
    patch.undo()
    yield Stores(disk, memory)
    disk.close()


def oracle(views, pipeline):
    run = evaluator(pipeline)
    sets = {trace_id: run(view) for trace_id, view in views.items()}
    return {
        trace_id: [sorted(views[trace_id].spans[p].span_id for p in one.positions) for one in found]
        for trace_id, found in sets.items()
        if found
    }


def found_by_search(store, pipeline):
    return {
        match.view.spans[0].trace_id: [sorted(match.view.spans[p].span_id for p in one.positions) for one in match.sets]
        for match in search(store, pipeline, None, None, 10_000).found
    }


SCOPES = ("", "span", "resource", "event", "link", "instrumentation")
FIELDS = st.one_of(
    st.builds(Field, st.sampled_from(SCOPES), st.sampled_from([*KEYS, "service.name"])),
    st.builds(Field, st.sampled_from(SCOPES), st.sampled_from([*KEYS, "service.name"]), st.just(True)),
    st.builds(Field, st.just("intrinsic"), st.sampled_from(sorted({i.name for i in INTRINSICS.values()}))),
)
TYPED = {
    "string": st.sampled_from([*TEXTS, *NAMES, *SERVICES, "lib", "boom"]).map(Static),
    "number": st.sampled_from([*(n for n in NUMBERS if n == n and abs(n) < 2**59), 1000, 10**9, 10**10]).map(Static),
    "bool": st.booleans().map(Static),
    "status": st.sampled_from(SpanStatus).map(Static),
    "kind": st.sampled_from(SpanKind).map(Static),
}


@st.composite
def comparisons(draw):
    field = draw(FIELDS)
    known = type_of(field) or draw(st.sampled_from(["string", "number", "bool"]))
    if draw(st.integers(0, 9)) == 0:
        return FieldOp(draw(st.sampled_from(["=", "!="])), field, Static(None))
    if known == "string" and draw(st.integers(0, 4)) == 0:
        return FieldOp(draw(st.sampled_from(["=~", "!~"])), field, Static(draw(st.sampled_from(["x.*", ".+", ""]))))
    ops = ["=", "=", "=", "!="] + (["<", "<=", ">", ">="] if known in ("string", "number") else [])
    op, value = draw(st.sampled_from(ops)), draw(TYPED[known])
    return FieldOp(op, field, value) if draw(st.booleans()) else FieldOp(op, value, field)


CONDITIONS = st.recursive(
    st.one_of(comparisons(), comparisons(), st.builds(Field, st.just("span"), st.sampled_from(KEYS))),
    lambda inner: st.one_of(
        st.builds(FieldOp, st.sampled_from(["&&", "||"]), inner, inner), st.builds(Unary, st.just("!"), inner)
    ),
    max_leaves=5,
)
FILTERS = st.one_of(st.builds(Filter, CONDITIONS), st.just(Filter()))
OPS = ["&&", "||", *(f"{p}{o}" for p in ("", "!", "&") for o in (">>", "<<", ">", "<", "~"))]
SPANSETS = st.recursive(FILTERS, lambda i: st.builds(SpansetOp, st.sampled_from(OPS), i, i), max_leaves=3)
PIPELINES = st.lists(SPANSETS, min_size=1, max_size=3).map(lambda stages: Pipeline(tuple(stages)))


@given(PIPELINES)
@settings(max_examples=150)
def test_a_search_finds_what_looking_at_everything_finds(stores, pipeline):
    assert found_by_search(stores.disk, pipeline) == oracle(stores.views, pipeline)


@given(PIPELINES)
def test_what_is_printed_parses_to_the_same(pipeline):
    assert parse(str(pipeline)) == pipeline


@given(st.text(st.sampled_from('{}()|&<>~!=.,"` ab1sd:-+*/^%\n'), max_size=40) | st.text(max_size=30))
def test_any_text_is_a_query_or_an_error_with_a_position(text):
    parsed, problem = None, ""
    try:
        parsed = parse(text)
    except QueryError as error:
        problem = str(error)
    assert problem.startswith("parse error at line ") if parsed is None else parse(str(parsed)) == parsed


@pytest.mark.parametrize(
    "text",
    [
        "{" * 50_000,
        "(" * 5_000,
        "{ " + "!" * 5_000 + ".a }",
        "{ " + "(" * 200 + ".a" + ")" * 200 + " }",
        "{ " + " && ".join([".a = 1"] * 2_000) + " }",
        " || ".join(["{ .a }"] * 2_000),
        "{ .a = " + "-" * 5_000 + "1 }",
        "{ " + " ^ ".join([".a"] * 2_000) + " }",
        "{ } " + "| count() > 1 " * 5_000,
        "{ .a =~ `" + "(a" * 5_000 + "` }",
    ],
)
def test_queries_without_measure_are_errors(text):
    with pytest.raises(QueryError):
        parse(text)


TAG_VALUES = [
    *TEXTS,
    "GET /",
    "shop",
    "lib",
    "error",
    "ok",
    "false",
    "2",
    "0",
    "1e+300",
    "NaN",
    "+Inf",
    "server",
    '["x",1]',
    "[]",
    "\ud800",
    "1e999",
    "-9999999999999999999",
    "9" * 5_000,
]
TAG_KEYS = [*KEYS, "resource.a", "span.kind", "span.status", "error", "scope.name", "service.name"]


@given(st.dictionaries(st.sampled_from(TAG_KEYS), st.sampled_from(TAG_VALUES), min_size=1, max_size=2))
@settings(max_examples=80)
def test_a_search_by_tags_finds_what_looking_at_everything_finds(stores, wanted):
    for service in (None, "shop"):
        query = traces.TraceQuery(SpanScan(service=service), wanted, limit=10_000)
        found = [
            sorted(trace[0].trace_id for trace in traces.search(s, query).traces) for s in (stores.disk, stores.memory)
        ]
        assert found[0] == found[1]


@settings(max_examples=50)
@given(st.sampled_from([T, T + 1, T + 10**9]), st.sampled_from([T, T + 10**9, 2**63 - 1]), comparisons())
def test_a_search_keeps_to_its_time_newest_first(stores, start, end, condition):
    scan = SpanScan(start_min=start, start_max=end, duration_min=1, prefilter=tags.prefilter(condition))
    passes = tags.test(condition)
    found = [
        [(s.start_ns, s.span_id) for s in store.scan(scan) if passes(TraceView((s,)), 0)]
        for store in (stores.disk, stores.memory)
    ]
    assert sorted(found[0]) == sorted(found[1])
    assert [time for time, _ in found[0]] == sorted((time for time, _ in found[0]), reverse=True)


def test_blocks_are_passed_over(stores, monkeypatch):
    """A search for what is in one block reads the rows of few others."""
    read = []
    real = span_search.SpanSearch._rows
    monkeypatch.setattr(
        span_search.SpanSearch, "_rows", lambda self, block, *r: read.append(block) or real(self, block, *r)
    )
    total = len(list(span_blocks.blocks(stores.disk.database, 10**9, None, None)))
    search(stores.disk, parse('{ span.a = "nowhere" }'), None, None, 20)
    assert total > 30
    assert len(read) < total / 5


@pytest.mark.parametrize(
    "query",
    [
        "{ }",
        '{ span.a = "x" }',
        '{ .a != nil && resource.service.name = "shop" }',
        "{ status = error || kind = server }",
        "{ resource.b = 1 } >> { duration > 1us }",
        '{ name = "GET /" && .nothing = 1 }',
    ],
)
def test_spans_that_are_in_no_block_are_found_by_the_index_when_they_are_many(stores, monkeypatch, query):
    monkeypatch.setattr(spans, "_TAIL", -1)
    pipeline = parse(query)
    assert found_by_search(stores.disk, pipeline) == oracle(stores.views, pipeline)


@pytest.mark.parametrize("digits", [20, 300])
def test_a_duration_that_is_too_long_is_a_parse_error(digits):
    with pytest.raises(QueryError, match="parse error at line 1, col 14: time: invalid duration"):
        parse(f"{{ duration > {'1' * digits}s }}")
