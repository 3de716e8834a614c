from __future__ import annotations

from dataclasses import replace

import pytest

from obsctl.endpoints import Dialect, Endpoint, Role
from obsctl.ops.budgets import NO_EVENTS, NOT_RECORDED, budgets
from obsctl.spec.slo import Slo
from tests.unit.checks.world import sample
from tests.unit.clients.canned import JSON, Answer, Asked, serving

SLO = next(slo for slo in sample().contract.slos if slo.name == "http-errors")


def backend(**values: str):
    """A metrics backend that knows a value for each query that starts like this."""

    def answer(asked: Asked) -> Answer:
        query = asked.query["query"][0]
        found = [value for start, value in values.items() if query.startswith(start.replace("_of_", ":"))]
        result = [{"metric": {}, "value": [1, value]} for value in found[:1]]
        return Answer({"status": "success", "data": {"resultType": "vector", "result": result}}, headers=JSON)

    return serving({"/api/v1/query": answer})


def metrics(url: str) -> Endpoint:
    return Endpoint("metrics", Role.METRICS, url, Dialect.PROMQL)


def asked(slo: Slo = SLO, **values: str):
    with backend(**values) as server:
        return budgets([slo], metrics(server.url), "")[0]


def test_what_the_rules_have_recorded():
    left = asked(slo_of_period_error_budget_remaining="0.75", slo_of_current_burn_rate="2.5")
    assert (left["budget_left_ratio"], left["burn_rate"], left["recorded"], left["why"]) == (0.75, 2.5, True, "")


def test_computed_where_no_rule_records_it():
    bad = asked(**{"(sum(rate(": "0.004"})
    assert bad["budget_left_ratio"] == pytest.approx(0.6)  # of 1 % that may be bad, 0.4 % are
    assert not bad["recorded"]


@pytest.mark.parametrize("value", ["NaN", "+Inf"])
def test_no_number_is_nobody_knows(value: str):
    left = asked(slo_of_period_error_budget_remaining=value)
    assert (left["budget_left_ratio"], left["why"]) == (None, NO_EVENTS)


def test_a_whole_period_is_left_to_rules_where_that_costs_somebody_else():
    with backend(**{"(sum(rate(": "0.004"}) as server:
        [left] = budgets([SLO], metrics(server.url), "", recorded_only=True)
        assert not [a for a in server.asked if "sum(rate(" in a.query["query"][0]]
    assert (left["budget_left_ratio"], left["why"]) == (None, NOT_RECORDED)


def test_no_event_is_said():
    assert asked()["why"] == NO_EVENTS


def test_an_overdrawn_budget_is_less_than_nothing():
    assert asked(slo_of_period_error_budget_remaining="-1.5")["budget_left_ratio"] == -1.5


def test_a_backend_that_is_down_is_asked_once_and_named():
    with serving({"/api/v1/query": Answer({"status": "error", "error": "out of memory"}, 503, JSON)}) as server:
        first, second = budgets([SLO, replace(SLO, name="other")], metrics(server.url), "")
        assert len(server.asked) == 1
    assert first["budget_left_ratio"] is second["budget_left_ratio"] is None
    assert "out of memory" in first["why"]
    assert second["why"] == first["why"]


def test_a_backend_that_is_known_to_be_down_is_not_asked():
    with serving({}) as server:
        assert budgets([SLO], metrics(server.url), "metrics is not ready")[0]["why"] == "metrics is not ready"
        assert server.asked == []
