"""OTLP metrics and logs as samples and lines."""

from __future__ import annotations

import math
import re
import struct
import sys
import tempfile
import time
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint, Metric, ResourceMetrics

from obsctl.embedded.http.decoded import DecodeResult
from obsctl.embedded.otlp import deltas as otlp_deltas
from obsctl.embedded.otlp import histograms as otlp_histograms
from obsctl.embedded.otlp import logs as otlp_logs
from obsctl.embedded.otlp import metrics as otlp_metrics
from obsctl.embedded.otlp.any_values import text as text_of
from obsctl.embedded.otlp.deltas import Total
from obsctl.embedded.otlp.ingest import Ingest
from obsctl.embedded.otlp.names import metric_name
from obsctl.embedded.otlp.signals import SIGNALS, OtlpOptions
from obsctl.embedded.prometheus.series_labels import label_number, plain_number
from obsctl.embedded.records import STALE_BITS
from obsctl.embedded.redaction import Redactor
from obsctl.embedded.self_metrics import ACCEPTED, DUPLICATE, REJECTED, SelfMetrics
from obsctl.embedded.store.sqlite import SqliteStore

SCRUB = Redactor(["user.email"], [re.compile(r"\w+@\w+")])
NOW = 1_790_000_000_123_456_789
SECOND = 1_000_000_000


def taken(**metric: Any) -> DecodeResult:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    identify(group)
    group.scope_metrics.add().metrics.append(Metric(**metric))
    return otlp_metrics.Translator(lambda: NOW)(request, SCRUB)


def identify(group: ResourceMetrics) -> None:
    for key, value in {"service.name": "api", "service.namespace": "shop", "service.instance.id": "i"}.items():
        group.resource.attributes.add(key=key).value.string_value = value


def points(found: DecodeResult) -> dict[str, float]:
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


def exponential(temporality: int = 2, **point: Any) -> dict[str, Any]:
    points = [{"time_unix_nano": NOW, **point}]
    return {"exponential_histogram": {"aggregation_temporality": temporality, "data_points": points}}


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
        "lat_seconds_bucket http_route=/x le=1": 3,
        "lat_seconds_bucket http_route=/x le=+Inf": 6,
        "lat_seconds_sum http_route=/x": 9.5,
        "lat_seconds_count http_route=/x": 6,
    }
    (stored,) = found.batch.exemplars
    assert dict(stored.series)["le"] == "1"
    assert dict(stored.labels) == {"trace_id": (b"t" * 16).hex(), "span_id": (b"s" * 8).hex()}
    assert (stored.value, stored.time_ms) == (0.3, NOW // 1_000_000)


def test_an_exponential_histogram_becomes_classic_buckets() -> None:
    point = {
        "scale": 0,
        "count": 11,
        "sum": -3.0,
        "zero_count": 1,
        "zero_threshold": 0.25,
        "positive": {"offset": -1, "bucket_counts": [0, 2, 0, 3]},
        "negative": {"offset": 1, "bucket_counts": [1, 4]},
        "exemplars": [{"as_double": 1.5, "time_unix_nano": NOW, "trace_id": b"t" * 16}],
    }
    found = taken(name="e", unit="s", **exponential(**point))
    assert points(found) == {
        "e_seconds_bucket le=-4": 4,
        "e_seconds_bucket le=-2": 5,
        "e_seconds_bucket le=0.25": 6,
        "e_seconds_bucket le=2": 8,
        "e_seconds_bucket le=4": 8,
        "e_seconds_bucket le=8": 11,
        "e_seconds_bucket le=+Inf": 11,
        "e_seconds_sum": -3.0,
        "e_seconds_count": 11,
    }
    assert dict(found.batch.exemplars[0].series)["le"] == "2"
    assert found.batch.metadata[0].type == "histogram"


@given(
    st.integers(-10, 20),
    st.lists(st.integers(0, 9), max_size=200),
    st.integers(-1_000, 1_000),
    st.lists(st.integers(0, 9), max_size=40),
)
def test_exponential_buckets_are_few_and_hold_every_observation(
    scale: int, positive: list[int], offset: int, negative: list[int]
) -> None:
    point = ExponentialHistogramDataPoint(scale=scale, count=sum(positive) + sum(negative) + 2, zero_count=2)
    point.positive.offset = point.negative.offset = offset
    point.positive.bucket_counts.extend(positive)
    point.negative.bucket_counts.extend(negative)
    assert otlp_histograms.fault(point) == ""
    found = otlp_histograms.exponential(point)
    bounds = list(found.counts)
    assert bounds == sorted(bounds)
    assert len(bounds) <= 66
    assert found.sum is None
    for bound in bounds:
        below = sum(count for other, count in found.counts.items() if other <= bound)
        assert below == exactly(point, bound)


def exactly(point: ExponentialHistogramDataPoint, bound: float) -> int:
    """Observations in buckets that end at a bound or before, by the definition in the data model."""
    edge = {
        index: 2.0 ** Fraction(index, 2**point.scale) if point.scale >= 0 else _power(index * 2**-point.scale)
        for side in (point.negative, point.positive)
        for index in range(side.offset, side.offset + len(side.bucket_counts) + 1)
    }
    shut = bound * (1 + 1e-9) if bound > 0 else bound * (1 - 1e-9)
    total = point.zero_count if bound >= 0 else 0
    for place, count in enumerate(point.positive.bucket_counts):
        total += count if edge[point.positive.offset + place + 1] <= shut else 0
    for place, count in enumerate(point.negative.bucket_counts):
        total += count if max(-edge[point.negative.offset + place], -sys.float_info.max) <= shut else 0
    return total


def _power(exponent: int) -> float:
    return math.ldexp(1.0, exponent) if exponent < 1_024 else math.inf


def delta_sum(value: float, start: int, end: int, **more: Any) -> dict[str, Any]:
    times = {"start_time_unix_nano": NOW + start * SECOND, "time_unix_nano": NOW + end * SECOND}
    points = [{**times, "as_double": value, **more}]
    return {"name": "d", "sum": {"aggregation_temporality": 1, "is_monotonic": True, "data_points": points}}


def translated(translate: otlp_metrics.Translator, *metrics: dict[str, Any]) -> DecodeResult:
    request = ExportMetricsServiceRequest()
    scoped = request.resource_metrics.add().scope_metrics.add()
    scoped.metrics.extend(Metric(**metric) for metric in metrics)
    return translate(request, SCRUB)


def timed(found: DecodeResult) -> list[tuple[int, float]]:
    """Seconds after NOW, exact to milliseconds, and value of every sample."""
    return [((sample.time_ms - NOW // 1_000_000) / 1_000, sample.value) for sample in found.batch.samples]


def test_deltas_are_added_up_from_a_zero() -> None:
    translate = otlp_metrics.Translator(lambda: NOW)
    assert timed(translated(translate, delta_sum(5, 0, 10))) == [(0.001, 0), (10, 5)]
    assert timed(translated(translate, delta_sum(2, 10, 20))) == [(20, 7)]
    assert timed(translated(translate, delta_sum(4, 40, 50))) == [(50, 11)]
    other = delta_sum(1, 40, 50, attributes=[attribute("a", "b")])
    assert timed(translated(translate, other)) == [(40.001, 0), (50, 1)]
    # After a restart: the zero stands after the last point, so that the new beginning is seen.
    assert timed(translated(otlp_metrics.Translator(lambda: NOW), delta_sum(20, 50, 60))) == [(50.001, 0), (60, 20)]


def test_a_delta_sent_again_changes_nothing_and_a_late_one_is_told() -> None:
    translate = otlp_metrics.Translator(lambda: NOW)
    translated(translate, delta_sum(5, 0, 10))
    assert timed(translated(translate, delta_sum(2, 10, 20))) == [(20, 7)]
    assert timed(translated(translate, delta_sum(2, 10, 20))) == [(20, 7)]
    late = translated(translate, delta_sum(5, 0, 10))
    assert (late.rejected, list(late.batch.samples)) == (1, [])
    assert "older than one before" in late.message
    assert timed(translated(translate, delta_sum(1, 20, 30))) == [(30, 8)]


def test_metrics_of_one_name_and_two_kinds_are_two_streams() -> None:
    translate = otlp_metrics.Translator(lambda: NOW)
    times = {"start_time_unix_nano": NOW - SECOND, "time_unix_nano": NOW}
    updown = {"name": "m", "sum": {"aggregation_temporality": 1, "data_points": [{**times, "as_int": 5}]}}
    histogram = {"aggregation_temporality": 1, "data_points": [{**times, "count": 2, "bucket_counts": [2]}]}
    found = translated(translate, {"name": "m", "histogram": histogram}, updown)
    assert found.rejected == 0
    assert sorted(sample.value for sample in found.batch.samples if sample.value) == [2, 2, 5]


def test_a_delta_without_a_recorded_value_is_no_delta() -> None:
    translate = otlp_metrics.Translator(lambda: NOW)
    translated(translate, delta_sum(5, 0, 10))
    (nothing,) = translated(translate, delta_sum(9, 10, 20, flags=1)).batch.samples
    assert math.isnan(nothing.value)
    assert timed(translated(translate, delta_sum(1, 20, 30))) == [(30, 6)]


def test_delta_histograms_are_added_up_while_their_bounds_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    def at(end: int, bounds: list[float]) -> dict[str, Any]:
        point = {"time_unix_nano": NOW + end * SECOND, "count": 6, "sum": 1.5, "bucket_counts": [1, 2, 3]}
        points = [{**point, "explicit_bounds": bounds}]
        return {"name": "h", "histogram": {"aggregation_temporality": 1, "data_points": points}}

    translate = otlp_metrics.Translator(lambda: NOW)
    values = [[value for _, value in timed(translated(translate, at(end, [1, 2])))] for end in (1, 2)]
    assert values == [[1, 3, 6, 6, 1.5], [2, 6, 12, 12, 3.0]]
    assert [value for _, value in timed(translated(translate, at(3, [1, 5])))] == [1, 3, 6, 6, 1.5]


def test_delta_exponential_histograms_are_added_up_over_scales() -> None:
    translate = otlp_metrics.Translator(lambda: NOW)
    fine = exponential(1, scale=1, count=3, positive={"offset": 0, "bucket_counts": [1, 2]})
    translated(translate, {"name": "e", **fine})
    coarse = exponential(1, scale=0, count=4, positive={"offset": 0, "bucket_counts": [1, 3]})
    coarse["exponential_histogram"]["data_points"][0]["time_unix_nano"] = NOW + SECOND
    found = translated(translate, {"name": "e", **coarse}).batch.samples
    assert {dict(s.labels).get("le"): s.value for s in found if dict(s.labels)["__name__"] == "e_bucket"} == {
        plain_number(2**0.5): 1,
        "2": 4,
        "4": 7,
        "+Inf": 7,
    }


def test_the_streams_that_are_remembered_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp_deltas, "STREAMS", 2)
    deltas = otlp_deltas.Deltas()
    for stream in ("a", "b", "a", "c"):
        total = deltas.add(((stream, ""),), 1, {"": 1})
        assert total is not None
    assert deltas.add((("a", ""),), 2, {"": 1}) == Total({"": 2}, is_first=False, time_ms=1)
    assert deltas.add((("b", ""),), 2, {"": 1}) == Total({"": 1}, is_first=True, time_ms=0)


OFFSETS = st.lists(st.tuples(st.integers(0, 2_500_000), st.integers(1, 3), st.booleans()), min_size=1, max_size=12)
"""Points of one series within three milliseconds: ns after the first, a value, and whether the series is another."""


def kinds_of_points(kind: str, sent: list[tuple[int, int, bool]]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for offset, value, other in sent:
        attributes = [attribute("n", "other" if other else "one")]
        shared = {"time_unix_nano": NOW // 10**6 * 10**6 + offset, "attributes": attributes}
        if kind == "histogram":
            counts = {"count": value, "sum": value, "explicit_bounds": [1.0], "bucket_counts": [0, value]}
            made.append({**shared, **counts})
        else:
            made.append({**shared, "as_int": value})
    return made


def judged(sent: list[tuple[int, int, bool]]) -> tuple[int, int]:
    """How many are rejected, and how many are there already, of points that come in this order."""
    kept: dict[tuple[int, bool], int] = {}
    outcomes = [kept.setdefault((offset // 10**6, other), value) == value for offset, value, other in sent]
    return outcomes.count(False), outcomes.count(True) - len(kept)


@pytest.mark.parametrize("kind", ["gauge", "sum", "histogram"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=OFFSETS)
def test_points_of_one_millisecond_are_stored_once_and_counted_once(
    tmp_path: Path, kind: str, sent: list[tuple[int, int, bool]]
) -> None:
    with closing(SqliteStore(Path(tempfile.mkdtemp(dir=tmp_path)))) as store:
        metrics = SelfMetrics()
        more = {} if kind == "gauge" else {"aggregation_temporality": 2}
        answer = ingest(store, metrics, {"data_points": kinds_of_points(kind, sent), **more}, kind)
    rejected, duplicates = judged(sent)
    assert answer.rejected_data_points == rejected
    assert (f"{rejected} x duplicate sample" in answer.error_message) == bool(rejected)
    counted = [metrics.value(family, "metrics", "http") for family in (ACCEPTED, REJECTED, DUPLICATE)]
    assert counted == [len(sent) - rejected - duplicates, rejected, duplicates]


def ingest(store: SqliteStore, metrics: SelfMetrics, data: dict[str, Any], kind: str) -> Any:
    """Store one metric as the server does; the answer's partial success."""
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    identify(group)
    group.resource.attributes.add(key="zone").value.string_value = "a"  # a series of the resource is no point
    group.scope_metrics.add().metrics.append(Metric(name="m", **{kind: data}))
    signal = next(one for one in SIGNALS if one.name == "metrics")
    receiver = Ingest(store, SCRUB, metrics, OtlpOptions())
    pending = receiver.submit(signal, request.SerializeToString(), "protobuf", "http")
    return receiver.finish(pending, 10).partial_success


def test_no_delta_of_one_millisecond_is_lost() -> None:
    translate = otlp_metrics.Translator(lambda: NOW)
    start = NOW // 10**6 * 10**6
    points = [{"time_unix_nano": start + place, "as_double": value} for place, value in enumerate((1.0, 2.0, 4.0))]
    total = {"aggregation_temporality": 1, "is_monotonic": True}
    for sent in (points, points[2:]):  # a point that is sent again stays where it was
        found = translated(translate, {"name": "d", "sum": {**total, "data_points": sent}})
        expected = [(start // 10**6 + place, value) for place, value in enumerate((1.0, 3.0, 7.0))]
        assert [(sample.time_ms, sample.value) for sample in found.batch.samples] == expected[-len(sent) :]


def test_a_scope_becomes_labels() -> None:
    request = ExportMetricsServiceRequest()
    scoped = request.resource_metrics.add().scope_metrics.add(schema_url="u")
    scoped.scope.name, scoped.scope.version = "lib", "2"
    scoped.scope.attributes.add(key="user.email").value.string_value = "a@b"
    scoped.scope.attributes.add(key="k.l").value.string_value = "v"
    scoped.metrics.append(Metric(name="g", gauge={"data_points": [number(1)]}))
    (sample,) = otlp_metrics.Translator(lambda: NOW)(request, SCRUB).batch.samples
    scope = {"otel_scope_name": "lib", "otel_scope_version": "2", "otel_scope_schema_url": "u", "otel_scope_k_l": "v"}
    assert dict(sample.labels) == {"__name__": "g", **scope}


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
        ({"sum": {"data_points": [number(1), number(2)]}}, 2, "without a temporality"),
        ({"histogram": {"data_points": [{"time_unix_nano": NOW}]}}, 1, "without a temporality"),
        (exponential(scale=21), 1, "of scale 21"),
        (exponential(positive={"bucket_counts": [1] * 2_001}), 1, "more than 2000 buckets"),
        (histogram(bucket_counts=[0] * 2_001), 1, "more than 2000 buckets"),
        ({"gauge": {"data_points": [number(1, attributes=[attribute("k", "v" * 20_000)])]}}, 1, "a value of more than"),
        ({"gauge": {"data_points": [{"as_double": 1}]}}, 1, "valid time"),
        ({"gauge": {"data_points": [{"time_unix_nano": 2**64 - 1}]}}, 1, "valid time"),
        ({"gauge": {"data_points": [{"time_unix_nano": NOW + 601 * SECOND}]}}, 1, "10 minutes in the future"),
        ({"gauge": {"data_points": [number(1)]}, "name": "???"}, 1, "without a name"),
        (histogram(bucket_counts=[1, 2]), 1, "do not fit"),
        (histogram(bucket_counts=[1, 2, 3], explicit_bounds=[2, 1]), 1, "do not rise"),
        (histogram(bucket_counts=[1, 2], explicit_bounds=[math.nan]), 1, "do not rise"),
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
        ("noted", "{x}s", {}, "noted"),
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
    now = time.time_ns()
    record = {
        "time_unix_nano": now,
        "observed_time_unix_nano": now + 1,
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
    assert dict(found.labels) == {"service_name": "api"}
    assert dict(found.metadata) == {
        "trace_id": (b"t" * 16).hex(),
        "span_id": (b"s" * 8).hex(),
        "http_route": "/x",
        "request_id": "r1",
        "host_name": "h",
        "severity_number": "18",
        "detected_level": "error",
        "observed_timestamp": str(now + 1),
    }
    assert (found.time_ns, found.line) == (now, "mail from ****")


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
    now = time.time_ns()
    (found,) = otlp_logs.translate(log_request(body=body, observed_time_unix_nano=now), SCRUB).batch.logs
    assert (found.line, found.time_ns) == (line, now)


@pytest.mark.parametrize(
    ("text", "number", "level"),
    [
        *(("Information", 9, "info"), ("INF", 0, "info"), ("WARNING", 13, "warn"), ("wrn", 0, "warn")),
        *(("ERR", 17, "error"), ("dbg", 5, "debug"), ("trc", 0, "trace"), ("Critical", 0, "critical")),
        *(
            ("FATAL", 21, "fatal"),
            ("SEVERE", 17, "SEVERE"),
            ("", 18, "error"),
            ("", 1, "trace"),
            ("", 25, "unknown"),
            ("", 0, "unknown"),
        ),
    ],
)
def test_levels_have_the_names_that_loki_gives_them(text: str, number: int, level: str) -> None:
    (found,) = otlp_logs.translate(log_request(severity_text=text, severity_number=number), SCRUB).batch.logs
    assert dict(found.metadata).get("detected_level") == level


def test_a_field_that_holds_a_level_comes_before_the_severity() -> None:
    request = log_request(severity_text="WARN", attributes=[attribute("level", "ERR")])
    (found,) = otlp_logs.translate(request, SCRUB).batch.logs
    assert dict(found.metadata)["detected_level"] == "error"


def test_nested_attributes_are_spread_out_and_numbers_written_as_the_collector_does() -> None:
    request = log_request(trace_id=bytes(16), span_id=bytes(8))
    attributes = request.resource_logs[0].scope_logs[0].log_records[0].attributes
    http = attributes.add(key="http").value.kvlist_value
    http.values.add(key="method").value.string_value = "GET"
    http.values.add(key="status").value.double_value = 200
    http.values.add(key="headers").value.kvlist_value.values.add(key="user.agent").value.string_value = "x"
    ids = attributes.add(key="ids").value.array_value
    ids.values.add(int_value=1)
    ids.values.add(double_value=2)
    attributes.add(key="temperature").value.double_value = 1
    (found,) = otlp_logs.translate(request, SCRUB).batch.logs
    metadata = dict(found.metadata)
    assert metadata.keys() >= {"http_method", "http_status", "http_headers_user_agent"}
    assert not metadata.keys() & {"http", "trace_id", "span_id"}
    assert (metadata["http_status"], metadata["ids"], metadata["temperature"]) == ("200", "[1,2]", "1")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *((1.0, "1"), (100000.0, "100000"), (1e-7, "1e-7"), (1.5e-10, "1.5e-10"), (1e21, "1e+21"), (1e-6, "0.000001")),
        *(
            (float("nan"), "json: unsupported value: NaN"),
            (float("-inf"), "json: unsupported value: -Inf"),
            (0.1, "0.1"),
        ),
    ],
)
def test_numbers_in_attributes_are_written_as_the_collector_does(value: float, shown: str) -> None:
    assert text_of(AnyValue(double_value=value)) == shown


def test_lists_and_maps_in_attributes_are_written_as_the_collector_does() -> None:
    value = AnyValue()
    for key in ("b", "a"):
        value.kvlist_value.values.add(key=key).value.double_value = 1e-7
    value.kvlist_value.values.add(key="<é\u2028>").value.array_value.values.add(bytes_value=b"\0")
    value.kvlist_value.values[2].value.array_value.values.add()
    assert text_of(value) == '{"<é\\u2028>":["AA==",null],"a":1e-7,"b":1e-7}'
    value.kvlist_value.values.add(key="n").value.double_value = float("nan")
    assert text_of(value) == ""


def test_log_records_that_cannot_be_stored_are_rejected() -> None:
    for record, says in (
        ({"trace_id": b"x"}, "wrong length"),
        ({"time_unix_nano": 1 << 63}, "2262"),
        ({"time_unix_nano": time.time_ns() // 10**9}, "looks like seconds"),
        ({"time_unix_nano": time.time_ns() // 10**6}, "looks like milliseconds"),
        ({"time_unix_nano": 10**18}, "timestamp too old: 2001-09-09T01:46:40Z, oldest acceptable timestamp is: 20"),
        ({"time_unix_nano": 2 * 10**18}, "timestamp too new: 2033-05-18T03:33:20Z"),
        ({"body": {"string_value": "x" * 300_000}}, "longer than"),
    ):
        found = otlp_logs.translate(log_request(**record), SCRUB)
        assert (found.rejected, list(found.batch.logs)) == (1, [])
        assert says in found.message


def valid_request() -> bytes:
    """One point of each kind, in delta temporality where there is one."""
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    identify(group)
    times = {"start_time_unix_nano": NOW - SECOND, "time_unix_nano": NOW}
    buckets = {"count": 3, "sum": 1.0, "bucket_counts": [1, 2], "explicit_bounds": [1.0]}
    scaled = {"count": 3, "scale": 2, "positive": {"offset": 3, "bucket_counts": [1, 2]}}
    metrics: list[dict[str, Any]] = [
        {"gauge": {"data_points": [number(1, attributes=[attribute("k", "v")])]}},
        {"sum": {"aggregation_temporality": 1, "is_monotonic": True, "data_points": [{**times, "as_int": 2}]}},
        {"histogram": {"aggregation_temporality": 1, "data_points": [{**times, **buckets}]}},
        {"exponential_histogram": {"aggregation_temporality": 1, "data_points": [{**times, **scaled}]}},
        {"summary": {"data_points": [{**times, "quantile_values": [{"quantile": 0.5, "value": 1.0}]}]}},
    ]
    scoped = group.scope_metrics.add()
    scoped.metrics.extend(Metric(name="m", unit="s", **metric) for metric in metrics)
    return request.SerializeToString()


VALID = valid_request()


@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), max_size=6))
def test_no_request_is_more_than_a_rejection(changes: list[tuple[int, int]]) -> None:
    body = bytearray(VALID)
    for place, value in changes:
        body[place] = value
    try:
        request = ExportMetricsServiceRequest.FromString(bytes(body))
    except DecodeError:
        return
    found = otlp_metrics.Translator(lambda: NOW)(request, SCRUB)
    assert 0 <= found.rejected <= found.count
    assert all(abs(sample.time_ms) < 1 << 63 and dict(sample.labels)["__name__"] for sample in found.batch.samples)


def test_what_a_known_service_sends_has_the_namespace_of_its_stack() -> None:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    identify(group)
    group.scope_metrics.add().metrics.append(Metric(name="x", gauge={"data_points": [number(1)]}))
    translate = otlp_metrics.Translator(lambda: NOW, {"api": "orders", "other": "not-this"})
    (sample,) = translate(request, SCRUB).batch.samples
    assert dict(sample.labels)["service_namespace"] == "orders"
    assert dict(sample.labels)["job"] == "shop/api"
