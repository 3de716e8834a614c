"""A bakery: ``counter`` answers customers and asks ``oven``; ``courier`` has no HTTP, it takes orders from a folder.

Counter and oven have metrics pages; the courier pushes its metrics. Only the oven's page says whose it is.
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opentelemetry import propagate
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind
from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest

NAME = os.environ["OTEL_SERVICE_NAME"]
OVEN = f"http://127.0.0.1:{os.environ['OVEN_PORT']}"
SPOOL = Path(os.environ["SPOOL"])

resource = Resource.create()
provider = TracerProvider(resource=resource)
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=100))
tracer = provider.get_tracer("bakery")
records = LoggerProvider(resource=resource)
records.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(), schedule_delay_millis=100))

registry = CollectorRegistry()
took = Histogram(
    "http_server_request_duration_seconds",
    "Time to answer.",
    ("http_route", "http_request_method", "http_response_status_code"),
    registry=registry,
)
if NAME == "oven":
    Gauge("target_info", "Resource.", ("service_name",), registry=registry).labels(NAME).set(1)
    heat = Gauge("oven_celsius", "Heat.", registry=registry)
    heat.set(220)


def log(text: str) -> None:
    records.get_logger("bakery").emit(
        LogRecord(timestamp=time.time_ns(), severity_text="INFO", body=text, attributes={"shelf": "a"})
    )


def offers() -> tuple[int, Any]:
    """What is in the oven; the courier hears of it."""
    with tracer.start_as_current_span("ask oven", kind=SpanKind.CLIENT):
        headers: dict[str, str] = {}
        propagate.inject(headers)
        with urllib.request.urlopen(urllib.request.Request(f"{OVEN}/loaves", headers=headers), timeout=5) as reply:
            loaves = json.loads(reply.read())
    with tracer.start_as_current_span("tell courier", kind=SpanKind.PRODUCER):
        message: dict[str, str] = {}
        propagate.inject(message)
        written = SPOOL / f".{uuid.uuid4()}"
        written.write_text(json.dumps(message))
        written.rename(SPOOL / f"{written.name[1:]}.json")
    return 200, loaves


def loaves() -> tuple[int, Any]:
    return 200, ["rye", "wheat"]


ROUTES: dict[str, dict[tuple[str, str], Callable[[], tuple[int, Any]]]] = {
    "counter": {("GET", "/offers"): offers, ("POST", "/orders"): lambda: (201, {})},
    "oven": {("GET", "/loaves"): loaves, ("POST", "/bake"): lambda: (201, {})},
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path in ("/metrics", "/health"):
            self.send(200, generate_latest(registry), "text/plain; version=0.0.4")
            return
        known = ROUTES[NAME].get((self.command, self.path))
        context = propagate.extract({name.lower(): value for name, value in self.headers.items()})
        route = self.path if known else "/404"
        with tracer.start_as_current_span(f"{self.command} {route}", context=context, kind=SpanKind.SERVER) as span:
            began = time.perf_counter()
            status, said = known() if known else (404, {})
            span.set_attributes({"http.request.method": self.command, "http.response.status_code": status})
            span.set_attributes({"http.route": route} if known else {})
            log(f"{self.command} {route}")
            took.labels(route, self.command, str(status)).observe(time.perf_counter() - began)
        self.send(status, json.dumps(said).encode(), "application/json")

    def send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass

    do_GET = do_POST = answer  # noqa: N815 - http.server's names


def deliver() -> None:
    """Take each message, and go on in the trace of who put it there."""
    meter = MeterProvider(resource=resource, metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter())])
    done = meter.get_meter("bakery").create_counter("courier.deliveries", unit="{delivery}")
    while True:
        for message in SPOOL.glob("*.json"):
            context = propagate.extract(json.loads(message.read_text()))
            message.unlink()
            with tracer.start_as_current_span("deliver", context=context, kind=SpanKind.CONSUMER):
                log("delivered")
                done.add(1, {"by": "bike"})
        time.sleep(0.02)


if NAME == "courier":
    deliver()
else:
    ThreadingHTTPServer(("127.0.0.1", int(os.environ[f"{NAME.upper()}_PORT"])), Handler).serve_forever()
