"""Driving a small real HTTP service."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from obsctl.errors import UsageError
from obsctl.probes import ProbeRun
from obsctl.spec.contract import Contract, Metric, MetricType
from obsctl.spec.stack import Component, Service
from obsctl.spec.steps import Rise, Step
from obsctl.traffic.send import send_probes
from obsctl.wait import Deadline

METRIC = Metric(
    "http_requests_total",
    MetricType.COUNTER,
    labels=("route", "status"),
    driven={"route": "route", "status": "status"},
)


@dataclass
class Shop:
    """What the server got, and how it answers: orders are done after ``patience`` looks."""

    url: str = ""
    got: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    patience: int = 2
    statuses: dict[str, int] = field(default_factory=dict)
    looks: int = 0
    page: str = "http_requests_total 1\n"

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        if path == "/metrics":
            return 200, self.page
        if method == "POST":
            return self.statuses.get(path, 201), {"order": {"id": 4711 + len(self.got)}, "odd": "a/b c"}
        self.looks += 1
        return self.statuses.get(path, 200), {"status": "done" if self.looks >= self.patience else "queued"}


@pytest.fixture
def shop() -> Iterator[Shop]:
    state = Shop()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            status, answer = state.answer(self.command, self.path)
            if self.path != "/metrics":
                state.got.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            text = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
            self.send_header("X-Request-Id", self.headers.get("X-Request-Id", ""))
            self.end_headers()
            self.wfile.write(text)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield state
        server.shutdown()
        thread.join()


ORDER = Step(
    "order",
    "POST",
    "/orders",
    body={"name": "{canary}", "mail": "{canary}@example.com", "note": "a {nonce}", "count": 2},
    headers={"X-Who": "for {nonce}"},
    expect=201,
    capture={"order_id": "order.id", "odd": "odd"},
    rises=(Rise("orders_total", {"kind": "a"}, 3),),
)
LOOK = Step("look", "GET", "/orders/{order_id}", until={"status": "done"})


def service(shop: Shop, *steps: Step, **changes: Any) -> Service:
    contract = Contract("shop", ("web",), metrics=(METRIC,))
    made = Service("shop", contract, (Component("web", shop.url),), drive=steps)
    return replace(made, **changes)


def run(shop: Shop, *steps: Step, rounds: int = 1, seconds: float = 20.0, **changes: Any) -> ProbeRun:
    return send_probes(service(shop, *steps, **changes), rounds=rounds, deadline=Deadline.after(seconds))


def test_each_request_carries_ids_of_its_own(shop: Shop) -> None:
    driven = run(shop, ORDER, LOOK, rounds=2)
    assert len(driven.requests) == len(shop.got)
    for sent, (method, _, headers, _) in zip(driven.requests, shop.got, strict=True):
        assert method == sent.method
        assert headers["traceparent"] == f"00-{sent.trace_id}-{sent.parent_id}-01"
        assert headers["tracestate"] == sent.trace_state == f"obsctl={driven.id}"
        assert headers["x-request-id"] == sent.request_id
        assert sent.answer_headers["X-Request-Id"] == sent.request_id
        assert re.fullmatch(r"(?!0+-)[0-9a-f]{32}", sent.trace_id)
        assert re.fullmatch(r"obsctl-[0-9a-f]{12}-\d+", sent.request_id)
    for attribute in ("trace_id", "parent_id", "request_id"):
        assert len({getattr(r, attribute) for r in driven.requests}) == len(driven.requests)


def test_bodies_headers_and_routes_are_filled(shop: Shop) -> None:
    driven = run(shop, ORDER, replace(LOOK, route="/orders/{order_id}/{odd}"), rounds=2)
    orders = [body for method, _, _, body in shop.got if method == "POST"]
    assert {o["name"] for o in orders} == {driven.canary}
    assert orders[0]["mail"] == f"{driven.canary}@example.com"
    assert orders[0]["count"] == 2
    assert orders[0]["note"] != orders[1]["note"]  # nothing of the first round may answer for the second
    assert shop.got[0][2]["x-who"].startswith("for ")
    assert shop.got[1][1] == "/orders/4711/a%2Fb%20c"
    assert driven.requests[1].route == "/orders/{order_id}/{odd}"
    assert driven.requests[1].url == f"{shop.url}/orders/4711/a%2Fb%20c"


def test_a_step_is_repeated_until_its_answer_comes_each_time_as_a_request_of_its_own(shop: Shop) -> None:
    shop.patience = 3
    driven = run(shop, ORDER, LOOK)
    assert [r.step for r in driven.requests] == ["order", "look", "look", "look"]
    assert [r.error for r in driven.requests] == [""] * 4


def test_what_must_have_risen_is_worked_out(shop: Shop) -> None:
    driven = run(shop, ORDER, LOOK, rounds=2)
    looks = sum(r.step == "look" for r in driven.requests)
    assert {(e.metric, tuple(sorted(e.labels.items())), e.by) for e in driven.expectations} == {
        ("http_requests_total", (("route", "/orders"), ("status", "201")), 2),
        ("http_requests_total", (("route", "/orders/{order_id}"), ("status", "200")), looks),
        ("orders_total", (("kind", "a"),), 6),
    }


def test_the_baseline_is_what_each_component_says_before_the_first_request(shop: Shop) -> None:
    components = (
        Component("web", shop.url),
        Component("mute", shop.url, metrics=""),
        Component("broken", shop.url, metrics="/orders/metrics"),
    )
    shop.statuses["/orders/metrics"] = 500
    driven = run(shop, ORDER, components=components)
    assert driven.baseline == {"web": "http_requests_total 1\n"}
    assert driven.started_at <= driven.requests[0].sent_at <= driven.ended_at


def test_a_wrong_status_ends_the_round_and_says_why(shop: Shop) -> None:
    shop.statuses["/orders"] = 503
    driven = run(shop, ORDER, LOOK, rounds=2)
    assert [r.step for r in driven.requests] == ["order", "order"]
    assert driven.requests[0].status == 503
    assert driven.requests[0].error.startswith("was answered 503, not 201: {")
    assert [(e.metric, e.by) for e in driven.expectations] == [("http_requests_total", 2)]


def test_an_answer_that_never_comes_ends_at_the_deadline(shop: Shop) -> None:
    shop.patience = 10**9
    driven = run(shop, ORDER, LOOK, rounds=3, seconds=0.3)
    assert driven.requests[-2].error or driven.requests[-1].error
    waited = next(r for r in driven.requests if r.error)
    assert waited.step == "look"
    assert "did not come to status = done in" in waited.error
    assert '{"status": "queued"}' in waited.error


def test_a_value_that_is_not_in_the_answer_is_the_fault_of_its_step(shop: Shop) -> None:
    driven = run(shop, replace(ORDER, capture={"order_id": "order.number"}), LOOK)
    assert [r.error for r in driven.requests] == ["the answer has no order.number"]
    assert driven.requests[0].status == 201


def test_a_step_that_cannot_be_filled_is_recorded_unsent(shop: Shop) -> None:
    driven = run(shop, LOOK)
    assert [(r.step, r.status, r.error) for r in driven.requests] == [("look", 0, "has no value for {order_id}")]
    assert shop.got == []


def test_a_service_that_refuses_is_recorded_not_raised(shop: Shop) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        driven = run(shop, ORDER, components=(Component("web", url),))
    assert driven.requests[0].status == 0
    assert "refused the connection" in driven.requests[0].error
    assert driven.baseline == {}


def test_the_same_seed_gives_the_same_ids(shop: Shop) -> None:
    runs = [send_probes(service(shop, ORDER), rounds=1, deadline=Deadline.after(20.0), seed=7) for _ in range(2)]
    assert runs[0].id == runs[1].id
    assert runs[0].requests[0].trace_id == runs[1].requests[0].trace_id
    assert run(shop, ORDER).id != runs[0].id


def test_nothing_to_drive_is_said(shop: Shop) -> None:
    with pytest.raises(UsageError, match="shop has nothing to drive") as caught:
        run(shop)
    assert "drive" in caught.value.hint


def test_what_is_counted_for_the_first_time_is_scraped_before_it_rises_again(shop: Shop) -> None:
    sent: list[int] = []

    def scraped() -> None:
        sent.append(len([one for one in shop.got if one[0] == "POST"]))

    send_probes(service(shop, ORDER), rounds=3, deadline=Deadline.after(20.0), await_scrape=scraped)
    assert sent == [1]


def test_what_was_counted_before_needs_no_scrape(shop: Shop) -> None:
    shop.page = 'http_requests_total{route="/orders",status="201"} 4\n'

    def scraped() -> None:
        raise AssertionError

    send_probes(service(shop, ORDER), rounds=2, deadline=Deadline.after(20.0), await_scrape=scraped)
    assert len([one for one in shop.got if one[0] == "POST"]) == 2
