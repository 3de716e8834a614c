"""OTLP trace requests as records to store (opentelemetry-proto, ``trace/v1/trace.proto``)."""

from __future__ import annotations

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from obsctl.embedded.http.decoded import DecodeResult, Rejections
from obsctl.embedded.otlp.any_values import service_name
from obsctl.embedded.records import Batch, SpanRecord
from obsctl.embedded.redaction import Redactor

_LATEST = (1 << 63) - 1
_NO_TRACE, _NO_SPAN = bytes(16), bytes(8)


def translate(request: ExportTraceServiceRequest, redactor: Redactor) -> DecodeResult:
    """Redact a request and take its spans out of it.

    A span is rejected when an id has the wrong length or is all zeros, or when a time does not fit 63 bits. One that
    ends before it starts is kept: it is what the service said, and worth seeing.
    """
    records: list[SpanRecord] = []
    rejections = Rejections()
    for group in request.resource_spans:
        redactor.attributes(group.resource.attributes)
        service = service_name(group.resource)
        resource = group.resource.SerializeToString()
        for scoped in group.scope_spans:
            redactor.attributes(scoped.scope.attributes)
            _decode_spans(scoped, redactor, service, resource, records, rejections)
    return DecodeResult(Batch(spans=records), len(records) + rejections.total, rejections.total, rejections.message)


def _decode_spans(
    scoped: ScopeSpans,
    redactor: Redactor,
    service: str,
    resource: bytes,
    records: list[SpanRecord],
    rejections: Rejections,
) -> None:
    scope = scoped.scope.SerializeToString()
    for span in scoped.spans:
        trace_id, span_id = span.trace_id, span.span_id
        start, end = span.start_time_unix_nano, span.end_time_unix_nano
        if len(trace_id) != 16 or len(span_id) != 8 or start > _LATEST or end > _LATEST:
            rejections.add(_fault(span))
            continue
        if trace_id == _NO_TRACE or span_id == _NO_SPAN:
            rejections.add(_fault(span))
            continue
        if span.parent_span_id == _NO_SPAN or span.links:
            _clear_empty_ids(span)
        payload = span.SerializeToString()
        if redactor.suspects(payload):
            _redact(span, redactor)
            payload = span.SerializeToString()
        records.append(
            SpanRecord(
                trace_id,
                span_id,
                service,
                span.name,
                span.kind,
                span.status.code,
                start,
                end,
                resource,
                scope,
                payload,
                span.parent_span_id,
            )
        )


def _clear_empty_ids(span: Span) -> None:
    """Ids of zeros mean that there is none: a parent of zeros is no parent, and a link to zeros leads nowhere."""
    if span.parent_span_id == _NO_SPAN:
        span.ClearField("parent_span_id")
    for link in span.links:
        if link.trace_id == _NO_TRACE:
            link.ClearField("trace_id")
        if link.span_id == _NO_SPAN:
            link.ClearField("span_id")


def _redact(span: Span, redactor: Redactor) -> None:
    redactor.attributes(span.attributes)
    name = span.name
    clean = redactor.text(name)
    if clean is not name:
        span.name = clean
    if span.HasField("status") and span.status.message:
        span.status.message = redactor.text(span.status.message)
    for event in span.events:
        redactor.attributes(event.attributes)
    for link in span.links:
        redactor.attributes(link.attributes)


def _fault(span: Span) -> str:
    for name, value, size in (("trace_id", span.trace_id, 16), ("span_id", span.span_id, 8)):
        if len(value) != size:
            return f"span with a {name} of {len(value)} bytes instead of {size}"
        if not any(value):
            return f"span with an all-zero {name}"
    return "span with a time beyond the year 2262"
