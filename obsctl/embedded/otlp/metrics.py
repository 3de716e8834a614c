"""OTLP metric requests as samples (OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility").

Names, labels and values are those that Prometheus' own OTLP receiver gives (with ``promote_scope_metadata`` and, for
delta temporality, ``otlp-deltatocumulative``). Exponential histograms, which it keeps as native ones, become classic.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    AGGREGATION_TEMPORALITY_DELTA,
    DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK,
    Exemplar,
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ScopeMetrics,
    SummaryDataPoint,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from obsctl.embedded.http.decoded import DecodeResult, Rejections
from obsctl.embedded.otlp import histograms as otlp_histograms
from obsctl.embedded.otlp.any_values import hex_id, labels, text
from obsctl.embedded.otlp.deltas import Deltas
from obsctl.embedded.otlp.histograms import Distribution
from obsctl.embedded.otlp.names import metric_name, unit_suffixes
from obsctl.embedded.prometheus.series_labels import label_fault, plain_number
from obsctl.embedded.records import STALE, Batch, ExemplarRecord, MetadataRecord, SampleRecord
from obsctl.embedded.redaction import Redactor
from obsctl.languages.labels import Labels

Point = NumberDataPoint | HistogramDataPoint | ExponentialHistogramDataPoint | SummaryDataPoint

_LATEST_NS = (1 << 63) - 1
_AHEAD_NS = 600 * 10**9
"""How far ahead of the clock a point may be, as in Prometheus."""
_NAMESPACE = "service_namespace"
_IDENTITY = ("service.name", "service.namespace", "service.instance.id")
_TEMPORALITIES = (AGGREGATION_TEMPORALITY_CUMULATIVE, AGGREGATION_TEMPORALITY_DELTA)


class PointError(ValueError):
    """A point that cannot be stored; the message is the reason."""


@dataclass
class _Request:
    redactor: Redactor
    deltas: Deltas
    latest_ns: int
    samples: list[SampleRecord] = field(default_factory=list)
    exemplars: list[ExemplarRecord] = field(default_factory=list)
    metadata: dict[str, MetadataRecord] = field(default_factory=dict)
    rejections: Rejections = field(default_factory=Rejections)
    points: int = 0
    point: int = -1
    """The number of the point that is being decoded; -1 between points."""
    owners: list[int] = field(default_factory=list)
    """The number of the point of each sample."""

    def store(self, sample: SampleRecord) -> None:
        """Add a sample of the point."""
        self.samples.append(sample)
        self.owners.append(self.point)


@dataclass(frozen=True)
class _Times:
    """When a point's samples are (ms), and where a zero belongs before them, if anywhere."""

    ms: int
    zero_ms: int | None = None


@dataclass(frozen=True)
class _Family:
    """One metric on its way into samples. ``base`` are the labels of resource and scope."""

    name: str
    kind: str
    base: Mapping[str, str]
    is_delta: bool
    request: _Request

    def labels(self, point: Point) -> dict[str, str]:
        """The labels that all series of a point share. ``PointError`` when they are too many or too long."""
        found = {**labels(point.attributes), **self.base}
        fault = label_fault((), (("__name__", self.name), *found.items()))
        if fault:
            raise PointError(fault)
        return found

    def series(self, shared: Mapping[str, str], suffix: str = "", **more: str) -> Labels:
        """One series of a point."""
        return tuple(sorted({**shared, **more, "__name__": self.name + suffix}.items()))

    def store(self, point: Point, values: Mapping[Labels, float], times: _Times) -> None:
        """Add a sample of each series, with a zero before it where the stream begins.

        They are staleness markers when the point says that nothing was recorded.
        """
        nothing = point.flags & DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
        store = self.request.store
        for series, value in values.items():
            if times.zero_ms is not None and times.zero_ms < times.ms:
                store(SampleRecord(series, times.zero_ms, 0.0))
            store(SampleRecord(series, times.ms, STALE if nothing else value))

    def total(
        self, stream: Labels, point: Point, parts: Mapping[Hashable, float]
    ) -> tuple[Mapping[Hashable, float], _Times]:
        """What a point says in cumulative terms, and when."""
        if not self.is_delta or point.flags & DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK:
            return parts, _Times(point.time_unix_nano // 1_000_000)
        total = self.request.deltas.add((("", self.kind), *stream), point.time_unix_nano, parts)
        if total is None:
            raise PointError("delta point that is older than one before it")
        is_begun = total.is_first and 0 < point.start_time_unix_nano < point.time_unix_nano
        # One later, for the point before a restart may be exactly at the start.
        return total.parts, _Times(total.time_ms, point.start_time_unix_nano // 1_000_000 + 1 if is_begun else None)

    def exemplar(self, series: Labels, exemplar: Exemplar) -> None:
        """Add one exemplar, its trace and span id as labels."""
        self.request.redactor.attributes(exemplar.filtered_attributes)
        found = labels(exemplar.filtered_attributes)
        ids = {"trace_id": hex_id(exemplar.trace_id), "span_id": hex_id(exemplar.span_id)}
        found |= {name: value for name, value in ids.items() if value}
        time_ms = min(exemplar.time_unix_nano, _LATEST_NS) // 1_000_000
        self.request.exemplars.append(ExemplarRecord(series, tuple(sorted(found.items())), time_ms, _number(exemplar)))


class Translator:
    """Decodes requests into samples, exemplars and metadata, redacted. Remembers delta streams.

    ``namespaces`` maps a ``service.name`` to the label ``service_namespace`` of its series.
    """

    def __init__(self, clock: Callable[[], int] = time.time_ns, namespaces: Mapping[str, str] | None = None) -> None:
        self._deltas = Deltas()
        self._clock = clock
        self._namespaces = namespaces or {}

    def __call__(self, request: ExportMetricsServiceRequest, redactor: Redactor) -> DecodeResult:
        """Decode one request. Any thread."""
        state = _Request(redactor, self._deltas, self._clock() + _AHEAD_NS)
        for group in request.resource_metrics:
            redactor.attributes(group.resource.attributes)
            base = _identity(group.resource, self._namespaces)
            newest = 0
            for scoped in group.scope_metrics:
                labelled = _scope(scoped, redactor) | base
                for metric in scoped.metrics:
                    newest = max(newest, _metric(metric, labelled, state))
            _target_info(group.resource, base, newest, state)
        batch = Batch(samples=state.samples, exemplars=state.exemplars, metadata=tuple(state.metadata.values()))
        rejections = state.rejections
        return DecodeResult(batch, state.points, rejections.total, rejections.message, state.owners)


def _metric(metric: Metric, base: Mapping[str, str], state: _Request) -> int:
    """Take one metric; the newest time of its points in nanoseconds."""
    kind = str(metric.WhichOneof("data") or "")
    points = list(getattr(metric, kind).data_points) if kind else []
    first, state.points = state.points, state.points + len(points)
    fault = _fault(metric, kind)
    if fault:
        state.rejections.add(fault, len(points))
        return 0
    total = kind == "sum" and metric.sum.is_monotonic
    name = metric_name(metric.name, metric.unit, total=total, gauge=kind == "gauge")
    unit = "_".join(unit_suffixes(metric.unit))
    state.metadata[name] = MetadataRecord(name, "counter" if total else _TYPES[kind], metric.description, unit)
    is_delta = _temporality(metric, kind) == AGGREGATION_TEMPORALITY_DELTA
    family = _Family(name, kind, base, is_delta, state)
    newest = 0
    for number, point in enumerate(points, first):
        state.point = number
        state.redactor.attributes(point.attributes)
        try:
            _check_time(point, state.latest_ns)
            _POINTS[kind](family, point)
            newest = max(newest, point.time_unix_nano)
        except PointError as error:
            state.rejections.add(str(error))
    state.point = -1
    return newest


def _temporality(metric: Metric, kind: str) -> int:
    return int(getattr(getattr(metric, kind), "aggregation_temporality", AGGREGATION_TEMPORALITY_CUMULATIVE))


def _fault(metric: Metric, kind: str) -> str:
    """Why no point of a metric can be stored; empty when they can."""
    if not kind:
        return "metric without data"
    if not metric_name(metric.name, ""):
        return "point of a metric without a name"
    if _temporality(metric, kind) not in _TEMPORALITIES:
        return f"point of a {kind} without a temporality"
    return ""


def _check_time(point: Point, latest_ns: int) -> None:
    if not 0 < point.time_unix_nano <= _LATEST_NS:
        raise PointError("point without a valid time")
    if point.time_unix_nano > latest_ns:
        raise PointError("point more than 10 minutes in the future")


def _number_point(family: _Family, point: NumberDataPoint) -> None:
    series = family.series(family.labels(point))
    parts, times = family.total(series, point, {"": _number(point)})
    family.store(point, {series: parts[""]}, times)
    for exemplar in point.exemplars:
        family.exemplar(series, exemplar)


def _histogram_point(family: _Family, point: HistogramDataPoint | ExponentialHistogramDataPoint) -> None:
    fault = otlp_histograms.fault(point)
    if fault:
        raise PointError(fault)
    found = otlp_histograms.distribution(point)
    shared = family.labels(point)
    # Another set of explicit bounds is another stream, for its buckets cannot be added to those before.
    bounds = tuple(("le", plain_number(bound)) for bound in found.counts)
    stream = (*family.series(shared), *(bounds if isinstance(point, HistogramDataPoint) else ()))
    parts, times = family.total(stream, point, _parts(found))
    buckets, below = [], 0.0
    rising = sorted(bound for bound in parts if isinstance(bound, float))
    for bound in rising:
        below += parts[bound]
        buckets.append((family.series(shared, "_bucket", le=plain_number(bound)), below))
    buckets.append((family.series(shared, "_bucket", le="+Inf"), parts["count"]))
    values = dict(buckets) | {family.series(shared, "_count"): parts["count"]}
    if "sum" in parts:
        values[family.series(shared, "_sum")] = parts["sum"]
    family.store(point, values, times)
    for exemplar in point.exemplars:
        family.exemplar(buckets[bisect_left(rising, _number(exemplar))][0], exemplar)


def _parts(found: Distribution) -> dict[Hashable, float]:
    parts: dict[Hashable, float] = {"count": found.count, **{float(bound): n for bound, n in found.counts.items()}}
    return parts if found.sum is None else parts | {"sum": found.sum}


def _summary_point(family: _Family, point: SummaryDataPoint) -> None:
    shared = family.labels(point)
    values = {family.series(shared, quantile=plain_number(q.quantile)): q.value for q in point.quantile_values}
    values |= {family.series(shared, "_sum"): point.sum, family.series(shared, "_count"): float(point.count)}
    family.store(point, values, _Times(point.time_unix_nano // 1_000_000))


_TYPES = {
    "gauge": "gauge",
    "sum": "gauge",
    "histogram": "histogram",
    "exponential_histogram": "histogram",
    "summary": "summary",
}
_POINTS: Mapping[str, Callable[[_Family, Any], None]] = {
    "gauge": _number_point,
    "sum": _number_point,
    "histogram": _histogram_point,
    "exponential_histogram": _histogram_point,
    "summary": _summary_point,
}


def _number(point: NumberDataPoint | Exemplar) -> float:
    return float(point.as_int) if point.WhichOneof("value") == "as_int" else point.as_double


def _scope(scoped: ScopeMetrics, redactor: Redactor) -> dict[str, str]:
    """The instrumentation scope as labels ``otel_scope_…``."""
    redactor.attributes(scoped.scope.attributes)
    found = {f"otel_scope_{name}": value for name, value in labels(scoped.scope.attributes).items()}
    known = {"name": scoped.scope.name, "version": scoped.scope.version, "schema_url": scoped.schema_url}
    return found | {f"otel_scope_{name}": value for name, value in known.items() if value}


def _identity(resource: Resource, namespaces: Mapping[str, str]) -> dict[str, str]:
    """``job`` and ``instance`` of a resource, and the ``service_namespace`` of a service that is known."""
    found = {a.key: text(a.value) for a in resource.attributes if a.key in _IDENTITY}
    service, namespace = found.get("service.name", ""), found.get("service.namespace", "")
    job = f"{namespace}/{service}" if namespace and service else service
    pairs = {"job": job, "instance": found.get("service.instance.id", ""), _NAMESPACE: namespaces.get(service, "")}
    return {name: value for name, value in pairs.items() if value}


def _target_info(resource: Resource, base: dict[str, str], newest: int, state: _Request) -> None:
    """The other resource attributes, as the series ``target_info``."""
    others: Iterable[KeyValue] = [a for a in resource.attributes if a.key not in _IDENTITY]
    found = labels(others)
    merged = tuple(sorted((found | base | {"__name__": "target_info"}).items()))
    if not (found and base and newest) or label_fault((), merged):
        return
    state.metadata["target_info"] = MetadataRecord("target_info", "gauge", "Target metadata.")
    state.store(SampleRecord(merged, newest // 1_000_000, 1.0))
