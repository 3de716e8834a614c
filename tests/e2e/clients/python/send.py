"""OpenTelemetry's Python SDK: gRPC, HTTP/protobuf and HTTP/JSON. The contract is in ../README.md."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

COUNT, PAUSE = int(os.environ["MATRIX_COUNT"]), float(os.environ["MATRIX_PAUSE"])
PACKAGES = {"grpc": "proto.grpc", "http/protobuf": "proto.http", "http/json": "json.http"}
NEVER = 3_600_000


def exporter(protocol: str, compression: str, signal: str, module: str, name: str) -> Any:
    package = f"opentelemetry.exporter.otlp.{PACKAGES[protocol]}"
    make = getattr(import_module(f"{package}.{module}"), name)
    if protocol == "grpc":
        import grpc

        codec = grpc.Compression.Gzip if compression == "gzip" else grpc.Compression.NoCompression
        return make(endpoint=os.environ["MATRIX_GRPC"], insecure=True, compression=codec)
    codecs = import_module(package).Compression if "proto" in package else _common().Compression
    return make(endpoint=f"{os.environ['MATRIX_HTTP']}/v1/{signal}", compression=codecs(compression))


def _common() -> Any:
    return import_module("opentelemetry.exporter.otlp.common.http")


@dataclass
class Client:
    """One service, which sends by one protocol."""

    service: str
    traces: TracerProvider
    metrics: MeterProvider
    logs: LoggerProvider

    def send(self, first: int) -> None:
        tracer = self.traces.get_tracer("matrix")
        log = logging.getLogger(self.service)
        for seq in range(first, first + COUNT):
            with tracer.start_as_current_span("unit") as span:
                span.set_attribute("matrix.seq", seq)
                log.info("line %d", seq)
            self.units.add(1)
            self.size.record(seq % 10)
        flushed = [provider.force_flush() for provider in (self.traces, self.metrics, self.logs)]
        if False in flushed:
            sys.exit(f"{self.service}: a flush failed: {flushed}")

    def __post_init__(self) -> None:
        meter = self.metrics.get_meter("matrix")
        self.units, self.size = meter.create_counter("matrix.units"), meter.create_histogram("matrix.size")
        log = logging.getLogger(self.service)
        log.setLevel(logging.INFO)
        log.propagate = False
        log.addHandler(LoggingHandler(logger_provider=self.logs))

    def shutdown(self) -> None:
        for provider in (self.traces, self.metrics, self.logs):
            provider.shutdown()


def client(case: str) -> Client:
    service, protocol, compression = case.split(",")
    resource = Resource.create({"service.name": service})
    traces, logs = TracerProvider(resource=resource), LoggerProvider(resource=resource)
    how = (protocol, compression)
    traces.add_span_processor(BatchSpanProcessor(exporter(*how, "traces", "trace_exporter", "OTLPSpanExporter")))
    logs.add_log_record_processor(BatchLogRecordProcessor(exporter(*how, "logs", "_log_exporter", "OTLPLogExporter")))
    metric_exporter = exporter(*how, "metrics", "metric_exporter", "OTLPMetricExporter")
    reader = PeriodicExportingMetricReader(metric_exporter, export_interval_millis=NEVER)
    return Client(service, traces, MeterProvider(metric_readers=[reader], resource=resource), logs)


clients = [client(case) for case in os.environ["MATRIX_CASES"].split()]
for each in clients:
    each.send(0)
time.sleep(PAUSE)
for each in clients:
    each.send(COUNT)
    each.shutdown()
print(json.dumps({each.service: 2 * COUNT for each in clients}))
