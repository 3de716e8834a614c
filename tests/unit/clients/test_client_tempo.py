"""Tempo's query API: what is asked, and how its answers read."""

from __future__ import annotations

import base64

import pytest

from obsctl.clients.jaeger import JaegerClient
from obsctl.clients.tempo import TempoClient
from obsctl.clients.traces import traces_client
from obsctl.endpoints import Dialect, Endpoint, Role
from obsctl.errors import BackendError, IncompleteError
from tests.unit.clients.canned import TEXT, Answer, serving

TRACE = "0b8efff798038103d269b633813fc60c"
START = 1_754_000_000_000_000_000


def encoded(text):
    return base64.b64encode(bytes.fromhex(text)).decode()


def batches(*spans):
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    return {"batches": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}


SPAN = {
    "traceId": encoded(TRACE),
    "spanId": encoded("eee19b7ec3c1b174"),
    "name": "GET /cart",
    "kind": "SPAN_KIND_SERVER",
    "startTimeUnixNano": str(START),
    "endTimeUnixNano": str(START + 5),
    "status": {"code": "STATUS_CODE_ERROR", "message": "boom"},
}


def test_a_trace():
    child = SPAN | {"spanId": encoded("ff" * 8), "parentSpanId": SPAN["spanId"], "startTimeUnixNano": str(START + 1)}
    with serving({f"/api/traces/{TRACE}": Answer(batches(child, SPAN))}) as server:
        root, second = TempoClient(server.url).trace(TRACE)
    assert server.last.headers["Accept"] == "application/json"
    assert (root.trace_id, root.span_id, root.service) == (TRACE, "eee19b7ec3c1b174", "shop")
    assert (root.kind, root.status, root.status_message) == ("server", "error", "boom")
    assert second.parent_id == root.span_id


def test_a_trace_that_is_not_there():
    with serving({f"/api/traces/{TRACE}": Answer("", 404, TEXT)}) as server:
        assert TempoClient(server.url).trace(TRACE) == ()


def test_a_server_that_is_something_else():
    with serving({}) as server, pytest.raises(BackendError, match="has no /api/traces"):
        TempoClient(server.url).trace(TRACE)


def test_names():
    def values(asked):
        return Answer({"tagValues": [{"type": "string", "value": v} for v in ("b", "a", "b")], "metrics": {}})

    routes = {"/api/v2/search/tag/resource.service.name/values": values, "/api/v2/search/tag/name/values": values}
    with serving(routes) as server:
        assert TempoClient(server.url).services() == ["a", "b"]
        assert TempoClient(server.url).operations('the "shop"') == ["a", "b"]
        assert server.last.query["q"] == ['{ resource.service.name = "the \\"shop\\"" }']


def test_searching_asks_in_whole_seconds_and_keeps_what_started_in_time():
    late = SPAN | {"startTimeUnixNano": str(START + 900_000_000), "endTimeUnixNano": str(START + 900_000_001)}
    routes = {
        "/api/search": Answer({"traces": [{"traceID": TRACE.lstrip("0")}, {"traceID": "2"}]}),
        f"/api/traces/{TRACE}": Answer(batches(SPAN)),
        f"/api/traces/{2:032x}": Answer(batches(late | {"traceId": encoded(f"{2:032x}")})),
    }
    tags = {"http.status": "500", "who is": "x", "ok": "true"}
    with serving(routes) as server:
        found = TempoClient(server.url).search(
            "shop", operation="GET /cart", tags=tags, start_ns=START, end_ns=START + 9
        )
        asked = server.asked[0].query
    assert [spans[0].trace_id for spans in found.complete()] == [TRACE]
    [query] = asked["q"]
    assert query == (
        '{ resource.service.name = "shop" && name = "GET /cart" && (.http.status = "500" || .http.status = 500)'
        ' && (."who is" = "x") && (.ok = "true" || .ok = true) }'
    )
    assert (asked["start"], asked["end"], asked["limit"]) == (["1754000000"], ["1754000001"], ["20"])


@pytest.mark.parametrize("body", ["no json", {"batches": [{"scopeSpans": [{"spans": [{"traceId": "?"}]}]}]}])
def test_answers_of_another_shape(body):
    with serving({f"/api/traces/{TRACE}": Answer(body)}) as server, pytest.raises(BackendError):
        TempoClient(server.url).trace(TRACE)


def test_the_dialect_chooses_the_client():
    kinds = {Dialect.JAEGER: JaegerClient, Dialect.TRACEQL: TempoClient}
    for dialect, kind in kinds.items():
        assert isinstance(traces_client(Endpoint("traces", Role.TRACES, "http://127.0.0.1:1", dialect)), kind)


@pytest.mark.parametrize(
    ("said", "incomplete"),
    [
        ({"metrics": {"completedJobs": 3, "totalJobs": 9}}, ""),  # a search that has enough ends early
        ({"status": "PARTIAL", "message": "only the newest 5"}, "only the newest 5"),
        ({"status": "PARTIAL"}, "the answer is partial"),
    ],
)
def test_a_search_that_did_not_look_at_everything_says_so(said, incomplete):
    with serving({"/api/search": Answer({"traces": []} | said)}) as server:
        found = TempoClient(server.url).search("shop", start_ns=START, end_ns=START + 9)
    assert (found.traces, found.incomplete) == ((), incomplete)
    values = {"/api/v2/search/tag/resource.service.name/values": Answer({"tagValues": []} | said)}
    with serving(values) as server:
        if not incomplete:
            assert TempoClient(server.url).services() == []
            return
        with pytest.raises(IncompleteError, match=incomplete):
            TempoClient(server.url).services()
