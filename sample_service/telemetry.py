"""Tracing: the SDK's set-up from the standard ``OTEL_*`` variables, and the instrumentation of each library.

Export never gets in the way: spans wait in a bounded queue, a thread of its own sends them, and shutting down takes
at most ``FLUSH_SECONDS``. Without an endpoint nothing is exported, but trace context still travels.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

if TYPE_CHECKING:
    from fastapi import FastAPI
    from httpx import Client
    from opentelemetry.trace import Span
    from sqlalchemy import Engine

NAMESPACE = "cv-job-matching"
FLUSH_SECONDS = 0.6
UNTRACED_PATHS = ("healthz", "readyz", "metrics", "faults")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_DEFAULTS = {
    # The stable names of HTTP and database attributes; the instrumentations still default to the old ones.
    "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",
    # A collector that does not answer must not hold a batch for the SDK's ten seconds.
    "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
}


class Telemetry:
    """Tracing of this process, until ``shutdown``."""

    def __init__(self, process: str) -> None:
        for name, value in _DEFAULTS.items():
            os.environ.setdefault(name, value)
        self._provider = TracerProvider(resource=resource(process), shutdown_on_exit=False)
        if exports(os.environ):
            self._provider.add_span_processor(BatchSpanProcessor(LateExporter()))
        trace.set_tracer_provider(self._provider)

    @property
    def service(self) -> str:
        """The ``service.name`` under which this process reports."""
        return str(self._provider.resource.attributes["service.name"])

    def log_handler(self) -> logging.Handler | None:
        """What sends log lines by OTLP; None unless the environment asks for that."""
        if not exports_logs(os.environ):
            return None
        from sample_service.logs_otlp import OtlpHandler

        return OtlpHandler(self._provider.resource, FLUSH_SECONDS)

    def shutdown(self, timeout: float = FLUSH_SECONDS) -> None:
        """Send what is left, but wait no longer than ``timeout`` seconds for a collector that does not answer."""
        flusher = threading.Thread(target=self._provider.shutdown, daemon=True)
        flusher.start()
        flusher.join(timeout)


def resource(process: str) -> Resource:
    """Who we are: our names, unless ``OTEL_SERVICE_NAME`` or ``OTEL_RESOURCE_ATTRIBUTES`` say otherwise."""
    ours = {"service.name": process, "service.namespace": NAMESPACE}
    return Resource.create({**ours, **OTELResourceDetector().detect().attributes})


def exports(environ: Mapping[str, str]) -> bool:
    """Whether the environment names a place to send spans to."""
    if environ.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower() == "none":
        return False
    return any(environ.get(name, "").strip() for name in _ENDPOINTS)


def exports_logs(environ: Mapping[str, str]) -> bool:
    """Whether the environment asks for log lines by OTLP, and says where to. It has to ask: shipped, too, they would
    come twice.
    """
    if environ.get("OTEL_LOGS_EXPORTER", "").strip().lower() != "otlp":
        return False
    return any(environ.get(name, "").strip() for name in ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", _ENDPOINTS[1]))


class LateExporter(SpanExporter):
    """The OTLP exporter, imported in the exporting thread at the first batch: it is a tenth of a second to load."""

    def __init__(self) -> None:
        self._exporter: SpanExporter | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send one batch."""
        if self._exporter is None:
            self._exporter = _otlp_exporter(os.environ)
        return self._exporter.export(spans)

    def shutdown(self) -> None:
        """Stop retrying."""
        if self._exporter is not None:
            self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is held back here."""
        return self._exporter is None or self._exporter.force_flush(timeout_millis)


def _otlp_exporter(environ: Mapping[str, str]) -> SpanExporter:
    """The exporter for the protocol that the environment asks for; HTTP unless it says gRPC."""
    names = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    protocol = next((environ[name].strip() for name in names if environ.get(name, "").strip()), "http/protobuf")
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        return GrpcExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

    return HttpExporter()


def instrument_fastapi(app: FastAPI) -> None:
    """Server spans for every route but the probes."""
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

    FastAPIInstrumentor.instrument_app(
        app,
        excluded_urls=f"/({'|'.join(UNTRACED_PATHS)})$",
        exclude_spans=["receive", "send"],
        server_request_hook=_hide_query,
    )


def _hide_query(span: Span, scope: Mapping[str, object]) -> None:
    """No route of ours has a query, so what somebody put into one is not ours to keep."""
    if scope.get("query_string"):
        span.set_attribute("url.query", "REDACTED")


def instrument_redis() -> None:
    """Client spans for redis-py; arguments are replaced by ``?``."""
    from opentelemetry.instrumentation.redis import RedisInstrumentor

    RedisInstrumentor().instrument()


def instrument_httpx(client: Client) -> None:
    """Client spans for outbound HTTP, with trace context in the request's headers."""
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

    HTTPXClientInstrumentor().instrument_client(client)


def instrument_engine(engine: Engine) -> None:
    """Client spans for an SQLAlchemy engine; statements have placeholders, never values.

    ``EngineTracer`` is what ``SQLAlchemyInstrumentor`` puts on an engine. The instrumentor itself refuses
    SQLAlchemy 2.1 and would load its asyncio half; the tracer works with 2.0 and 2.1.
    """
    from opentelemetry.instrumentation.sqlalchemy.engine import EngineTracer
    from opentelemetry.metrics import get_meter

    usage = get_meter(__name__).create_up_down_counter("db.client.connections.usage")
    tracer = trace.get_tracer("opentelemetry.instrumentation.sqlalchemy")
    EngineTracer(tracer, engine, usage)  # type: ignore[no-untyped-call]


def instrument_qdrant() -> None:
    """Client spans for qdrant-client, in local mode too."""
    from opentelemetry.instrumentation.qdrant import QdrantInstrumentor

    QdrantInstrumentor().instrument()  # type: ignore[no-untyped-call]
