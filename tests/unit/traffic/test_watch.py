"""What the traces of others tell of the requests that caused them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pytest

from obsctl.clients.telemetry import Span, TraceSearch
from obsctl.errors import BackendError
from obsctl.probes import ProbeRun
from obsctl.spec.contract import Contract, TraceRule
from obsctl.spec.stack import Component, Service
from obsctl.traffic.watch import watch_traffic
from obsctl.wait import Deadline

LEDGER = Service(
    "ledger",
    Contract("ledger", ("ledger",), traces=(TraceRule("POST /entries", ("ledger",)),)),
    (Component("ledger", "http://127.0.0.1:1"),),
)
NOW = time.time_ns()


@dataclass
class Stored:
    """Traces that are there from the ``after``-th look on."""

    traces: tuple[tuple[Span, ...], ...] = ()
    after: int = 0
    looks: int = 0
    error: str = ""

    def search(self, service: str, **_: Any) -> TraceSearch:
        self.looks += 1
        if self.error:
            raise BackendError(self.error)
        return TraceSearch(self.traces if self.looks > self.after else ())


def span(span_id: str, parent: str, service: str = "ledger", **changes: Any) -> Span:
    attributes = changes.pop("attributes", {"http.request.method": "POST", "http.route": "/entries"})
    return Span("a" * 32, span_id, parent, service, "POST /entries", NOW, NOW + 5_000_000, "server", **changes,
                attributes=attributes)  # fmt: skip


def watched(stored: Stored | None, seconds: float = 0.3) -> ProbeRun:
    return watch_traffic(LEDGER, stored, window=60.0, deadline=Deadline.after(seconds))  # type: ignore[arg-type]


def test_a_trace_is_the_request_of_its_server_span() -> None:
    run = watched(Stored(((span("1" * 16, "f" * 16), span("2" * 16, "1" * 16)),)))
    (request,) = run.requests
    assert (request.request, request.status, request.error) == ("POST /entries", 200, "")
    assert request.parent_id == "f" * 16  # whoever called it is not stored here
    assert run.passive
    assert run.started_at < time.time() - 59
    assert run.expectations == ()


@pytest.mark.parametrize(
    ("attributes", "status", "told"),
    [
        ({"http.method": "GET", "http.target": "/x", "http.status_code": 404}, "unset", ("GET /x", 404)),
        ({}, "error", ("POST /entries", 500)),
        ({"http.response.status_code": 201}, "unset", ("POST /entries", 201)),
    ],
)
def test_old_and_missing_attributes(attributes: dict[str, Any], status: str, told: tuple[str, int]) -> None:
    (request,) = watched(Stored(((span("1" * 16, "", status=status, attributes=attributes),),))).requests
    assert (request.request, request.status) == told
    assert bool(request.error) is (request.status >= 400)


def test_the_first_trace_is_waited_for() -> None:
    stored = Stored(((span("1" * 16, ""),),), after=2)
    assert len(watched(stored, seconds=20).requests) == 1
    assert stored.looks == 3


@pytest.mark.parametrize("stored", [None, Stored(), Stored(error="down")])
def test_nothing_is_there(stored: Stored | None) -> None:
    assert watched(stored).requests == ()
