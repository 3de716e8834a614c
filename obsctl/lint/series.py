"""What is known of series: from contracts, from recording rules, and what scraping itself gives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from fnmatch import fnmatchcase

from obsctl.spec.contract import Contract, Metric, MetricType
from obsctl.spec.slo_load import TARGET_LABELS

STREAM_LABELS = frozenset(
    (
        *("service_name", "service_namespace", "level", "service_instance_id", "deployment_environment"),
        *("deployment_environment_name", "cloud_region", "cloud_availability_zone", "container_name"),
        *(f"k8s_{kind}_name" for kind in ("cluster", "namespace", "pod", "container", "replicaset", "deployment")),
        *(f"k8s_{kind}_name" for kind in ("statefulset", "daemonset", "cronjob", "job")),
    )
)
"""Labels of log streams: those that our shippers give, and what Loki makes of OTLP resources by default."""


class Movement(Enum):
    """How values move: a counter only rises and starts anew, anything else goes both ways, or nobody knows."""

    COUNTER = "counter"
    GAUGE = "gauge"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Shape:
    """What is known of a set of series.

    ``labels`` are those that they can have, None where that is not known; ``exact`` says that each has them all.
    ``lost`` are labels that were there before an aggregation, None where it could have been any.
    """

    rise: Movement = Movement.UNKNOWN
    labels: frozenset[str] | None = None
    exact: bool = False
    lost: frozenset[str] | None = frozenset()

    def only(self, labels: Iterable[str]) -> Shape:
        """What is left of it by these labels."""
        wanted = frozenset(labels)
        if self.labels is None:
            return Shape(self.rise, wanted, exact=False, lost=None)
        lost = None if self.lost is None else (self.lost | self.labels) - wanted
        return Shape(self.rise, self.labels & wanted, exact=self.exact, lost=lost)

    def without(self, labels: Iterable[str]) -> Shape:
        """What is left of it without these labels."""
        gone = frozenset(labels)
        if self.labels is None:
            return self
        lost = None if self.lost is None else self.lost | (self.labels & gone)
        return replace(self, labels=self.labels - gone, lost=lost)


UNKNOWN = Shape()
NUMBER = Shape(Movement.GAUGE, frozenset(), exact=True)
"""A scalar, or a vector of one series without labels."""


@dataclass(frozen=True)
class Series:
    """Series of one name. ``buckets`` are the bounds of a ``_bucket`` series; ``scraped`` is false of recorded ones."""

    shape: Shape
    buckets: tuple[float, ...] = ()
    scraped: bool = True


@dataclass(frozen=True)
class Known:
    """Everything that an expression may speak of: series by name, and globs for metrics that come from elsewhere.

    Of log lines: the labels of streams, and the fields that contracts name, by their names in queries; None where a
    contract says nothing about logs.
    """

    series: Mapping[str, Series]
    external: tuple[str, ...] = ()
    scrape_interval: float = 0.0
    log_labels: frozenset[str] = frozenset()
    log_fields: frozenset[str] | None = None

    def is_external(self, name: str) -> bool:
        """Whether a metric comes from elsewhere."""
        return any(fnmatchcase(name, glob) for glob in self.external)

    def has_match(self, pattern: str, names: Iterable[str]) -> bool:
        """Whether a pattern for names may find something; ``names`` are those of ours that it does find."""
        plain = re.match(r"[a-zA-Z0-9_:]*", pattern)
        return any(True for _ in names) or self.is_external(plain[0] if plain else "")


def known_series(
    contracts: Iterable[Contract],
    *,
    external: Iterable[str] = (),
    labels: Iterable[str] = (),
    log_labels: Iterable[str] = (),
    scrape_interval: float = 0.0,
) -> Known:
    """What the contracts of a stack give. ``labels`` are added by scraping to every series; seconds between scrapes.

    ``log_labels`` are given to every log stream.
    """
    contracts, labels = tuple(contracts), tuple(labels)
    target = frozenset((*TARGET_LABELS, *labels))
    series: dict[str, Series] = dict(_of_scraping(target))
    for contract in contracts:
        for metric in contract.metrics:
            for name, found in _of_metric(metric, target):
                series[name] = _both(series[name], found) if name in series else found
    streams = STREAM_LABELS.union(labels, log_labels)
    return Known(series, tuple(external), scrape_interval, streams, _log_fields(contracts))


def _log_fields(contracts: Sequence[Contract]) -> frozenset[str] | None:
    rules = [contract.logs for contract in contracts]
    return (
        frozenset(re.sub(r"\W", "_", field) for rule in rules if rule for field in rule.fields) if all(rules) else None
    )


def _of_metric(metric: Metric, target: frozenset[str]) -> Iterator[tuple[str, Series]]:
    """The series that a metric is made of, by name."""
    labels = frozenset(metric.labels) | target
    counter, gauge = (Series(Shape(rise, labels, exact=True)) for rise in (Movement.COUNTER, Movement.GAUGE))
    match metric.type:
        case MetricType.COUNTER:
            yield metric.name, counter
        case MetricType.GAUGE:
            yield metric.name, gauge
        case MetricType.HISTOGRAM:
            yield f"{metric.name}_bucket", Series(Shape(Movement.COUNTER, labels | {"le"}, exact=True), metric.buckets)
        case MetricType.SUMMARY:
            yield metric.name, Series(Shape(Movement.GAUGE, labels | {"quantile"}, exact=True))
    if metric.type in (MetricType.HISTOGRAM, MetricType.SUMMARY):
        yield f"{metric.name}_count", counter
        yield f"{metric.name}_sum", counter


def _both(one: Series, other: Series) -> Series:
    """Two contracts name the same series: what holds for both."""
    shapes = (one.shape, other.shape)
    buckets = one.buckets if one.buckets == other.buckets else ()
    return Series(merged(shapes), buckets)


def merged(shapes: Sequence[Shape]) -> Shape:
    """What is known of series that are of any of these shapes. There is at least one."""
    labels: frozenset[str] | None = frozenset()
    for shape in shapes:
        labels = None if labels is None or shape.labels is None else labels | shape.labels
    rises = {shape.rise for shape in shapes}
    lost = [shape.lost for shape in shapes]
    return Shape(
        rise=rises.pop() if len(rises) == 1 else Movement.UNKNOWN,
        labels=labels,
        exact=all(shape.exact and shape.labels == labels for shape in shapes),
        lost=None if None in lost else frozenset().union(*(some for some in lost if some)) - (labels or frozenset()),
    )


def _of_scraping(target: frozenset[str]) -> Iterator[tuple[str, Series]]:
    """Series that Prometheus makes itself, for every target and every alert."""
    own = Series(Shape(Movement.GAUGE, target, exact=True))
    yield "up", own
    for what in ("duration_seconds", "samples_scraped", "samples_post_metric_relabeling", "series_added"):
        yield f"scrape_{what}", own
    yield "ALERTS", Series(Shape(Movement.GAUGE), scraped=False)
    yield "ALERTS_FOR_STATE", Series(Shape(Movement.GAUGE), scraped=False)
