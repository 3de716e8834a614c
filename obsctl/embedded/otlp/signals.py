"""The three OTLP signals as data: message types, gRPC names, and how a request becomes a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

from obsctl.embedded.http.decoded import DecodeResult
from obsctl.embedded.otlp import logs as otlp_logs
from obsctl.embedded.otlp import metrics as otlp_metrics
from obsctl.embedded.otlp import traces as otlp_traces
from obsctl.embedded.redaction import Redactor

Translate = Callable[[Any, Redactor], DecodeResult]


@dataclass(frozen=True)
class OtlpOptions:
    """How requests are translated: namespaces of services, by ``service.name``, and the ids of log records that become
    labels of their stream instead of metadata.
    """

    namespaces: Mapping[str, str] = field(default_factory=dict)
    id_labels: frozenset[str] = frozenset()


@dataclass(frozen=True)
class OtlpSignal:
    """``rejected`` is the counter's field name in the partial success; ``items`` is how its items are called."""

    name: str
    items: str
    request: type[Message]
    response: type[Message]
    rejected: str
    service: str
    translator: Callable[[OtlpOptions], Translate]
    """Makes what turns requests into batches; it may remember things from one request to the next."""

    def answer(self, rejected: int, message: str) -> Message:
        """The response; the partial success is left unset when everything was accepted, as the specification wants."""
        response = self.response()
        if rejected or message:
            partial = response.partial_success  # type: ignore[attr-defined]
            setattr(partial, self.rejected, rejected)
            partial.error_message = message
        return response


SIGNALS = (
    OtlpSignal(
        name="traces",
        items="spans",
        request=traces.ExportTraceServiceRequest,
        response=traces.ExportTraceServiceResponse,
        rejected="rejected_spans",
        service="opentelemetry.proto.collector.trace.v1.TraceService",
        translator=lambda _: otlp_traces.translate,
    ),
    OtlpSignal(
        name="metrics",
        items="data points",
        request=metrics.ExportMetricsServiceRequest,
        response=metrics.ExportMetricsServiceResponse,
        rejected="rejected_data_points",
        service="opentelemetry.proto.collector.metrics.v1.MetricsService",
        translator=lambda options: otlp_metrics.Translator(namespaces=options.namespaces),
    ),
    OtlpSignal(
        name="logs",
        items="log records",
        request=logs.ExportLogsServiceRequest,
        response=logs.ExportLogsServiceResponse,
        rejected="rejected_log_records",
        service="opentelemetry.proto.collector.logs.v1.LogsService",
        translator=lambda options: partial(otlp_logs.translate, id_labels=options.id_labels),
    ),
)
