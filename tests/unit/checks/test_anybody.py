"""What services of others do rightly, in other ways than the sample: no check is surprised by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from obsctl.checks import CHECKS
from obsctl.checks._pushed import exposition_of, pushing
from obsctl.checks.base import Check, CheckStatus, Signal, Verdict
from obsctl.checks.dashboards_queries import DashboardsQueries
from obsctl.checks.metrics_exact import MetricsExact
from obsctl.checks.metrics_labels import MetricsLabels
from obsctl.checks.metrics_present import MetricsPresent
from obsctl.checks.metrics_resets import MetricsResets
from obsctl.checks.metrics_targets import MetricsTargets
from obsctl.checks.metrics_types import MetricsTypes
from obsctl.checks.metrics_units import MetricsUnits
from obsctl.clients.telemetry import MetricSample
from obsctl.spec.contract import Metric
from tests.unit.checks.broken import named, without
from tests.unit.checks.world import Metrics, World, healthy

SHORT = 1.0


def judge(check: Check, world: World, **clients) -> Verdict:
    return check.run(world.context(SHORT, **clients))


def change_metric(world: World, name: str, **changes) -> None:
    contract = world.service.contract
    metrics = tuple(replace(m, **changes) if m.name == name else m for m in contract.metrics)
    world.service = replace(world.service, contract=replace(contract, metrics=metrics))


def lacking_status(world: World) -> None:
    world.change_series(
        lambda s: named(s, "http_requests_total") and s.labels["job"] == "ai", lambda s: without(s, "status")
    )


def test_a_label_that_is_not_required_may_be_absent_and_a_required_one_may_not() -> None:
    world = healthy()
    lacking_status(world)
    assert judge(MetricsLabels(), world).status is CheckStatus.FAIL
    change_metric(world, "http_requests_total", optional=frozenset({"status"}))
    assert judge(MetricsLabels(), world).status is CheckStatus.PASS
    world.change_series(lambda s: named(s, "http_requests_total"), lambda s: without(s, "method"))
    assert "lacks method" in judge(MetricsLabels(), world).summary


def test_a_type_that_another_service_stored_under_the_same_name_is_no_fault() -> None:
    world = healthy()
    world.types["jobs_queue_depth"] = "counter"
    gauge = next(s for s in world.series if named(s, "jobs_queue_depth"))
    pages = {name: f"# TYPE jobs_queue_depth gauge\n{page}" for name, page in world.run.baseline.items()}
    world.change_run(baseline=pages)
    assert "is stored as counter, not gauge" in judge(MetricsTypes(), world).summary
    world.series.append(replace(gauge, labels={**gauge.labels, "job": "billing"}))
    verdict = judge(MetricsTypes(), world)
    assert verdict.status is CheckStatus.PASS, verdict.summary
    assert verdict.notes == (
        "jobs_queue_depth is stored with the type that billing gives it: two services share the name",
    )


def rewrite_routes(world: World, change) -> None:
    world.change_series(
        lambda s: named(s, "http_requests_total") and "{" in s.labels["route"],
        lambda s: replace(s, labels={**s.labels, "route": change(s.labels["route"])}),
    )


@pytest.mark.parametrize("notation", ["<int:id>", ":id", "{id:int}", "[id]", "*"])
def test_a_route_is_counted_in_the_notation_of_its_framework(notation: str) -> None:
    world = healthy()
    rewrite_routes(world, lambda route: route.partition("{")[0] + notation)
    verdict = judge(MetricsExact(), world)
    assert verdict.status is CheckStatus.PASS, verdict.summary


def test_what_rose_instead_is_named() -> None:
    world = healthy()
    rewrite_routes(world, lambda _: "/matches/7f3a")
    said = judge(MetricsExact(), world).summary
    assert "rose by -3, not 2" in said
    assert '; instead rose http_requests_total{method="GET",route="/matches/7f3a",status="200"} by 5' in said


def test_a_status_may_be_counted_by_its_class() -> None:
    world = healthy()
    world.change_series(
        lambda s: named(s, "http_requests_total") and s.labels["status"][:1] == "2",
        lambda s: replace(s, labels={**s.labels, "status": "2xx"}),
    )
    verdict = judge(MetricsExact(), world)
    assert verdict.status is CheckStatus.PASS, verdict.summary


def idle(world: World) -> Metric:
    """A histogram of the contract that no request is known to raise."""
    expected = {e.metric for e in world.run.expectations}
    return next(m for m in world.service.contract.metrics if m.buckets and m.name not in expected)


class Resting(Metrics):
    """No percentile of one histogram, whose count has or has not risen."""

    def __init__(self, world: World, name: str, rise: float = 0.0) -> None:
        super().__init__(world)
        self.name, self.rise = name, rise

    def range(self, query, start, end, step):
        if query == f"{self.name}_count":
            return [MetricSample({"job": "a"}, at, 3.0 + self.rise * (at == end)) for at in (start, end)]
        return (
            [] if f"{self.name}_" in query and "histogram_quantile" in query else super().range(query, start, end, step)
        )


def test_no_percentile_is_asked_of_a_histogram_that_nothing_raised() -> None:
    world = healthy()
    name = idle(world).name
    verdict = judge(DashboardsQueries(), world, metrics=Resting(world, name))
    assert verdict.status is CheckStatus.PASS, verdict.summary
    assert "for histograms and summaries that nothing raised" in verdict.summary
    assert judge(DashboardsQueries(), world, metrics=Resting(world, name, rise=1.0)).status is CheckStatus.FAIL


def test_one_that_the_run_must_raise_has_to_show_something() -> None:
    world = healthy()
    driven = next(m.name for m in world.service.contract.metrics if m.buckets and m.driven)
    assert judge(DashboardsQueries(), world, metrics=Resting(world, driven)).status is CheckStatus.FAIL


def test_a_gauge_and_a_counter_may_share_a_family_in_openmetrics() -> None:
    world = healthy()
    gauge, counter = Metric("heap_bytes", "gauge"), Metric("heap_bytes_total", "counter")  # type: ignore[arg-type]
    contract = world.service.contract
    world.service = replace(world.service, contract=replace(contract, metrics=(*contract.metrics, gauge, counter)))
    worker = next(s.labels for s in world.series if s.labels["job"] == "worker")
    target = {"job": "worker", "instance": worker["instance"]}
    world.series += [
        MetricSample({"__name__": name, **target}, 0.0, 1.0) for name in ("heap_bytes", "heap_bytes_total")
    ]
    world.types["heap_bytes"] = "counter"
    verdict = judge(MetricsTypes(), world)
    assert verdict.status is CheckStatus.PASS, verdict.summary
    world.types["heap_bytes"] = "histogram"
    assert judge(MetricsTypes(), world).status is CheckStatus.FAIL


class Pushing(Metrics):
    """A backend whose series were pushed: one of them tells when, every second until ``last`` seconds after the run."""

    def __init__(self, world: World, last: float = 0.5) -> None:
        super().__init__(world)
        self.last, self.looks = last, 0

    def instant(self, query, at=None):
        if not query.endswith("[5m]"):
            return super().instant(query)
        self.looks += 1
        newest = self.world.run.ended_at + self.last + (0.001 * self.looks if self.last > 0 else 0)
        return (
            [MetricSample({}, newest - second, 1.0) for second in (2, 1, 0)] if query.startswith("target_info") else []
        )


def pushed(namespace: str = "") -> World:
    """The healthy world, where the worker has no page: what it has, it pushes."""
    world = healthy()
    parts = tuple(replace(c, metrics="") if c.name == "worker" else c for c in world.service.components)
    world.service = replace(world.service, components=parts)
    world.targets = [t for t in world.targets if t.job != "worker"]
    job = f"{namespace}/worker" if namespace else "worker"

    def sent(sample: MetricSample) -> MetricSample:
        return replace(sample, labels={**without(sample, "instance").labels, "job": job, "otel_scope_name": "shop"})

    world.change_series(lambda s: s.labels["job"] == "worker", sent)
    info = {"__name__": "target_info", "job": job, "telemetry_sdk_language": "python"}
    world.series.append(MetricSample(info, 0.0, 1.0))
    baseline = dict(world.run.baseline)
    world.change_run(pushed={"worker": baseline.pop("worker")}, baseline=baseline)
    return world


METRIC_CHECKS = [check for check in CHECKS if check.signal in (Signal.METRICS, Signal.SLO)]


@pytest.mark.parametrize("namespace", ["", "shop"])
def test_metrics_that_were_pushed_are_judged_by_every_check(namespace: str) -> None:
    world = pushed(namespace)
    verdicts = {check.id: judge(check, world, metrics=Pushing(world)) for check in METRIC_CHECKS}
    red = {name: verdict.summary for name, verdict in verdicts.items() if verdict.status is not CheckStatus.PASS}
    assert red == {}
    assert "worker pushed, last seen" in verdicts["metrics.targets"].summary


def test_an_exporter_that_stopped_is_told_by_metrics_targets() -> None:
    world = pushed()
    verdict = judge(MetricsTargets(), world, metrics=Pushing(world, last=-30.0))
    assert verdict.status is CheckStatus.FAIL
    assert "worker pushed no metric since this run began, last seen 3" in verdict.summary
    assert "OTEL_METRICS_EXPORTER" in verdict.hint


def test_one_that_never_pushed_what_the_contract_wants_of_it_is_told_too() -> None:
    world = pushed()
    world.change_series(lambda s: s.labels["job"] == "worker", lambda s: None)
    verdict = judge(MetricsTargets(), world, metrics=Metrics(world))
    assert "worker has no metrics page, and pushed no metric" in verdict.summary


def test_what_a_component_of_another_service_pushes_is_judged_by_its_own_contract() -> None:
    world = pushed()
    (worker,) = (component for component in world.service.components if component.name == "worker")
    others = tuple(component for component in world.service.components if component != worker)
    asked = replace(world.service, components=others)
    assert [component.name for component in pushing(asked)] == ["worker"]
    assert [component.name for component in pushing(replace(asked, elsewhere=(worker,)))] == []


@pytest.mark.parametrize("name", ["jobs_completed_total", "jobs_queue_depth"])
def test_a_pushed_metric_that_is_missing_is_missed(name: str) -> None:
    world = pushed()
    world.change_series(lambda s: named(s, name), lambda s: None)
    assert name in judge(MetricsPresent(), world, metrics=Pushing(world)).summary


def test_a_pushed_count_that_is_wrong_is_wrong() -> None:
    world = pushed()
    world.change_series(lambda s: named(s, "jobs_completed_total"), lambda s: replace(s, value=s.value + 1))
    assert "not" in judge(MetricsExact(), world, metrics=Pushing(world)).summary


def test_a_pushed_counter_that_fell_below_what_it_was_before_the_run_is_told() -> None:
    """What was stored before has the labels of the resource and the scope, too."""
    world = pushed("shop")
    now = next(s for s in world.series if named(s, "jobs_completed_total"))
    world.change_run(pushed={"worker": exposition_of([replace(now, value=now.value + 5)])})
    verdict = judge(MetricsResets(), world, metrics=Pushing(world))
    assert verdict.status is CheckStatus.FAIL
    assert "jobs_completed_total" in verdict.summary


def test_a_duration_that_tells_no_route_is_held_to_the_spans_that_are_as_many_as_its_events() -> None:
    evidence = {one.query: one.answer for one in judge(MetricsUnits(), healthy()).evidence}
    assert evidence["ai_request_duration_seconds_sum on worker"].startswith("rose by 0.008 for 2 events")
