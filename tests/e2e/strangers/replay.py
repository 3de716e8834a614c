"""Plays a service of a framework that no registry here has, from a file of ``replays``: its spans, metrics and lines.

    python replay.py NAME

For each request of the file it answers as that says, and emits what the framework's instrumentation emits for one. In
texts of the file, ``{path}``, ``{route}``, ``{method}``, ``{status}``, ``{port}``, ``{trace_id}`` and ``{span_id}``
stand for what is so of the request; so do the values under ``with``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from opentelemetry import propagate
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest

PAGE = CollectorRegistry()
CLASSES = {"counter": Counter, "gauge": Gauge, "histogram": Histogram, "summary": Summary}


def filled(value: Any, known: Mapping[str, object]) -> Any:
    """A value of the file with what stands for the request put in; a text that is one name keeps the value's type."""
    if isinstance(value, dict):
        return {key: filled(inner, known) for key, inner in value.items()}
    if isinstance(value, str) and value.startswith("{") and value[1:-1] in known:
        return known[value[1:-1]]
    return value.format_map(known) if isinstance(value, str) else value


class Service:
    """What a file says, with the instruments and exporters that it needs."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self.said = said
        traces = TracerProvider()
        traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self.tracer = traces.get_tracer(said["scope"])
        self.log = logging.getLogger(said["scope"])
        self.log.setLevel(logging.INFO)
        if said["lines"].get("otlp"):
            logs = LoggerProvider()
            logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
            self.log.addHandler(LoggingHandler(logger_provider=logs))
        self.page = {name: self._paged(name, entry) for name, entry in said.get("page", {}).items()}
        readers = [PeriodicExportingMetricReader(OTLPMetricExporter())] if "pushed" in said else []
        meter = MeterProvider(metric_readers=readers).get_meter(said["scope"])
        self.pushed = {name: self._sent(meter, name, entry) for name, entry in said.get("pushed", {}).items()}

    def _paged(self, name: str, entry: Mapping[str, Any]) -> Any:
        more = {"buckets": entry["buckets"]} if "buckets" in entry else {}
        return CLASSES[entry["type"]](name, entry["help"], [*entry.get("labels", ())], registry=PAGE, **more)

    def _sent(self, meter: Any, name: str, entry: Mapping[str, Any]) -> Any:
        make = getattr(meter, f"create_{entry['type']}")
        more = {"explicit_bucket_boundaries_advisory": entry["buckets"]} if "buckets" in entry else {}
        return make(name, unit=entry["unit"], description=entry["help"], **more)

    def serve(self, headers: Mapping[str, str], known: dict[str, object]) -> None:
        """Emit what is emitted for one request."""
        began, above = time.perf_counter(), propagate.extract(headers)
        entry, *below = self.said["spans"]
        with self.tracer.start_as_current_span(filled(entry["name"], known), above, SpanKind.SERVER) as span:
            where = span.get_span_context()
            known |= {"trace_id": f"{where.trace_id:032x}", "span_id": f"{where.span_id:016x}"}
            span.set_attributes(filled(entry["attributes"], known))
            for inner in below:
                kind = SpanKind[inner["kind"].upper()]
                with self.tracer.start_as_current_span(filled(inner["name"], known), kind=kind) as child:
                    child.set_attributes(filled(inner["attributes"], known))
            time.sleep(0.002)
            seconds = time.perf_counter() - began
            self._line(known, seconds)
        self._measured(known, seconds)

    def _line(self, known: dict[str, object], seconds: float) -> None:
        lines, known = self.said["lines"], {**known, "ms": round(seconds * 1000, 2)}
        if "otlp" in lines:
            self.log.info(filled(lines["otlp"]["body"], known), extra=filled(lines["otlp"]["attributes"], known))
        if "json" in lines:
            print(json.dumps(filled(lines["json"], known)), flush=True)

    def _measured(self, known: dict[str, object], seconds: float) -> None:
        for name, entry in self.said.get("page", {}).items():
            made = self.page[name]
            one = made.labels(**filled(entry["labels"], known)) if entry.get("labels") else made
            _record(one, entry, seconds)
        for name, entry in self.said.get("pushed", {}).items():
            attributes, made = filled(entry.get("labels", {}), known), self.pushed[name]
            if entry["type"] == "histogram":
                made.record(entry.get("value", seconds), attributes)
            else:
                made.add(entry.get("value", 1), attributes)


def _record(metric: Any, entry: Mapping[str, Any], seconds: float) -> None:
    if entry["type"] == "counter":
        metric.inc()
    elif entry["type"] == "gauge":
        metric.set(entry["value"])
    else:
        metric.observe(seconds)


def handler(service: Service, port: int) -> type[BaseHTTPRequestHandler]:
    """Answers the file's requests, its readiness, and its metrics page if it has one."""
    said = service.said

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics" and "page" in said:
                self._answer(200, generate_latest(PAGE), "text/plain; version=0.0.4")
                return
            if path == said["ready"]:
                self._answer(200, b"ok", "text/plain")
                return
            asked = said["requests"].get(f"{self.command} {path.lower()}")
            if asked is None:
                self._answer(404, b"{}", "application/json")
                return
            known = {"method": self.command, "path": path, "port": port, **asked}
            service.serve({name.lower(): value for name, value in self.headers.items()}, known)
            self._answer(asked["status"], b"{}", "application/json")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.do_GET()

        def _answer(self, status: int, body: bytes, content: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content)
            self.send_header("Content-Length", str(len(body)))
            if said.get("request_id") and self.headers.get(said["request_id"]):
                self.send_header(said["request_id"], self.headers[said["request_id"]])
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Quiet."""

    return Handler


def main() -> None:
    """Serve on PORT."""
    said = yaml.safe_load((Path(__file__).parent / "replays" / f"{sys.argv[1]}.yaml").read_text())
    port = int(os.environ["PORT"])
    server = ThreadingHTTPServer(("127.0.0.1", port), handler(Service(said), port))
    server.serve_forever()


main()
