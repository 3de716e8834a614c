"""The OpenTelemetry SDK's own exporters, unchanged, over both transports."""

from __future__ import annotations

import logging
import time
from typing import Any
from urllib.parse import quote

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc import _log_exporter as grpc_logs
from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as grpc_metrics
from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc_traces
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http import _log_exporter as http_logs
from opentelemetry.exporter.otlp.proto.http import metric_exporter as http_metrics
from opentelemetry.exporter.otlp.proto.http import trace_exporter as http_traces
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from .conftest import Embedded

MODULES = {"grpc": (grpc_traces, grpc_metrics, grpc_logs), "http": (http_traces, http_metrics, http_logs)}


def options(server: Embedded, transport: str, signal: str) -> dict[str, Any]:
    if transport == "grpc":
        return {"endpoint": f"http://{server.address('otlp_grpc')}", "insecure": True}
    return {"endpoint": server.url("otlp_http", f"/v1/{signal}"), "compression": Compression.Gzip}


def resource(transport: str) -> Resource:
    return Resource.create(
        {"service.name": f"sdk-{transport}", "service.namespace": "shop", "service.instance.id": "i1"}
    )


@pytest.mark.parametrize("transport", MODULES)
def test_spans_of_the_sdk(shared: Embedded, transport: str) -> None:
    exporter = MODULES[transport][0].OTLPSpanExporter(**options(shared, transport, "traces"))
    provider = TracerProvider(resource=resource(transport))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span("parent") as parent, tracer.start_as_current_span("child"):
        pass
    provider.shutdown()
    answer = shared.get("jaeger", f"/api/traces/{parent.get_span_context().trace_id:032x}")
    assert sorted(span["operationName"] for span in answer.json["data"][0]["spans"]) == ["child", "parent"]


@pytest.mark.parametrize("transport", MODULES)
def test_metrics_of_the_sdk(shared: Embedded, transport: str) -> None:
    exporter = MODULES[transport][1].OTLPMetricExporter(**options(shared, transport, "metrics"))
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider([reader], resource(transport))
    meter = provider.get_meter("tests")
    meter.create_counter("shop.orders", unit="{order}").add(3, {"payment.kind": "card"})
    meter.create_histogram("shop.wait", unit="s", explicit_bucket_boundaries_advisory=[0.5, 1]).record(0.7)
    provider.shutdown()
    job = f"shop/sdk-{transport}"

    def value(name: str, **labels: str) -> str:
        query = ",".join(f'{key}="{text}"' for key, text in {"job": job, "instance": "i1", **labels}.items())
        answer = shared.get("prometheus", f"/api/v1/query?query={name}%7B{query}%7D".replace('"', "%22"))
        (series,) = answer.json["data"]["result"]
        return series["value"][1]

    assert value("shop_orders_total", payment_kind="card") == "3"
    assert [value("shop_wait_seconds_bucket", le=le) for le in ("0.5", "1", "%2BInf")] == ["0", "1", "1"]
    assert value("shop_wait_seconds_count") == "1"
    assert value("target_info", telemetry_sdk_language="python") == "1"


DELTA = dict.fromkeys((Counter, Histogram), AggregationTemporality.DELTA)


@pytest.mark.parametrize("transport", MODULES)
def test_delta_metrics_of_the_sdk(shared: Embedded, transport: str) -> None:
    exporter = MODULES[transport][1].OTLPMetricExporter(
        **options(shared, transport, "metrics"), preferred_temporality=DELTA
    )
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    view = View(instrument_name="delta.exponential", aggregation=ExponentialBucketHistogramAggregation())
    provider = MeterProvider([reader], resource(f"delta-{transport}"), views=[view])
    meter = provider.get_meter("tests")
    counter, histogram = meter.create_counter("delta.orders"), meter.create_histogram("delta.wait")
    exponential = meter.create_histogram("delta.exponential")
    for _ in range(3):
        counter.add(2)
        histogram.record(0.5)
        for value in (1, 2, 4, 8):
            exponential.record(value)
        provider.force_flush()
    provider.shutdown()

    def value(query: str) -> float:
        selector = query.replace("{", f'{{job="shop/sdk-delta-{transport}",')
        (series,) = shared.get("prometheus", f"/api/v1/query?query={quote(selector)}").json["data"]["result"]
        return float(series["value"][1])

    assert value("delta_orders_total{}") == 6
    assert value("increase(delta_orders_total{}[1m])") > 0
    assert [value(f"delta_wait_{part}{{}}") for part in ("count", "sum")] == [3, 1.5]
    assert value('delta_exponential_bucket{le="+Inf"}') == 12
    assert 2 <= value("histogram_quantile(0.5, sum by (le) (delta_exponential_bucket{}))") <= 4


@pytest.mark.parametrize("transport", MODULES)
def test_logs_of_the_sdk(shared: Embedded, transport: str) -> None:
    exporter = MODULES[transport][2].OTLPLogExporter(**options(shared, transport, "logs"))
    provider = LoggerProvider(resource=resource(transport))
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    now = time.time_ns()
    record = LogRecord(
        timestamp=now,
        severity_text="WARN",
        severity_number=SeverityNumber.WARN,
        body="stock is low",
        attributes={"item.id": "7"},
    )
    provider.get_logger("tests").emit(record)
    provider.shutdown()
    query = f"%7Bservice_name=%22sdk-{transport}%22%7D%7Cdetected_level=%22warn%22%7Cseverity_text=%22WARN%22"
    window = f"start={now}&end={now + 1_000_000_000}"
    (stream,) = shared.get("loki", f"/loki/api/v1/query_range?query={query}&{window}").json["data"]["result"]
    assert stream["stream"]["item_id"] == "7"
    assert stream["stream"]["service_namespace"] == "shop"
    assert stream["values"][0][:2] == [str(now), "stock is low"]


def test_the_exporters_complain_about_nothing(shared: Embedded, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for transport in MODULES:
            test_spans_of_the_sdk(shared, transport)
    assert caplog.records == []
