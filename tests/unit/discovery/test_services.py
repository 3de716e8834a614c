"""Several services: which requests and log lines are whose."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from obsctl.clients.telemetry import LogLine, Span
from obsctl.discovery.draft import Draft, Origin, draft, spec_text
from obsctl.discovery.model import ObservedTraffic
from obsctl.discovery.observe import Received, observe_service, undriven_logs
from obsctl.discovery.requests import Trace
from obsctl.endpoints import Endpoints
from obsctl.spec.contract import Edge
from obsctl.spec.load import load_stack

BEGAN = 1_700_000_000 * 10**9


def span(trace: int, number: int, parent: int, service: str, route: str, kind: str = "server") -> Span:
    start = BEGAN + trace * 10**9 + number
    attributes = {"http.request.method": "GET", "http.route": route, "http.response.status_code": 200}
    own = attributes if kind == "server" else {}
    ids = f"{trace:032x}", f"{number:016x}", f"{parent:016x}" if parent else ""
    return Span(*ids, service, f"GET {route}" if own else route, start, start + 1, kind, attributes=own)


def call(trace: int) -> Trace:
    """A request to the front, which asks the stock and leaves a message to the worker."""
    return (
        span(trace, 1, 0, "front", "/offers"),
        span(trace, 2, 1, "stock", "/items"),
        span(trace, 3, 1, "worker", "deliver", "consumer"),
    )


def line(service: str, second: float, trace: int = 0) -> LogLine:
    ids = {"trace_id": f"{trace:032x}", "span_id": "0" * 15 + "1"} if trace else {}
    metadata = {"severity_text": "INFO", "shelf": "a", **ids}
    return LogLine(BEGAN + int(second * 10**9), "text", {"service_name": service}, metadata)


def received(traces: Sequence[Trace], lines: Sequence[LogLine] = ()) -> Received:
    return Received(Endpoints(()), BEGAN, BEGAN + 60 * 10**9, traces, (), lines)


def test_a_request_is_of_the_service_that_answers_it_whoever_sent_it() -> None:
    seen = received([call(1), call(2)])
    front, stock, worker = (observe_service(seen, name) for name in ("front", "stock", "worker"))
    assert [(str(r), r.times, r.components) for r in front.requests] == [
        ("GET /offers", 2, ("front", "stock", "worker"))
    ]
    assert front.requests[0].edges == (Edge("front", "stock"), Edge("front", "worker"))
    assert front.components == ("front", "stock", "worker")
    assert [(str(r), r.times, r.components) for r in stock.requests] == [("GET /items", 2, ("stock",))]
    assert stock.components == ("stock",)
    assert (worker.requests, worker.components) == ((), ("worker",))


def test_lines_are_those_of_the_service_itself() -> None:
    seen = received([call(1)], [line("front", 1, 1), line("stock", 1, 1)])
    logs = observe_service(seen, "front").logs
    assert logs
    assert (logs.components, logs.lines) == (("front",), 1)


@pytest.mark.parametrize(
    ("lines", "relied_on"),
    [
        ([line("worker", 1, 1), line("worker", 2, 2)], True),  # one for each request
        ([line("worker", 1, 1)], False),  # the other request left none
        ([line("worker", second) for second in range(1, 60, 10)], True),  # all the time
        ([line("worker", second) for second in range(1, 20, 5)], False),  # then no more
        ([line("worker", second, 1) for second in range(1, 60, 10)], False),  # all for one request
        ([], False),
    ],
)
def test_lines_of_a_worker_are_required_where_they_can_be_relied_on(lines: list[LogLine], relied_on: bool) -> None:
    seen = received([call(1), call(2)], lines)
    logs = undriven_logs(seen, "worker", observe_service(seen, "front").requests)
    assert (logs is not None) is relied_on
    assert logs is None or {"message", "shelf"} <= {*logs.fields}


def test_a_spec_has_each_service_with_its_own_contract(tmp_path) -> None:
    seen = received([call(1), call(2)])

    def made(name: str, url: str, *, reachable: bool = True) -> Draft:
        traffic = observe_service(seen, name)
        unreached = ObservedTraffic(traffic.components, traffic.received, traffic.requests, reachable=False)
        return draft((), Origin(name, url, ""), traffic if reachable else unreached)

    drafts = [made("front", "http://127.0.0.1:1"), made("stock", "", reachable=False), made("worker", "")]
    placed = [(one, f"{one.origin.service}.yaml") for one in drafts]
    (tmp_path / "obsctl.yaml").write_text(spec_text(placed))
    for one, file in placed:
        (tmp_path / file).write_text(one.contract)
    front, stock, worker = load_stack(tmp_path).services
    assert [step.route for step in front.drive] == ["/offers"]
    assert {component.name for component in front.elsewhere} == {"stock", "worker"}
    assert (stock.drive, stock.contract.traces, stock.entry.url, stock.entry.metrics) == ((), (), "", "")
    assert (worker.drive, worker.elsewhere) == ((), ())
    assert "where stock answers is not known" in drafts[1].contract
