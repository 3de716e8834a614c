"""OTLP log requests as log lines (the mapping of Loki's OTLP endpoint)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1 import logs_pb2

from obsctl.embedded.http.decoded import DecodeResult, Rejections
from obsctl.embedded.otlp.any_values import flat_labels, hex_id, service_name, text
from obsctl.embedded.query.logql.levels import detected_level
from obsctl.embedded.records import LINE_BYTES, Batch, LogRecord, log_time_fault
from obsctl.embedded.redaction import Redactor
from obsctl.languages.labels import Labels

_LATEST = (1 << 63) - 1
_SEVERITY = 32
_PROMOTED = frozenset(
    (
        *("service.name", "service.namespace", "service.instance.id", "deployment.environment"),
        *("deployment.environment.name", "cloud.region", "cloud.availability_zone", "container.name"),
        *(f"k8s.{kind}.name" for kind in ("cluster", "namespace", "pod", "container", "replicaset", "deployment")),
        *(f"k8s.{kind}.name" for kind in ("statefulset", "daemonset", "cronjob", "job")),
    )
)
"""Resource attributes that become labels of the stream: Loki's default list."""


ID_FIELDS = frozenset(("trace_id", "span_id", "request_id"))
"""What tells the lines of one request from others."""


def translate(
    request: ExportLogsServiceRequest, redactor: Redactor, *, id_labels: frozenset[str] = frozenset()
) -> DecodeResult:
    """Redact a request and take its records out of it.

    Resource attributes that say where something runs become labels; ids, severity and other attributes are metadata,
    but for ``id_labels``, which make a stream of every request.
    """
    records: list[LogRecord] = []
    rejections = Rejections()
    arrival = time.time_ns()
    for group in request.resource_logs:
        redactor.attributes(group.resource.attributes)
        promoted = flat_labels(a for a in group.resource.attributes if a.key in _PROMOTED)
        stream = _sorted(promoted | {"service_name": service_name(group.resource)})
        shared = flat_labels(a for a in group.resource.attributes if a.key not in _PROMOTED)
        for scoped in group.scope_logs:
            redactor.attributes(scoped.scope.attributes)
            scope = {"scope_name": scoped.scope.name, "scope_version": scoped.scope.version}
            metadata = shared | flat_labels(scoped.scope.attributes) | scope
            for record in scoped.log_records:
                fault = _fault(record, arrival)
                if fault:
                    rejections.add(fault)
                    continue
                made = _record(record, redactor, stream, metadata, arrival)
                records.append(_labelled(made, id_labels) if id_labels else made)
    return DecodeResult(Batch(logs=records), len(records) + rejections.total, rejections.total, rejections.message)


def _record(
    record: logs_pb2.LogRecord,
    redactor: Redactor,
    stream: Labels,
    shared: Mapping[str, str],
    arrival: int,
) -> LogRecord:
    redactor.attributes(record.attributes)
    redactor.value(record.body)
    own = flat_labels(record.attributes) | _fields(record)
    line = text(record.body)
    metadata = {**shared, **{name: value for name, value in own.items() if value}}
    metadata["detected_level"] = detected_level(metadata, line)
    return LogRecord(
        labels=stream,
        time_ns=record.time_unix_nano or record.observed_time_unix_nano or arrival,
        line=line,
        metadata=_sorted(metadata),
    )


def _labelled(record: LogRecord, ids: frozenset[str]) -> LogRecord:
    """The record with some of its ids as labels of its stream."""
    labels = {name: value for name, value in record.metadata if name in ids}
    metadata = {name: value for name, value in record.metadata if name not in ids}
    return replace(record, labels=_sorted({**dict(record.labels), **labels}), metadata=_sorted(metadata))


def _fields(record: logs_pb2.LogRecord) -> dict[str, str]:
    """What a record has besides its attributes, by Loki's names; what is not set is empty."""
    number, observed = record.severity_number, record.observed_time_unix_nano
    return {
        "trace_id": hex_id(record.trace_id),
        "span_id": hex_id(record.span_id),
        "event_name": record.event_name,
        "severity_text": record.severity_text[:_SEVERITY],
        "severity_number": str(number) if number else "",
        "flags": str(record.flags) if record.flags else "",
        "observed_timestamp": str(observed) if observed and record.time_unix_nano else "",
    }


def _fault(record: logs_pb2.LogRecord, arrival: int) -> str:
    if max(record.time_unix_nano, record.observed_time_unix_nano) > _LATEST:
        return "log record with a time beyond the year 2262"
    if len(record.trace_id) not in (0, 16) or len(record.span_id) not in (0, 8):
        return "log record with an id of the wrong length"
    if len(record.body.string_value) > LINE_BYTES:
        return f"log record longer than {LINE_BYTES} characters"
    problem = log_time_fault(record.time_unix_nano or record.observed_time_unix_nano or arrival, arrival)
    return f"log record {problem}" if problem else ""


def _sorted(pairs: Mapping[str, str]) -> Labels:
    return tuple(sorted((name, value) for name, value in pairs.items() if value))
