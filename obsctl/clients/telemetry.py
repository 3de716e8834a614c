"""What clients bring back, whatever dialect it came in: frozen spans, log lines, series and exemplars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from obsctl.errors import IncompleteError
from obsctl.json_types import JsonObject


@dataclass(frozen=True)
class SpanEvent:
    """Something that happened during a span. Time in nanoseconds since the epoch."""

    name: str
    time_ns: int
    attributes: JsonObject = field(default_factory=dict)


@dataclass(frozen=True)
class SpanLink:
    """A reference to another span, possibly of another trace."""

    trace_id: str
    span_id: str


@dataclass(frozen=True)
class Span:
    """One span. Ids are lower-case hex, 32 and 16 digits; ``parent_id`` is "" for a root. Times are ns since the epoch.

    ``kind`` is ``internal``, ``server``, ``client``, ``producer``, ``consumer`` or ""; ``status`` ``unset``, ``ok`` or
    ``error``. ``service`` is the resource's ``service.name``. ``backwards_ns`` is by how much it was stored as ending
    before it begins; its ``end_ns`` is its start then.
    """

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    start_ns: int
    end_ns: int
    kind: str = ""
    status: str = "unset"
    status_message: str = ""
    trace_state: str = ""
    attributes: JsonObject = field(default_factory=dict)
    resource: JsonObject = field(default_factory=dict)
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()
    backwards_ns: int = 0


@dataclass(frozen=True)
class TraceSearch:
    """Whole traces that were found, newest first.

    ``incomplete`` is what ``server`` said when it had not looked at everything, "" when it had: then a trace that is
    not here may exist all the same.
    """

    traces: tuple[tuple[Span, ...], ...] = ()
    incomplete: str = ""
    server: str = ""

    def complete(self) -> tuple[tuple[Span, ...], ...]:
        """The traces; ``IncompleteError`` when there may be more. For judging what is not there."""
        if self.incomplete:
            raise IncompleteError(self.server, self.incomplete)
        return self.traces


def ordered(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans by start."""
    return tuple(sorted(spans, key=lambda span: (span.start_ns, span.span_id)))


def entry_spans(spans: Sequence[Span]) -> Iterator[Span]:
    """The spans by which a trace enters a service: their parent is in another service, or not in the trace."""
    services = {span.span_id: span.service for span in spans}
    return (span for span in spans if services.get(span.parent_id) != span.service)


def service_calls(spans: Sequence[Span]) -> set[tuple[str, str]]:
    """Caller and callee of every call between two services of a trace."""
    by_id = {span.span_id: span for span in spans}
    return {
        (caller.service, span.service)
        for span in entry_spans(spans)
        if (caller := by_id.get(span.parent_id)) is not None
    }


@dataclass(frozen=True)
class TraceSummary:
    """A trace as lists show it. ``service`` and ``name`` are of its root, "" where that has not arrived.

    Times are nanoseconds since the epoch; ``errors`` counts the spans that failed.
    """

    trace_id: str
    service: str
    name: str
    start_ns: int
    duration_ns: int
    spans: int
    errors: int


@dataclass(frozen=True)
class LatestTraces:
    """Traces that were found, newest first. ``incomplete`` says why there may be more, "" where all was looked at."""

    traces: tuple[TraceSummary, ...] = ()
    incomplete: str = ""


def summary_of(spans: Sequence[Span]) -> TraceSummary:
    """The summary of a trace, of its spans (at least one)."""
    known = {span.span_id for span in spans}
    root = next((span for span in spans if span.parent_id not in known), spans[0])
    start, end = min(span.start_ns for span in spans), max(span.end_ns for span in spans)
    failed = sum(span.status == "error" for span in spans)
    return TraceSummary(root.trace_id, root.service, root.name, start, max(0, end - start), len(spans), failed)


def newest(found: Iterable[TraceSummary], limit: int) -> tuple[TraceSummary, ...]:
    """Each trace once, newest first, so many at most."""
    by_id = {trace.trace_id: trace for trace in found}
    return tuple(sorted(by_id.values(), key=lambda trace: (-trace.start_ns, trace.trace_id))[:limit])


@dataclass(frozen=True)
class LogLine:
    """One stored log line: its time (ns), the text as stored, its stream labels, and its structured metadata."""

    time_ns: int
    line: str
    labels: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """A field of the line's metadata, else of its labels, else "". Older servers merge the two."""
        return self.metadata.get(name) or self.labels.get(name, "")


@dataclass(frozen=True)
class MetricSample:
    """The value of one series at one time (seconds since the epoch)."""

    labels: Mapping[str, str]
    time: float
    value: float


_TRACE_LABELS = ("trace_id", "traceID", "traceId")


@dataclass(frozen=True)
class Exemplar:
    """An exemplar of a series: its own labels (``trace_id``), value and time (seconds)."""

    series: Mapping[str, str]
    labels: Mapping[str, str]
    value: float
    time: float

    @property
    def trace_id(self) -> str:
        """The id of its trace under any of the usual names, in small letters; "" for none."""
        return next((self.labels[name].lower() for name in _TRACE_LABELS if name in self.labels), "")
