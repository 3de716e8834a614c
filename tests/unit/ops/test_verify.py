from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from obsctl.assets import templates
from obsctl.checks.base import ExpectedRule, Signal
from obsctl.clients.tempo import TempoClient
from obsctl.endpoints import Dialect, Endpoint, Endpoints, Role
from obsctl.errors import UsageError
from obsctl.ops import verify as op
from obsctl.probes import ProbeRun
from obsctl.spec.load import load_stack_file
from obsctl.wait import Deadline

STACK = load_stack_file(templates() / "stacks" / "default.yaml", Path("/"))
SERVICE = STACK.services[0]
RUN = ProbeRun("r", "canary-1", 0.0, 1.0)
METRICS = Endpoint("prometheus", Role.METRICS, "http://127.0.0.1:1", Dialect.PROMQL)
TRACES = Endpoint("tempo", Role.TRACES, "http://127.0.0.1:2", Dialect.TRACEQL)


def context(*endpoints: Endpoint) -> Any:
    make = op._contexts(STACK, SERVICE, Endpoints(endpoints), RUN, lambda more: Deadline.after(9.0 + more))
    return make(Signal.METRICS)


def test_a_signal_without_a_backend_is_none() -> None:
    bare = context()
    assert (bare.metrics, bare.traces, bare.logs, bare.dashboards.page) == (None, None, None, None)


def test_rules_that_find_one_anothers_results_late_are_waited_for() -> None:
    late = replace(METRICS, lag=3.0)
    assert op.patience(15.0, Endpoints((METRICS,)), STACK) == op.patience(15.0, Endpoints(), STACK) == 15.0
    assert op.patience(15.0, Endpoints((late,)), STACK) == 15.0 + 4 * (3.0 + STACK.scrape_interval)


def test_a_signal_has_what_its_checks_need() -> None:
    full = context(METRICS, TRACES)
    assert full.metrics.client.url == METRICS.url
    assert full.metrics.scrape_interval == full.dashboards.step == STACK.scrape_interval
    assert isinstance(full.traces.client, TempoClient)
    assert {rule.kind for rule in full.metrics.rules} == {"recording", "alerting"}
    assert full.dashboards.expected


def test_the_rules_of_every_slo_are_expected() -> None:
    rules = op.expected_rules(SERVICE.contract)
    assert all(isinstance(rule, ExpectedRule) for rule in rules)
    assert sum(rule.name == "slo:objective:ratio" for rule in rules) == len(SERVICE.contract.slos)


def test_each_context_has_a_deadline_of_its_own() -> None:
    cancelled = threading.Event()
    make = op._contexts(STACK, SERVICE, Endpoints(), RUN, lambda more: Deadline.after(9.0 + more, cancelled))
    first, second = make(Signal.METRICS), make(Signal.LOGS)
    assert first.deadline.at < second.deadline.at
    cancelled.set()
    assert first.deadline.passed


def test_what_has_to_be_found_by_a_search_may_come_later() -> None:
    asked: list[float] = []

    def deadline(more: float) -> Deadline:
        asked.append(more)
        return Deadline.after(9.0)

    make = op._contexts(STACK, SERVICE, Endpoints((replace(TRACES, lag=15.0),)), RUN, deadline)
    make(Signal.TRACES), make(Signal.PRIVACY)
    assert asked[1:] == [0.0, 15.0]


def test_every_service_is_verified_or_the_one_that_is_named() -> None:
    two = replace(STACK, services=(SERVICE, replace(SERVICE, name="other")))
    assert op._services(two, None) == two.services
    assert op._services(two, SERVICE.name) == (SERVICE,)
    with pytest.raises(UsageError, match="has no service 'cv-job-matchin'") as error:
        op._services(STACK, "cv-job-matchin")
    assert error.value.hint == "did you mean 'cv-job-matching'?"
