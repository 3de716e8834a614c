"""What is waited for before requests are sent: so that what they raise is a rise in what is stored."""

from __future__ import annotations

import time

import pytest

from obsctl.checks import scrapes
from obsctl.checks.scrapes import await_scrape
from obsctl.clients.promql import PromqlClient
from obsctl.spec.contract import Contract, Metric, MetricType
from obsctl.spec.stack import Component, Service
from tests.unit.clients.canned import Answer, Asked, Route, serving

TARGETS = Answer({"status": "success", "data": {"activeTargets": []}})


def pushing_service() -> Service:
    contract = Contract("shop", ("shop",), metrics=(Metric("orders_total", MetricType.COUNTER),))
    return Service("shop", contract, (Component("shop", "http://127.0.0.1:1", "", ""),))


def stored(after: int) -> dict[str, Route]:
    """A backend that has two pushes of the service from the so-many-th question on."""
    asked = 0

    def query(_: Asked) -> Answer:
        nonlocal asked
        asked += 1
        labels = {"__name__": "target_info", "job": "shop"}
        series = [{"metric": labels, "values": [[time.time() - 1, "1"], [time.time(), "1"]]}] if asked > after else []
        return Answer({"status": "success", "data": {"resultType": "matrix", "result": series}})

    return {"/api/v1/query": query, "/api/v1/targets": TARGETS}


def test_the_first_pushes_to_a_stack_that_has_just_started_are_waited_for() -> None:
    with serving(stored(after=5)) as backend:
        assert await_scrape(pushing_service(), PromqlClient(backend.url), 0.1, 0.0)
        assert sum(asked.path == "/api/v1/query" for asked in backend.asked) > 5


def test_a_service_that_never_pushes_is_not_waited_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrapes, "SLOW", 0.2)
    with serving(stored(after=10**6)) as backend:
        assert not await_scrape(pushing_service(), PromqlClient(backend.url), 0.1, 0.0)
