"""Tempo's API under hostile input, huge traces and clocks far off; what any server must do is in the dialect suite."""

from __future__ import annotations

import time
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from obsctl.embedded.http import errors
from obsctl.embedded.query import traces
from obsctl.embedded.query.traceql import search as searching
from obsctl.embedded.query.traceql import tags
from obsctl.embedded.records import Batch
from tests.unit.embedded.memory_store import MemoryStore, span_record, tempo_client
from tests.unit.embedded.test_api_jaeger import T, attribute, resource, span

BIG = b"\x07" * 16
COUNT = 10_000


@pytest.fixture(scope="module")
def store():
    """One trace of ten thousand spans in a row, each the parent of the next, and three under clocks far off."""
    memory = MemoryStore()
    row = [span(n, n - 1, trace_id=BIG, name=f"step {n % 3}", start=T + n, took=10) for n in range(1, COUNT + 1)]
    odd = [
        span(1, trace_id=bytes([9, n]) * 8, name="odd", start=start, took=took)
        for n, (start, took) in enumerate([(0, 0), (2**63 - 1, 0), (1, 2**63 - 2)])
    ]
    memory.spans += [span_record(one, resource("deep")) for one in (*row, *odd)]
    return memory


@pytest.fixture(scope="module")
def api(store):
    return tempo_client(store)


def found(api, query, **params):
    answer = api.get("/api/search", params={"q": query, "limit": 100} | params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_trace_of_ten_thousand_spans(api):
    batches = api.get(f"/api/traces/{BIG.hex()}").json()["batches"]
    assert sum(len(scope["spans"]) for batch in batches for scope in batch["scopeSpans"]) == COUNT
    [trace] = found(api, '{ name = "step 1" && nestedSetParent < 0 } >> { } | count() > 9000')["traces"]
    assert trace["spanSets"][0]["matched"] == COUNT - 1
    assert len(trace["spanSets"][0]["spans"]) == 3
    [trace] = found(api, '{ } << { name = "step 0" }')["traces"]
    assert trace["spanSets"][0]["matched"] == COUNT // 3


@pytest.mark.parametrize("path", ["/api/metrics/query", "/api/metrics/query_range"])
@pytest.mark.parametrize(
    ("query", "named"), [("{} | rate()", "rate()"), ("{}", "a query without metrics"), ("{ |", "")]
)
def test_metrics_of_traces_are_refused_by_name(api, path, query, named):
    answer = api.get(path, params={"q": query, "start": 1, "end": 100, "step": 10})
    assert answer.status_code == 400
    assert answer.text.startswith("invalid TraceQL query: ")
    assert named in answer.text


def test_clocks_far_off(api):
    traces = {t["traceID"]: t for t in found(api, '{ name = "odd" }')["traces"]}
    assert len(traces) == 3
    assert {t["startTimeUnixNano"] for t in traces.values()} == {"0", str(2**63 - 1), "1"}
    assert {t.get("durationMs", 0) for t in traces.values()} == {0, (2**63 - 2) // 10**6}
    assert found(api, '{ name = "odd" && duration > 200h }')["traces"]
    assert len(found(api, '{ name = "odd" }', start=1, end=2**33)["traces"]) == 0
    assert len(found(api, '{ name = "odd" }', start=0, end=10**9)["traces"]) == 2


def test_a_search_that_goes_on_for_too_long_ends_with_what_it_has(api, monkeypatch):
    monkeypatch.setattr(searching, "MAX_READ", 5)
    answer = found(api, "{ } | count() > 100000")
    assert (answer["traces"], answer["metrics"]["completedJobs"]) == ([], 0)
    assert "make the query more selective" in answer["message"]


PATHS = st.sampled_from(
    [
        "/api/search",
        "/api/search/tags",
        "/api/v2/search/tags",
        "/api/search/tag/{}/values",
        "/api/v2/search/tag/{}/values",
        "/api/traces/{}",
        "/api/v2/traces/{}",
    ]
)
QUERIES = ["{ }", "{ .a = 1 }", "{" * 60, '{ .b = "']
NAMES = ("q", "tags", "minDuration", "maxDuration", "limit", "spss", "start", "end", "since", "scope")
PIECES = ["-1", "0", "1", "9" * 30, "1h", "1e400", "NaN", "a=b", 'a="', "\x00", "\ud800", "ü", "resource.a", "a.b", "/"]
TEXTS = st.sampled_from([*PIECES, *QUERIES]) | st.text(max_size=12)


@given(
    PATHS,
    st.sampled_from(PIECES[:-1]) | st.text("abc./é%{}x1", min_size=1),
    st.dictionaries(st.sampled_from(NAMES), TEXTS, max_size=4),
)
@settings(max_examples=80)
def test_whatever_is_asked_gets_an_answer_in_the_apis_form(path, part, params):
    api = tempo_client(SMALL)
    raw = {name: value.encode("utf-8", "surrogatepass") for name, value in params.items()}
    answer = api.get(path.format(quoted(part)), params=raw)
    assert answer.status_code in (200, 400, 404), answer.text
    assert errors.INTERNAL not in answer.text
    if answer.status_code == 200:
        assert isinstance(answer.json(), dict)
    elif answer.status_code == 400:
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.text.strip()


def quoted(text):
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


SMALL = MemoryStore()
SMALL.submit(Batch(spans=[span_record(span(1, start=time.time_ns(), a=1), resource("small", b="x"))]))


def test_odd_spans_have_a_form(api):
    """Ids of other spans of wrong length, enums that nobody knows, nesting without end."""
    memory = MemoryStore()
    odd = span(1, name="", kind=99)
    odd.status.code = 7
    odd.links.add(trace_id=b"x", span_id=b"")
    value = attribute("deep", "x").value
    for _ in range(30):
        deeper = type(value)()
        deeper.array_value.values.append(value)
        value = deeper
    odd.attributes.add(key="deep").value.CopyFrom(value)
    memory.submit(Batch(spans=[span_record(Span.FromString(odd.SerializeToString()), resource(""))]))
    client = tempo_client(memory)
    [batch] = client.get(f"/api/traces/{odd.trace_id.hex()}").json()["batches"]
    [shown] = batch["scopeSpans"][0]["spans"]
    assert (shown["kind"], shown["status"]) == (99, {"code": 7})
    assert found(client, "{ kind = unspecified && status = unset && .deep != 1 || true }")["traces"]


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/api/search", "MAX_SCANNED"),
        ("/api/search/tags", "MAX_LOOKED"),
        ("/api/v2/search/tags", "MAX_LOOKED"),
        ("/api/search/tag/host/values", "MAX_LOOKED"),
        ("/api/v2/search/tag/resource.host/values", "MAX_LOOKED"),
    ],
)
def test_what_is_not_complete_says_so(path, limit, monkeypatch):
    memory = MemoryStore()
    memory.spans += [span_record(span(n, start=T + n), resource("shop", host="h")) for n in (1, 2, 3)]
    params = {"q": '{ name =~ "nobody.*" }' if path == "/api/search" else ""}
    whole = tempo_client(memory).get(path, params=params).json()
    assert (whole["metrics"]["completedJobs"], whole["metrics"]["totalJobs"]) == (1, 1)
    assert not {"status", "message"} & whole.keys()
    for module in (traces, tags):
        monkeypatch.setattr(module, limit, 2, raising=False)
    cut = tempo_client(memory).get(path, params=params).json()
    assert cut["status"] == "PARTIAL"
    assert cut["message"] == "only the newest 2 spans were searched: narrow the time range"
    assert cut["metrics"]["completedJobs"] < cut["metrics"]["totalJobs"]
