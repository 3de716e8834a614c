"""No metric has more series than its budget: what grows with users, ids or paths is found before it is expensive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from obsctl.checks._metrics import (
    NO_BACKEND,
    STORED,
    TARGET_LABELS,
    MetricsPoller,
    ScrapedComponent,
    not_scraped,
    nothing_arrived,
    sample_names,
)
from obsctl.checks._verdicts import count, failed, few, noted, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.telemetry import MetricSample
from obsctl.spec.contract import Contract, Metric


class MetricsSeries:
    """See ``docs/checks/metrics-series.md``."""

    id = "metrics.series"
    signal = Signal.METRICS
    title = "no metric has more series than its budget"

    def run(self, context: Context) -> Verdict:
        """Count the series of each metric on each target."""
        if context.metrics is None:
            return skipped(NO_BACKEND)
        if not any(m.series_budget for m in context.contract.metrics):
            return skipped("the contract gives no metric a budget of series")
        scraped = MetricsPoller.of(context, context.metrics).scraped(context.deadline)
        if verdict := nothing_arrived(context, scraped):
            return verdict
        notes = [not_scraped(scraped)]
        usages = sorted(_usages(context.contract, scraped), key=lambda c: c.filled, reverse=True)
        if not usages and not any(m.required for m in context.contract.metrics if m.series_budget):
            return skipped("no metric with a budget of series is there, and none has to be")
        if not usages:
            hint = "see metrics.present: metrics that are not there cannot be counted"
            return failed("no metric with a budget of series is there to look at", hint=hint, because=STORED)
        looked = [Evidence(c.query, f"{c}; {_widest(c)}") for c in usages]
        if over := [c for c in usages if c.filled > 1]:
            hint = (
                "a label holds something unbounded (an id, a path with ids, a user): record a template or a class of "
                "it instead, or raise series_budget in the contract if so many are meant"
            )
            said = summed([f"{c}: {_widest(c)}" for c in over])
            return failed(said, looked[: len(over)], hint=hint, because=("metrics.cardinality",))
        summary = f"{count(len(usages), 'metric')} within budget; of the fullest, {usages[0]}"
        return passed(summary + noted(notes), looked)


@dataclass(frozen=True)
class SeriesUsage:
    """The series of one metric on the target that has most of them."""

    metric: Metric
    component: str
    series: tuple[MetricSample, ...]

    @property
    def filled(self) -> float:
        """How much of its budget a metric uses; 1.0 is all of it."""
        return len(self.series) / (self.metric.series_budget or 1)

    @property
    def query(self) -> str:
        """What was looked at."""
        instance = self.series[0].labels.get("instance", "")
        return f'{{__name__=~"{"|".join(sample_names(self.metric))}",instance="{instance}"}}'

    def __str__(self) -> str:
        name, budget = self.metric.name, self.metric.series_budget
        return f"{name} has {len(self.series)} series on {self.component}, its budget is {budget}"


def _usages(contract: Contract, scraped: Sequence[ScrapedComponent]) -> Iterator[SeriesUsage]:
    for metric in contract.metrics:
        found = [c for component in scraped for c in _by_target(metric, component)] if metric.series_budget else []
        if found:
            yield max(found, key=lambda c: len(c.series))


def _by_target(metric: Metric, scraped: ScrapedComponent) -> Iterator[SeriesUsage]:
    targets: dict[str, list[MetricSample]] = {}
    for sample in scraped.of(metric):
        targets.setdefault(sample.labels.get("instance", ""), []).append(sample)
    return (SeriesUsage(metric, scraped.name, tuple(series)) for series in targets.values())


def _widest(usage: SeriesUsage) -> str:
    """The label that has most values, with some of them."""
    own = usage.metric.labels or sorted({label for s in usage.series for label in s.labels} - TARGET_LABELS)
    values = {label: {s.labels.get(label, "") for s in usage.series} for label in own}
    if not values:
        return "it has no labels of its own"
    label = max(values, key=lambda name: len(values[name]))
    shown = few((repr(value)[:60] for value in sorted(values[label])), limit=3)
    return f"label {label} has {count(len(values[label]), 'value')} ({shown})"
