"""Units of the registry (UCUM) as the page names them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from obsctl.spec.contract import Metric, MetricType

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
