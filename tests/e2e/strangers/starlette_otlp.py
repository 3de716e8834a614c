"""Books: Starlette, watched by OpenTelemetry's ASGI middleware. Metrics, traces and logs go out by OTLP; no page."""

from __future__ import annotations

import logging
import os

import uvicorn
from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

PORT = int(os.environ["PORT"])
BOOKS = {"1": "Emma", "2": "Ulysses"}

traces = TracerProvider()
traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=200))
trace.set_tracer_provider(traces)
reader = PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=1000)
metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
logs = LoggerProvider()
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(), schedule_delay_millis=200))
set_logger_provider(logs)
logging.getLogger("books").addHandler(LoggingHandler(logger_provider=logs))
logging.getLogger("books").setLevel(logging.INFO)

meter = metrics.get_meter("books")
lent = meter.create_counter("books.lent", description="Books that were lent.")
pages = meter.create_histogram("books.pages", unit="{page}", description="Pages of books that were lent.")


async def listing(_request: Request) -> JSONResponse:
    logging.getLogger("books").info("books listed")
    return JSONResponse(list(BOOKS))


async def one(request: Request) -> JSONResponse:
    found = BOOKS.get(request.path_params["book"])
    logging.getLogger("books").info("book looked up")
    return JSONResponse({"title": found}, 200 if found else 404)


async def lend(_request: Request) -> JSONResponse:
    lent.add(1)
    pages.record(320)
    return JSONResponse({"lent": True}, 201)


async def health(_request: Request) -> JSONResponse:
    return JSONResponse({"ok": True})


routes = [
    Route("/books", listing),
    Route("/books/{book}", one),
    Route("/loans", lend, methods=["POST"]),
    Route("/healthz", health),
]
app = OpenTelemetryMiddleware(Starlette(routes=routes))
uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
