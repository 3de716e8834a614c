from __future__ import annotations

import json

import pytest

from obsctl.clients.jaeger import JaegerClient
from obsctl.errors import BackendError, IncompleteError
from tests.unit.clients.canned import HTML, TEXT, Answer, serving

TRACE = "5b8efff798038103d269b633813fc60c"
OTLP_SPAN = {
    "traceId": TRACE,
    "spanId": "eee19b7ec3c1b174",
    "parentSpanId": "eee19b7ec3c1b173",
    "name": "GET /cart",
    "kind": 2,
    "startTimeUnixNano": "1754000000000000000",
    "endTimeUnixNano": "1754000000150000000",
    "traceState": "a=b",
    "attributes": [{"key": "http.response.status_code", "value": {"intValue": "500"}}],
    "events": [{"timeUnixNano": "1754000000050000000", "name": "cache.miss"}],
    "links": [{"traceId": "77" * 16, "spanId": "51" * 8}],
    "status": {"code": 2, "message": "boom"},
}
RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "checkout"}}]}


def otlp(*spans):
    return {"result": {"resourceSpans": [{"resource": RESOURCE, "scopeSpans": [{"spans": list(spans)}]}]}}


UI_TRACE = {
    "traceID": TRACE,
    "spans": [
        {
            "traceID": TRACE,
            "spanID": "eee19b7ec3c1b174",
            "operationName": "GET /cart",
            "references": [
                {"refType": "CHILD_OF", "traceID": TRACE, "spanID": "eee19b7ec3c1b173"},
                {"refType": "FOLLOWS_FROM", "traceID": "77" * 16, "spanID": "51" * 8},
            ],
            "startTime": 1754000000000000,
            "duration": 150000,
            "tags": [
                {"key": "http.response.status_code", "type": "int64", "value": 500},
                {"key": "span.kind", "type": "string", "value": "server"},
                {"key": "otel.status_code", "type": "string", "value": "ERROR"},
                {"key": "otel.status_description", "type": "string", "value": "boom"},
                {"key": "error", "type": "bool", "value": True},
                {"key": "w3c.tracestate", "type": "string", "value": "a=b"},
            ],
            "logs": [
                {"timestamp": 1754000000050000, "fields": [{"key": "event", "type": "string", "value": "cache.miss"}]}
            ],
            "processID": "p1",
            "warnings": None,
        }
    ],
    "processes": {"p1": {"serviceName": "checkout", "tags": []}},
}
INDEX = Answer("<!doctype html><title>Jaeger UI</title>", 200, HTML)
NOT_FOUND_V3 = Answer({"error": {"httpCode": 404, "message": "No traces found"}}, 404, TEXT)
NOT_FOUND_V1 = Answer({"data": None, "total": 0, "errors": [{"code": 404, "msg": "trace not found"}]}, 404, TEXT)


def envelope(data):
    return Answer({"data": data, "total": 0, "limit": 0, "offset": 0, "errors": None})


def test_both_generations_tell_the_same_story():
    with serving({f"/api/v3/traces/{TRACE}": Answer(otlp(OTLP_SPAN))}) as new:
        (modern,) = JaegerClient(new.url).trace(TRACE)
    with serving({f"/api/traces/{TRACE}": envelope([UI_TRACE])}, missing=INDEX) as old:
        (ancient,) = JaegerClient(old.url).trace(TRACE)
    assert modern == ancient
    assert modern.service == "checkout"
    assert modern.kind == "server"
    assert modern.status == "error"
    assert modern.status_message == "boom"
    assert modern.attributes == {"http.response.status_code": 500}
    assert modern.parent_id == "eee19b7ec3c1b173"


def test_an_answer_without_content_type_is_read():
    with serving({f"/api/v3/traces/{TRACE}": Answer(json.dumps(otlp(OTLP_SPAN)), headers=TEXT)}) as server:
        assert len(JaegerClient(server.url).trace(TRACE)) == 1


@pytest.mark.parametrize(
    ("routes", "missing"),
    [
        ({f"/api/v3/traces/{TRACE}": NOT_FOUND_V3}, Answer("404 page not found\n", 404, TEXT)),
        ({f"/api/traces/{TRACE}": NOT_FOUND_V1}, Answer("404 page not found\n", 404, TEXT)),
        ({f"/api/traces/{TRACE}": NOT_FOUND_V1}, INDEX),
        ({f"/api/v3/traces/{TRACE}": Answer({"result": {}})}, INDEX),
    ],
)
def test_an_unknown_trace_is_empty(routes, missing):
    with serving(routes, missing=missing) as server:
        assert JaegerClient(server.url).trace(TRACE) == ()


@pytest.mark.parametrize("missing", [INDEX, Answer("404 page not found\n", 404, TEXT)])
def test_something_else_on_that_port_is_an_error(missing):
    with serving({}, missing=missing) as server:
        for ask in (lambda c: c.trace(TRACE), lambda c: c.services()):
            with pytest.raises(BackendError):
                ask(JaegerClient(server.url))


def test_a_bad_id_keeps_the_servers_words():
    answer = Answer({"error": {"httpCode": 400, "message": "malformed parameter trace_id"}}, 400, TEXT)
    with serving({"/api/v3/traces/zz": answer}) as server, pytest.raises(BackendError, match="malformed parameter"):
        JaegerClient(server.url).trace("zz")


@pytest.mark.parametrize(
    ("routes", "services"),
    [
        ({"/api/v3/services": Answer({"services": ["b", "a"]})}, ["a", "b"]),
        ({"/api/v3/services": Answer({})}, []),
        ({"/api/services": envelope(["b", "a"])}, ["a", "b"]),
        ({"/api/services": envelope(None)}, []),
    ],
)
def test_services(routes, services):
    with serving(routes) as server:
        assert JaegerClient(server.url).services() == services


def test_operations_are_distinct():
    found = [{"name": "GET /x", "spanKind": "server"}, {"name": "GET /x", "spanKind": "client"}]
    with serving({"/api/v3/operations": Answer({"operations": found})}) as server:
        assert JaegerClient(server.url).operations("a/b") == ["GET /x"]
    assert server.last.query == {"service": ["a/b"]}
    with serving({"/api/services/a%2Fb/operations": envelope(["GET /x"])}) as server:
        assert JaegerClient(server.url).operations("a/b") == ["GET /x"]


def search(url, **more):
    return JaegerClient(url).search(
        "checkout", start_ns=1_754_000_000_000_000_001, end_ns=1_754_000_100_000_000_000, **more
    )


def test_search_regroups_traces_newest_first():
    later = {**OTLP_SPAN, "traceId": "aa" * 16, "startTimeUnixNano": "1754000001000000000"}
    child = {**OTLP_SPAN, "spanId": "01" * 8}
    with serving({"/api/v3/traces": Answer(otlp(OTLP_SPAN, later, child))}) as server:
        found = search(server.url, operation="GET /cart", tags={"job_id": "1"}, limit=3)
    assert [(trace[0].trace_id, len(trace)) for trace in found.complete()] == [("aa" * 16, 1), (TRACE, 2)]
    assert server.last.query == {
        "query.serviceName": ["checkout"],
        "query.operationName": ["GET /cart"],
        "query.attributes": ['{"job_id": "1"}'],
        "query.startTimeMin": ["2025-07-31T22:13:20.000000001Z"],
        "query.startTimeMax": ["2025-07-31T22:15:00.000000000Z"],
        "query.searchDepth": ["3"],
    }


@pytest.mark.parametrize("answer", [NOT_FOUND_V3, Answer({"result": {}}), Answer({})])
def test_a_search_without_hits_is_empty(answer):
    with serving({"/api/v3/traces": answer}) as server:
        assert search(server.url).complete() == ()


def test_an_older_v3_that_wants_other_parameters_falls_back():
    old = Answer({"error": {"httpCode": 400, "message": "malformed parameter query.start_time_min"}}, 400, TEXT)
    with serving({"/api/v3/traces": old, "/api/traces": envelope([UI_TRACE])}) as server:
        ((span,),) = search(server.url, tags={"k": "v"}).complete()
    assert span.span_id == "eee19b7ec3c1b174"
    assert server.last.query == {
        "service": ["checkout"],
        "tags": ['{"k": "v"}'],
        "start": ["1754000000000000"],
        "end": ["1754000100000000"],
        "limit": ["20"],
    }


@pytest.mark.parametrize(
    "body",
    [{"result": {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": 7}]}]}]}}, {"result": 7}, {"result": [1]}],
)
def test_other_shapes_are_backend_errors(body):
    with serving({f"/api/v3/traces/{TRACE}": Answer(body)}) as server, pytest.raises(BackendError):
        JaegerClient(server.url).trace(TRACE)


def test_short_ids_big_numbers_and_inline_processes_of_the_older_api():
    trace = {
        "spans": [
            {
                "traceID": "1",
                "spanID": "2",
                "operationName": "x",
                "references": [{"refType": "CHILD_OF", "traceID": "0001", "spanID": "3"}],
                "startTime": 1,
                "duration": 0,
                "tags": [
                    {"key": "big", "type": "int64", "value": "9223372036854775807"},
                    {"key": "odd", "type": "string", "value": {"nested": [1]}},
                    {"key": "error", "type": "string", "value": "true"},
                ],
                "process": {"serviceName": "s"},
            }
        ]
    }
    with serving({"/api/traces/1": envelope([trace])}) as server:
        (span,) = JaegerClient(server.url).trace("1")
    assert (span.trace_id, span.span_id, span.parent_id) == (f"{1:032x}", f"{2:016x}", f"{3:016x}")
    assert span.attributes["big"] == 2**63 - 1
    assert span.attributes["odd"] == '{"nested": [1]}'
    assert (span.status, span.service, span.start_ns, span.end_ns) == ("error", "s", 1000, 1000)


CUT = "only the newest 200000 spans were searched: narrow the time range"


@pytest.mark.parametrize(
    ("routes", "traces"),
    [
        ({"/api/v3/traces": Answer(otlp(OTLP_SPAN), headers={"Warning": f'299 - "{CUT}"'})}, 1),
        ({"/api/traces": Answer({"data": [UI_TRACE], "errors": [{"code": 206, "msg": CUT}]})}, 1),
        ({"/api/traces": Answer({"data": [], "errors": [{"code": 206, "msg": CUT}]})}, 0),
    ],
)
def test_a_search_that_did_not_look_at_everything_says_so(routes, traces):
    with serving(routes) as server:
        found = search(server.url)
    assert (len(found.traces), found.incomplete) == (traces, CUT)
    with pytest.raises(IncompleteError, match=f"could not look at everything: {CUT}"):
        found.complete()


def test_an_incomplete_search_that_found_nothing_is_no_empty_answer():
    answer = Answer({"error": {"httpCode": 503, "message": f"nothing was found, but {CUT}"}}, 503, TEXT)
    with serving({"/api/v3/traces": answer}) as server, pytest.raises(BackendError, match=CUT):
        search(server.url)


def test_an_incomplete_list_of_names_is_no_list():
    answer = Answer({"data": ["a"], "errors": [{"code": 206, "msg": CUT}]})
    with serving({"/api/services": answer}) as server, pytest.raises(IncompleteError, match=CUT):
        JaegerClient(server.url).services()
