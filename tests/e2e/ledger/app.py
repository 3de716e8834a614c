"""A small service of somebody's: one process, its traces by OTLP, its metrics on a page, its log lines in a file.

Environment: ``OTEL_SERVICE_NAME``, ``LEDGER_PORT``, ``LEDGER_LOG`` (a file), ``OTEL_EXPORTER_OTLP_ENDPOINT``, and what
``LEDGER_FAULT`` breaks: ``no_traces``, ``wrong_path``, ``grpc_on_http``.
"""

from __future__ import annotations

import json
import os
import re
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

FAULT = os.environ.get("LEDGER_FAULT", "")
LOG = Path(os.environ["LEDGER_LOG"])

provider = TracerProvider(resource=Resource.create())
TARGET = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
EXPORTERS: dict[str, Any] = {
    "": OTLPSpanExporter,
    "wrong_path": lambda: OTLPSpanExporter(endpoint=TARGET),
    "grpc_on_http": lambda: GrpcExporter(endpoint=TARGET, insecure=True, timeout=1),
}
if FAULT in EXPORTERS:
    provider.add_span_processor(BatchSpanProcessor(EXPORTERS[FAULT](), schedule_delay_millis=50))
tracer = provider.get_tracer("ledger")
registry = CollectorRegistry()
entries = Counter("ledger_entries", "Entries.", registry=registry)
took = Histogram("ledger_took_seconds", "Time.", ["method", "route"], registry=registry)


def log(message: str) -> None:
    """Write one line."""
    span = trace.get_current_span().get_span_context()
    ids = {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}
    fields = {"timestamp": datetime.now(UTC).isoformat(), "level": "INFO", "message": message, **ids}
    with LOG.open("a") as file:
        file.write(json.dumps(fields) + "\n")


class Handler(BaseHTTPRequestHandler):
    """Answers ``/entries``."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/metrics":
            self.reply(200, generate_latest(registry), "text/plain; version=0.0.4; charset=utf-8")
        elif self.path == "/health":
            self.reply(200, b"{}")
        else:
            self.observed(lambda: (200, {"path": self.path, "who": self.headers.get("Authorization", "")}))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.observed((lambda: self.login(body)) if self.path == "/login" else self.entered)

    def login(self, body: bytes) -> tuple[int, Any]:
        return (200, {"token": "t0p"}) if body == b"user=me&password=hunter2" else (403, {})

    def entered(self) -> tuple[int, Any]:
        entries.inc()
        return 201, {"id": 7}

    def observed(self, work: Any) -> None:
        route, began = re.sub(r"/\d+", "/{id}", urlsplit(self.path).path), time.perf_counter()
        parent = propagate.extract({key.lower(): value for key, value in self.headers.items()})
        attributes = {"http.request.method": self.command, "http.route": route}
        with tracer.start_as_current_span(
            f"{self.command} {route}", parent, trace.SpanKind.SERVER, attributes=attributes
        ) as span:
            status, answer = work()
            span.set_attribute("http.response.status_code", status)
            log(f"{self.command} {route}")
        took.labels(self.command, route).observe(time.perf_counter() - began)
        self.reply(status, json.dumps(answer).encode())

    def reply(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class has it
        """Nothing is written but the lines of ``log``."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["LEDGER_PORT"])), Handler).serve_forever()
