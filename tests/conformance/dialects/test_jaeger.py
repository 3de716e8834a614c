"""Jaeger's query APIs: any server that claims the dialect passes this. Data comes in through OTLP over HTTP."""

from __future__ import annotations

import json
import secrets
import time
from datetime import UTC, datetime

import pytest

ROLES = ("jaeger",)
MS = 1_000_000


def attribute(key, **value):
    return {"key": key, "value": value}


@pytest.fixture
def since_2_20(servers, request):
    """What Jaeger says so since 2.20. Its module proxy serves 2.13, whose ways the client copes with."""
    if servers.jaeger_release < (2, 20):
        request.applymarker(pytest.mark.xfail(strict=True, reason="said otherwise before 2.20"))


@pytest.fixture(scope="module")
def start():
    return time.time_ns() - 60_000 * MS


@pytest.fixture(scope="module")
def trace_id(servers, http, start, eventually):
    """The id of a trace of three spans by two services, once it is there."""
    trace = secrets.token_hex(16)
    root, child, call = (f"{n:016x}" for n in (1, 2, 3))
    spans = {
        "shop": [
            {
                "traceId": trace,
                "spanId": root,
                "parentSpanId": "00000000000000ff",
                "traceState": "v=1",
                "name": "GET /cart",
                "kind": 2,
                "startTimeUnixNano": str(start),
                "endTimeUnixNano": str(start + 150 * MS),
                "attributes": [
                    attribute("http.response.status_code", intValue="500"),
                    attribute("big", intValue=str(2**60)),
                    attribute("ratio", doubleValue=1.5),
                    attribute("cached", boolValue=False),
                ],
                "events": [
                    {
                        "timeUnixNano": str(start + 5 * MS),
                        "name": "cache.miss",
                        "attributes": [attribute("k", stringValue="v")],
                    }
                ],
                "links": [{"traceId": "01" * 16, "spanId": "02" * 8}],
                "status": {"code": 2, "message": "boom"},
            },
            {
                "traceId": trace,
                "spanId": child,
                "parentSpanId": root,
                "name": "pay",
                "kind": 3,
                "startTimeUnixNano": str(start + 10 * MS),
                "endTimeUnixNano": str(start + 20 * MS),
            },
        ],
        "bank": [
            {
                "traceId": trace,
                "spanId": call,
                "parentSpanId": child,
                "name": "charge",
                "kind": 2,
                "startTimeUnixNano": str(start + 12 * MS),
                "endTimeUnixNano": str(start + 18 * MS),
                "status": {"code": 1},
            }
        ],
    }
    body = {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": [
                        attribute("service.name", stringValue=name),
                        attribute("host.name", stringValue="h1"),
                    ]
                },
                "scopeSpans": [{"scope": {"name": "lib", "version": "2"}, "spans": group}],
            }
            for name, group in spans.items()
        ]
    }
    answer = http.post(f"{servers.otlp_http}/v1/traces", json=body)
    assert answer.status_code == 200, answer.text
    eventually(lambda: http.get(f"{servers.jaeger}/api/v3/traces/{trace}").status_code == 200)
    return trace


@pytest.fixture(scope="module")
def v1(servers, http, trace_id):
    """``v1(path, **params)`` gives ``data`` of a success."""

    def get(path, **params):
        answer = http.get(f"{servers.jaeger}/api/{path}", params=params)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert set(answer.json()) == {"data", "total", "limit", "offset", "errors"}
        return answer.json()["data"]

    return get


@pytest.fixture(scope="module")
def v3(servers, http, trace_id):
    """``v3(path, **params)`` gives the answer."""

    def get(path, **params):
        return http.get(f"{servers.jaeger}/api/v3/{path}", params={k.replace("__", "."): v for k, v in params.items()})

    return get


def test_services_and_operations(v1, v3):
    assert {"shop", "bank"} <= set(v1("services"))
    assert sorted(v1("services/shop/operations")) == ["GET /cart", "pay"]
    found = v1("operations", service="shop")
    assert {"name": "GET /cart", "spanKind": "server"} in found
    assert {"name": "pay", "spanKind": "client"} in found
    assert [o["name"] for o in v1("operations", service="shop", spanKind="client")] == ["pay"]
    assert {"shop", "bank"} <= set(v3("services").json()["services"])
    assert {"name": "charge", "spanKind": "server"} in v3("operations", service="bank").json()["operations"]


def test_a_trace_in_ui_form(v1, trace_id, start):
    [trace] = v1(f"traces/{trace_id}")
    assert trace["traceID"] == trace_id
    spans = {s["operationName"]: s for s in trace["spans"]}
    root, pay, charge = spans["GET /cart"], spans["pay"], spans["charge"]
    assert (root["startTime"], root["duration"]) == (start // 1_000, 150_000)
    assert root["references"] == [
        {"refType": "CHILD_OF", "traceID": trace_id, "spanID": "00000000000000ff"},
        {"refType": "FOLLOWS_FROM", "traceID": "01" * 16, "spanID": "02" * 8},
    ]
    assert [(r["refType"], r["spanID"]) for r in charge["references"]] == [("CHILD_OF", pay["spanID"])]
    assert trace["processes"][root["processID"]]["serviceName"] == "shop"
    assert trace["processes"][charge["processID"]]["serviceName"] == "bank"
    assert root["warnings"][0].startswith("parent span ID=00000000000000ff is not in the trace")
    assert not pay["warnings"]
    tags = {t["key"]: (t["type"], t["value"]) for t in root["tags"]}
    expected = {
        "http.response.status_code": ("int64", 500),
        "big": ("int64", str(2**60)),
        "ratio": ("float64", 1.5),
        "cached": ("bool", False),
        "span.kind": ("string", "server"),
        "error": ("bool", True),
        "otel.status_code": ("string", "ERROR"),
        "otel.status_description": ("string", "boom"),
        "otel.scope.name": ("string", "lib"),
        "w3c.tracestate": ("string", "v=1"),
    }
    assert {key: tags.get(key) for key in expected} == expected
    [log] = root["logs"]
    assert log["timestamp"] == (start + 5 * MS) // 1_000
    assert {(f["key"], f["value"]) for f in log["fields"]} == {("event", "cache.miss"), ("k", "v")}


def test_a_trace_in_otlp_form(v3, trace_id, start):
    answer = v3(f"traces/{trace_id.upper()}")
    assert answer.status_code == 200
    groups = answer.json()["result"]["resourceSpans"]
    spans = {s["name"]: s for g in groups for scope in g["scopeSpans"] for s in scope["spans"]}
    root = spans["GET /cart"]
    assert (root["traceId"], root["spanId"], root["parentSpanId"]) == (trace_id, f"{1:016x}", "00000000000000ff")
    assert (root["kind"], root["traceState"], root["status"]) == (2, "v=1", {"code": 2, "message": "boom"})
    assert (root["startTimeUnixNano"], root["endTimeUnixNano"]) == (str(start), str(start + 150 * MS))
    assert {a["key"]: a["value"] for a in root["attributes"]}["big"] == {"intValue": str(2**60)}
    assert root["events"][0]["name"] == "cache.miss"
    assert root["links"][0]["traceId"] == "01" * 16
    names = [
        a["value"]["stringValue"] for g in groups for a in g["resource"]["attributes"] if a["key"] == "service.name"
    ]
    assert sorted(set(names)) == ["bank", "shop"]


@pytest.mark.usefixtures("since_2_20")
def test_the_otlp_form_is_labelled_as_json(v3, trace_id):
    assert v3(f"traces/{trace_id}").headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, True),
        ({"operation": "GET /cart"}, True),
        ({"operation": "charge"}, False),
        ({"minDuration": "100ms"}, True),
        ({"minDuration": "200ms"}, False),
        ({"minDuration": "100ms", "operation": "pay"}, False),
        ({"tags": {"http.response.status_code": "500"}}, True),
        ({"tags": {"http.response.status_code": "200"}}, False),
        ({"tags": {"error": "false"}}, False),
        ({"tags": {"error": "false"}, "service": "bank"}, True),
        ({"tags": {"k": "v"}}, True),
    ],
)
def test_searching(v1, trace_id, start, params, found):
    window = {"service": "shop", "start": start // 1_000 - 1, "end": start // 1_000 + 1_000_000}
    tags = {"tags": json.dumps(params["tags"])} if "tags" in params else {}
    traces = v1("traces", **window | params | tags)
    assert [t["traceID"] for t in traces] == ([trace_id] if found else [])
    assert all(len(t["spans"]) == 3 for t in traces)


@pytest.mark.usefixtures("since_2_20")
def test_searching_for_errors(v1, trace_id, start):
    """2.13 minds the tag ``error`` as a boolean only, and this API gives it as text."""
    window = {"service": "shop", "start": start // 1_000 - 1, "end": start // 1_000 + 1_000_000}
    assert [t["traceID"] for t in v1("traces", **window, tags='{"error": "true"}')] == [trace_id]


@pytest.mark.usefixtures("since_2_20")
def test_searching_in_v3(v3, trace_id, start):
    times = [datetime.fromtimestamp(start / 10**9 + shift, UTC).isoformat() for shift in (-1, 1)]
    window = {
        "query__startTimeMin": times[0].replace("+00:00", "Z"),
        "query__startTimeMax": times[1].replace("+00:00", "Z"),
    }
    answer = v3("traces", query__serviceName="shop", **window)
    spans = [s for g in answer.json()["result"]["resourceSpans"] for scope in g["scopeSpans"] for s in scope["spans"]]
    assert {s["traceId"] for s in spans} == {trace_id}
    missing = v3("traces", query__serviceName="nobody", **window)
    assert missing.status_code == 404
    assert missing.json() == {"error": {"httpCode": 404, "message": "No traces found"}}
    [summary] = v3("trace-summaries", query__serviceName="shop", **window).json()["summaries"]
    assert (summary["traceId"], summary["spanCount"], summary["errorSpanCount"]) == (trace_id, 3, 1)
    assert summary["rootOperationName"] == "GET /cart"


def test_dependencies(v1, start):
    found = v1("dependencies", endTs=start // MS + 60_000, lookback=600_000)
    assert {"parent": "shop", "child": "bank", "callCount": 1} in [
        {k: d[k] for k in ("parent", "child", "callCount")} for d in found
    ]


def test_several_traces_by_id(servers, http, trace_id):
    params = {"traceID": [trace_id, "ff" * 16]}
    answer = http.get(f"{servers.jaeger}/api/traces", params=params)
    assert answer.status_code == 200
    assert [t["traceID"] for t in answer.json()["data"]] == [trace_id]
    [error] = answer.json()["errors"]
    assert (error["msg"], error["traceID"]) == ("trace not found", "ff" * 16)


@pytest.mark.parametrize(
    ("path", "status", "part"),
    [
        ("traces/" + "e" * 32, 404, "trace not found"),
        ("traces/" + "e" * 33, 400, "TraceID cannot be longer than 32 hex characters"),
        ("traces", 400, "parameter 'service' is required"),
        ("operations", 400, "parameter 'service' is required"),
        ("traces?service=a&start=x", 400, "unable to parse param 'start'"),
        ("traces?service=a&tag=x", 400, "malformed 'tag' parameter, expecting key:value, received: "),
        ("traces?service=a&tags=x", 400, "malformed 'tags' parameter, cannot unmarshal JSON"),
        ("traces?service=a&minDuration=2s&maxDuration=1s", 400, "'maxDuration' should be greater than 'minDuration'"),
    ],
)
def test_errors_are_json_labelled_as_text(servers, http, path, status, part):
    answer = http.get(f"{servers.jaeger}/api/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/plain; charset=utf-8")
    [error] = answer.json()["errors"]
    assert error["code"] == status
    assert part in error["msg"]


@pytest.mark.parametrize(
    ("path", "status", "part"),
    [
        ("traces/" + "e" * 32, 404, "No traces found"),
        ("traces?query.serviceName=a", 400, " are required"),
    ],
)
def test_v3_errors_are_json_labelled_as_text(servers, http, path, status, part):
    answer = http.get(f"{servers.jaeger}/api/v3/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/plain; charset=utf-8")
    assert answer.json() == {"error": {"httpCode": status, "message": answer.json()["error"]["message"]}}
    assert part in answer.json()["error"]["message"]


@pytest.mark.usefixtures("since_2_20")
def test_v3_names_its_parameters_in_camel_case(servers, http):
    answer = http.get(f"{servers.jaeger}/api/v3/traces", params={"query.serviceName": "a"}).json()
    assert answer["error"]["message"] == "query.startTimeMin and query.startTimeMax are required"
