"""Every series of a metric has exactly the labels that the contract lists: none missing, none too many."""

from __future__ import annotations

from collections.abc import Iterator

from obsctl.checks._metrics import (
    NO_BACKEND,
    MetricsPoller,
    ScrapedComponent,
    not_scraped,
    nothing_arrived,
    present,
    selector,
)
from obsctl.checks._verdicts import count, failed, noted, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.spec.contract import Metric


class MetricsLabels:
    """See ``docs/checks/metrics-labels.md``."""

    id = "metrics.labels"
    signal = Signal.METRICS
    title = "metric labels are exactly those of the contract"

    def run(self, context: Context) -> Verdict:
        """Compare label names, leaving out those that the scraper and the exposition format add."""
        if context.metrics is None:
            return skipped(NO_BACKEND)
        scraped = MetricsPoller.of(context, context.metrics).scraped(context.deadline)
        if verdict := nothing_arrived(context, scraped):
            return verdict
        judged = list(present(context.contract, scraped))
        wrong = [(m, s, finding) for m, s in judged for finding in _findings(m, s)]
        if wrong:
            metric, where, _ = wrong[0]
            looked = [Evidence(selector(m.name, {"job": s.job}), f) for m, s, f in wrong]
            hint = f"correct the labels of {metric.name} in {where.name}, or its entry in the contract"
            place = f" ({metric.place})" if metric.place else ""
            return failed(summed([f"{m.name} on {s.name} {f}" for m, s, f in wrong]), looked, hint=hint + place)
        series = sum(len(s.of(m)) for m, s in judged)
        looked = [Evidence(selector(m.name, {"job": s.job}), ", ".join(m.labels) or "no labels") for m, s in judged]
        summary = f"{count(series, 'series', 'series')} of {count(len({m.name for m, _ in judged}), 'metric')}"
        return passed(f"{summary} with exactly the contract's labels" + noted([not_scraped(scraped)]), looked)


def _findings(metric: Metric, scraped: ScrapedComponent) -> Iterator[str]:
    """The distinct ways in which series of a metric differ from the contract."""
    ignored = scraped.target_labels - set(metric.labels)
    found = sorted({tuple(sorted(s.labels.keys() - ignored)) for s in scraped.of(metric)})
    return (fault for names in found if (fault := metric.label_fault(frozenset(names))))
