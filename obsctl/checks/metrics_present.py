"""Every required metric of the contract is stored, from every component that must expose it."""

from __future__ import annotations

from obsctl.checks._metrics import (
    NO_BACKEND,
    MetricsPoller,
    ScrapedComponent,
    counted,
    missing,
    not_scraped,
    nothing_arrived,
    selector,
)
from obsctl.checks._verdicts import count, failed, few, noted, passed, skipped
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.spec.contract import Metric


class MetricsPresent:
    """See ``docs/checks/metrics-present.md``."""

    id = "metrics.present"
    signal = Signal.METRICS
    title = "every required metric is there"

    def run(self, context: Context) -> Verdict:
        """Wait until nothing is missing; what is missing when time is up stays missing."""
        if context.metrics is None:
            return skipped(NO_BACKEND)
        required = [m for m in context.contract.metrics if m.required]
        if not required:
            return skipped("the contract requires no metric")
        scraped = MetricsPoller.of(context, context.metrics).scraped(context.deadline)
        if verdict := nothing_arrived(context, scraped):
            return verdict
        if gone := missing(context.contract, scraped):
            return _failed(gone, scraped)
        up = [s for s in scraped if s.up]
        looked = [Evidence(q, count(len(s.series), "series", "series")) for s in up for q in s.selectors]
        summary = f"{count(len(required), 'required metric')} on {few((s.name for s in up), limit=8)}"
        return passed(summary + noted([not_scraped(scraped)]), looked)


def _failed(gone: tuple[tuple[Metric, str], ...], scraped: tuple[ScrapedComponent, ...]) -> Verdict:
    jobs = {s.name: s.job for s in scraped}
    labels = [{"job": jobs.get(component, component)} if component else {} for _, component in gone]
    looked = [
        Evidence(selector(counted(metric), where), "no series") for (metric, _), where in zip(gone, labels, strict=True)
    ]
    names = few((f"{metric.name} ({component or 'any component'})" for metric, component in gone), limit=6)
    metric = gone[0][0]
    hint = f"register the metric where the service starts, so that it is there at zero from the start; {_or(metric)}"
    return failed(f"{count(len(gone), 'required metric')} missing: {names}", looked, hint=hint)


def _or(metric: Metric) -> str:
    """What to do about a metric that the service shall not have."""
    if metric.family:
        return f"or list what it does have under `metrics` in the contract, in place of the family {metric.family}"
    return f"or mark it `required: false` in the contract{f' ({metric.place})' if metric.place else ''}"
