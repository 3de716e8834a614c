"""OTLP metric requests as samples (OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility").

Gauges, cumulative sums, cumulative explicit-bucket histograms and summaries are stored. Delta temporality and
exponential histograms have no counterpart in the store; they are rejected and counted.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK,
    Exemplar,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from obsctl.embedded.receive.otlp_names import metric_name, unit_suffixes
from obsctl.embedded.receive.otlp_values import labels, text
from obsctl.embedded.receive.taken import Rejections, Taken
from obsctl.embedded.scrub import Scrubber
from obsctl.embedded.signals import (
    STALE,
    Batch,
    ExemplarRecord,
    Labels,
    MetadataRecord,
    SampleRecord,
)

_LATEST_NS = (1 << 63) - 1
_IDENTITY = ("service.name", "service.namespace", "service.instance.id")


@dataclass
class _Family:
    """One metric on its way into samples."""

    name: str
    base: Mapping[str, str]
    scrub: Scrubber
    samples: list[SampleRecord]
    exemplars: list[ExemplarRecord]

    def labels(self, point: Any, suffix: str = "", **more: str) -> Labels:
        """The labels of one series of the family."""
        merged = labels(point.attributes) | dict(self.base) | more | {"__name__": self.name + suffix}
        return tuple(sorted(merged.items()))

    def sample(self, series: Labels, point: Any, value: float) -> None:
        """Add one sample, or the staleness marker when the point says that nothing was recorded."""
        nothing = point.flags & DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
        self.samples.append(SampleRecord(series, point.time_unix_nano // 1_000_000, STALE if nothing else value))

    def exemplar(self, series: Labels, exemplar: Exemplar) -> None:
        """Add one exemplar, its trace and span id as labels."""
        self.scrub.attributes(exemplar.filtered_attributes)
        found = labels(exemplar.filtered_attributes)
        ids = {"trace_id": exemplar.trace_id.hex(), "span_id": exemplar.span_id.hex()}
        found |= {name: value for name, value in ids.items() if value}
        time_ms = min(exemplar.time_unix_nano, _LATEST_NS) // 1_000_000
        self.exemplars.append(ExemplarRecord(series, tuple(sorted(found.items())), time_ms, _number(exemplar)))


@dataclass
class _Request:
    scrub: Scrubber
    samples: list[SampleRecord] = field(default_factory=list)
    exemplars: list[ExemplarRecord] = field(default_factory=list)
    metadata: dict[str, MetadataRecord] = field(default_factory=dict)
    rejections: Rejections = field(default_factory=Rejections)
    points: int = 0


def translate(request: ExportMetricsServiceRequest, scrub: Scrubber) -> Taken:
    """Scrub a request and take its samples, exemplars and metadata out of it."""
    state = _Request(scrub)
    for group in request.resource_metrics:
        scrub.attributes(group.resource.attributes)
        base = _identity(group.resource)
        newest = 0
        for scoped in group.scope_metrics:
            for metric in scoped.metrics:
                newest = max(newest, _metric(metric, base, state))
        _target_info(group.resource, base, newest, state)
    batch = Batch(samples=state.samples, exemplars=state.exemplars, metadata=tuple(state.metadata.values()))
    return Taken(batch, state.points, state.rejections.total, state.rejections.message)


def _metric(metric: Metric, base: Mapping[str, str], state: _Request) -> int:
    """Take one metric; the newest time of its points in nanoseconds."""
    kind = metric.WhichOneof("data")
    points = list(getattr(metric, kind).data_points) if kind else []
    state.points += len(points)
    fault = _fault(metric, kind)
    if fault:
        state.rejections.add(fault, len(points))
        return 0
    total = kind == "sum" and metric.sum.is_monotonic
    name = metric_name(metric.name, metric.unit, total=total, gauge=kind == "gauge")
    prometheus_type = "counter" if total else _TYPES[str(kind)]
    unit = "_".join(unit_suffixes(metric.unit))
    state.metadata[name] = MetadataRecord(name, prometheus_type, metric.description, unit)
    family = _Family(name, base, state.scrub, state.samples, state.exemplars)
    newest = 0
    for point in points:
        state.scrub.attributes(point.attributes)
        fault = _point_fault(point)
        if fault:
            state.rejections.add(fault)
            continue
        newest = max(newest, point.time_unix_nano)
        _POINTS[str(kind)](family, point)
    return newest


def _fault(metric: Metric, kind: str | None) -> str:
    """Why no point of a metric can be stored; empty when they can."""
    if kind is None:
        return "metric without data"
    if kind == "exponential_histogram":
        return "point of an exponential histogram, which is not supported"
    if not metric_name(metric.name, ""):
        return "point of a metric without a name"
    temporality = getattr(getattr(metric, kind), "aggregation_temporality", AGGREGATION_TEMPORALITY_CUMULATIVE)
    if temporality != AGGREGATION_TEMPORALITY_CUMULATIVE:
        return f"point of a {kind} that is not cumulative (set the exporter's temporality preference to cumulative)"
    return ""


def _point_fault(point: Any) -> str:
    if not 0 < point.time_unix_nano <= _LATEST_NS:
        return "point without a valid time"
    if isinstance(point, HistogramDataPoint):
        counts, bounds = len(point.bucket_counts), list(point.explicit_bounds)
        if counts and counts != len(bounds) + 1:
            return "histogram point whose bucket counts do not fit its bounds"
        if any(low >= high for low, high in pairwise(bounds)):
            return "histogram point whose bounds do not rise"
    return ""


def _number_point(family: _Family, point: NumberDataPoint) -> None:
    series = family.labels(point)
    family.sample(series, point, _number(point))
    for exemplar in point.exemplars:
        family.exemplar(series, exemplar)


def _histogram_point(family: _Family, point: HistogramDataPoint) -> None:
    bounds = [bound for bound in point.explicit_bounds if not math.isinf(bound)]
    counts = list(point.bucket_counts) or [point.count]
    buckets, below = [], 0
    for bound, count in zip(bounds, counts, strict=False):
        below += count
        buckets.append((family.labels(point, "_bucket", le=repr(float(bound))), below))
    buckets.append((family.labels(point, "_bucket", le="+Inf"), point.count))
    for series, count in buckets:
        family.sample(series, point, float(count))
    if point.HasField("sum"):
        family.sample(family.labels(point, "_sum"), point, point.sum)
    family.sample(family.labels(point, "_count"), point, float(point.count))
    for exemplar in point.exemplars:
        family.exemplar(buckets[bisect_left(bounds, _number(exemplar))][0], exemplar)


def _summary_point(family: _Family, point: SummaryDataPoint) -> None:
    for quantile in point.quantile_values:
        family.sample(family.labels(point, quantile=repr(quantile.quantile)), point, quantile.value)
    family.sample(family.labels(point, "_sum"), point, point.sum)
    family.sample(family.labels(point, "_count"), point, float(point.count))


_TYPES = {"gauge": "gauge", "sum": "gauge", "histogram": "histogram", "summary": "summary"}
_POINTS: Mapping[str, Callable[[_Family, Any], None]] = {
    "gauge": _number_point,
    "sum": _number_point,
    "histogram": _histogram_point,
    "summary": _summary_point,
}


def _number(point: NumberDataPoint | Exemplar) -> float:
    return float(point.as_int) if point.WhichOneof("value") == "as_int" else point.as_double


def _identity(resource: Resource) -> dict[str, str]:
    """``job`` and ``instance`` of a resource."""
    found = {a.key: text(a.value) for a in resource.attributes if a.key in _IDENTITY}
    service, namespace = found.get("service.name", ""), found.get("service.namespace", "")
    job = f"{namespace}/{service}" if namespace and service else service
    pairs = {"job": job, "instance": found.get("service.instance.id", "")}
    return {name: value for name, value in pairs.items() if value}


def _target_info(resource: Resource, base: Mapping[str, str], newest: int, state: _Request) -> None:
    """The other resource attributes, as the series ``target_info``."""
    others: Iterable[KeyValue] = [a for a in resource.attributes if a.key not in _IDENTITY]
    found = labels(others)
    if not (found and base and newest):
        return
    merged = found | dict(base) | {"__name__": "target_info"}
    state.metadata["target_info"] = MetadataRecord("target_info", "gauge", "Target metadata.")
    state.samples.append(SampleRecord(tuple(sorted(merged.items())), newest // 1_000_000, 1.0))
