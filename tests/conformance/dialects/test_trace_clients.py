"""Our clients of the trace dialects bring the same spans, whichever API they ask."""

from __future__ import annotations

import time

import pytest

from obsctl.clients.traces import traces_client
from obsctl.endpoints import Dialect, Endpoint, Feature, Role
from tests.conformance.dialects.trace_script import Script

ROLES = ("jaeger", "traceql")
FOR_CLIENTS = True
TEXT = """\
trace one
  root       clients "GET /cart" server error 0ms 150ms http.status=500 ok=true status.message="boom" resource.host="h1"
    event miss 5ms key="k"
    link two.root
  root > pay clients-till "pay" client ok 10ms 20ms request_id="r-1"
trace two
  root          clients "GET /" server unset 2s 5ms ratio=1.5
"""


@pytest.fixture(scope="module")
def script(servers, http):
    script = Script("clients", TEXT, time.time_ns() - 60_000_000_000)
    reply = http.post(f"{servers.otlp_http}/v1/traces", json=script.request)
    assert reply.is_success
    assert not (reply.json().get("partialSuccess") if reply.content else None)
    return script


@pytest.fixture(scope="module")
def client(servers, role, script, eventually):
    made = traces_client(Endpoint("traces", Role.TRACES, getattr(servers, role), Dialect(role)))
    eventually(lambda: all(made.trace(trace_id) for trace_id in script.traces))
    return made


def test_a_trace_is_what_was_sent(servers, client, script):
    precision = 1000 if Feature.NANOSECONDS in servers.without else 1
    start = script.start // precision * precision
    one = next(trace_id for trace_id, name in script.traces.items() if name == "one")
    root, pay = client.trace(one)
    assert (root.trace_id, root.parent_id, root.service, root.name) == (one, "", "clients", "GET /cart")
    assert (root.kind, root.status, root.status_message) == ("server", "error", "boom")
    assert (root.start_ns, root.end_ns) == (start, start + 150_000_000)
    if Feature.ATTRIBUTE_TYPES in servers.without:  # the status is among them there
        assert root.attributes == {"http.status": "500", "ok": "true", "error": "true"}
    else:
        assert root.attributes == {"http.status": 500, "ok": True}
    assert root.resource["host"] == "h1"
    assert [(e.name, e.time_ns, e.attributes) for e in root.events] == [("miss", start + 5_000_000, {"key": "k"})]
    assert [link.trace_id for link in root.links] == [t for t, name in script.traces.items() if name == "two"]
    status = "unset" if Feature.STATUS_OK in servers.without else "ok"
    assert (pay.parent_id, pay.service, pay.status) == (root.span_id, "clients-till", status)
    assert client.trace("e" * 32) == ()


def test_names(client):
    assert {"clients", "clients-till"} <= set(client.services())
    assert client.operations("clients") == ["GET /", "GET /cart"]
    assert client.operations("nobody") == []


@pytest.mark.parametrize(
    ("service", "asked", "found"),
    [
        ("clients", {}, ["two", "one"]),
        ("clients", {"operation": "GET /cart"}, ["one"]),
        ("clients", {"operation": "pay"}, []),
        ("clients", {"tags": {"http.status": "500", "ok": "true"}}, ["one"]),
        ("clients", {"tags": {"ratio": "1.5"}}, ["two"]),
        ("clients", {"tags": {"http.status": "50"}}, []),
        ("clients-till", {"tags": {"request_id": "r-1"}}, ["one"]),
        ("nobody", {}, []),
    ],
)
def test_searching(client, script, service, asked, found):
    traces = client.search(service, start_ns=script.start, end_ns=script.start + 10_000_000_000, **asked)
    assert [script.traces[spans[0].trace_id] for spans in traces.complete()] == found
    earlier = client.search(service, start_ns=script.start - 10_000_000_000, end_ns=script.start - 2_000, **asked)
    assert earlier.complete() == ()


def test_a_limit(client, script):
    # which ones come is the server's choice: Jaeger's memory store takes them as they were stored
    asked = {"start_ns": script.start, "end_ns": script.start + 10_000_000_000}
    assert [len(client.search("clients", **asked, limit=limit).traces) for limit in (1, 2, 3)] == [1, 2, 2]


@pytest.mark.parametrize(
    ("service", "failed", "found"),
    [("", False, ["two", "one"]), ("clients-till", False, ["one"]), ("clients", True, ["one"]), ("nobody", True, [])],
)
def test_latest_traces(client, script, eventually, service, failed, found):
    """Others may be there, too: the servers are asked by other suites."""
    window = {"start_ns": script.start - 10**9, "end_ns": script.start + 10**10}

    def latest():
        rows = client.latest(service, failed=failed, limit=100, **window).traces
        return {script.traces[row.trace_id]: row for row in rows if row.trace_id in script.traces}

    rows = eventually(latest) if found else latest()
    assert list(rows) == found
    if "one" in rows:
        one = rows["one"]
        assert (one.service, one.name, one.spans, one.errors) == ("clients", "GET /cart", 2, 1)
        assert one.duration_ns == 150_000_000
        assert abs(one.start_ns - script.start) < 1_000_000
