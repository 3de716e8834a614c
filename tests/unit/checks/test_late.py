"""Telemetry comes late and backends stumble: what counts is how it is when it has settled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from obsctl.checks.base import CheckStatus
from obsctl.checks.logs_present import LogsPresent
from obsctl.checks.metrics_exact import MetricsExact
from obsctl.checks.metrics_present import MetricsPresent
from obsctl.checks.privacy_canary import PrivacyCanary
from obsctl.checks.traces_attributes import TracesAttributes
from obsctl.checks.traces_complete import TracesComplete
from obsctl.checks.traces_shape import TracesShape
from obsctl.clients.telemetry import MetricSample
from obsctl.errors import BackendError
from tests.unit.checks.world import Logs, Metrics, Traces, World, healthy


class Growing(Traces):
    """One more span of each trace at each look."""

    def trace(self, trace_id: str):
        whole = super().trace(trace_id)
        return whole[: self.world.asked.count(trace_id)]


def test_a_trace_is_judged_when_it_no_longer_grows() -> None:
    world = healthy()
    context = world.context(20.0, traces=Growing(world))
    for check in (TracesComplete(), TracesShape()):
        assert check.run(context).status is CheckStatus.PASS


class Stumbling(Traces):
    """Refuses the first looks."""

    def trace(self, trace_id: str):
        found = super().trace(trace_id)
        if len(self.world.asked) < 4:
            raise BackendError("Jaeger API closed the connection")
        return found


def test_a_backend_may_stumble() -> None:
    world = healthy()
    assert TracesComplete().run(world.context(20.0, traces=Stumbling(world))).status is CheckStatus.PASS


class LateLines(Logs):
    """The worker's lines come some looks later."""

    def lines(self, query, *window):
        found = super().lines(query, *window)
        return found if len(self.world.asked) > 8 else [li for li in found if li.labels["service_name"] != "worker"]


def test_lines_may_come_late() -> None:
    world = healthy()
    verdict = LogsPresent().run(world.context(20.0, logs=LateLines(world)))
    assert verdict.status is CheckStatus.PASS
    assert "worker 2" in verdict.summary


def change(sample: MetricSample, by: float) -> MetricSample:
    named = sample.labels["__name__"] == "jobs_completed_total" and sample.labels["type"] == "match"
    return replace(sample, value=sample.value + by) if named else sample


class Late(Metrics):
    """A counter that lags behind for the first scrapes, and from then on is ``off`` by so much."""

    def __init__(self, world: World, off: float) -> None:
        super().__init__(world)
        self.off = off

    def instant(self, query, at=None):
        lag = -1 if self.world.asked.count("targets") < 4 else self.off
        return [change(s, lag) for s in super().instant(query)]


def test_too_few_may_become_enough() -> None:
    world = healthy()
    verdict = MetricsExact().run(world.context(20.0, metrics=Late(world, 0)))
    assert verdict.status is CheckStatus.PASS
    assert world.asked.count("targets") >= 5  # two scrapes that agree, after those that lagged


def test_too_many_is_final_at_once() -> None:
    world = healthy()
    context = world.context(60.0, metrics=Late(world, 1))
    verdict = MetricsExact().run(context)
    assert not context.deadline.passed
    assert verdict.status is CheckStatus.FAIL
    assert "rose by 3, not 2" in verdict.summary


class Frozen(Metrics):
    """Every look sees the same scrape."""

    def targets(self):
        return [replace(t, last_scrape=self.world.run.ended_at + 0.1) for t in super().targets()]


def test_one_scrape_is_not_enough_to_call_a_count_exact() -> None:
    world = healthy()
    verdict = MetricsExact().run(world.context(0.3, metrics=Frozen(world)))
    assert verdict.status is CheckStatus.FAIL
    assert "not seen unchanged over a second scrape" in verdict.summary


class Before(Metrics):
    """The last scrape was before the run."""

    def targets(self):
        return [replace(t, last_scrape=self.world.run.started_at - 1) for t in super().targets()]


def test_what_was_scraped_before_the_run_proves_nothing() -> None:
    world = healthy()
    for check in (MetricsPresent(), MetricsExact()):
        assert check.run(world.context(0.2, metrics=Before(world))).status is CheckStatus.FAIL


def test_without_a_baseline_a_count_cannot_be_judged() -> None:
    world = healthy()
    world.change_run(baseline={})
    assert MetricsExact().run(world.context(5.0)).status is CheckStatus.ERROR


def test_the_same_metric_of_another_service_is_not_counted() -> None:
    world = healthy()
    mine = next(s for s in world.series if s.labels.get("route") == "/matches" and s.labels["job"] == "api")
    world.series.append(replace(mine, labels={**mine.labels, "job": "shop", "instance": "10.0.0.1:80"}))
    assert MetricsExact().run(world.context(20.0)).status is CheckStatus.PASS


def test_absence_proves_nothing_before_every_trace_has_arrived() -> None:
    world = healthy()
    del world.spans[world.run.requests[0].trace_id]
    verdict = PrivacyCanary().run(world.context(0.2))
    assert verdict.status is CheckStatus.FAIL
    assert "1 driven trace not stored, so nothing is proven" in verdict.summary


def test_a_trace_that_is_missing_is_reported_by_traces_complete() -> None:
    world = healthy()
    del world.spans[world.run.requests[0].trace_id]
    assert "no spans are stored" in TracesComplete().run(world.context(0.2)).summary


def test_a_backend_that_was_given_up_is_not_asked_again(monkeypatch) -> None:
    monkeypatch.setattr("obsctl.checks._poller.PATIENCE", 0.05)
    world = healthy()
    world.broken = ("traces",)
    context = world.context(20.0)
    messages = []
    for check in (TracesComplete(), TracesShape()):
        with pytest.raises(BackendError) as caught:
            check.run(context)
        messages.append((caught.value.message, len(world.asked)))
    assert messages[0] == messages[1]


def test_a_call_that_failed_need_not_know_what_only_an_answer_tells() -> None:
    world = healthy()
    world.change_spans(
        lambda s: s.attributes.get("gen_ai.operation.name") == "chat",
        lambda s: replace(s, status="error", attributes={"gen_ai.operation.name": "chat"}),
    )
    verdict = TracesAttributes().run(world.context(20.0))
    assert verdict.status is CheckStatus.PASS
    assert "worker.ai.chat" in verdict.summary
