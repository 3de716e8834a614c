"""The checks can fail: exactly one thing is broken in a running service, and exactly one check turns red."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from obsctl.checks import CHECKS
from tests.e2e.conftest import NO_ENGINE, Folder, free_offset

pytestmark = pytest.mark.e2e
HERE = Path(__file__).parent

RED: dict[str, tuple[str, str]] = {
    "answers_wrong": ("readiness.driven", "POST /projects"),
    "target_down": ("metrics.targets", "ai is down"),
    "metric_missing": ("metrics.present", "jobs_queue_depth"),
    "type_changed": ("metrics.types", "jobs_queue_depth"),
    "label_missing": ("metrics.labels", "jobs_retries_total"),
    "bucket_changed": ("metrics.buckets", "0.25"),
    "series_explode": ("metrics.series", "route has "),
    "counter_off_by_one": ("metrics.exact", "jobs_enqueued_total"),
    "orphaned": ("traces.complete", "orphan"),
    "propagation_cut_at_the_queue": ("traces.shape", "no span of worker"),
    "attribute_missing": ("traces.attributes", "messaging.destination.name"),
    "tracestate_lost": ("traces.state", "worker"),
    "logs_silent": ("logs.present", "ai"),
    "log_without_trace_id": ("logs.fields", "trace_id"),
    "request_id_not_echoed": ("correlation.request_id", "another"),
    "exemplar_absent": ("correlation.exemplar", "http_request_duration_seconds"),
    "pii_leaked": ("privacy.canary", "debug.note"),
    "good_events_counted_twice": ("slo.sanity", "http-latency"),
}
"""Breakage -> the check that must turn red, and what its summary or evidence must name."""


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """A stack that scrapes often, so that a broken one is known soon."""
    home = Folder(
        tmp_path_factory.mktemp("broken"),
        free_offset(),
        env={"DOCKER_HOST": NO_ENGINE, "PYTHONPATH": str(HERE / "breakages")},
    )
    (home.path / "obsctl.yaml").write_text("version: 1\nscrape_interval: 500ms\n")
    done = home.up()
    assert done.status == 0, done
    yield home
    home.run("down", "--volumes")


def broken(stack: Folder, what: str) -> dict[str, dict[str, object]]:
    """The checks of a run with one thing broken, by id."""
    stack.env["BREAK"] = what
    stack.ok("restart", "api", "worker", "ai")
    checks = stack.run("verify", "--timeout", "6", "--json").data["checks"]
    return {check["id"]: check for check in checks}


def test_a_collector_that_is_down_turns_traces_red_and_nothing_else(quick: Folder) -> None:
    # before the others: what one of them does to an SLO stays in its last five minutes
    checks = broken(quick, "collector_down")
    red = {c["id"] for c in checks.values() if c["status"] in ("fail", "error")}
    assert "traces.complete" in red
    assert red <= {c.id for c in CHECKS if c.id.startswith(("traces.", "correlation.exemplar", "privacy."))}
    assert not [c for c in checks.values() if c["id"].startswith("traces.") and c["status"] == "pass"]


@pytest.mark.parametrize("what", RED)
def test_exactly_that_check_turns_red(quick: Folder, what: str) -> None:
    check, names = RED[what]
    checks = broken(quick, what)
    red = {c["id"]: c["summary"] for c in checks.values() if c["status"] in ("fail", "error")}
    assert set(red) == {check}, red
    verdict = checks[check]
    assert verdict["status"] == "fail"
    assert names in str(verdict["summary"]) + str(verdict["evidence"])
    assert verdict["evidence"]
    assert verdict["hint"]


def test_every_check_has_a_breakage() -> None:
    # see below, test_anybodys_service, test_main_job; the page needs an engine, so tests/unit/checks breaks it
    elsewhere = {"readiness.roles", "rules.loaded", "dashboards.queries", "dashboards.provisioned"}
    assert {check for check, _ in RED.values()} | elsewhere == {c.id for c in CHECKS}


def test_a_backend_that_is_gone_is_no_pass(folder: Folder) -> None:
    assert folder.up().status == 0

    os.kill(folder.pids()["backend"], signal.SIGKILL)
    done = folder.run("verify", "--timeout", "2", "--json")
    assert done.status == 1
    by_id = {c["id"]: c["status"] for c in done.data["checks"]}
    assert by_id["readiness.roles"] == "fail"
    apart = ("readiness.driven", "dashboards.provisioned")
    assert {status for check, status in by_id.items() if check not in apart} <= {"fail", "error"}
