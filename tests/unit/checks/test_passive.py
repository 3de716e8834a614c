"""A service that nothing is sent to: judged by what others sent it, and all else is said to be left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from obsctl.checks import CHECKS
from obsctl.checks._passive import JUDGED
from obsctl.checks.base import CheckStatus, Outcome
from obsctl.checks.run import run_checks
from obsctl.clients.telemetry import Span
from obsctl.endpoints import Endpoints
from obsctl.probes import ProbeRequest
from obsctl.traffic.watch import watch_traffic
from obsctl.wait import Deadline
from tests.unit.checks.world import Traces, World, healthy

WINDOW = 60.0


def verified(world: World, ready: Endpoints, seconds: float = 0.4) -> dict[str, Outcome]:
    sent = {r.trace_id: r for r in world.run.requests}
    world.change_spans(lambda s: s.parent_id == sent[s.trace_id].parent_id, lambda s: served(s, sent[s.trace_id]))
    world.endpoints = ready
    world.service = replace(world.service, drive=())
    world.run = watch_traffic(world.service, Traces(world), window=WINDOW, deadline=Deadline.after(seconds))
    return {o.check: o for o in run_checks(CHECKS, lambda _: world.context(seconds), grace=20.0)}


def served(span: Span, request: ProbeRequest) -> Span:
    """The span that answered a request, as every HTTP instrumentation writes it."""
    asked = {"http.request.method": request.method, "http.route": request.route}
    return replace(span, kind="server", attributes={**span.attributes, **asked})


def red(outcomes: dict[str, Outcome]) -> dict[str, str]:
    return {k: o.verdict.summary for k, o in outcomes.items() if o.verdict.status not in ("pass", "skip")}


def test_what_others_sent_is_judged_and_the_rest_is_named(ready: Endpoints) -> None:
    outcomes = verified(healthy(), ready, seconds=10.0)
    assert red(outcomes) == {}
    passed = {k for k, o in outcomes.items() if o.verdict.status is CheckStatus.PASS}
    assert passed == JUDGED - {"readiness.driven"}
    reason = "needs requests that verify sends itself (no requests to drive: verified passively over the last 60 s)"
    assert outcomes["metrics.exact"].verdict.summary == reason


def test_a_service_that_exports_no_span_is_red(ready: Endpoints) -> None:
    world = healthy()
    world.spans = {}
    outcomes = verified(world, ready)
    assert set(red(outcomes)) == {"traces.complete"}
    assert red(outcomes)["traces.complete"].endswith("began in the last 60 s")
    assert outcomes["traces.shape"].verdict.status is CheckStatus.SKIP


def test_one_component_without_spans_is_named(ready: Endpoints) -> None:
    world = healthy()
    world.change_spans(lambda s: s.service == "worker", lambda _: None)
    world.change_spans(lambda s: s.service == "ai", lambda _: None)
    assert "no span of worker, ai began" in red(verified(world, ready))["traces.complete"]


def test_a_service_that_logs_nothing_is_red(ready: Endpoints) -> None:
    world = healthy()
    world.logs = []
    found = red(verified(world, ready))
    assert found["logs.present"] == "no log line of the time that was looked at is stored"
    assert set(found) == {"logs.present", "logs.fields"}


@pytest.mark.parametrize("field", ["trace_id", "message"])
def test_lines_of_the_traces_need_every_field(ready: Endpoints, field: str) -> None:
    world = healthy()
    world.change_lines(lambda line, _: line.labels["service_name"] == "api", lambda f: {**f, field: ""})
    outcomes = verified(world, ready)
    assert set(red(outcomes)) <= {"logs.fields"}
    assert bool(red(outcomes)) is (field == "message")  # a line without ids belongs to no trace: it may be anybody's
