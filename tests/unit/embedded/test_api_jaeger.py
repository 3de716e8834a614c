"""Jaeger's two APIs, asked over HTTP in this process."""

from __future__ import annotations

import json
import math
import time

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from obsctl.embedded.otlp.json import any_value, span_json
from obsctl.embedded.query import traces
from obsctl.embedded.query.attributes import text
from obsctl.embedded.records import Batch
from obsctl.embedded.store.base import SpanScan
from obsctl.embedded.store.traces.decode import attributes_of
from tests.unit.embedded.memory_store import MemoryStore, client, span_record

T = 1_754_000_000_000_000_000
US = T // 1_000
TRACE = bytes.fromhex("5b8efff798038103d269b633813fc60c")
WINDOW = {"start": US - 10, "end": US + 10_000_000}
V3_WINDOW = {"query.startTimeMin": "2025-07-31T22:00:00Z", "query.startTimeMax": "2025-07-31T23:00:00.5Z"}


def attribute(key, value):
    kinds = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value", bytes: "bytes_value"}
    return KeyValue(key=key, value=AnyValue(**{kinds[type(value)]: value}))


def resource(service, **others):
    return Resource(attributes=[attribute("service.name", service), *(attribute(k, v) for k, v in others.items())])


def span(number, parent=0, *, trace_id=TRACE, name="GET /cart", kind=2, start=T, took=1_000_000, **attributes):
    return Span(
        trace_id=trace_id,
        span_id=number.to_bytes(8, "big"),
        parent_span_id=parent.to_bytes(8, "big") if parent else b"",
        name=name,
        kind=kind,
        start_time_unix_nano=start,
        end_time_unix_nano=start + took,
        attributes=[attribute(k.replace("__", "."), v) for k, v in attributes.items()],
    )


SCOPE = InstrumentationScope(name="lib", version="2", attributes=[attribute("scope.key", "sv")])


@pytest.fixture
def store():
    root = span(1, took=150_000_000, http__response__status_code=200, big=2**60, ratio=1.5, ok=True, raw=b"\x00\x01")
    root.trace_state = "v=1"
    root.flags = 0x101
    root.status.code = Status.STATUS_CODE_ERROR
    root.status.message = "boom"
    root.events.add(time_unix_nano=T + 5_000, name="cache.miss", attributes=[attribute("key", "k1")])
    root.links.add(
        trace_id=b"\x01" * 16, span_id=b"\x02" * 8, trace_state="l=1", attributes=[attribute("why", "retry")]
    )
    child = span(2, 1, name="work", kind=5, start=T + 1_000_000)
    child.status.code = Status.STATUS_CODE_OK
    grandchild = span(3, 2, name="call", kind=3, start=T + 1_500_000, took=500)
    other = span(9, 77, trace_id=b"\x00" * 8 + b"\x09" * 8, start=T + 2_000_000_000, name="lonely", kind=0)
    memory = MemoryStore()
    memory.submit(
        Batch(
            spans=[
                span_record(root, resource("api", host="h1"), SCOPE),
                span_record(child, resource("worker")),
                span_record(grandchild, resource("worker")),
                span_record(other, resource("api", host="h1"), SCOPE),
            ]
        )
    )
    return memory


@pytest.fixture
def api(store):
    return client(store)


def good(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body) == ["data", "total", "limit", "offset", "errors"]
    assert (body["limit"], body["offset"]) == (0, 0)
    return body


def bad(answer, status=400):
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/plain; charset=utf-8")
    assert answer.text.endswith("\n")
    body = answer.json()
    [error] = body["errors"]
    assert (body["data"], error["code"]) == (None, status)
    return error["msg"]


def bad_v3(answer, status=400):
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/plain; charset=utf-8")
    error = answer.json()["error"]
    assert error["httpCode"] == status
    return error["message"]


def test_services_and_operations(api):
    body = good(api.get("/api/services"))
    assert (body["data"], body["total"], body["errors"]) == (["api", "worker"], 2, None)
    assert good(api.get("/api/services/worker/operations"))["data"] == ["call", "work"]
    body = good(api.get("/api/operations", params={"service": "api"}))
    assert body["data"] == [{"name": "GET /cart", "spanKind": "server"}, {"name": "lonely", "spanKind": ""}]
    body = good(api.get("/api/operations", params={"service": "api", "spanKind": "server"}))
    assert [o["name"] for o in body["data"]] == ["GET /cart"]
    assert bad(api.get("/api/operations")) == "parameter 'service' is required"
    assert good(client(MemoryStore()).get("/api/services"))["data"] == []


def test_a_service_name_may_hold_a_slash():
    memory = MemoryStore()
    memory.submit(Batch(spans=[span_record(span(1), resource("shop/cart"))]))
    for path in ("shop/cart", "shop%2Fcart"):
        assert good(client(memory).get(f"/api/services/{path}/operations"))["data"] == ["GET /cart"]


def test_a_trace_in_ui_form(api):
    [trace] = good(api.get(f"/api/traces/{TRACE.hex()}"))["data"]
    assert (trace["traceID"], trace["warnings"], len(trace["spans"])) == (TRACE.hex(), None, 3)
    assert trace["processes"] == {
        "p1": {"serviceName": "api", "tags": [{"key": "host", "type": "string", "value": "h1"}]},
        "p2": {"serviceName": "worker", "tags": []},
    }
    root, child, _ = trace["spans"]
    tags = root.pop("tags")
    assert root == {
        "traceID": TRACE.hex(),
        "spanID": "0000000000000001",
        "flags": 1,
        "operationName": "GET /cart",
        "references": [{"refType": "FOLLOWS_FROM", "traceID": "01" * 16, "spanID": "02" * 8}],
        "startTime": US,
        "duration": 150_000,
        "logs": [
            {
                "timestamp": US + 5,
                "fields": [
                    {"key": "event", "type": "string", "value": "cache.miss"},
                    {"key": "key", "type": "string", "value": "k1"},
                ],
            }
        ],
        "processID": "p1",
        "warnings": None,
    }
    assert [(t["key"], t["type"], t["value"]) for t in tags] == [
        ("big", "int64", str(2**60)),
        ("error", "bool", True),
        ("http.response.status_code", "int64", 200),
        ("ok", "bool", True),
        ("otel.scope.name", "string", "lib"),
        ("otel.scope.version", "string", "2"),
        ("otel.status_code", "string", "ERROR"),
        ("otel.status_description", "string", "boom"),
        ("ratio", "float64", 1.5),
        ("raw", "binary", "AAE="),
        ("span.kind", "string", "server"),
        ("w3c.tracestate", "string", "v=1"),
    ]
    assert child["references"] == [{"refType": "CHILD_OF", "traceID": TRACE.hex(), "spanID": "0000000000000001"}]
    assert {"key": "otel.status_code", "type": "string", "value": "OK"} in child["tags"]


def test_a_missing_parent_is_a_warning_and_a_short_id_is_shown_short(api):
    [trace] = good(api.get("/api/traces/0909090909090909"))["data"]
    [lonely] = trace["spans"]
    assert lonely["traceID"] == trace["traceID"] == "09" * 8
    assert lonely["references"][0] == {"refType": "CHILD_OF", "traceID": "09" * 8, "spanID": "000000000000004d"}
    assert lonely["warnings"] == ["parent span ID=000000000000004d is not in the trace; skipping clock skew adjustment"]
    assert not any(tag["key"] == "span.kind" for tag in lonely["tags"])
    [trace] = good(api.get("/api/traces/0909090909090909", params={"raw": "true"}))["data"]
    assert trace["spans"][0]["warnings"] is None


def test_duplicate_span_ids_are_a_warning():
    memory = MemoryStore()
    memory.submit(Batch(spans=[span_record(span(1, kind=kind), resource("a")) for kind in (2, 3)]))
    [trace] = good(client(memory).get(f"/api/traces/{TRACE.hex()}"))["data"]
    assert [s["warnings"] for s in trace["spans"]] == [["duplicate span IDs; skipping clock skew adjustment"]] * 2


def test_ids_are_of_any_case_and_length(api):
    assert good(api.get(f"/api/traces/{TRACE.hex().upper()}"))["data"]
    assert bad(api.get("/api/traces/1"), 404) == "trace not found"
    assert bad(api.get("/api/traces/" + "0" * 33)).startswith("TraceID cannot be longer than 32 hex characters")
    assert "malformed trace ID" in bad(api.get("/api/traces/xyz"))
    assert "boolean" in bad(api.get(f"/api/traces/{TRACE.hex()}", params={"raw": "maybe"}))


def test_errors_are_jaegers_byte_for_byte(api):
    assert api.get("/api/traces/0000000000000001").text == (
        '{"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":404,"msg":"trace not found"}]}\n'
    )


def test_several_traces_by_id(api):
    body = good(api.get("/api/traces", params={"traceID": [TRACE.hex(), "ff", TRACE.hex()]}))
    assert [trace["traceID"] for trace in body["data"]] == [TRACE.hex()]
    assert body["errors"] == [{"msg": "trace not found", "traceID": "00000000000000ff"}]


def search(api, **params):
    answer = api.get("/api/traces", params={"service": "api", **WINDOW, **params})
    return [trace["spans"][0]["operationName"] for trace in good(answer)["data"]]


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, ["lonely", "GET /cart"]),
        ({"limit": 1}, ["lonely"]),
        ({"operation": "lonely"}, ["lonely"]),
        ({"service": "nope"}, []),
        ({"minDuration": "100ms"}, ["GET /cart"]),
        ({"maxDuration": "100ms"}, ["lonely"]),
        ({"start": US + 1_000}, ["lonely"]),
        ({"end": US + 1_000}, ["GET /cart"]),
        ({"tag": "http.response.status_code:200"}, ["GET /cart"]),
        ({"tag": ["ok:true", "ratio:1.5"]}, ["GET /cart"]),
        ({"tag": ["ok:true", "ratio:2"]}, []),
        ({"tags": '{"host":"h1","key":"k1"}'}, ["GET /cart"]),
        ({"tags": '{"resource.host":"h1"}'}, ["lonely", "GET /cart"]),
        ({"tags": '{"scope.key":"sv","scope.name":"lib","scope.version":"2"}'}, ["lonely", "GET /cart"]),
        ({"tags": '{"error":"true"}'}, ["GET /cart"]),
        ({"tags": '{"error":"false"}'}, []),
        ({"tags": '{"error":"false"}', "service": "worker"}, ["GET /cart"]),
        ({"tags": '{"span.status":"error","span.kind":"server"}'}, ["GET /cart"]),
        ({"tags": '{"span.kind":"consumer"}'}, []),
        ({"tag": "big:1152921504606846976"}, ["GET /cart"]),
        ({"lookback": "1h", "minDuration": "", "maxDuration": ""}, ["lonely", "GET /cart"]),
    ],
)
def test_searching(api, params, found):
    assert search(api, **params) == found


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"service": ""}, "parameter 'service' is required"),
        ({"start": "x"}, "unable to parse param 'start': \"x\" is not an integer"),
        ({"limit": "0"}, "unable to parse param 'limit': search depth must be greater than 0 and at most 10000"),
        ({"limit": "1e3"}, "unable to parse param 'limit': \"1e3\" is not an integer"),
        ({"minDuration": "5"}, "unable to parse param 'minDuration': time: missing unit in duration \"5\""),
        ({"minDuration": "2s", "maxDuration": "1s"}, "'maxDuration' should be greater than 'minDuration'"),
        ({"tag": "x"}, "malformed 'tag' parameter, expecting key:value, received: \"x\""),
        ({"tags": "x"}, "malformed 'tags' parameter, cannot unmarshal JSON: not JSON"),
        ({"tags": "[" * 20_000}, "malformed 'tags' parameter, cannot unmarshal JSON: not JSON"),
        (
            {"tags": '{"http.status_code":500}'},
            "malformed 'tags' parameter, cannot unmarshal JSON: expected an object whose values are strings",
        ),
        ({"traceID": "zz"}, 'malformed trace ID "zz": expected 1 to 32 hex digits'),
        ({"prettyPrint": "maybe"}, "unable to parse param 'prettyPrint': \"maybe\" is not a boolean"),
    ],
)
def test_bad_searches(api, params, error):
    assert bad(api.get("/api/traces", params={"service": "api", **WINDOW, **params})) == error


def test_the_last_two_days_are_the_default(api):
    assert good(api.get("/api/traces", params={"service": "api"}))["data"] == []
    memory = MemoryStore()
    memory.submit(Batch(spans=[span_record(span(1, start=time.time_ns() - 36 * 3600 * 10**9), resource("api"))]))
    assert len(good(client(memory).get("/api/traces", params={"service": "api"}))["data"]) == 1


def test_a_search_is_bounded_and_says_so(store, monkeypatch):
    monkeypatch.setattr(traces, "MAX_SCANNED", 1)
    body = good(client(store).get("/api/traces", params={"service": "api", **WINDOW}))
    assert len(body["data"]) == 1
    assert body["errors"] == [{"code": 206, "msg": "only the newest 1 spans were searched: narrow the time range"}]
    monkeypatch.setattr(traces, "MAX_SCANNED", 1_000)
    monkeypatch.setattr(traces, "MAX_SPANS", 1)
    body = good(client(store).get("/api/traces", params={"service": "api", **WINDOW}))
    assert len(body["data"]) == 1
    assert body["errors"][0]["msg"].startswith("the answer was cut after 1 traces")


def test_a_v3_search_that_is_cut_says_so_and_is_never_just_empty(store, monkeypatch):
    monkeypatch.setattr(traces, "MAX_SCANNED", 1)
    cut = "only the newest 1 spans were searched: narrow the time range"
    params = {"query.serviceName": "api", **V3_WINDOW}
    for path in ("/api/v3/traces", "/api/v3/trace-summaries"):
        answer = client(store).get(path, params=params)
        assert (answer.status_code, answer.headers["warning"]) == (200, f'299 - "{cut}"')
        answer = client(store).get(path, params=params | {"query.attributes": '{"http.response.status_code": "200"}'})
        told = f"nothing was found, but the search is not complete: {cut}"
        assert (answer.status_code, answer.json()) == (503, {"error": {"httpCode": 503, "message": told}})


def test_dependencies_of_some_spans_only_say_so(store, monkeypatch):
    asked = {"endTs": T // 10**6 + 10_000, "lookback": 20_000}
    assert good(client(store).get("/api/dependencies", params=asked))["errors"] is None
    monkeypatch.setattr(traces, "MAX_SCANNED", 2)
    body = good(client(store).get("/api/dependencies", params=asked))
    assert body["errors"] == [{"code": 206, "msg": "only the newest 2 spans were searched: narrow the time range"}]


def test_pretty_print(api):
    assert '\n    "data"' in api.get("/api/traces", params={"service": "api", "prettyPrint": "true", **WINDOW}).text


def test_dependencies_are_links_between_services(api):
    params = {"endTs": (T + 10**10) // 10**6, "lookback": 3_600_000}
    body = good(api.get("/api/dependencies", params=params))
    assert body["data"] == [{"parent": "api", "child": "worker", "callCount": 1}]
    assert len(good(api.get("/api/dependencies", params={**params, "service": "worker"}))["data"]) == 1
    assert good(api.get("/api/dependencies", params={**params, "service": "nope"}))["data"] == []
    assert good(api.get("/api/dependencies"))["data"] == []
    assert "endTs" in bad(api.get("/api/dependencies", params={"endTs": "x"}))


def test_metrics_are_not_kept(api):
    assert bad(api.get("/api/metrics/calls"), 501) == "metrics querying is currently disabled"


def test_v3_services_and_operations(api):
    assert api.get("/api/v3/services").json() == {"services": ["api", "worker"]}
    found = api.get("/api/v3/operations", params={"service": "api"}).json()["operations"]
    assert found == [{"name": "GET /cart", "spanKind": "server"}, {"name": "lonely", "spanKind": "internal"}]
    for name in ("span_kind", "spanKind"):
        assert len(api.get("/api/v3/operations", params={"service": "api", name: "server"}).json()["operations"]) == 1
    assert "service" in bad_v3(api.get("/api/v3/operations"))


def test_v3_trace_is_otlp_json(api):
    answer = api.get(f"/api/v3/traces/{TRACE.hex().upper()}", params={"startTime": "2025-01-01T00:00:00Z"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    first, second = answer.json()["result"]["resourceSpans"]
    assert first["resource"]["attributes"][0] == {"key": "service.name", "value": {"stringValue": "api"}}
    [scope_spans] = first["scopeSpans"]
    assert scope_spans["scope"] == {
        "name": "lib",
        "version": "2",
        "attributes": [{"key": "scope.key", "value": {"stringValue": "sv"}}],
    }
    assert scope_spans["spans"] == [
        {
            "traceId": TRACE.hex(),
            "spanId": "0000000000000001",
            "traceState": "v=1",
            "flags": 257,
            "name": "GET /cart",
            "kind": 2,
            "startTimeUnixNano": str(T),
            "endTimeUnixNano": str(T + 150_000_000),
            "attributes": [
                {"key": "http.response.status_code", "value": {"intValue": "200"}},
                {"key": "big", "value": {"intValue": str(2**60)}},
                {"key": "ratio", "value": {"doubleValue": 1.5}},
                {"key": "ok", "value": {"boolValue": True}},
                {"key": "raw", "value": {"bytesValue": "AAE="}},
            ],
            "events": [
                {
                    "timeUnixNano": str(T + 5_000),
                    "name": "cache.miss",
                    "attributes": [{"key": "key", "value": {"stringValue": "k1"}}],
                }
            ],
            "links": [
                {
                    "traceId": "01" * 16,
                    "spanId": "02" * 8,
                    "traceState": "l=1",
                    "attributes": [{"key": "why", "value": {"stringValue": "retry"}}],
                }
            ],
            "status": {"message": "boom", "code": 2},
        }
    ]
    assert [s["name"] for s in second["scopeSpans"][0]["spans"]] == ["work", "call"]
    assert second["scopeSpans"][0]["spans"][0]["parentSpanId"] == "0000000000000001"


def test_v3_trace_errors(api):
    assert bad_v3(api.get("/api/v3/traces/1"), 404) == "No traces found"
    assert "malformed trace ID" in bad_v3(api.get("/api/v3/traces/zz"))
    assert bad_v3(api.get(f"/api/v3/traces/{TRACE.hex()}", params={"start_time": "x"})).startswith(
        "malformed parameter startTime"
    )


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"query.serviceName": "api"}, {TRACE.hex(), "00" * 8 + "09" * 8}),
        ({"query.service_name": "api", "query.search_depth": "1"}, {"00" * 8 + "09" * 8}),
        ({"query.num_traces": "1"}, {"00" * 8 + "09" * 8}),
        ({"query.operationName": "GET /cart"}, {TRACE.hex()}),
        ({"query.attributes": '{"error":"true"}'}, {TRACE.hex()}),
        ({"query.duration_min": "100ms"}, {TRACE.hex()}),
    ],
)
def test_v3_search(api, params, found):
    body = api.get("/api/v3/traces", params={**V3_WINDOW, **params}).json()
    spans = [s for r in body["result"]["resourceSpans"] for scope in r["scopeSpans"] for s in scope["spans"]]
    assert {s["traceId"] for s in spans} == found
    assert len(spans) == (3 if TRACE.hex() in found else 0) + (len(found) - (TRACE.hex() in found))


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"query.startTimeMin": ""}, "query.startTimeMin and query.startTimeMax are required"),
        (
            {"query.startTimeMin": "x"},
            'malformed parameter query.startTimeMin: cannot parse "x" to a valid timestamp',
        ),
        (
            {"query.startTimeMin": V3_WINDOW["query.startTimeMax"]},
            "malformed parameter query.startTimeMax: must be after query.startTimeMin",
        ),
        ({"query.searchDepth": "x"}, 'malformed parameter query.searchDepth: "x" is not an integer'),
        ({"query.durationMin": "x"}, 'malformed parameter query.durationMin: time: invalid duration "x"'),
        (
            {"query.attributes": "[]"},
            "malformed parameter query.attributes: cannot unmarshal JSON: expected an object whose values are strings",
        ),
        (
            {"query.filter": "x"},
            "malformed parameter query.filter: a filter expression is not supported yet by the embedded engine",
        ),
    ],
)
def test_v3_bad_searches(api, params, error):
    assert bad_v3(api.get("/api/v3/traces", params={**V3_WINDOW, **params})) == error


def test_v3_search_without_a_match_is_404_and_summaries_are_empty(api):
    params = {**V3_WINDOW, "query.serviceName": "nope"}
    assert bad_v3(api.get("/api/v3/traces", params=params), 404) == "No traces found"
    assert api.get("/api/v3/trace-summaries", params=params).json() == {"summaries": []}


def test_v3_summaries(api):
    params = {**V3_WINDOW, "query.serviceName": "worker"}
    assert api.get("/api/v3/trace-summaries", params=params).json()["summaries"] == [
        {
            "traceId": TRACE.hex(),
            "rootServiceName": "api",
            "rootOperationName": "GET /cart",
            "minStartTimeUnixNano": str(T),
            "maxEndTimeUnixNano": str(T + 150_000_000),
            "spanCount": 3,
            "errorSpanCount": 1,
            "services": [
                {"name": "api", "spanCount": 1, "errorSpanCount": 1},
                {"name": "worker", "spanCount": 2, "errorSpanCount": 0},
            ],
        }
    ]


def deep(spans, *, cycle=False):
    memory = MemoryStore()
    last = spans if cycle else 0
    numbers = range(1, spans + 1)
    memory.submit(Batch(spans=[span_record(span(n, n - 1 or last, start=T + n), resource("deep")) for n in numbers]))
    return memory


@pytest.mark.parametrize("cycle", [False, True])
def test_depth_and_cycles_are_no_problem(cycle):
    api = client(deep(10_000, cycle=cycle))
    [trace] = good(api.get(f"/api/traces/{TRACE.hex()}"))["data"]
    assert (len(trace["spans"]), len(trace["processes"])) == (10_000, 1)
    assert all(s["warnings"] is None for s in trace["spans"])
    [group] = api.get(f"/api/v3/traces/{TRACE.hex()}").json()["result"]["resourceSpans"]
    assert len(group["scopeSpans"][0]["spans"]) == 10_000
    [summary] = api.get("/api/v3/trace-summaries", params={**V3_WINDOW, "query.searchDepth": 1}).json()["summaries"]
    assert summary["spanCount"] == 10_000


VALUES = st.recursive(
    st.one_of(
        st.just(AnyValue()),
        st.text(max_size=5).map(lambda v: AnyValue(string_value=v)),
        st.booleans().map(lambda v: AnyValue(bool_value=v)),
        st.integers(-(2**63), 2**63 - 1).map(lambda v: AnyValue(int_value=v)),
        # JSON knows one NaN, so neither its sign nor its payload can come back
        st.floats().map(lambda v: AnyValue(double_value=math.nan if math.isnan(v) else v)),
        st.binary(max_size=5).map(lambda v: AnyValue(bytes_value=v)),
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda v: AnyValue(array_value={"values": v}))
        | st.lists(st.builds(lambda k, v: KeyValue(key=k, value=v), st.text(max_size=3), inner), max_size=3).map(
            lambda v: AnyValue(kvlist_value={"values": v})
        )
    ),
    max_leaves=8,
)


def decoded(value):
    """A value as the store hands it out."""
    return attributes_of(Span(attributes=[KeyValue(key="k", value=value)]).SerializeToString()).first("k")


@given(VALUES)
@settings(max_examples=200)
def test_attribute_values_agree_with_protobufs_own_json(value):
    text(decoded(value))
    ours = json.loads(json.dumps(any_value(value)))
    back = json_format.ParseDict(ours, AnyValue())
    assert back.SerializeToString(deterministic=True) == value.SerializeToString(deterministic=True)


@given(VALUES)
def test_spans_are_valid_json_in_both_forms(value):
    one = span(1)
    one.attributes.add(key="k", value=value)
    memory = MemoryStore()
    memory.submit(Batch(spans=[span_record(one, resource("a"))]))
    for path in ("/api/traces", "/api/v3/traces"):
        answer = client(memory).get(f"{path}/{TRACE.hex()}")
        assert answer.status_code == 200
        assert json.loads(answer.text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_values_nested_too_deeply_are_cut():
    value = AnyValue(string_value="x")
    for _ in range(45):
        value = AnyValue(array_value={"values": [value]})
    assert "…" in text(decoded(value))
    assert "…" in json.dumps(any_value(value), ensure_ascii=False)


def test_a_span_of_defaults_is_nearly_empty():
    assert span_json(Span(name="x")) == {"name": "x", "status": {}}


def test_a_search_reads_no_more_than_it_needs(store):
    found = traces.search(store, traces.TraceQuery(SpanScan(service="api"), limit=1))
    assert [len(trace) for trace in found.traces] == [1]


def test_what_nobody_foresaw_is_an_internal_error_without_details(store, monkeypatch, caplog):
    def broken(*_args):
        raise RuntimeError("secret of the store")

    monkeypatch.setattr(store, "trace", broken)
    api = client(store)
    assert "secret" not in bad(api.get("/api/traces/1"), 500)
    assert "secret" not in bad_v3(api.get("/api/v3/traces/1"), 500)
    assert "secret of the store" in caplog.text
