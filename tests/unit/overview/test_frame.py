"""How answers become the rows of the overview."""

from __future__ import annotations

import math

from obsctl.clients.alerts import ManagedAlert
from obsctl.clients.promql import AlertRule, RuleAlert
from obsctl.clients.telemetry import MetricSample
from obsctl.overview.frame import (
    AlertState,
    CallFigures,
    Frame,
    Listed,
    RedSamples,
    ServiceFigures,
    alert_rows,
    call_rows,
    of_service,
    service_rows,
)
from obsctl.overview.queries import catalogue

SPANS, *_, HTTP = (source for source in catalogue().requests if source.service in ("service", "job"))


def sample(value: float, **labels: str) -> MetricSample:
    return MetricSample(labels, 10.0, value)


def test_a_service_is_counted_by_the_first_source_that_has_it_and_the_worst_stands_first() -> None:
    spans = RedSamples(
        [sample(2, service="api"), sample(9, service="web")],
        [sample(0.5, service="api")],
        [sample(math.nan, service="api"), sample(0.2, service="web")],
    )
    http = RedSamples([sample(9, job="api"), sample(3, job="old"), sample(1)], [], [])
    assert service_rows([(SPANS, spans), (HTTP, http)], ["worker", "api"]) == [
        ServiceFigures("api", 2, 0.25, None),
        ServiceFigures("web", 9, 0.0, 0.2),
        ServiceFigures("old", 3, 0.0, None),
        ServiceFigures("worker"),
    ]


def test_calls_of_several_kinds_between_two_are_one() -> None:
    pair = {"client": "a", "server": "b"}
    samples = RedSamples(
        [sample(3, **pair), sample(1, **pair, connection_type="messaging_system"), sample(1, server="c")],
        [sample(1, **pair, connection_type="messaging_system")],
        [sample(0.1, **pair), sample(0.4, **pair, connection_type="messaging_system")],
    )
    assert call_rows(samples) == [CallFigures("a", "b", ("messaging_system",), 4, 0.25, 0.4)]


def test_an_alert_is_silenced_where_the_alert_manager_says_so_and_known_by_its_external_labels() -> None:
    def on(state: str, **labels: str) -> RuleAlert:
        return RuleAlert(state, 5.0, {"alertname": "Slow", **labels}, {"summary": "slow"})

    rules = [AlertRule("g", "Slow", (on("firing", job="a"), on("firing", job="b"), on("pending", job="c")))]
    managed = [
        ManagedAlert("silenced", 1.0, {"alertname": "Slow", "job": "a", "cluster": "x"}, {}),
        ManagedAlert("firing", 1.0, {"alertname": "Other"}, {"description": "said elsewhere"}),
    ]
    found = [(row.name, row.state, row.labels.get("job"), row.summary) for row in alert_rows(rules, managed)]
    assert found == [
        ("Slow", "firing", "b", "slow"),
        ("Other", "firing", None, "said elsewhere"),
        ("Slow", "pending", "c", "slow"),
        ("Slow", "silenced", "a", "slow"),
    ]


def test_a_frame_of_one_service_has_its_calls_both_ways() -> None:
    frame = Frame(
        *("stack", "embedded", 1.0, 60.0),
        Listed((ServiceFigures("a"), ServiceFigures("b"))),
        Listed((CallFigures("a", "b"), CallFigures("b", "c"), CallFigures("c", "d"))),
        Listed((AlertState("X", "firing", 1.0, {"job": "b"}), AlertState("Y", "firing", 1.0, {"job": "c"}))),
    )
    only = of_service(frame, "b")
    assert [row.name for row in only.services.rows] == ["b"]
    assert [(row.caller, row.callee) for row in only.calls.rows] == [("a", "b"), ("b", "c")]
    assert [row.name for row in only.alerts.rows] == ["X"]
