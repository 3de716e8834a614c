"""VictoriaMetrics instead of Prometheus on a real engine: scrapes, remote write, rules by vmalert, and every check.

Real: VictoriaMetrics, vmalert, collector, Jaeger, Alertmanager, PostgreSQL, Valkey. With images made here, Loki, Alloy
and Qdrant are stand-ins, and Grafana is left out; ``tests/e2e/images`` says what is made of what.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from obsctl.runtime.docker.engine import Engine
from tests.e2e.docker.stacks import Stack, brought_up

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def stack(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with brought_up(engine, tmp_path_factory.mktemp("victoria"), "victoria", ", metrics: victoriametrics") as made:
        yield made


def test_it_stands_where_prometheus_would(stack: Stack) -> None:
    assert {"victoriametrics", "vmalert", "otel-collector"} <= set(stack.ids())
    assert "prometheus" not in stack.ids()
    assert {c["State"] for c in stack.seen("containers")} == {"running"}


def test_every_check_passes_but_the_one_it_has_nothing_for(stack: Stack) -> None:
    proven = {"metrics.exact", "metrics.types", "metrics.targets", "rules.loaded", "slo.sanity", "traces.complete"}
    checks = stack.passed()
    assert {checks[name]["status"] for name in proven} == {"pass"}
    exemplar = checks["correlation.exemplar"]
    assert (exemplar["status"], exemplar["summary"]) == ("skip", "this metrics backend keeps no exemplars")


def test_without_vmalert_no_rule_is_loaded(stack: Stack) -> None:
    assert stack.engine
    stack.engine.client.stop(stack.ids()["vmalert"], timeout=5)
    checks = {c["id"]: c for c in stack.run("verify", "--json", timeout=180).data["checks"]}
    assert checks["rules.loaded"]["cause"] == "readiness.roles"
    assert {c["id"] for c in checks.values() if c["status"] in ("fail", "error")} == {"readiness.roles"}
    assert stack.run("up", "--json", timeout=120).data["started"] == ["vmalert"]
    assert stack.failing() == set()


def test_down_leaves_nothing(stack: Stack) -> None:
    stack.ok("down", "--volumes")
    assert [stack.seen(what) for what in ("containers", "networks", "volumes")] == [[], [], []]
