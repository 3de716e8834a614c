"""OTLP metrics become the series that Prometheus' own OTLP receiver makes of them: names, labels, bounds, values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.conformance.promql_differential import dataset
from tests.conformance.promql_differential.conftest import BASE, Server

START_NS = (BASE + dataset.SPAN) * 1_000_000
GAUGES = {
    "a.b": "By", "g.ratio": "1", "cpu.use": "1", "2xx": "", "weird  name!!": "parsec", "x.seconds": "s", "y": "By/s",
    "z": "{a}/s", "foo__bar": "", "with:colon": "", "k": "KiBy/m", "w": "m/s", "pc": "%", "t.celsius": "Cel",
    "_lead": "", "trail_": "", "ms.thing": "ms", "q": "s/{x}", "percent.total": "%", "é.b": "s", "n": "1/s",
    "dashed-name": "kg", "mi": "MiBy", "per.year": "By/y", "spaced": " s ", "annotated": "{x}s", "slash": "/s",
}  # fmt: skip
COUNTERS = {
    "c.r.total": "1", "c.total.r": "s", "c.reqs": "{r}", "c.bytes.total": "By", "c.seconds.total": "s", "c.total": "",
    "c.x_total_y": "s", "total": "s",
}  # fmt: skip
ATTRIBUTES = {"_u": "1", "__v": "2", "3w": "3", "a.b": "4", "a-b": "5", "a__b": "6", "é": "7", "empty": ""}
RESOURCE = {
    "service.name": "api", "service.namespace": "shop", "service.instance.id": "i", "host.name": "h", "_x": "1",
    "2y": "2", "a..b": "3", "__c": "4",
}  # fmt: skip
BOUNDS = [0.005, 0.25, 1, 10, 100_000, 1e6, 1e21]


def described(owner: Any, attributes: dict[str, str]) -> Any:
    for key, value in attributes.items():
        owner.attributes.add(key=key).value.string_value = value
    return owner


def request(export: int) -> ExportMetricsServiceRequest:
    """The metrics of a service, as it exports them for the n-th time."""
    found = ExportMetricsServiceRequest()
    group = found.resource_metrics.add()
    described(group.resource, RESOURCE)
    scoped = group.scope_metrics.add(schema_url="https://example.com/1.2.3")
    scoped.scope.name, scoped.scope.version = "lib", "1.0"
    described(scoped.scope, {"team.name": "t"})
    times = {"start_time_unix_nano": START_NS + export * 10**10, "time_unix_nano": START_NS + (export + 1) * 10**10}
    for name, unit in GAUGES.items():
        scoped.metrics.add(name=name, unit=unit).gauge.data_points.add(**times, as_double=export / 3)
    described(scoped.metrics.add(name="attributes").gauge.data_points.add(**times, as_int=7), ATTRIBUTES)
    for name, unit in COUNTERS.items():
        add_sum(scoped, name, unit, times, export, monotonic=True, temporality=2)
    add_sum(scoped, "up.down", "1", times, export, monotonic=False, temporality=2)
    add_sum(scoped, "delta.counter", "", times, export, monotonic=True, temporality=1)
    add_sum(scoped, "delta.updown", "", times, export, monotonic=False, temporality=1)
    for temporality in (1, 2):
        metric = scoped.metrics.add(name=f"latency.{temporality}", unit="s")
        metric.histogram.aggregation_temporality = temporality
        counts = [export + place for place in range(len(BOUNDS) + 1)]
        point = {"count": sum(counts), "sum": 9.5, "bucket_counts": counts, "explicit_bounds": BOUNDS}
        metric.histogram.data_points.add(**times, **point)
    point = scoped.metrics.add(name="summary", unit="s").summary.data_points.add(**times, count=6, sum=9)
    for quantile in (0, 0.5, 0.99, 1):
        point.quantile_values.add(quantile=quantile, value=quantile * 2)
    return found


def add_sum(scoped: Any, name: str, unit: str, times: Any, export: int, *, monotonic: bool, temporality: int) -> None:
    metric = scoped.metrics.add(name=name, unit=unit)
    metric.sum.is_monotonic, metric.sum.aggregation_temporality = monotonic, temporality
    metric.sum.data_points.add(**times, as_int=3 + export)


@pytest.fixture(scope="module")
def exported(their_server: Server, our_server: Server) -> None:
    headers = {"Content-Type": "application/x-protobuf"}
    for export in range(3):
        body = request(export).SerializeToString()
        for server in (their_server, our_server):
            answer = httpx.post(server.otlp, content=body, headers=headers, trust_env=False)
            assert (answer.status_code, answer.content) == (200, b"")


def series(ask: Any, export: int) -> Iterator[tuple[tuple[tuple[str, str], ...], str]]:
    """Labels and values of what was exported by the n-th time."""
    at = START_NS / 1e9 + 10 * export + 11
    for one in ask("query", {"query": '{job="shop/api"}', "time": at})["data"]["result"]:
        yield tuple(sorted(one["metric"].items())), one["value"][1]


@pytest.mark.usefixtures("exported")
@pytest.mark.parametrize("export", range(3))
def test_series_are_the_same(theirs: Any, ours: Any, export: int) -> None:
    expected = sorted(series(theirs, export))
    assert len(expected) > 60
    assert sorted(series(ours, export)) == expected
