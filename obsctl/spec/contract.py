"""What a service must emit, and what it must never emit: the values of ``contract.yaml`` and of the metric families."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from obsctl.errors import Place
from obsctl.spec.slo import Slo


class MetricType(StrEnum):
    """Prometheus metric types."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"


@dataclass(frozen=True)
class Metric:
    """One metric as it is scraped.

    ``name`` is the Prometheus name (with ``_total``; without ``_bucket``). ``buckets`` are upper bounds without
    ``+Inf``. ``driven`` maps a label to a property of a driven request (``route``, ``method``, ``status``): such a
    counter, or histogram count, must rise by exactly the number of driven requests. ``components`` lists where the
    metric must be found; empty means in at least one component. ``registry`` is its dotted name (``http.requests``),
    by which templates refer to it.
    """

    name: str
    type: MetricType
    brief: str = ""
    unit: str = "1"
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    required: bool = True
    exemplars: bool = False
    series_budget: int | None = None
    driven: Mapping[str, str] = field(default_factory=dict)
    components: tuple[str, ...] = ()
    family: str = ""
    registry: str = ""
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True)
class SpanRule:
    """A span that a trace must contain: all given keys must hold on one span.

    ``name`` may hold ``*``. ``match`` maps an attribute to the values it may have (compared as text; ``*`` allowed).
    ``attributes`` must be present on it. ``kind`` is an OpenTelemetry span kind in lower case, or empty for any.
    """

    id: str
    component: str
    kind: str = ""
    name: str = "*"
    match: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Edge:
    """Some span of component ``target`` is a descendant of a span of ``source``, with no third component between."""

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"


@dataclass(frozen=True)
class TraceRule:
    """What the trace of one driven request looks like. ``request`` is ``METHOD /route/{template}``."""

    request: str
    components: tuple[str, ...]
    edges: tuple[Edge, ...] = ()
    spans: tuple[SpanRule, ...] = ()


@dataclass(frozen=True)
class LogRule:
    """Structured logs: ``fields`` every line of a driven trace must have, from each of ``components``."""

    fields: tuple[str, ...]
    components: tuple[str, ...]
    request: str = ""


@dataclass(frozen=True)
class Forbidden:
    """What must never be stored. ``attributes`` are globs on attribute keys; ``patterns`` maps a name to a regex.

    The collector drops attributes by key and masks what a pattern finds in attribute values.
    """

    attributes: tuple[str, ...] = ()
    patterns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Contract:
    """Everything a service promises. ``components`` are the values of ``service.name`` of its processes."""

    service: str
    components: tuple[str, ...]
    families: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    traces: tuple[TraceRule, ...] = ()
    logs: LogRule | None = None
    forbidden: Forbidden = Forbidden()
    request_id_header: str = "X-Request-Id"
    slos: tuple[Slo, ...] = ()
    place: Place | None = field(default=None, compare=False)

    def metric(self, name: str) -> Metric | None:
        """The metric of that Prometheus name."""
        return next((m for m in self.metrics if m.name == name), None)
