"""What a panel says of a metric: the unit of its values (from UCUM), and the limit that an SLO puts on them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from obsctl.spec.contract import Metric, MetricType
from obsctl.spec.slo import Slo

VALUES: Mapping[str, str] = {"s": "s", "ms": "ms", "us": "\u00b5s", "ns": "ns", "By": "bytes", "%": "percent"}
RATES: Mapping[str, str] = {"{request}": "reqps", "By": "binBps", "s": "percentunit"}
"""Of so much a second. Seconds a second are a share: of a processor, say."""

COUNT, COUNT_RATE = "short", "cps"


def unit_of(metric: Metric, expr: str) -> str:
    """The unit of what an expression makes of a metric: its own, that of its rate, or a plain count."""
    counts = metric.type is MetricType.COUNTER or f"@{{{metric.registry}}}_count" in expr.split("/", 1)[0]
    if not counts:
        return VALUES.get(metric.unit, COUNT)
    if "rate(" not in expr:
        return VALUES.get(metric.unit, COUNT) if metric.type is MetricType.COUNTER else COUNT
    return RATES.get(metric.unit if metric.type is MetricType.COUNTER else "", COUNT_RATE)


@dataclass(frozen=True)
class Limit:
    """The strictest limit: a share of events, or a time in seconds; and the same in words."""

    value: float
    words: str


def limit_of(metric: Metric, slos: Iterable[Slo]) -> Limit | None:
    """The limit that SLOs put on a metric; None where none is about it.

    For a histogram that is the bound within which events are good, else the share of events that may be bad.
    """
    found = [_limit(slo, metric) for slo in slos if slo.total.metric in (metric.name, f"{metric.name}_count")]
    return min(found, key=lambda limit: (limit.value, limit.words), default=None)


def _limit(slo: Slo, metric: Metric) -> Limit:
    bound = next((m.value for m in slo.part.matchers if m.label == "le" and m.op == "="), "")
    if bound and slo.part.metric == f"{metric.name}_bucket":
        return Limit(float(bound), f"Objective {slo.name}: {_percent(float(slo.objective))} within {bound} s.")
    return Limit(float(slo.error_budget), f"Objective {slo.name}: at most {_percent(float(slo.error_budget))}.")


def _percent(share: float) -> str:
    return f"{share * 100:.6g} %"
