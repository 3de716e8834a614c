"""Every histogram has exactly the bucket bounds of the contract."""

from __future__ import annotations

import math
from collections.abc import Iterable

from obsctl.checks._metrics import (
    NO_BACKEND,
    STORED,
    MetricsPoller,
    ScrapedComponent,
    not_scraped,
    nothing_arrived,
    present,
    selector,
)
from obsctl.checks._verdicts import count, failed, noted, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.spec.contract import Metric, MetricType


class MetricsBuckets:
    """See ``docs/checks/metrics-buckets.md``."""

    id = "metrics.buckets"
    signal = Signal.METRICS
    title = "histogram buckets are exactly those of the contract"

    def run(self, context: Context) -> Verdict:
        """Compare the ``le`` values of each label set."""
        if context.metrics is None:
            return skipped(NO_BACKEND)
        if not any(m.buckets for m in context.contract.metrics):
            return skipped("the contract fixes no buckets")
        scraped = MetricsPoller.of(context, context.metrics).scraped(context.deadline)
        if verdict := nothing_arrived(context, scraped):
            return verdict
        types = context.metrics.client.metadata()
        judged = [(m, s) for m, s in present(context.contract, scraped) if m.buckets and _is_histogram(m, types)]
        if not judged:
            hint = "see metrics.present and metrics.types: it is missing, or not stored as a histogram"
            return failed("no histogram of the contract is there to look at", hint=hint, because=STORED)
        looked = [
            Evidence(selector(f"{m.name}_bucket", {"job": s.job}), f"le = {_listed(_bounds(m, s))}") for m, s in judged
        ]
        if findings := [f for m, s in judged if (f := _finding(m, s))]:
            metric = judged[0][0]
            hint = f"give the histogram these buckets where the service defines it: {_listed(metric.buckets)}"
            return failed(summed(findings), looked, hint=hint)
        names = {m.name for m, _ in judged}
        summary = f"{count(len(names), 'histogram')} with exactly the contract's buckets"
        return passed(summary + noted([not_scraped(scraped)]), looked)


def _is_histogram(metric: Metric, types: dict[str, tuple[str, str]]) -> bool:
    """Whether it is stored as one, or it is not known as what; another type is the business of ``metrics.types``."""
    return types.get(metric.name, ("unknown", ""))[0] in (MetricType.HISTOGRAM, "unknown", "untyped")


def _bounds(metric: Metric, scraped: ScrapedComponent) -> set[float]:
    return {bound for bounds in _by_labels(metric, scraped).values() for bound in bounds}


def _by_labels(metric: Metric, scraped: ScrapedComponent) -> dict[tuple[tuple[str, str], ...], set[float]]:
    """The bounds of each label set; a label set that is counted but has no bucket at all has none."""
    found: dict[tuple[tuple[str, str], ...], set[float]] = {}
    for sample in scraped.of(metric):
        key = tuple(sorted((k, v) for k, v in sample.labels.items() if k not in ("le", "__name__")))
        bounds = found.setdefault(key, set())
        if "le" in sample.labels:
            bounds.add(_number(sample.labels["le"]))
    return found


def _number(le: str) -> float:
    try:
        return float(le)
    except ValueError:
        return math.nan


def _finding(metric: Metric, scraped: ScrapedComponent) -> str:
    wanted = {*metric.buckets, math.inf}
    for labels, bounds in sorted(_by_labels(metric, scraped).items()):
        if bounds != wanted:
            said = [f"lacks {_listed(wanted - bounds)}"] if wanted - bounds else []
            said += [f"has {_listed(bounds - wanted)} too"] if bounds - wanted else []
            own = {k: v for k, v in labels if k in metric.labels}
            return f"{selector(metric.name, own)} on {scraped.name} {' and '.join(said)}"
    return ""


def _listed(bounds: Iterable[float]) -> str:
    return ", ".join("+Inf" if math.isinf(b) else f"{b:g}" for b in sorted(bounds))
