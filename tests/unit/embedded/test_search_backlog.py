"""Searching what has no summary yet: it is found, or the answer says that it is not complete; and how far that goes."""

from __future__ import annotations

import json
import sqlite3
import struct
import time
from contextlib import closing
from dataclasses import astuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from starlette.applications import Starlette

from obsctl.embedded.jaeger import api as jaeger_api
from obsctl.embedded.loki import api as loki_api
from obsctl.embedded.query import traces
from obsctl.embedded.query.attributes import text
from obsctl.embedded.records import Batch, LogRecord
from obsctl.embedded.store import background
from obsctl.embedded.store.base import HasAttribute
from obsctl.embedded.store.logs import line_blocks
from obsctl.embedded.store.sqlite import SqliteStore
from obsctl.embedded.store.traces import span_search
from obsctl.embedded.store.traces import spans as span_table
from obsctl.embedded.store.traces.decode import attributes_of
from obsctl.embedded.tempo import api as tempo_api
from tests.unit.embedded.memory_store import Api, span_record
from tests.unit.embedded.test_api_jaeger import attribute, resource, span

NOW = time.time_ns()
COUNT = 60
WANTED = 7
"""The span and the line that are looked for, among the oldest."""


def stored(n):
    odd = {"odd": "yes"} if n == WANTED else {}
    return span(n, trace_id=n.to_bytes(16, "big"), start=NOW - 10**9 + n, order=f"order-{n:04}", **odd)


@pytest.fixture
def held_back(tmp_path, monkeypatch):
    """A store with spans and lines of which nothing is in a block: none is made unless a test says so."""
    monkeypatch.setattr(background, "BLOCK_ROWS", 10)
    store = SqliteStore(tmp_path / "data")
    store.span_indexer.close()
    store.line_indexer.close()
    records = [span_record(stored(n), resource("shop", host=f"host-{n:04}")) for n in range(1, COUNT + 1)]
    lines = [LogRecord((("service_name", "shop"),), NOW - 10**9 + n, f"line {n:03}", ()) for n in range(1, COUNT + 1)]
    store.submit(Batch(spans=records, logs=lines)).result()
    yield store
    store.close()


@pytest.fixture(params=["short", "long"])
def tail(request, monkeypatch):
    """What is in no block may be read as a whole, or only by its indexes."""
    if request.param == "long":
        monkeypatch.setattr(span_table, "_TAIL", 5)
        monkeypatch.setattr(line_blocks, "_LONG_TAIL", 5)


@pytest.fixture
def api(held_back):
    return Api(Starlette(routes=[*jaeger_api.routes(held_back), *loki_api.routes(held_back)]))


@pytest.fixture
def tempo_answers(held_back):
    return Api(Starlette(routes=tempo_api.routes(held_back)))


def microseconds(ns):
    return ns // 1000


WINDOW = {"start": microseconds(NOW - 10**10), "end": microseconds(NOW + 10**10)}
V3_WINDOW = {"query.startTimeMin": "2001-01-01T00:00:00Z", "query.startTimeMax": "2100-01-01T00:00:00Z"}
TAGS = [{"odd": "yes"}, {"order": f"order-{WANTED:04}"}, {"host": f"host-{WANTED:04}"}]


def jaeger_ui(api, tags):
    body = api.get("/api/traces", params={"service": "shop", "tags": json.dumps(tags), **WINDOW}).json()
    return len(body["data"]), "; ".join(problem["msg"] for problem in body["errors"] or ())


def jaeger_v3(api, tags):
    params = {"query.serviceName": "shop", "query.attributes": json.dumps(tags), **V3_WINDOW}
    answer = api.get("/api/v3/traces", params=params)
    if answer.status_code == 503:
        return 0, answer.json()["error"]["message"]
    return len(answer.json()["result"]["resourceSpans"]), answer.headers.get("warning", "")


def tempo_search(api, tags):
    conditions = " && ".join(f'.{name.removeprefix("resource.")} = "{value}"' for name, value in tags.items())
    body = api.get("/api/search", params={"q": f"{{ {conditions} }}"}).json()
    return len(body["traces"]), body.get("message", "")


@pytest.mark.usefixtures("tail")
@pytest.mark.parametrize("tags", TAGS, ids=str)
def test_a_span_without_a_summary_is_found_in_every_dialect(api, tempo_answers, monkeypatch, tags):
    monkeypatch.setattr(traces, "MAX_SCANNED", 5)  # the tail holds more spans than a search may look at
    assert jaeger_ui(api, tags) == (1, "")
    assert jaeger_v3(api, tags) == (1, "")
    assert tempo_search(tempo_answers, tags) == (1, "")


@pytest.mark.usefixtures("tail")
def test_a_search_that_cannot_look_at_all_of_them_says_so_in_every_dialect(api, tempo_answers, monkeypatch):
    monkeypatch.setattr(traces, "MAX_SCANNED", 5)
    unknown = {"order": "["}  # as a text it may be the JSON of anything: no span with the key can be ruled out
    cut = "only the newest 5 spans were searched: narrow the time range"
    assert jaeger_ui(api, unknown) == (0, cut)
    assert jaeger_v3(api, unknown) == (0, f"nothing was found, but the search is not complete: {cut}")
    body = tempo_answers.get("/api/search", params={"q": '{ .order =~ "x.*" }'}).json()
    assert (body["traces"], body["status"], body["message"]) == ([], "PARTIAL", cut)


@pytest.mark.usefixtures("tail")
def test_a_line_without_a_summary_is_found(api, monkeypatch):
    params = {"query": f'{{service_name="shop"}} |= "line {WANTED:03}"', "start": NOW - 10**10, "end": NOW + 10**10}
    body = api.get("/loki/api/v1/query_range", params=params).json()
    assert [value[1] for stream in body["data"]["result"] for value in stream["values"]] == [f"line {WANTED:03}"]
    monkeypatch.setattr(loki_api, "TIMEOUT_SECONDS", -1.0)
    answer = api.get("/loki/api/v1/query_range", params=params)
    assert answer.status_code == 504, answer.text  # never an empty answer


def test_how_far_behind_it_is(held_back):
    held_back.span_indexer.round()
    assert held_back.span_indexer.backlog().rows == 0
    backlog = held_back.line_indexer.backlog()
    assert (backlog.rows, backlog.seconds) == (COUNT, 0.0)  # no round has noticed them yet
    shown = held_back.metrics.expose()
    assert f'obsctl_index_behind_items{{signal="logs"}} {COUNT}' in shown
    assert 'obsctl_index_behind_items{signal="traces"} 0' in shown
    assert 'obsctl_index_behind_seconds{signal="traces"} 0' in shown


def test_the_time_counts_from_the_round_that_met_the_oldest(held_back, monkeypatch):
    clock = [1_000.0]
    monkeypatch.setattr(background.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(background, "_BUSY_ROWS", 1)
    monkeypatch.setattr(held_back.line_indexer, "_newest", 0)
    held_back.line_indexer.round()  # as rows come in fast: one block
    clock[0] += 30
    assert held_back.line_indexer.backlog() == background.IndexBacklog(COUNT - 10, 30.0)


def test_far_behind_it_does_not_spare_what_comes_in(held_back, monkeypatch):
    monkeypatch.setattr(background, "_BUSY_ROWS", 1)
    monkeypatch.setattr(background, "LATE", COUNT - 1)
    held_back.span_indexer.round()
    assert held_back.span_indexer.backlog().rows == 0


def test_beyond_the_bound_blocks_are_made_before_anything_else_is_committed(held_back, monkeypatch):
    monkeypatch.setattr(background, "MOST_BEHIND", COUNT - 1)
    monkeypatch.setattr(background, "_HELD_BLOCKS", 2)
    ran = []
    run = held_back.writer.run

    def on_the_writer(job):
        def noted(connection):
            ran.append(held_back.span_indexer.backlog().rows)
            done: int = job(connection)
            return done

        return run(noted)

    monkeypatch.setattr(held_back.writer, "run", on_the_writer)
    assert held_back.span_indexer.round()
    assert (ran, held_back.span_indexer.backlog().rows) == ([COUNT], COUNT - 20)


SCALARS = st.one_of(
    st.text(max_size=5), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.binary(max_size=4)
)


@given(st.one_of(SCALARS, st.lists(SCALARS, max_size=2)))
@example(struct.unpack("<d", b"\xff" * 8)[0])
@example(["x"])
@example(b"\x00\xff")
def test_no_needle_rules_out_a_span_whose_attribute_reads_like_the_tag(value):
    """A tag of Jaeger's is compared with a value's text, whatever its type."""
    one = span(1)
    encoded = [attribute("k", item).value for item in value] if isinstance(value, list) else []
    whole = AnyValue(array_value=ArrayValue(values=encoded)) if isinstance(value, list) else attribute("k", value).value
    one.attributes.append(KeyValue(key="k", value=whole))
    payload = one.SerializeToString()
    shown = text(attributes_of(payload).first("k"))
    predicate = HasAttribute("k", traces._spelled(shown), nested=True)
    sql, values = astuple(span_search._has_attribute(predicate).rows(None))
    row = f"SELECT {sql} FROM (SELECT ? AS payload) AS spans"
    with closing(sqlite3.connect(":memory:")) as connection:
        assert not shown or connection.execute(row, (*values, payload)).fetchone()[0]
