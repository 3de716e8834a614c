"""Spans -> the JSON of Jaeger's own UI (``/api/traces``). Nothing recurses along parents: depth and cycles are fine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from obsctl.embedded.query import attributes
from obsctl.embedded.query.traces import Trace, kind_name
from obsctl.embedded.spans import ERROR_CODE, AttributeValue, StoredEvent, StoredLink, StoredSpan

Json = dict[str, object]
MAX_SAFE = 2**53 - 1
NO_SERVICE = "OTLPResourceNoServiceName"
_TYPES = {bool: "bool", int: "int64", float: "float64", bytes: "binary"}
_STATUS_TEXTS = {ERROR_CODE: "ERROR", 1: "OK"}
_UNADJUSTED = "skipping clock skew adjustment"


def trace_json(trace: Trace, *, raw: bool = False) -> Json:
    """A trace of at least one span. ``raw`` leaves warnings out and attributes in the order they came in."""
    processes = _Processes()
    warnings = {} if raw else _warnings(trace)
    spans = [_span(stored, processes.id_of(stored), warnings.get(i), raw=raw) for i, stored in enumerate(trace)]
    return {
        "traceID": trace_id_text(trace[0].trace_id),
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

    def id_of(self, span: StoredSpan) -> str:
        key = span.resource.encoded
        if key not in self._ids:
            self._ids[key] = f"p{len(self._ids) + 1}"
            others = [pair for pair in span.resource.attributes if pair[0] != "service.name"]
            name = span.service or NO_SERVICE
            self.found[self._ids[key]] = {"serviceName": name, "tags": _tags(others, raw=False)}
        return self._ids[key]


def _warnings(trace: Trace) -> dict[int, list[str]]:
    """Warnings by position in the trace: Jaeger's own signals for a broken trace."""
    counts = Counter(span.span_id for span in trace)
    found: dict[int, list[str]] = {}
    for i, span in enumerate(trace):
        parent = span.parent_id
        if parent and parent not in counts:
            found[i] = [f"parent span ID={parent.hex()} is not in the trace; {_UNADJUSTED}"]
        if counts[span.span_id] > 1:
            found.setdefault(i, []).append(f"duplicate span IDs; {_UNADJUSTED}")
    return found


def _span(span: StoredSpan, process: str, warnings: list[str] | None, *, raw: bool) -> Json:
    tags = [*_tags(span.attributes, raw=True), *_own_tags(span)]
    return {
        "traceID": trace_id_text(span.trace_id),
        "spanID": span.span_id.hex(),
        "flags": span.details.flags & 0xFF,
        "operationName": span.name,
        "references": _references(span),
        "startTime": span.start_ns // 1000,
        "duration": span.duration_ns // 1000,
        "tags": tags if raw else sorted(tags, key=lambda tag: str(tag["key"])),
        "logs": [_log(event) for event in span.events],
        "processID": process,
        "warnings": warnings,
    }


def _references(span: StoredSpan) -> list[Json]:
    found = [_reference("CHILD_OF", span.trace_id, span.parent_id)] if span.parent_id else []
    return found + [_reference(_link_type(link), link.trace_id, link.span_id) for link in span.links if link.trace_id]


def _reference(kind: str, trace_id: bytes, span_id: bytes) -> Json:
    return {"refType": kind, "traceID": trace_id_text(trace_id), "spanID": span_id.hex()}


def _link_type(link: StoredLink) -> str:
    child = "child_of" in link.attributes.all("opentracing.ref_type")
    return "CHILD_OF" if child else "FOLLOWS_FROM"


def _own_tags(span: StoredSpan) -> Iterable[Json]:
    """Fields of a span and its scope that Jaeger shows as tags."""
    scope, status = span.scope, span.status
    texts = {
        "otel.scope.name": scope.name,
        "otel.scope.version": scope.version,
        "span.kind": kind_name(span.kind),
        "otel.status_description": status.message,
        "w3c.tracestate": span.details.trace_state,
        "otel.status_code": _STATUS_TEXTS.get(status.code, ""),
    }
    for key, value in texts.items():
        if value:
            yield {"key": key, "type": "string", "value": value}
    if status.code == ERROR_CODE:
        yield {"key": "error", "type": "bool", "value": True}


def _log(event: StoredEvent) -> Json:
    fields = _tags(event.attributes, raw=True)
    if event.name and not any(tag["key"] == "event" for tag in fields):
        fields.insert(0, {"key": "event", "type": "string", "value": event.name})
    return {"timestamp": event.time_ns // 1000, "fields": fields}


def _tags(pairs: Iterable[tuple[str, AttributeValue]], *, raw: bool) -> list[Json]:
    tags = [_tag(key, value) for key, value in pairs]
    return tags if raw else sorted(tags, key=lambda tag: str(tag["key"]))


def _tag(key: str, value: AttributeValue) -> Json:
    """A typed tag. Integers that JavaScript would round, NaN and infinities are strings; so are arrays and maps."""
    kind = _TYPES.get(type(value), "string")
    if kind == "string" or (isinstance(value, int) and abs(value) > MAX_SAFE):
        return {"key": key, "type": kind, "value": attributes.text(value)}
    return {"key": key, "type": kind, "value": attributes.plain(value)}
