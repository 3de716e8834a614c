"""What is questionable about a contract that is valid: budgets, and labels that have too many values."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from obsctl.errors import Place
from obsctl.lint.catalogue import BY_ID
from obsctl.lint.finding import Finding
from obsctl.spec.contract import Contract, Metric, MetricType

_UNBOUNDED = re.compile(
    r"(.*_)?((user|customer|account|session|request|trace|span|order|message|job|cv|project)_?(id|uuid)"
    r"|uuid|guid|e?mail|ip|ip_address|client_ip|url|uri|path|query|sql|token|timestamp|user_?name|phone)"
)
_OF_A_HISTOGRAM = 3
"""Series of a histogram besides its buckets: +Inf, sum and count."""


def contract_findings(contract: Contract) -> Iterator[Finding]:
    """What is questionable about the metrics of a contract."""
    for metric in contract.metrics:
        place = metric.place or contract.place or Place("")
        for id_, message in _wrong(metric, _routes(metric, contract)):
            yield Finding(BY_ID[id_], place, metric.name, message)


def _routes(metric: Metric, contract: Contract) -> frozenset[str]:
    """The labels of a metric that ``as`` says are its route: a template, whatever they are called."""
    names = (metric.name, f"{metric.name}_count")
    kinds = (kind for kind in contract.kinds if any(played.name in names for played in kind.metrics))
    return frozenset(kind.labels.get("route", "") for kind in kinds)


def _wrong(metric: Metric, routes: Collection[str]) -> Iterator[tuple[str, str]]:
    for label in metric.labels:
        if _UNBOUNDED.fullmatch(label) and label not in routes:
            message = f"{metric.name} has label {label}, which has a value for everything that happens"
            yield "contract.label-cardinality", message
    if metric.labels and metric.series_budget is None:
        yield "contract.no-budget", f"nothing bounds the series of {metric.name}"
    least = len(metric.buckets) + _OF_A_HISTOGRAM if metric.type is MetricType.HISTOGRAM and metric.buckets else 1
    if metric.series_budget is not None and metric.series_budget < least:
        message = f"{metric.name} may have {metric.series_budget} series, and one histogram of it has {least}"
        yield "contract.small-budget", message
