"""The checks can fail: exactly one thing is broken in a running service, and exactly one check turns red."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from obsctl.checks import CHECKS
from obsctl.checks.base import CheckStatus, Verdict
from obsctl.ops.verify import verify
from tests.decided import Decided, waiting_for
from tests.e2e.conftest import NO_ENGINE, Folder, free_offset

pytestmark = pytest.mark.e2e
HERE = Path(__file__).parent
SECONDS = 10.0
"""What the whole run may take to arrive. Only what others wait for, too, costs it when it is broken."""

SPEC = """\
version: 1
scrape_interval: 500ms
services:
  - name: cv-job-matching
    run: sample
    verify: {lag: {traces: 4s}}
"""

RED: dict[str, tuple[str, str, str]] = {
    "exemplar_absent": ("api worker ai", "correlation.exemplar", "http_request_duration_seconds"),
    "target_down": ("ai", "metrics.targets", "ai is down"),
    "logs_silent": ("ai", "logs.present", "ai"),
    "metric_missing": ("worker", "metrics.present", "jobs_queue_depth"),
    "type_changed": ("worker", "metrics.types", "jobs_queue_depth"),
    "label_missing": ("worker", "metrics.labels", "jobs_retries_total"),
    "counters_fall": ("worker", "metrics.resets", "jobs_retries_total"),
    "vectors_not_instrumented": ("worker", "traces.shape", "worker.vectors"),
    "tracestate_lost": ("worker", "traces.state", "worker"),
    "traces_late": ("ai", "time.lag", "longer than 4 s"),
    "clock_ahead": ("worker", "time.skew", "worker is at least"),
    "attribute_missing": ("worker", "traces.attributes", "messaging.destination.name"),
    "log_without_trace_id": ("worker", "logs.fields", "trace_id"),
    "token_logged": ("worker", "privacy.patterns", "bearer"),
    "answers_wrong": ("api", "readiness.driven", "POST /projects"),
    "bucket_changed": ("api", "metrics.buckets", "0.25"),
    "seconds_in_milliseconds": ("api", "metrics.units", "is recorded in milliseconds"),
    "address_in_a_label": ("api", "metrics.cardinality", "holds an e-mail address"),
    "series_explode": ("api", "metrics.series", "route has "),
    "counter_off_by_one": ("api", "metrics.exact", "jobs_enqueued_total"),
    "orphaned": ("api", "traces.complete", "orphan"),
    "propagation_cut_at_the_queue": ("api", "traces.lost", "worker begins a trace of its own with consumer span"),
    "sampled_in_spite_of_the_flag": ("api", "traces.sampling", "api samples"),
    "request_id_not_echoed": ("api", "correlation.request_id", "another"),
    "pii_leaked": ("api", "privacy.canary", "debug.note"),
    "good_events_counted_twice": ("api", "slo.sanity", "http-latency"),
}
"""Breakage -> the processes it is in, the check that must turn red, and what its summary or evidence must name.

In the order of the processes, so that few have to be started anew; the last one stays in an SLO for five minutes.
"""


@dataclass
class Sample:
    """A stack whose sample has one thing broken."""

    stack: Folder
    faults: Path
    """Where the processes find what is to be broken."""
    mended: set[str] = field(default_factory=set)
    """The processes that have to be started anew to be whole again."""

    def breaks(self, what: str, processes: str) -> None:
        (self.faults / "BREAK").write_text(what)
        self.stack.ok("restart", *sorted(self.mended.union(processes.split())))
        self.mended = set(processes.split())

    def verify(self, check: str) -> dict[str, Verdict]:
        """The verdicts by check. What waits for nothing but the broken thing ends when all others have ended."""
        decided = Decided(waiting_for(check))
        done = verify(
            self.stack.path,
            service=None,
            only=(),
            skip=(),
            timeout=SECONDS,
            emit=decided,
            cancelled=decided.cancelled,
        )
        return {o.check: o.verdict for o in done.outcomes}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    """A stack that scrapes often, so that a broken one is known soon."""
    faults = tmp_path_factory.mktemp("faults")
    shutil.copy(HERE / "breakages" / "sitecustomize.py", faults)
    # Processes of a stack get PYTHONPATH only where obsctl itself was found through it.
    env = {"DOCKER_HOST": NO_ENGINE, "PYTHONPATH": f"{faults}{os.pathsep}{HERE.parents[1]}"}
    home = Folder(tmp_path_factory.mktemp("broken"), free_offset(), env=env)
    (home.path / "obsctl.yaml").write_text(SPEC)
    done = home.up()
    assert done.status == 0, done
    yield Sample(home, faults)
    home.run("down", "--volumes")


def red_of(verdicts: dict[str, Verdict]) -> dict[str, str]:
    return {name: v.summary for name, v in verdicts.items() if v.status in (CheckStatus.FAIL, CheckStatus.ERROR)}


def test_a_collector_that_is_down_turns_traces_red_and_nothing_else(sample: Sample) -> None:
    # before the others: what one of them does to an SLO stays in its last five minutes
    sample.breaks("collector_down", "api worker ai")
    verdicts = sample.verify("traces.complete")
    red = red_of(verdicts)
    assert "traces.complete" in red
    may_be = {c.id for c in CHECKS if c.id.startswith(("traces.", "time.", "correlation.exemplar", "privacy."))}
    assert set(red) <= may_be, red
    assert not [name for name, v in verdicts.items() if name.startswith("traces.") and v.status is CheckStatus.PASS]


@pytest.mark.parametrize("what", RED)
def test_exactly_that_check_turns_red(sample: Sample, what: str) -> None:
    processes, check, names = RED[what]
    sample.breaks(what, processes)
    verdicts = sample.verify(check)
    red = red_of(verdicts)
    assert set(red) == {check}, red
    verdict = verdicts[check]
    assert verdict.status is CheckStatus.FAIL
    assert names in f"{verdict.summary} {verdict.evidence}"
    assert verdict.evidence
    assert verdict.hint


def test_every_check_has_a_breakage() -> None:
    # see below, test_anybodys_service, test_main_job; the page needs an engine, so tests/unit/checks breaks it
    elsewhere = {"readiness.roles", "rules.loaded", "dashboards.queries", "dashboards.provisioned"}
    assert {check for _, check, _ in RED.values()} | elsewhere == {c.id for c in CHECKS}


def test_a_backend_that_is_gone_is_no_pass(folder: Folder) -> None:
    assert folder.up().status == 0

    os.kill(folder.pids()["backend"], signal.SIGKILL)
    done = folder.run("verify", "--timeout", "2", "--json")
    assert done.status == 1
    by_id = {c["id"]: "folded" if c["cause"] else c["status"] for c in done.data["checks"]}
    assert by_id["readiness.roles"] == "fail"
    apart = ("readiness.driven", "dashboards.provisioned")
    assert {status for check, status in by_id.items() if check not in apart} <= {"fail", "error", "folded"}
