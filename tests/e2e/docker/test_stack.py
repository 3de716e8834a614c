"""The whole stack on a real engine, from an empty folder, as a user would run it. One stack for the module.

Real: collector, Prometheus, Jaeger, Alertmanager, PostgreSQL, Valkey. With images made here, Loki, Alloy and Qdrant are
stand-ins that speak the same APIs, and Grafana is left out; ``tests/e2e/images`` says what is made of what.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from obsctl.clients.http import Http
from obsctl.clients.logql import LogqlClient
from obsctl.runtime.docker.connection import Engine
from obsctl.wait import Deadline, until
from tests.e2e.docker.stacks import OFFICIAL, Stack, brought_up

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
CONTAINERS = {
    *("otel-collector", "prometheus", "jaeger", "loki", "alloy", "alertmanager"),
    *("postgres", "redis", "qdrant", "api", "worker", "ai", *(["grafana"] if OFFICIAL else [])),
}

WITHOUT_COLLECTOR = {
    *("traces.shape", "traces.attributes", "traces.state"),
    "correlation.exemplar",  # it leads to no trace
    "privacy.canary",  # nothing arrived that would prove that its absence means anything
}
"""What needs spans, which come by OTLP. Metrics are scraped and log lines read from files: they go on."""


@pytest.fixture(scope="module")
def stack(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with brought_up(engine, tmp_path_factory.mktemp("stack")) as made:
        yield made


def test_every_part_runs(stack: Stack) -> None:
    assert set(stack.ids()) == CONTAINERS
    assert {c["State"] for c in stack.seen("containers")} == {"running"}
    assert stack.run("status", "--json").status == 0


@pytest.fixture(scope="module")
def passed(stack: Stack) -> dict[str, dict[str, Any]]:
    """What one ``verify`` said, shared by the tests that look at it or at what it left."""
    return stack.passed()


def test_every_check_passes(passed: dict[str, dict[str, Any]]) -> None:
    proven = {"metrics.exact", "traces.complete", "logs.fields", "correlation.exemplar", "privacy.canary"}
    assert {passed[name]["status"] for name in proven} == {"pass"}


@pytest.mark.usefixtures("passed")
def test_one_request_is_seen_across_all_of_it(stack: Stack) -> None:
    trace = stack.run("trace", "last", "--json").data
    assert {"api", "worker", "ai"} <= {span["service"] for span in trace["spans"]}
    assert trace["counts"]["orphans"] == 0
    assert "POST /matches" in stack.ok("trace", "last").out


def test_what_alertmanager_tells_is_kept_as_a_log_line(stack: Stack) -> None:
    labels = {"alertname": f"Drill{time.time_ns()}", "severity": "page"}
    urls = {e["role"]: e["url"] for e in stack.run("status", "--json").data["endpoints"]}
    with Http(urls["alerts"], name="Alertmanager") as http:
        assert http.send("POST", "/api/v2/alerts", json_body=[{"labels": labels}]).status == 200
    logs, since = LogqlClient(urls["logs"]), time.time_ns() - 60 * 10**9
    query = f'{{service_name="alertmanager"}} |= "{labels["alertname"]}"'
    (line, *_) = until(lambda: logs.lines(query, since, time.time_ns()), Deadline.after(60)) or [None]
    assert line
    told = json.loads(line.line)
    assert (told["receiver"], told["status"], told["alerts"][0]["labels"]) == ("default", "firing", labels)


def test_up_again_does_nothing(stack: Stack) -> None:
    before = stack.ids()
    assert stack.run("up", "--json").data["started"] == []
    assert stack.ids() == before


def test_an_edit_makes_only_that_part_anew(stack: Stack) -> None:
    before = stack.ids()
    stack.write(", debug: true")
    assert stack.run("up", "--json", timeout=120).data["started"] == ["otel-collector"]
    after = stack.ids()
    assert {name for name in after if after[name] != before.get(name)} == {"otel-collector"}
    assert stack.failing() == set()


def test_without_the_collector_only_what_goes_through_it_is_red(stack: Stack) -> None:
    assert stack.engine
    stack.engine.client.stop(stack.ids()["otel-collector"], timeout=5)
    checks = stack.run("verify", "--json", timeout=180).data["checks"]
    assert {c["id"] for c in checks if c["status"] in ("fail", "error")} == {"readiness.roles", "traces.complete"}
    assert {c["id"] for c in checks if c["cause"]} >= WITHOUT_COLLECTOR
    assert stack.run("status").status == 1
    assert stack.run("up", "--json", timeout=120).data["started"] == ["otel-collector"]
    assert stack.failing() == set()


def test_without_a_shipper_logs_come_by_otlp(stack: Stack) -> None:
    stack.write(", shipper: none")
    assert {"api", "worker", "ai"} <= set(stack.run("up", "--json", timeout=180).data["started"])
    assert stack.failing() == set()


def test_down_leaves_nothing(stack: Stack) -> None:
    stack.ok("down", "--volumes")
    assert [stack.seen(what) for what in ("containers", "networks", "volumes")] == [[], [], []]
    assert stack.run("status").status == 1
