"""What a service must emit, and what it must never emit: the values of ``contract.yaml`` and of the metric families.

Those that look like their mapping in the file are read as they are declared here; ``contract_load`` makes the others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from obsctl.errors import Place
from obsctl.schema.records import RecordType, key, place, record
from obsctl.schema.scalars import PLAIN, TEXT, text_like
from obsctl.schema.source import SourceNode
from obsctl.schema.types import ListOf, MapOf, OneOrMore, ScalarType, choice
from obsctl.spec.requirement import RequiredKeys
from obsctl.spec.scalars import GLOB, NAME, REGEX, REQUEST
from obsctl.spec.slo import Slo

_ID = text_like(r"[a-z0-9][a-z0-9._-]{0,62}", "an id such as api.server")
_EDGE_TEXT = text_like(r"[a-z0-9-]+ -> [a-z0-9-]+", "an edge such as api -> worker")
COMPONENTS = ListOf(NAME, "a list of components", empty=False)


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
    ``+Inf``. ``optional`` are those of ``labels`` that a series may lack. ``driven`` maps a label to a property of a
    driven request (``route``, ``method``, ``status``): such a counter, or histogram count, must rise by exactly the
    number of driven requests. ``components`` lists where the metric must be found; empty means in at least one
    component. ``registry`` is its dotted name (``http.requests``), by which templates refer to it.
    """

    name: str
    type: MetricType
    brief: str = ""
    unit: str = "1"
    labels: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    buckets: tuple[float, ...] = ()
    required: bool = True
    exemplars: bool = False
    series_budget: int | None = None
    driven: Mapping[str, str] = field(default_factory=dict)
    components: tuple[str, ...] = ()
    family: str = ""
    registry: str = ""
    place: Place | None = field(default=None, compare=False)

    def label_fault(self, names: Collection[str]) -> str:
        """How the labels of a series differ from these, "" where they do not."""
        lacks, extra = {*self.labels} - self.optional - {*names}, {*names} - {*self.labels}
        said = [f"lacks {', '.join(sorted(lacks))}"] if lacks else []
        said += [f"has {', '.join(sorted(extra))} too"] if extra else []
        return " and ".join(said)


@record("a span rule")
class SpanRule:
    """A span that a trace must contain: all given keys must hold on one span.

    ``name`` may hold ``*``. ``match`` maps an attribute to the values it may have (compared as text; ``*`` allowed).
    ``attributes`` must be present on it. ``kind`` is an OpenTelemetry span kind in lower case, or empty for any.
    """

    id: str = key(_ID, "What messages call it; unique in the trace.")
    component: str = key(NAME, "Which component records the span.")
    kind: str = key(
        choice("internal", "server", "client", "producer", "consumer"), "Span kind.", default="", shown="any"
    )
    name: str = key(TEXT, "Span name; `*` matches anything.", default="*", shown="`*`")
    match: Mapping[str, tuple[str, ...]] = key(
        MapOf(OneOrMore(PLAIN), "a mapping from attributes to values"),
        "Attribute -> the value it must have, or a list of values; `*` matches anything.",
        default={},
    )
    attributes: tuple[str, ...] = key(
        RequiredKeys("a list of attribute keys"),
        "Attributes it must carry; `{ref: error.type, requirement_level: opt_in}` is one that it may carry.",
        default=(),
    )
    place: Place | None = place(default=None)


@dataclass(frozen=True)
class Edge:
    """Some span of component ``target`` is a descendant of a span of ``source``, with no third component between."""

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"


def _edge(node: SourceNode) -> Edge:
    source, _, target = _EDGE_TEXT.parse(node).partition(" -> ")
    return Edge(source, target)


_EDGE = ScalarType(_EDGE_TEXT.expected, _edge, _EDGE_TEXT.json)


@record("a trace")
class TraceRule:
    """What the trace of one driven request looks like. ``request`` is ``METHOD /route/{template}``."""

    request: str = key(REQUEST, "The request that makes the trace: `METHOD /route`.")
    components: tuple[str, ...] = key(COMPONENTS, "Components that take part.")
    edges: tuple[Edge, ...] = key(
        ListOf(_EDGE, "a list of edges"), "`a -> b`: b is called below a, nobody between.", default=()
    )
    links: tuple[Edge, ...] = key(
        ListOf(_EDGE, "a list of links"),
        "`a -> b`: b goes on in a trace of its own, with a span link to a span of a.",
        default=(),
    )
    spans: tuple[SpanRule, ...] = key(
        ListOf(RecordType(SpanRule), "a list of span rules"), "Spans that the trace must contain.", default=()
    )


@record("logs")
class LogRule:
    """Structured logs: ``fields`` every line of a driven trace must have, from each of ``components``."""

    fields: tuple[str, ...] = key(
        RequiredKeys("a list of fields", empty=False),
        "Fields of every line; `{ref: user, requirement_level: opt_in}` is one that a line may have.",
    )
    components: tuple[str, ...] = key(
        COMPONENTS, "Components that log in the trace.", default=(), shown="all of the contract"
    )
    request: str = key(REQUEST, "The request whose trace is looked at.", default="", shown="every driven request")


@record("forbidden")
class Forbidden:
    """What must never be stored. ``attributes`` are globs on attribute keys; ``patterns`` maps a name to a regex.

    The collector drops attributes by key and masks what a pattern finds in attribute values.
    """

    attributes: tuple[str, ...] = key(
        ListOf(GLOB, "a list of attribute keys"), "Attributes (globs) that are dropped.", default=()
    )
    patterns: Mapping[str, str] = key(
        MapOf(REGEX, "a mapping from names to patterns"), "Name -> regex; what it finds is masked.", default={}
    )


@dataclass(frozen=True)
class Kind:
    """Metrics that play the part of a family: ``name`` is the family, ``http`` for instance.

    ``metrics`` have the registry names of that family. ``labels`` maps its labels to theirs, "" for one they lack.
    """

    name: str
    metrics: tuple[Metric, ...]
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def series(self) -> Mapping[str, str]:
        """Series by the registry name of the family's metric."""
        return {metric.registry: metric.name for metric in self.metrics}

    @property
    def reading(self) -> tuple[object, ...]:
        """Two kinds with the same one read the same."""
        return self.name, tuple(self.series.items()), tuple(self.labels.items())


@dataclass(frozen=True)
class Contract:
    """Everything a service promises. ``components`` are the values of ``service.name`` of its processes.

    ``kinds`` are parts of families that its metrics play under other names.
    """

    service: str
    components: tuple[str, ...]
    families: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    traces: tuple[TraceRule, ...] = ()
    logs: LogRule | None = None
    forbidden: Forbidden = Forbidden()
    request_id_header: str = "X-Request-Id"
    slos: tuple[Slo, ...] = ()
    kinds: tuple[Kind, ...] = ()
    place: Place | None = field(default=None, compare=False)

    def metric(self, name: str) -> Metric | None:
        """The metric of that Prometheus name."""
        return next((m for m in self.metrics if m.name == name), None)
