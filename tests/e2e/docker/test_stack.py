"""The whole stack on a real engine, from an empty folder, as a user would run it. One stack for the module.

Real: collector, Prometheus, Jaeger, Alertmanager, PostgreSQL, Valkey. With images made here, Loki, Alloy and Qdrant are
stand-ins that speak the same APIs, and Grafana is left out; ``tests/e2e/images`` says what is made of what.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from obsctl.runtime.docker_engine import Engine
from tests.e2e.conftest import Folder, free_offset

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
OFFICIAL = os.environ.get("OBSCTL_E2E_IMAGES") == "official"
DASHBOARDS = "true" if OFFICIAL else "false"
CONTAINERS = {
    *("otel-collector", "prometheus", "jaeger", "loki", "alloy", "alertmanager"),
    *("postgres", "redis", "qdrant", "api", "worker", "ai", *(["grafana"] if OFFICIAL else [])),
}

WITHOUT_COLLECTOR = {
    "readiness.roles",
    *("traces.complete", "traces.shape", "traces.attributes", "traces.state"),
    "correlation.exemplar",  # it leads to no trace
    "privacy.canary",  # nothing arrived that would prove that its absence means anything
}
"""What needs spans, which come by OTLP. Metrics are scraped and log lines read from files: they go on."""


@dataclass
class Stack(Folder):
    """A folder whose stack runs on the engine."""

    engine: Engine | None = None

    def write(self, more: str = "") -> None:
        text = f"version: 1\nname: {self.name}\nruntime: docker\ncontainers: {{dashboards: {DASHBOARDS}{more}}}\n"
        (self.path / "obsctl.yaml").write_text(text)

    @property
    def name(self) -> str:
        return f"e2e-{os.getpid()}"

    def seen(self, what: str) -> list[dict[str, Any]]:
        """Containers, networks or volumes of this stack."""
        assert self.engine
        api, mine = self.engine.client, {"label": f"com.docker.compose.project={self.name}"}
        if what == "containers":
            return api.containers(all=True, filters=mine)
        return api.networks(filters=mine) if what == "networks" else api.volumes(filters=mine)["Volumes"] or []

    def ids(self) -> dict[str, str]:
        """Service -> id of its container."""
        return {c["Labels"]["com.docker.compose.service"]: c["Id"] for c in self.seen("containers")}


@pytest.fixture(scope="module")
def stack(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Brought up from nothing but a spec."""
    env = {"DOCKER_HOST": engine.candidate.url}
    made = Stack(tmp_path_factory.mktemp("stack"), free_offset(), env=env, engine=engine)
    made.write()
    try:
        done = made.run("up", "--port-offset", str(made.offset), "--timeout", "180", timeout=500)
        assert done.status == 0, done
        yield made
    finally:
        made.run("down", "--volumes", timeout=120)


def failing(stack: Stack) -> set[str]:
    done = stack.run("verify", "--json", timeout=180)
    found = {c["id"] for c in done.data["checks"] if c["status"] in ("fail", "error")}
    assert done.status == bool(found), done
    return found


def test_every_part_runs(stack: Stack) -> None:
    assert set(stack.ids()) == CONTAINERS
    assert {c["State"] for c in stack.seen("containers")} == {"running"}
    assert stack.run("status", "--json").status == 0


def test_every_check_passes(stack: Stack) -> None:
    done = stack.run("verify", "--json", timeout=180)
    checks = done.data["checks"]
    assert {c["id"]: c["summary"] for c in checks if c["status"] in ("fail", "error")} == {}
    passed = {c["id"] for c in checks if c["status"] == "pass"}
    assert {"metrics.exact", "traces.complete", "logs.fields", "correlation.exemplar", "privacy.canary"} <= passed
    assert done.status == 0


def test_one_request_is_seen_across_all_of_it(stack: Stack) -> None:
    stack.ok("verify", "--only", "traces.complete")
    trace = stack.run("trace", "last", "--json").data
    assert {"api", "worker", "ai"} <= {span["service"] for span in trace["spans"]}
    assert trace["counts"]["orphans"] == 0
    assert "POST /matches" in stack.ok("trace", "last").out


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
    assert failing(stack) == set()


def test_without_the_collector_only_what_goes_through_it_is_red(stack: Stack) -> None:
    assert stack.engine
    stack.engine.client.stop(stack.ids()["otel-collector"], timeout=5)
    assert failing(stack) == WITHOUT_COLLECTOR
    assert stack.run("status").status == 1
    assert stack.run("up", "--json", timeout=120).data["started"] == ["otel-collector"]
    assert failing(stack) == set()


def test_down_leaves_nothing(stack: Stack) -> None:
    stack.ok("down", "--volumes")
    assert [stack.seen(what) for what in ("containers", "networks", "volumes")] == [[], [], []]
    assert stack.run("status").status == 1
