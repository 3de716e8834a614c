"""Tempo's API: any server that claims the dialect passes this. Data comes in through OTLP over HTTP."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from google.protobuf.wrappers_pb2 import BytesValue
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from tests.conformance.dialects.trace_script import Script

ROLES = ("traceql",)
SCRIPTS = sorted((Path(__file__).parents[2] / "scripts" / "traceql").glob("*.test"))


def run(script, servers, http, eventually):
    if script.spans:
        answer = http.post(f"{servers.otlp_http}/v1/traces", json=script.request)
        assert (answer.status_code, answer.json()) == (200, {})

    def ask(query):
        answer = http.get(f"{servers.traceql}/api/search", params={"q": query, "limit": 1000, "spss": 100})
        return answer.status_code, answer.json() if answer.status_code == 200 else answer.text

    eventually(lambda: set(script.traces) <= {t["traceID"].rjust(32, "0") for t in ask("{ }")[1]["traces"]})
    return list(script.failures(ask))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script(path, servers, http, eventually):
    script = Script(path.stem, path.read_text(encoding="utf8"), time.time_ns() - 60_000_000_000)
    assert run(script, servers, http, eventually) == []


def test_scripts_can_fail(servers, http, eventually):
    text = (
        'trace a\n root web "x" server ok 0ms 1ms\n'
        'query { name = "x" }\nquery { name = "y" }\n a: root\nquery { }\n error: x\nquery {\n a: root\n'
    )
    problems = run(Script("failing", text, time.time_ns()), servers, http, eventually)
    assert [problem.split(":")[0] for problem in problems] == ["line 3", "line 4", "line 6", "line 8"]


@pytest.fixture(scope="module")
def cart(servers, http, eventually):
    """The script of one trace whose answers are looked at closely, once it is stored."""
    text = (
        'trace cart\n root store "GET /cart" server error 0ms 150ms http.status=500 big=9007199254740993 odd=1.5'
        ' status.message="boom" resource.region="r1" scope.name="lib"\n  event miss 5ms key="k"\n'
        '  link other.x why="y"\n'
        ' root > pay till "pay" client ok 10ms 20ms cached=true\nquery { }\n cart: root pay\n'
    )
    script = Script("closely", text, time.time_ns() - 60_000_000_000)
    assert run(script, servers, http, eventually) == []
    return script


@pytest.fixture(scope="module")
def get(servers, http):
    return lambda path, accept="", **params: http.get(
        f"{servers.traceql}/api/{path}", params=params, headers={"accept": accept} if accept else {}
    )


def ids(script):
    [trace_id] = script.traces
    return trace_id, {label: span_id for (_, span_id), label in script.labels.items()}


def b64(text):
    return base64.b64encode(bytes.fromhex(text)).decode()


def test_a_trace_in_json(cart, get):
    trace_id, spans = ids(cart)
    answer = get(f"traces/{trace_id}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    batch = answer.json()["batches"][0]
    assert {a["key"]: a["value"] for a in batch["resource"]["attributes"]}["region"] == {"stringValue": "r1"}
    [root] = batch["scopeSpans"][0]["spans"]
    assert (root["traceId"], root["spanId"]) == (b64(trace_id), b64(spans["root"]))
    assert (root["kind"], root["status"]) == ("SPAN_KIND_SERVER", {"code": "STATUS_CODE_ERROR", "message": "boom"})
    assert "parentSpanId" not in root
    values = {a["key"]: a["value"] for a in root["attributes"]}
    assert values == {
        "http.status": {"intValue": "500"},
        "big": {"intValue": "9007199254740993"},
        "odd": {"doubleValue": 1.5},
    }
    assert [root["startTimeUnixNano"], root["endTimeUnixNano"]] == [str(cart.start), str(cart.start + 150_000_000)]
    second = get(f"v2/traces/{trace_id.upper()}").json()
    assert second["trace"] == {"resourceSpans": answer.json()["batches"]}


def test_a_trace_in_protobuf(cart, get):
    trace_id, spans = ids(cart)
    answer = get(f"traces/{trace_id}", "application/protobuf")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/protobuf")
    found = TracesData.FromString(answer.content)
    names = {s.span_id.hex(): s.name for g in found.resource_spans for o in g.scope_spans for s in o.spans}
    assert names == {spans["root"]: "GET /cart", spans["pay"]: "pay"}
    second = get(f"v2/traces/{trace_id}", "application/protobuf").content
    assert BytesValue.FromString(second).value == answer.content


def test_a_trace_that_is_not_there(get):
    assert (get("traces/e1").status_code, get("traces/e1").content) == (404, b"")
    assert (get("v2/traces/e1").status_code, get("v2/traces/e1").json()["trace"]) == (200, {})
    assert get("v2/traces/e1", "application/protobuf").content == b"\n\x00"


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("traces/12x4", "trace IDs can only contain hex characters: invalid character 'x' at position 3"),
        ("v2/traces/" + "e" * 33, "trace IDs can't be larger than 128 bits"),
        ("search?q={}&tags=a=b", "can't specify tags and q in the same query"),
        ("search?limit=0", "invalid limit: must be a positive number"),
        ("search?limit=1000000", "exceeds max limit"),
        ("search?limit=x", "invalid parameter"),
        ("search?spss=101", "spss 101 exceeds max spss 100"),
        ("search?start=1", "only one of start and end provided: must provide both or neither"),
        ("search?start=2&end=1", "http parameter start must be before end. received start=2 end=1"),
        ("search?minDuration=soon", "invalid duration"),
        ("search?minDuration=2s&maxDuration=1s", "must be greater than minDuration"),
        ('search?tags=a="b', "logfmt syntax error"),
        ("search?q={", "invalid TraceQL query: parse error at line 1, col 2"),
        ("v2/search/tags?scope=x", "invalid scope"),
        ("v2/search/tag/span./values", "please provide a valid tag name"),
    ],
)
def test_errors_are_text(get, path, part):
    answer = get(path) if "?" not in path else get(path.partition("?")[0], **dict(parse_qsl(path.partition("?")[2])))
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert part in answer.text


def test_a_search_shows_the_trace_and_what_was_asked_for(cart, get):
    trace_id, spans = ids(cart)
    query = '{ .big > 1 && resource.region = "r1" } | count() > 0 | select(statusMessage)'
    [found] = get("search", q=query).json()["traces"]
    assert found["traceID"] == trace_id.lstrip("0")
    assert (found["rootServiceName"], found["rootTraceName"], found["durationMs"]) == ("store", "GET /cart", 150)
    assert found["startTimeUnixNano"] == str(cart.start)
    assert found["serviceStats"] == {"store": {"spanCount": 1, "errorCount": 1}, "till": {"spanCount": 1}}
    [one] = found["spanSets"]
    assert found["spanSet"] == one
    assert (one["matched"], one["attributes"]) == (1, [{"key": "count()", "value": {"intValue": "1"}}])
    [span] = one["spans"]
    assert (span["spanID"], span["durationNanos"]) == (spans["root"], "150000000")
    assert {a["key"]: a["value"] for a in span["attributes"]} == {
        "big": {"intValue": "9007199254740993"},
        "region": {"stringValue": "r1"},
        "statusMessage": {"stringValue": "boom"},
    }


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"tags": "service.name=store region=r1"}, True),
        ({"tags": 'http.status=500 name="GET /cart" service.name=till'}, True),
        ({"tags": "cached=true odd=1.5 error=true region=r1"}, True),
        ({"tags": "region=r2"}, False),
        ({"tags": "region=r1", "minDuration": "150ms", "maxDuration": "1s"}, True),
        ({"tags": "region=r1", "minDuration": "151ms"}, False),
        ({"tags": "region=r1", "maxDuration": "149ms"}, False),
        ({"tags": "region=r1", "start": "1", "end": "2"}, False),
        ({"tags": "region=r1", "since": "1h"}, True),
        ({"tags": "region=r1", "since": "1s"}, False),
    ],
)
def test_searching_by_tags(cart, get, params, found):
    traces = get("search", limit=1000, **params).json()["traces"]
    assert (ids(cart)[0].lstrip("0") in [t["traceID"] for t in traces]) == found


def test_limits(cart, get):
    assert len(get("search", limit=1).json()["traces"]) == 1
    [one] = get("search", q='{ rootName = "GET /cart" && .http.status != nil || .cached }', spss=1, limit=1).json()[
        "traces"
    ]
    assert len(one["spanSets"][0]["spans"]) == 1


def test_tag_names(cart, get):
    scopes = {s["name"]: s["tags"] for s in get("v2/search/tags").json()["scopes"]}
    assert {"service.name", "region"} <= set(scopes["resource"])
    assert {"http.status", "big", "cached"} <= set(scopes["span"])
    assert "key" in scopes["event"]
    assert "why" in scopes["link"]
    assert {"name", "duration", "rootServiceName", "trace:duration"} <= set(scopes["intrinsic"])
    [only] = get("v2/search/tags", scope="resource", q='{ resource.region = "r1" }').json()["scopes"]
    assert (only["name"], set(only["tags"])) == ("resource", {"service.name", "region"})
    assert {"region", "cached", "key"} <= set(get("search/tags").json()["tagNames"])
    assert "cached" not in get("search/tags", scope="resource").json()["tagNames"]


@pytest.mark.parametrize(
    ("tag", "query", "values"),
    [
        ("resource.region", "", [("string", "r1")]),
        (".http.status", '{ name = "GET /cart" && statusMessage = "boom" && .big > 0 }', [("int", "500")]),
        ("span.odd", "", [("float", "1.5")]),
        ("span.cached", '{ name = "pay" && span.cached != nil }', [("bool", "true")]),
        ("resource.service.name", '{ resource.region = "r1" }', [("string", "store")]),
        ("status", '{ resource.region = "r1" }', [("keyword", "error")]),
        ("event:name", '{ resource.region = "r1" }', [("string", "miss")]),
        ("resource.region", '{ name = "half typed && }', [("string", "r1")]),
    ],
)
def test_tag_values(cart, get, tag, query, values):
    found = get(f"v2/search/tag/{tag}/values", q=query).json()["tagValues"]
    assert [(v["type"], v["value"]) for v in found if v["value"] not in ("2.5", "false")] == values


def test_tag_values_without_types(cart, get):
    assert {"store", "till"} <= set(get("search/tag/service.name/values").json()["tagValues"])
    assert {"GET /cart", "pay"} <= set(get("search/tag/name/values").json()["tagValues"])
    assert {v["value"] for v in get("v2/search/tag/kind/values").json()["tagValues"]} >= {"server", "client"}


def test_echo_and_build_information(get):
    assert (get("echo").status_code, get("echo").text) == (200, "echo")
    assert get("status/buildinfo").json()["version"]
