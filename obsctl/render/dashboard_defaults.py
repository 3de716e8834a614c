"""A dashboard for metrics that no template serves, from their types alone. Pure.

Counter: rate by labels. Gauge: value. Histogram: percentiles, rate by labels, and all of it as a heatmap. Summary: mean
and rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from obsctl.spec.contract import Metric, MetricType
from obsctl.spec.dashboard_templates import PanelTemplate, QueryTemplate, RowTemplate

TWO_SCREENS = 48
"""Height of what is shown at once; the rest has to be opened."""

OWN = "own."
"""Before the registry names of a contract's own metrics, so that none can be taken for another placeholder."""

_ABREAST = 3
_HEIGHT = 8
_QUANTILES = (0.5, 0.95, 0.99)


def default_rows(metrics: Iterable[Metric]) -> tuple[RowTemplate, ...]:
    """Rows of panels: single panels three abreast, then a row for each histogram and summary."""
    wide = (MetricType.HISTOGRAM, MetricType.SUMMARY)
    all_metrics = sorted(metrics, key=lambda metric: metric.registry)
    single = [_single(metric) for metric in all_metrics if metric.type not in wide]
    rows = [RowTemplate(tuple(single[i : i + _ABREAST])) for i in range(0, len(single), _ABREAST)]
    rows += [RowTemplate(_wide(metric)) for metric in all_metrics if metric.type in wide]
    return tuple(_folded(rows))


def _folded(rows: Sequence[RowTemplate]) -> Iterator[RowTemplate]:
    """What does not fit on two screens, under a heading."""
    fit = len(rows) if len(rows) * _HEIGHT <= TWO_SCREENS else TWO_SCREENS // _HEIGHT - 1
    for i, row in enumerate(rows):
        yield replace(row, heading="More", folded=True) if i == fit else row


def _single(metric: Metric) -> PanelTemplate:
    if metric.type is MetricType.COUNTER:
        return _panel(metric, "", (_rate(metric, ""),))
    expr = f"{_name(metric)}{{@{{scope}}}}"
    return _panel(metric, "", (QueryTemplate(expr, _legend(("job", "instance", *metric.labels))),), signed=True)


def _wide(metric: Metric) -> tuple[PanelTemplate, ...]:
    rate = _panel(metric, ": rate", (_rate(metric, "_count"),))
    if metric.type is MetricType.SUMMARY:
        total, count = (f"sum by ({_by(metric)}) ({_increase(metric, part)})" for part in ("_sum", "_count"))
        mean = QueryTemplate(f"{total}\n/\n({count} > 0)", _legend(("job", *metric.labels)))
        return _panel(metric, ": mean", (mean,)), rate
    buckets = f"sum by (le) ({_increase(metric, '_bucket')})"
    percentiles = (
        QueryTemplate(f"histogram_quantile({q}, sum by (le) ({_increase(metric, '_bucket')})) >= 0", f"p{q * 100:g}")
        for q in _QUANTILES
    )
    return (
        _panel(metric, ": percentiles", tuple(percentiles)),
        rate,
        _panel(metric, ": spread", (QueryTemplate(buckets.replace("rate(", "increase("), "{{le}}"),), type="heatmap"),
    )


def _panel(metric: Metric, what: str, queries: tuple[QueryTemplate, ...], **more: object) -> PanelTemplate:
    words = metric.registry.removeprefix(OWN).replace(".", " ").replace("_", " ")
    optional = "" if metric.required else "the contract does not require this metric."
    about = metric.brief or f"{metric.name}, which its service does not describe."
    values = {"type": "timeseries", "description": about, "may_be_empty": optional, **more}
    return PanelTemplate(title=f"{words[:1].upper()}{words[1:]}{what}", queries=queries, **values)  # type: ignore[arg-type]


def _rate(metric: Metric, part: str) -> QueryTemplate:
    return QueryTemplate(f"sum by ({_by(metric)}) ({_increase(metric, part)})", _legend(("job", *metric.labels)))


def _increase(metric: Metric, part: str) -> str:
    return f"rate({_name(metric)}{part}{{@{{scope}}}}[$__rate_interval])"


def _name(metric: Metric) -> str:
    return f"@{{{metric.registry}}}"


def _by(metric: Metric) -> str:
    return ", ".join(("job", *metric.labels))


def _legend(labels: Iterable[str]) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in labels)
