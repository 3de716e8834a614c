"""Spans -> the JSON of Jaeger's own UI (``/api/traces``). Nothing recurses along parents: depth and cycles are fine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from obsctl.embedded.query import attributes
from obsctl.embedded.query.traces import Trace, kind_name
from obsctl.embedded.records import StoredSpan

Json = dict[str, Any]
MAX_SAFE = 2**53 - 1
NO_SERVICE = "OTLPResourceNoServiceName"
_TYPES = {"bool_value": "bool", "int_value": "int64", "double_value": "float64", "bytes_value": "binary"}
_UNADJUSTED = "skipping clock skew adjustment"


def trace_json(trace: Trace, *, raw: bool = False) -> Json:
    """A trace of at least one span. ``raw`` leaves warnings out and attributes in the order they came in."""
    processes = _Processes()
    warnings = {} if raw else _warnings(trace)
    spans = [_span(stored, processes.id_of(stored), warnings.get(i), raw=raw) for i, stored in enumerate(trace)]
    return {
        "traceID": trace_id_text(trace[0].span.trace_id),
        "spans": spans,
        "processes": processes.found,
        "warnings": None,
    }


def trace_id_text(trace_id: bytes) -> str:
    """32 hex digits, or 16 when the upper half is zero."""
    text = trace_id.hex()
    return text[16:] if len(text) == 32 and text.startswith("0" * 16) else text


class _Processes:
    """Deduplicated ``processes``: one per distinct service and resource."""

    def __init__(self) -> None:
        self.found: dict[str, Json] = {}
        self._ids: dict[bytes, str] = {}
        self._known: dict[int, tuple[Any, str]] = {}

    def id_of(self, stored: StoredSpan) -> str:
        known = self._known.get(id(stored.resource))
        if known is None:
            known = (stored.resource, self._id(stored))
            self._known[id(stored.resource)] = known
        return known[1]

    def _id(self, stored: StoredSpan) -> str:
        key = stored.resource.SerializeToString(deterministic=True)
        if key not in self._ids:
            self._ids[key] = f"p{len(self._ids) + 1}"
            others = [item for item in stored.resource.attributes if item.key != "service.name"]
            name = stored.service or NO_SERVICE
            self.found[self._ids[key]] = {"serviceName": name, "tags": _tags(others, raw=False)}
        return self._ids[key]


def _warnings(trace: Trace) -> dict[int, list[str]]:
    """Warnings by position in the trace: Jaeger's own signals for a broken trace."""
    counts = Counter(stored.span.span_id for stored in trace)
    found: dict[int, list[str]] = {}
    for i, stored in enumerate(trace):
        parent = stored.span.parent_span_id
        if parent and parent not in counts:
            found[i] = [f"parent span ID={parent.hex()} is not in the trace; {_UNADJUSTED}"]
        if counts[stored.span.span_id] > 1:
            found.setdefault(i, []).append(f"duplicate span IDs; {_UNADJUSTED}")
    return found


def _span(stored: StoredSpan, process: str, warnings: list[str] | None, *, raw: bool) -> Json:
    span = stored.span
    start = span.start_time_unix_nano
    tags = [*_tags(span.attributes, raw=True), *_own_tags(stored)]
    return {
        "traceID": trace_id_text(span.trace_id),
        "spanID": span.span_id.hex(),
        "flags": span.flags & 0xFF,
        "operationName": span.name,
        "references": _references(span),
        "startTime": start // 1000,
        "duration": max(0, span.end_time_unix_nano - start) // 1000,
        "tags": tags if raw else sorted(tags, key=lambda tag: str(tag["key"])),
        "logs": [_log(event) for event in span.events],
        "processID": process,
        "warnings": warnings,
    }


def _references(span: Span) -> list[Json]:
    found = [_reference("CHILD_OF", span.trace_id, span.parent_span_id)] if span.parent_span_id else []
    return found + [_reference(_link_type(link), link.trace_id, link.span_id) for link in span.links]


def _reference(kind: str, trace_id: bytes, span_id: bytes) -> Json:
    return {"refType": kind, "traceID": trace_id_text(trace_id), "spanID": span_id.hex()}


def _link_type(link: Span.Link) -> str:
    child = any(a.key == "opentracing.ref_type" and a.value.string_value == "child_of" for a in link.attributes)
    return "CHILD_OF" if child else "FOLLOWS_FROM"


def _own_tags(stored: StoredSpan) -> Iterable[Json]:
    """Fields of a span and its scope that Jaeger shows as tags."""
    span, scope = stored.span, stored.scope
    texts = {
        "otel.scope.name": scope.name,
        "otel.scope.version": scope.version,
        "span.kind": kind_name(span.kind),
        "otel.status_description": span.status.message,
        "w3c.tracestate": span.trace_state,
        "otel.status_code": {Status.STATUS_CODE_ERROR: "ERROR", Status.STATUS_CODE_OK: "OK"}.get(span.status.code, ""),
    }
    yield from ({"key": key, "type": "string", "value": value} for key, value in texts.items() if value)
    if span.status.code == Status.STATUS_CODE_ERROR:
        yield {"key": "error", "type": "bool", "value": True}


def _log(event: Span.Event) -> Json:
    fields = _tags(event.attributes, raw=True)
    if event.name and not any(tag["key"] == "event" for tag in fields):
        fields.insert(0, {"key": "event", "type": "string", "value": event.name})
    return {"timestamp": event.time_unix_nano // 1000, "fields": fields}


def _tags(items: Sequence[KeyValue], *, raw: bool) -> list[Json]:
    tags = [_tag(item.key, item.value) for item in items]
    return tags if raw else sorted(tags, key=lambda tag: str(tag["key"]))


def _tag(key: str, value: AnyValue) -> Json:
    """A typed tag. Integers that JavaScript would round, NaN and infinities are strings; so are arrays and maps."""
    kind = _TYPES.get(value.WhichOneof("value") or "", "string")
    shown: Any = attributes.text(value) if kind == "string" else attributes.plain(value)
    if kind == "int64" and abs(shown) > MAX_SAFE:
        shown = str(shown)
    return {"key": key, "type": kind, "value": shown}
