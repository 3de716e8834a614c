"""Stored spans as OTLP: protobuf, and JSON (64-bit integers as strings, no defaults) in the dialects of ``OtlpStyle``.

Both come from the stored bytes, so that nothing of what was sent gets lost.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.wrappers_pb2 import BytesValue
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status, TracesData

from obsctl.embedded.query.attributes import CUT, MAX_DEPTH
from obsctl.embedded.spans import StoredSpan

Json = dict[str, Any]
_EMPTY_TRACE = b"\x0a\x00"
"""``TraceByIDResponse`` with an empty ``trace``."""


@dataclass(frozen=True)
class OtlpStyle:
    """How ids and enums are written."""

    identifier: Callable[[bytes], str]
    kind: Callable[[int], Any]
    status: Callable[[int], Any]


def _enumerated(enum: Any) -> Callable[[int], Any]:
    """An enum's name; numbers that nobody knows stay numbers, and zero is left out."""
    names = {number: name for name, number in enum.items() if number}
    return lambda number: names.get(number, number)


OTLP = OtlpStyle(bytes.hex, int, int)
"""OTLP/JSON: ids in hex, enums as numbers."""

PROTOBUF = OtlpStyle(lambda b: base64.b64encode(b).decode(), _enumerated(Span.SpanKind), _enumerated(Status.StatusCode))
"""Protobuf's own JSON: ids in base64, enums by name."""


def resource_spans(spans: Iterable[StoredSpan], style: OtlpStyle = OTLP) -> list[Json]:
    """``resourceSpans``: spans grouped by resource and scope, both in order of first appearance."""
    return [
        {
            "resource": _resource(resource),
            "scopeSpans": [
                {"scope": _scope(scope), "spans": [span_json(span, style) for span in group]} for scope, group in scopes
            ],
        }
        for resource, scopes in _grouped(spans)
    ]


def traces_data(spans: Iterable[StoredSpan]) -> bytes:
    """``TracesData``: the same as protobuf."""
    data = TracesData()
    for resource, scopes in _grouped(spans):
        into = data.resource_spans.add(resource=resource)
        for scope, group in scopes:
            into.scope_spans.add(scope=scope, spans=group)
    return data.SerializeToString()


def trace_by_id_response(spans: Iterable[StoredSpan]) -> bytes:
    """Tempo's ``TraceByIDResponse``, which holds ``TracesData`` in field 1."""
    # A message with bytes in field 1 has the same encoding.
    return BytesValue(value=traces_data(spans)).SerializeToString() or _EMPTY_TRACE


_Scopes = list[tuple[InstrumentationScope, list[Span]]]


def _grouped(spans: Iterable[StoredSpan]) -> list[tuple[Resource, _Scopes]]:
    """Spans by resource and scope, both in order of first appearance."""
    groups: dict[tuple[bytes, bytes], list[Span]] = {}
    resources: dict[bytes, tuple[Resource, _Scopes]] = {}
    for span in spans:
        resource, scope = span.resource.encoded, span.scope.encoded
        group = groups.get((resource, scope))
        if group is None:
            group = groups[resource, scope] = []
            if resource not in resources:
                resources[resource] = (Resource.FromString(resource), [])
            resources[resource][1].append((InstrumentationScope.FromString(scope), group))
        group.append(Span.FromString(span.encoded))
    return list(resources.values())


def _resource(resource: Resource) -> Json:
    return _filled(
        attributes=_attributes(resource.attributes),
        droppedAttributesCount=resource.dropped_attributes_count,
    )


def _scope(scope: InstrumentationScope) -> Json:
    return _filled(
        name=scope.name,
        version=scope.version,
        attributes=_attributes(scope.attributes),
        droppedAttributesCount=scope.dropped_attributes_count,
    )


def span_json(span: Span, style: OtlpStyle = OTLP) -> Json:
    """One span. ``status`` is always there, as the Collector prints it."""
    found = _filled(
        traceId=style.identifier(span.trace_id),
        spanId=style.identifier(span.span_id),
        traceState=span.trace_state,
        parentSpanId=style.identifier(span.parent_span_id),
        flags=span.flags,
        name=span.name,
        kind=style.kind(span.kind),
        startTimeUnixNano=_nano(span.start_time_unix_nano),
        endTimeUnixNano=_nano(span.end_time_unix_nano),
        attributes=_attributes(span.attributes),
        droppedAttributesCount=span.dropped_attributes_count,
        events=[_event(event) for event in span.events],
        droppedEventsCount=span.dropped_events_count,
        links=[_link(link, style) for link in span.links],
        droppedLinksCount=span.dropped_links_count,
    )
    found["status"] = _filled(message=span.status.message, code=style.status(span.status.code))
    return found


def _event(event: Span.Event) -> Json:
    return _filled(
        timeUnixNano=_nano(event.time_unix_nano),
        name=event.name,
        attributes=_attributes(event.attributes),
        droppedAttributesCount=event.dropped_attributes_count,
    )


def _link(link: Span.Link, style: OtlpStyle) -> Json:
    return _filled(
        traceId=style.identifier(link.trace_id),
        spanId=style.identifier(link.span_id),
        traceState=link.trace_state,
        attributes=_attributes(link.attributes),
        droppedAttributesCount=link.dropped_attributes_count,
        flags=link.flags,
    )


def _filled(**fields: Any) -> Json:
    """The fields that have a value other than the default."""
    return {name: value for name, value in fields.items() if value}


def _nano(time: int) -> str:
    return str(time) if time else ""


def _attributes(items: Sequence[KeyValue], depth: int = MAX_DEPTH) -> list[Json]:
    return [{"key": item.key, "value": any_value(item.value, depth)} for item in items]


def any_value(value: AnyValue, depth: int = MAX_DEPTH) -> Json:
    """An attribute value; ``{}`` is the null value. Nesting beyond ``depth`` is cut."""
    kind = value.WhichOneof("value")
    if kind is None:
        return {}
    if kind == "string_value":
        return {"stringValue": value.string_value}
    if kind == "int_value":
        return {"intValue": str(value.int_value)}
    if kind == "bool_value":
        return {"boolValue": value.bool_value}
    if kind == "double_value":
        return {"doubleValue": double(value.double_value)}
    if kind == "bytes_value":
        return {"bytesValue": base64.b64encode(value.bytes_value).decode()}
    if not depth:
        return {"stringValue": CUT}
    if kind == "array_value":
        return {"arrayValue": {"values": [any_value(item, depth - 1) for item in value.array_value.values]}}
    return {"kvlistValue": {"values": _attributes(value.kvlist_value.values, depth - 1)}}


def double(value: float) -> float | str:
    """A number; NaN and infinities as protobuf's JSON names them."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
