"""What a TraceQL search found, in the JSON of Tempo's ``/api/search``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from obsctl.embedded.otlp.json import double
from obsctl.embedded.query.traceql.evaluate import SpanSet
from obsctl.embedded.query.traceql.search import TraceMatch, TraceMatches
from obsctl.embedded.query.traceql.view import Getter, TraceView, getter
from obsctl.embedded.query.traces import summarize
from obsctl.languages.numbers import format_value
from obsctl.languages.traceql.tree import Field, Filter, Pipeline, Select, SpanKind, SpanStatus, Value, walk

NO_ROOT = "<root span not yet received>"
_MS_NS = 1_000_000
Json = dict[str, object]


def matches_json(matches: TraceMatches, pipeline: Pipeline, spans: int) -> Json:
    """``traces`` and ``metrics``."""
    shown = [(field.name, getter(field)) for field in _shown(pipeline)]
    metrics = {
        "inspectedTraces": matches.traces,
        "inspectedSpans": str(matches.spans),
    }
    found: Json = {"traces": [_match(match, shown, spans) for match in matches.found]}
    return found | completeness(matches.cut, metrics)


def completeness(cut: str, metrics: Json | None = None) -> Json:
    """``metrics`` of an answer. One that was cut says so by a job that did not complete, a status and a message."""
    jobs: Json = {"completedJobs": 0 if cut else 1, "totalJobs": 1}
    return {"metrics": (metrics or {}) | jobs} | ({"status": "PARTIAL", "message": cut} if cut else {})


def _shown(pipeline: Pipeline) -> list[Field]:
    """Attributes that a query names or selects; the name and the times of a span are always shown."""
    named = [
        field
        for stage in pipeline.stages
        for field in walk(stage)
        if isinstance(field, Field) and (field.scope != "intrinsic" or isinstance(stage, Select | Filter))
    ]
    always = {Field("intrinsic", "name"), Field("intrinsic", "duration"), Field("intrinsic", "traceDuration")}
    return sorted(set(named) - always, key=str)


def _match(match: TraceMatch, shown: Sequence[tuple[str, Getter]], spans: int) -> Json:
    view, summary = match.view, summarize(match.view.spans)
    sets = [_span_set(view, one, shown, spans) for one in match.sets]
    found: Json = {
        "traceID": summary.trace_id.hex().lstrip("0"),
        "rootServiceName": summary.root.service if view.root_is_here else NO_ROOT,
        "startTimeUnixNano": str(summary.start),
        "spanSets": sets,
        "spanSet": sets[0],
        "serviceStats": {
            s.name: {"spanCount": s.spans} | ({"errorCount": s.errors} if s.errors else {}) for s in summary.services
        },
    }
    if view.root_is_here:
        found["rootTraceName"] = summary.root.name
    if view.duration >= _MS_NS:
        found["durationMs"] = view.duration // _MS_NS
    return found


def _span_set(view: TraceView, one: SpanSet, shown: Sequence[tuple[str, Getter]], spans: int) -> Json:
    found: Json = {
        "spans": [_span(view, position, shown) for position in one.positions[:spans]],
        "matched": len(one.positions),
    }
    if one.facts:
        found["attributes"] = [{"key": name, "value": any_value(value)} for name, value in one.facts]
    return found


def _span(view: TraceView, position: int, shown: Sequence[tuple[str, Getter]]) -> Json:
    span = view.spans[position]
    found: Json = {
        "spanID": span.span_id.hex(),
        "name": span.name,
        "startTimeUnixNano": str(span.start_ns),
        "durationNanos": str(span.duration_ns),
    }
    if attributes := list(_attributes(view, position, shown)):
        found["attributes"] = attributes
    return found


def _attributes(view: TraceView, position: int, shown: Sequence[tuple[str, Getter]]) -> Iterator[Json]:
    for name, get in shown:
        for value in get(view, position)[:1]:
            yield {"key": name, "value": any_value(value)}


def any_value(value: Value) -> Json:
    """A value as protobuf's JSON has it."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": double(value)}
    return {"stringValue": value.value if isinstance(value, SpanStatus | SpanKind) else value}


def typed_value(value: Value) -> dict[str, str]:
    """A value as text with its type, as it is typed into a query."""
    if isinstance(value, SpanStatus | SpanKind):
        return {"type": "keyword", "value": value.value}
    if isinstance(value, bool):
        return {"type": "bool", "value": "true" if value else "false"}
    if isinstance(value, int):
        return {"type": "int", "value": str(value)}
    return (
        {"type": "string", "value": value}
        if isinstance(value, str)
        else {"type": "float", "value": format_value(value)}
    )
