from __future__ import annotations

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsctl.clients.jaeger import JaegerClient
from obsctl.clients.logql import LogqlClient
from obsctl.errors import BackendError, IncompleteError, NotFoundError, UsageError
from obsctl.trace.fetch import LOOKBACK_NS, Sources, fetch, find, resolve
from obsctl.trace.ident import read_ident
from obsctl.wait import Deadline
from tests.unit.clients.canned import TEXT, Answer, Canned, serving
from tests.unit.trace.shop import TRACE

RAW = bytes.fromhex(TRACE)
BASE64 = base64.b64encode(RAW).decode()
UUID = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"
NOT_FOUND = Answer({"error": {"httpCode": 404, "message": "No traces found"}}, 404, TEXT)
RANGE = "/loki/api/v1/query_range"
LABELS = {"/loki/api/v1/labels": Answer({"status": "success", "data": ["service_name"]})}


@pytest.mark.parametrize(
    "text",
    [
        *(TRACE, TRACE.upper(), UUID, UUID.upper()),
        *(f"00-{TRACE}-00f067aa0ba902b7-01", f"cc-{TRACE}-00f067aa0ba902b7-01-more"),
        *(BASE64, BASE64.rstrip("="), base64.urlsafe_b64encode(RAW).decode()),
    ],
)
def test_every_spelling_of_a_trace_id(text):
    assert read_ident(text).trace_id == TRACE


@pytest.mark.parametrize(("flags", "unsampled"), [("00", True), ("01", False), ("02", True), ("03", False)])
def test_the_flags_of_a_traceparent_tell_whether_its_trace_is_recorded(flags: str, unsampled: bool) -> None:
    assert read_ident(f"00-{TRACE}-00f067aa0ba902b7-{flags}").unsampled is unsampled


@pytest.mark.parametrize("text", ["req-1", "a", "A.b_c-9", "x" * 128, "latest", "f" * 31, "0" * 31])
def test_request_ids(text):
    meant = read_ident(text)
    assert (meant.trace_id, meant.request_id) == ("", text)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "a b", "a\n", "\x1b[31m", "tra\u202ece", "'; drop", "a/b", "ü"),
        *("x" * 129, "x" * 201, "0" * 32, f"00-{'0' * 32}-00f067aa0ba902b7-01"),
    ],
)
def test_malformed_ids_are_usage_errors_that_are_safe_to_print(text):
    with pytest.raises(UsageError) as caught:
        read_ident(text)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 200
    assert caught.value.exit_status == 2


@given(st.text(max_size=40))
@settings(deadline=None)
def test_any_text_is_an_id_or_a_usage_error(text):
    with suppress(UsageError):
        meant = read_ident(text)
        assert meant.last or meant.trace_id or meant.request_id


def otlp(*spans):
    body = [
        {
            "traceId": TRACE,
            "spanId": f"{i:016x}",
            "parentSpanId": f"{p:016x}" if p else "",
            "name": f"op{i}",
            "startTimeUnixNano": str(10**18 + i),
            "endTimeUnixNano": str(10**18 + 100),
        }
        for i, p in spans
    ]
    return Answer({"result": {"resourceSpans": [{"scopeSpans": [{"spans": body}]}]}})


def loki(*lines):
    values = [[str(10**18 + n), text, {"structuredMetadata": metadata}] for n, (text, metadata) in enumerate(lines)]
    result = [{"stream": {"service_name": "api"}, "values": values}] if values else []
    return Answer({"status": "success", "data": {"resultType": "streams", "result": result}})


def sources(server: Canned) -> Sources:
    return Sources(JaegerClient(server.url), LogqlClient(server.url))


def test_a_trace_with_its_logs():
    routes = {f"/api/v3/traces/{TRACE}": otlp((1, 0), (2, 1)), RANGE: loki(("hello", {"trace_id": TRACE}))}
    with serving(routes) as server:
        found = fetch(TRACE, sources(server))
    assert found.settled
    assert [s.name for s in found.spans] == ["op1", "op2"]
    assert [line.line for line in found.logs] == ["hello"]
    assert len(server.asked) == 2
    assert found.tree().log_count == 1


def test_an_unknown_trace_says_where_it_looked():
    routes = {f"/api/v3/traces/{TRACE}": NOT_FOUND, RANGE: loki(), **LABELS}
    with serving(routes) as server, pytest.raises(NotFoundError) as caught:
        fetch(TRACE, sources(server))
    assert f"Jaeger API at {server.url} and Loki API at {server.url}" in caught.value.message
    assert caught.value.exit_status == 1


def test_a_trace_that_only_logs_know_is_told_apart():
    routes = {f"/api/v3/traces/{TRACE}": NOT_FOUND, RANGE: loki(("x", {}))}
    with serving(routes) as server, pytest.raises(NotFoundError, match="log lines that name it: 1"):
        fetch(TRACE, sources(server))


def test_a_logs_backend_that_is_down_costs_only_the_logs():
    with serving({f"/api/v3/traces/{TRACE}": otlp((1, 0)), RANGE: Answer("boom", 500)}) as server:
        tree = fetch(TRACE, sources(server)).tree()
    assert [w.code for w in tree.warnings] == ["logs_unavailable"]
    assert "answered 500: boom" in tree.warnings[0].message


def test_one_span_without_a_clock_does_not_cost_the_log_lines():
    spans = otlp((1, 0), (2, 1), (3, 1))
    spans.body["result"]["resourceSpans"][0]["scopeSpans"][0]["spans"][2]["startTimeUnixNano"] = "0"
    with serving({f"/api/v3/traces/{TRACE}": spans, RANGE: loki(("hello", {"trace_id": TRACE}))}) as server:
        fetch(TRACE, sources(server))
        start, end = (int(server.last.query[key][0]) for key in ("start", "end"))
    assert start < 10**18 < end
    assert end - start <= LOOKBACK_NS


def test_a_traces_backend_that_is_down_is_an_error():
    with serving({}) as server:
        gone = sources(server)
    with pytest.raises(BackendError, match="refused"):
        fetch(TRACE, gone)


def test_waiting_ends_once_the_trace_has_settled():
    arriving = iter([NOT_FOUND, otlp((1, 0), (3, 2)), otlp((1, 0), (2, 1), (3, 2))])
    last = []

    def answer(_asked):
        last[:] = [next(arriving, None) or last[0]]
        return last[0]

    with serving({f"/api/v3/traces/{TRACE}": answer, RANGE: loki(), **LABELS}) as server:
        found = fetch(TRACE, sources(server), wait=Deadline.after(20), quiet=0.05)
    assert found.settled
    assert len(found.spans) == 3


def test_waiting_ends_at_the_deadline_with_what_is_there():
    with serving({f"/api/v3/traces/{TRACE}": otlp((1, 0), (3, 2)), RANGE: loki(), **LABELS}) as server:
        found = fetch(TRACE, sources(server), wait=Deadline.after(0.2), quiet=0.05)
    assert not found.settled
    assert len(found.spans) == 2
    assert len(server.asked) >= 3


def test_a_request_id_leads_to_the_latest_trace_of_its_log_lines():
    lines = loki(("a", {"trace_id": "11" * 16}), (json.dumps({"trace_id": TRACE}), {}), ("no id", {}))
    with serving({RANGE: lines}) as server:
        assert resolve("req-1", sources(server)).trace_id == TRACE
    assert server.last.query["query"] == ['{service_name=~".+"} | request_id="req-1"']


def test_a_request_id_that_no_log_has_is_looked_up_in_spans():
    routes = {
        RANGE: loki(),
        **LABELS,
        "/api/v3/services": Answer({"services": ["a", "b"]}),
        "/api/v3/traces": lambda asked: otlp((1, 0)) if asked.query["query.serviceName"] == ["b"] else NOT_FOUND,
    }
    with serving(routes) as server:
        assert resolve("req-1", sources(server)).trace_id == TRACE
        assert server.last.query["query.attributes"] == ['{"request_id": "req-1"}']
        assert resolve("req-1", Sources(JaegerClient(server.url))).trace_id == TRACE


def test_a_request_id_is_not_said_to_be_nowhere_when_not_everything_was_searched():
    cut = {"data": [], "errors": [{"code": 206, "msg": "only the newest 9"}]}
    routes = {RANGE: loki(), **LABELS, "/api/services": Answer({"data": ["a", "b"]}), "/api/traces": Answer(cut)}
    with (
        serving(routes) as server,
        pytest.raises(IncompleteError, match="could not look at everything: only the newest"),
    ):
        resolve("req-1", sources(server))
    some = {**routes, "/api/v3/services": Answer({"services": ["a", "b"]}), "/api/v3/traces": otlp((1, 0))}
    with serving(some) as server:
        assert resolve("req-1", sources(server)).trace_id == TRACE


def test_a_request_id_that_is_nowhere():
    routes = {RANGE: loki(), **LABELS, "/api/v3/services": Answer({"services": []})}
    with serving(routes) as server, pytest.raises(NotFoundError, match="request id req-1"):
        resolve("req-1", sources(server))


def test_a_uuid_may_be_a_trace_or_a_request():
    known = {f"/api/v3/traces/{TRACE}": otlp((1, 0))}
    with serving(known) as server:
        assert resolve(UUID, sources(server)).trace_id == TRACE
    other = {f"/api/v3/traces/{TRACE}": NOT_FOUND, RANGE: loki(("x", {"trace_id": "22" * 16}))}
    with serving(other) as server:
        assert resolve(UUID, sources(server)).trace_id == "22" * 16
        assert resolve(TRACE, sources(server)).trace_id == "22" * 16
    nowhere = {f"/api/v3/traces/{TRACE}": NOT_FOUND, RANGE: loki(), **LABELS, "/api/v3/services": Answer({})}
    with serving(nowhere) as server:
        assert resolve(UUID, sources(server)).trace_id == TRACE


def test_spans_that_were_looked_up_are_not_brought_twice():
    with serving({f"/api/v3/traces/{TRACE}": otlp((1, 0)), RANGE: loki()}) as server:
        assert [s.name for s in find(TRACE, sources(server)).spans] == ["op1"]
        assert sum("traces" in str(asked) for asked in server.asked) == 1


def test_last_is_what_the_caller_remembers():
    with serving({f"/api/v3/traces/{TRACE}": otlp((1, 0))}) as server:
        assert resolve("last", sources(server), last=TRACE).trace_id == TRACE
        with pytest.raises(NotFoundError, match="no last trace"):
            resolve("last", sources(server))
