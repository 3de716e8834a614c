"""OTLP metrics and logs as samples and lines."""

from __future__ import annotations

import math
import re
import struct
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics

from obsctl.embedded.receive import otlp_logs, otlp_metrics
from obsctl.embedded.receive.numbers import label_number
from obsctl.embedded.receive.otlp_names import metric_name
from obsctl.embedded.receive.taken import Taken
from obsctl.embedded.scrub import Scrubber
from obsctl.embedded.signals import STALE_BITS

SCRUB = Scrubber(["user.email"], [re.compile(r"\w+@\w+")])
NOW = 1_790_000_000_123_456_789


def taken(**metric: Any) -> Taken:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    identify(group)
    group.scope_metrics.add().metrics.append(Metric(**metric))
    return otlp_metrics.translate(request, SCRUB)


def identify(group: ResourceMetrics) -> None:
    for key, value in {"service.name": "api", "service.namespace": "shop", "service.instance.id": "i"}.items():
        group.resource.attributes.add(key=key).value.string_value = value


def points(found: Taken) -> dict[str, float]:
    """Value by series, in the text form without job and instance."""
    return {_shown(dict(sample.labels)): sample.value for sample in found.batch.samples}


def _shown(labels: dict[str, str]) -> str:
    assert labels.pop("job") == "shop/api"
    assert labels.pop("instance") == "i"
    name = labels.pop("__name__")
    return name + "".join(f" {key}={value}" for key, value in sorted(labels.items()))


def number(value: float, **more: Any) -> dict[str, Any]:
    return {"time_unix_nano": NOW, "as_double": value, **more}


def attribute(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"string_value": value}}


def histogram(**point: Any) -> dict[str, Any]:
    return {"histogram": {"aggregation_temporality": 2, "data_points": [{"time_unix_nano": NOW, **point}]}}


def test_gauges_and_sums() -> None:
    assert points(taken(name="queue.depth", gauge={"data_points": [number(3)]})) == {"queue_depth": 3}
    counted = {
        "aggregation_temporality": 2,
        "is_monotonic": True,
        "data_points": [{"time_unix_nano": NOW, "as_int": 7}],
    }
    found = taken(name="http.requests", unit="{request}", description="Requests.", sum=counted)
    assert points(found) == {"http_requests_total": 7}
    assert found.batch.samples[0].time_ms == NOW // 1_000_000
    (record,) = found.batch.metadata
    assert (record.family, record.type, record.help) == ("http_requests_total", "counter", "Requests.")
    updown = {"aggregation_temporality": 2, "data_points": [number(-1)]}
    found = taken(name="active", sum=updown)
    assert (points(found), found.batch.metadata[0].type) == ({"active": -1}, "gauge")


def test_a_histogram_becomes_cumulative_buckets_with_exemplars() -> None:
    exemplar = {
        "as_double": 0.3,
        "time_unix_nano": NOW,
        "trace_id": b"t" * 16,
        "span_id": b"s" * 8,
        "filtered_attributes": [attribute("user.email", "a@b")],
    }
    point = {
        "time_unix_nano": NOW,
        "count": 6,
        "sum": 9.5,
        "bucket_counts": [1, 2, 3],
        "explicit_bounds": [0.25, 1],
        "exemplars": [exemplar],
        "attributes": [attribute("http.route", "/x")],
    }
    found = taken(name="lat", unit="s", histogram={"aggregation_temporality": 2, "data_points": [point]})
    assert points(found) == {
        "lat_seconds_bucket http_route=/x le=0.25": 1,
        "lat_seconds_bucket http_route=/x le=1.0": 3,
        "lat_seconds_bucket http_route=/x le=+Inf": 6,
        "lat_seconds_sum http_route=/x": 9.5,
        "lat_seconds_count http_route=/x": 6,
    }
    (stored,) = found.batch.exemplars
    assert dict(stored.series)["le"] == "1.0"
    assert dict(stored.labels) == {"trace_id": (b"t" * 16).hex(), "span_id": (b"s" * 8).hex()}
    assert (stored.value, stored.time_ms) == (0.3, NOW // 1_000_000)


def test_a_summary_becomes_quantiles() -> None:
    point = {"time_unix_nano": NOW, "count": 2, "sum": 3, "quantile_values": [{"quantile": 0.5, "value": 1.5}]}
    found = points(taken(name="s", summary={"data_points": [point]}))
    assert found == {"s quantile=0.5": 1.5, "s_sum": 3, "s_count": 2}


def test_a_point_without_a_recorded_value_is_a_staleness_marker() -> None:
    found = taken(name="g", gauge={"data_points": [number(1, flags=1)]})
    assert struct.unpack("<Q", struct.pack("<d", found.batch.samples[0].value))[0] == STALE_BITS


@pytest.mark.parametrize(
    ("metric", "rejected", "says"),
    [
        ({"sum": {"aggregation_temporality": 1, "data_points": [number(1), number(2)]}}, 2, "not cumulative"),
        ({"histogram": {"aggregation_temporality": 1, "data_points": [{"time_unix_nano": NOW}]}}, 1, "not cumulative"),
        ({"exponential_histogram": {"data_points": [{"time_unix_nano": NOW}]}}, 1, "exponential"),
        ({"gauge": {"data_points": [{"as_double": 1}]}}, 1, "valid time"),
        ({"gauge": {"data_points": [number(1)]}, "name": "???"}, 1, "without a name"),
        (histogram(bucket_counts=[1, 2]), 1, "do not fit"),
        (histogram(bucket_counts=[1, 2, 3], explicit_bounds=[2, 1]), 1, "do not rise"),
    ],
)
def test_what_cannot_be_stored_is_rejected_and_counted(metric: dict[str, Any], rejected: int, says: str) -> None:
    found = taken(**{"name": "m", **metric})
    assert (found.rejected, found.count, list(found.batch.samples)) == (rejected, rejected, [])
    assert says in found.message


@pytest.mark.parametrize(
    ("name", "unit", "options", "expected"),
    [
        ("http.server.duration", "ms", {}, "http_server_duration_milliseconds"),
        ("a.b", "By/s", {}, "a_b_bytes_per_second"),
        ("requests.total", "1", {"total": True}, "requests_total"),
        ("total.seconds", "s", {"total": True}, "seconds_total"),
        ("cpu.use", "1", {"gauge": True}, "cpu_use_ratio"),
        ("jobs", "{job}", {}, "jobs"),
        ("disk", "{packet}/s", {}, "disk_per_second"),
        ("2xx.count", "", {}, "_2xx_count"),
        ("weird  name!!", "parsec", {}, "weird_name_parsec"),
    ],
)
def test_names_as_prometheus_translates_them(name: str, unit: str, options: dict[str, bool], expected: str) -> None:
    assert metric_name(name, unit, **options) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"), (1.0, "1.0"), (0.25, "0.25"), (10.0, "10.0"), (100_000.0, "100000.0"), (1e6, "1e+06"),
        (2.5e6, "2.5e+06"), (1.23456789e8, "1.23456789e+08"), (0.0001, "0.0001"), (0.00001, "1e-05"),
        (-2.5, "-2.5"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN"), (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
    ],
)  # fmt: skip
def test_numbers_in_labels_as_prometheus_writes_them(value: float, text: str) -> None:
    assert label_number(value) == text


def log_request(**record: Any) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.add(key="service.name").value.string_value = "api"
    group.resource.attributes.add(key="host.name").value.string_value = "h"
    group.scope_logs.add().log_records.add(**record)
    return request


def test_a_log_record_keeps_its_ids_as_metadata_and_few_labels() -> None:
    record = {
        "time_unix_nano": 5,
        "severity_number": 18,
        "body": {"string_value": "mail from me@home"},
        "trace_id": b"t" * 16,
        "span_id": b"s" * 8,
        "attributes": [
            attribute("user.email", "me@home"),
            attribute("http.route", "/x"),
            attribute("request_id", "r1"),
        ],
    }
    (found,) = otlp_logs.translate(log_request(**record), SCRUB).batch.logs
    assert dict(found.labels) == {"service_name": "api", "level": "error"}
    assert dict(found.metadata) == {
        "trace_id": (b"t" * 16).hex(),
        "span_id": (b"s" * 8).hex(),
        "http_route": "/x",
        "request_id": "r1",
        "host_name": "h",
    }
    assert (found.time_ns, found.line) == (5, "mail from ****")


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ({"int_value": 5}, "5"),
        ({"bool_value": True}, "true"),
        ({}, ""),
        ({"bytes_value": b"\x00"}, "AA=="),
        ({"array_value": {"values": [{"string_value": "a"}, {"double_value": 1.5}]}}, '["a",1.5]'),
        ({"kvlist_value": {"values": [attribute("k", "v")]}}, '{"k":"v"}'),
    ],
)
def test_a_body_of_any_kind_is_one_line(body: dict[str, Any], line: str) -> None:
    (found,) = otlp_logs.translate(log_request(body=body, observed_time_unix_nano=3), SCRUB).batch.logs
    assert (found.line, found.time_ns) == (line, 3)


def test_log_records_that_cannot_be_stored_are_rejected() -> None:
    for record, says in (
        ({"trace_id": b"x"}, "wrong length"),
        ({"time_unix_nano": 1 << 63}, "2262"),
        ({"body": {"string_value": "x" * 300_000}}, "longer than"),
    ):
        found = otlp_logs.translate(log_request(**record), SCRUB)
        assert (found.rejected, list(found.batch.logs)) == (1, [])
        assert says in found.message
