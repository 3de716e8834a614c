"""Traces in the JSON of Jaeger's own UI (``/api/traces``, the "v1" API) as spans.

Times come in microseconds; status, kind, trace state and links are hidden in tags and references.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from obsctl.clients.otlp import KINDS, clamp_ns, hex_id
from obsctl.clients.telemetry import Span, SpanEvent, SpanLink

_CARRIERS = frozenset({"span.kind", "otel.status_code", "otel.status_description", "w3c.tracestate"})


def spans_from_ui(trace: Mapping[str, Any]) -> list[Span]:
    """The spans of one trace object. Raises what a wrong shape raises; call it inside ``understood``."""
    processes = {key: _process(process) for key, process in (trace.get("processes") or {}).items()}
    return [_span(raw, processes) for raw in trace.get("spans") or ()]


def _process(process: Mapping[str, Any]) -> dict[str, Any]:
    return {"service.name": str(process.get("serviceName", "")), **_tags(process.get("tags"))}


def _span(raw: Mapping[str, Any], processes: Mapping[str, Mapping[str, Any]]) -> Span:
    tags = _tags(raw.get("tags"))
    inline = raw.get("process")
    resource = _process(inline) if inline else processes.get(raw.get("processID", ""), {})
    trace_id = hex_id(raw["traceID"], 16)
    parent, links = _references(raw.get("references") or (), trace_id)
    start = clamp_ns(int(raw["startTime"]) * 1000)
    kind = str(tags.get("span.kind", ""))
    return Span(
        trace_id=trace_id,
        span_id=hex_id(raw["spanID"], 8),
        parent_id=parent or hex_id(raw.get("parentSpanID") or "", 8),
        service=str(resource.get("service.name", "")),
        name=str(raw.get("operationName", "")),
        start_ns=start,
        end_ns=max(start, clamp_ns(start + int(raw.get("duration") or 0) * 1000)),
        kind=kind if kind in KINDS else "",
        status=_status(tags),
        status_message=str(tags.get("otel.status_description", "")),
        trace_state=str(tags.get("w3c.tracestate", "")),
        # "error" is how the status is shown, unless there is no status and somebody set it themselves
        attributes={k: v for k, v in tags.items() if k not in _CARRIERS and not (k == "error" and v is True)},
        resource=resource,
        events=tuple(_event(log) for log in raw.get("logs") or ()),
        links=links,
    )


def _references(references: Iterable[Mapping[str, Any]], trace_id: str) -> tuple[str, tuple[SpanLink, ...]]:
    """The first ``CHILD_OF`` of the same trace is the parent; everything else is a link."""
    parent, links = "", []
    for reference in references:
        link = SpanLink(hex_id(reference.get("traceID") or "", 16), hex_id(reference.get("spanID") or "", 8))
        if not parent and reference.get("refType") == "CHILD_OF" and link.trace_id == trace_id:
            parent = link.span_id
        else:
            links.append(link)
    return parent, tuple(links)


def _status(tags: Mapping[str, Any]) -> str:
    code = str(tags.get("otel.status_code", "")).lower()
    if code in ("ok", "error"):
        return code
    return "error" if str(tags.get("error", "")).lower() == "true" else "unset"


def _event(log: Mapping[str, Any]) -> SpanEvent:
    fields = _tags(log.get("fields"))
    return SpanEvent(str(fields.pop("event", "")), clamp_ns(int(log.get("timestamp") or 0) * 1000), fields)


def _tags(tags: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
    return {str(t["key"]): _value(t) for t in tags or ()}


def _value(tag: Mapping[str, Any]) -> Any:
    """int64 beyond 2^53 comes as a string; everything else has its JSON type."""
    value = tag.get("value")
    match tag.get("type"):
        case "int64":
            return int(value or 0)
        case "float64":
            return float(value or 0.0)
        case _:
            return value if value is None or isinstance(value, str | int | float) else json.dumps(value)
