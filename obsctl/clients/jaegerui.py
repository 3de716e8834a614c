"""Traces in the JSON of Jaeger's own UI (``/api/traces``, the "v1" API) as spans.

Times come in microseconds; status, kind, trace state and links are hidden in tags and references.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from obsctl.clients.otlp import KINDS, clamp_ns, hex_id
from obsctl.clients.telemetry import Span, SpanEvent, SpanLink
from obsctl.json_types import Json, JsonObject, integer, items, mapping, number, string

_CARRIERS = frozenset({"span.kind", "otel.status_code", "otel.status_description", "w3c.tracestate"})


def spans_from_ui(trace: Json) -> list[Span]:
    """The spans of one trace object. Raises what a wrong shape raises; call it inside ``understood``."""
    fields = mapping(trace)
    processes = {key: _process(mapping(process)) for key, process in mapping(fields.get("processes") or {}).items()}
    return [_span(mapping(raw), processes) for raw in items(fields.get("spans") or ())]


def _process(process: JsonObject) -> JsonObject:
    return {"service.name": str(process.get("serviceName", "")), **_tags(process.get("tags"))}


def _span(raw: JsonObject, processes: Mapping[str, JsonObject]) -> Span:
    tags = _tags(raw.get("tags"))
    inline = raw.get("process")
    resource = _process(mapping(inline)) if inline else processes.get(string(raw.get("processID", "")), {})
    trace_id = hex_id(string(raw["traceID"]), 16)
    parent, links = _references(raw.get("references") or (), trace_id)
    start = clamp_ns(integer(raw["startTime"]) * 1000)
    kind = str(tags.get("span.kind", ""))
    return Span(
        trace_id=trace_id,
        span_id=hex_id(string(raw["spanID"]), 8),
        parent_id=parent or hex_id(string(raw.get("parentSpanID") or ""), 8),
        service=str(resource.get("service.name", "")),
        name=str(raw.get("operationName", "")),
        start_ns=start,
        end_ns=max(start, clamp_ns(start + integer(raw.get("duration") or 0) * 1000)),
        kind=kind if kind in KINDS else "",
        status=_status(tags),
        status_message=str(tags.get("otel.status_description", "")),
        trace_state=str(tags.get("w3c.tracestate", "")),
        # "error" is how the status is shown, unless there is no status and the service set it itself
        attributes={k: v for k, v in tags.items() if k not in _CARRIERS and not (k == "error" and v is True)},
        resource=resource,
        events=tuple(_event(mapping(log)) for log in items(raw.get("logs") or ())),
        links=links,
    )


def _references(references: Json, trace_id: str) -> tuple[str, tuple[SpanLink, ...]]:
    """The first ``CHILD_OF`` of the same trace is the parent; everything else is a link."""
    parent, links = "", []
    for reference in map(mapping, items(references)):
        ids = (hex_id(string(reference.get(key) or ""), size) for key, size in (("traceID", 16), ("spanID", 8)))
        link = SpanLink(*ids)
        if not parent and reference.get("refType") == "CHILD_OF" and link.trace_id == trace_id:
            parent = link.span_id
        else:
            links.append(link)
    return parent, tuple(links)


def _status(tags: JsonObject) -> str:
    code = str(tags.get("otel.status_code", "")).lower()
    if code in ("ok", "error"):
        return code
    return "error" if str(tags.get("error", "")).lower() == "true" else "unset"


def _event(log: JsonObject) -> SpanEvent:
    fields = _tags(log.get("fields"))
    return SpanEvent(str(fields.pop("event", "")), clamp_ns(integer(log.get("timestamp") or 0) * 1000), fields)


def _tags(tags: Json) -> dict[str, Json]:
    return {str(tag["key"]): _value(tag) for tag in map(mapping, items(tags or ()))}


def _value(tag: JsonObject) -> Json:
    """int64 beyond 2^53 comes as a string; everything else has its JSON type."""
    value = tag.get("value")
    match tag.get("type"):
        case "int64":
            return integer(value or 0)
        case "float64":
            return number(value or 0.0)
        case _:
            return value if value is None or isinstance(value, str | int | float) else json.dumps(value)
