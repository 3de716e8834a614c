"""Of N records that any receiver gets, stored and rejected and duplicate ones are N: in the answer, in the server's own
metrics, and by what can be queried afterwards.
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from cramjam import snappy
from google.protobuf.json_format import MessageToDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from obsctl.embedded.loki.push import PushRequest
from obsctl.embedded.prometheus.write_requests import Label, Request, WriteRequest

from .conftest import Embedded, ask

GOOD, BAD, AGAIN = "good", "bad", "again"
RECORDS = st.lists(st.sampled_from((GOOD, BAD, AGAIN)), min_size=1, max_size=30)
FAMILIES = ("received", "accepted", "rejected", "duplicate")
_numbers = count(1)


@dataclass(frozen=True)
class Sent:
    """What an answer says was rejected (None: it says no number), and how many different records can be queried."""

    rejected: int | None
    stored: Callable[[], int]


def now() -> int:
    return time.time_ns()


def traces(records: list[str], run: int) -> Any:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = f"lost-{run}"
    spans = resource.scope_spans.add().spans
    for number, record in enumerate(records):
        place = 0 if record == AGAIN else number + 1
        span_id = b"\x00" * 8 if record == BAD else (place + 1).to_bytes(8, "big")
        start = 10**18 + place if record == AGAIN else 10**18
        spans.add(trace_id=run.to_bytes(16, "big"), span_id=span_id, name="s", start_time_unix_nano=start)
    return request


def logs(records: list[str], run: int) -> Any:
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.add(key="service.name").value.string_value = f"lost-{run}"
    scope, moment = resource.scope_logs.add(), now()
    for number, record in enumerate(records):
        line = scope.log_records.add(time_unix_nano=1 if record == BAD else moment)
        line.body.string_value = "again" if record == AGAIN else f"line {number}"
    return request


def metrics(records: list[str], run: int) -> Any:
    request = ExportMetricsServiceRequest()
    scope, moment = request.resource_metrics.add().scope_metrics.add(), now()
    for number, record in enumerate(records):
        metric = scope.metrics.add(name="" if record == BAD else f"lost_{run}")
        point = metric.gauge.data_points.add(time_unix_nano=moment, as_int=7)
        point.attributes.add(key="n").value.string_value = "again" if record == AGAIN else str(number)
    return request


REQUESTS: Mapping[str, Callable[[list[str], int], Any]] = {"traces": traces, "logs": logs, "metrics": metrics}
ANSWERS = {
    "traces": (ExportTraceServiceResponse, "rejected_spans"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points"),
}
SERVICES = {"traces": "trace.v1.Trace", "logs": "logs.v1.Logs", "metrics": "metrics.v1.Metrics"}


def queried(server: Embedded, signal: str, run: int) -> int:
    if signal == "traces":
        found = server.get("jaeger", f"/api/traces/{run:032x}").json["data"]
        return sum(len(trace["spans"]) for trace in found or [])
    if signal == "logs":
        query = quote(f'{{service_name="lost-{run}"}}')
        streams = server.get("loki", f"/loki/api/v1/query_range?query={query}&limit=100").json["data"]["result"]
        return sum(len(stream["values"]) for stream in streams)
    return len(server.get("prometheus", f"/api/v1/series?match[]=lost_{run}").json["data"])


def by_grpc(server: Embedded, signal: str, request: Any) -> Any:
    method = f"/opentelemetry.proto.collector.{SERVICES[signal]}Service/Export"
    with grpc.insecure_channel(server.address("otlp_grpc")) as channel:
        return ANSWERS[signal][0].FromString(channel.unary_unary(method)(request.SerializeToString(), timeout=20))


def by_protobuf(server: Embedded, signal: str, request: Any) -> Any:
    headers = {"Content-Type": "application/x-protobuf"}
    answer = ask("POST", server.url("otlp_http", f"/v1/{signal}"), request.SerializeToString(), headers)
    assert answer.status == 200
    return ANSWERS[signal][0].FromString(answer.body)


def by_json(server: Embedded, signal: str, request: Any) -> Any:
    document = MessageToDict(request, use_integers_for_enums=True)
    for resource in document.get("resourceSpans", []):
        for span in resource["scopeSpans"][0].get("spans", []):
            for name in ("traceId", "spanId"):
                span[name] = b64decode(span[name]).hex()
    headers = {"Content-Type": "application/json"}
    answer = ask("POST", server.url("otlp_http", f"/v1/{signal}"), json.dumps(document).encode(), headers)
    assert answer.status == 200
    found = ANSWERS[signal][0]()
    partial = answer.json.get("partialSuccess", {})
    rejected = next((int(value) for name, value in partial.items() if name.startswith("rejected")), 0)
    setattr(found.partial_success, ANSWERS[signal][1], rejected)
    return found


def otlp(transport: Callable[[Embedded, str, Any], Any], signal: str) -> Callable[[Embedded, list[str], int], Sent]:
    def send(server: Embedded, records: list[str], run: int) -> Sent:
        answer = transport(server, signal, REQUESTS[signal](records, run))
        return Sent(getattr(answer.partial_success, ANSWERS[signal][1]), lambda: queried(server, signal, run))

    return send


def entries(records: list[str]) -> list[tuple[int, str]]:
    moment = now()
    return [
        (1 if record == BAD else moment, "again" if record == AGAIN else f"line {number}")
        for number, record in enumerate(records)
    ]


def loki_json(server: Embedded, records: list[str], run: int) -> Sent:
    values = [[str(moment), line] for moment, line in entries(records)]
    body = {"streams": [{"stream": {"service_name": f"lost-{run}"}, "values": values}]}
    answer = ask(
        "POST",
        server.url("loki", "/loki/api/v1/push"),
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    assert answer.status == (400 if BAD in records else 204)
    return Sent(None, lambda: queried(server, "logs", run))


def loki_protobuf(server: Embedded, records: list[str], run: int) -> Sent:
    request = PushRequest()
    stream = request.streams.add(labels=f'{{service_name="lost-{run}"}}')
    for moment, line in entries(records):
        entry = stream.entries.add(line=line)
        entry.timestamp.seconds, entry.timestamp.nanos = divmod(moment, 10**9)
    headers = {"Content-Type": "application/x-protobuf"}
    packed = bytes(snappy.compress_raw(request.SerializeToString()))
    answer = ask("POST", server.url("loki", "/loki/api/v1/push"), packed, headers)
    assert answer.status == (400 if BAD in records else 204)
    return Sent(None, lambda: queried(server, "logs", run))


def remote_write(server: Embedded, records: list[str], run: int) -> Sent:
    request, moment = WriteRequest(), now() // 10**6
    for number, record in enumerate(records):
        place = "again" if record == AGAIN else str(number)
        names = {"__name__": f"lost_{run}", "n": place} | ({"": "x"} if record == BAD else {})
        labels = [Label(name=name, value=value).SerializeToString() for name, value in sorted(names.items())]
        request.timeseries.add(labels=labels).samples.add(value=7, timestamp=moment)
    packed = bytes(snappy.compress_raw(request.SerializeToString()))
    answer = ask("POST", server.url("prometheus", "/api/v1/write"), packed, {"Content-Encoding": "snappy"})
    assert answer.status == (400 if BAD in records else 204)
    return Sent(None, lambda: queried(server, "metrics", run))


def remote_write_2(server: Embedded, records: list[str], run: int) -> Sent:
    request, moment = Request(symbols=["", "__name__", f"lost_{run}", "n", "again"]), now() // 10**6
    for number, record in enumerate(records):
        request.symbols.append(str(number))
        place = 4 if record == AGAIN else len(request.symbols) - 1
        refers = [1, 2, 3, place, *([0, 1] if record == BAD else [])]
        request.timeseries.add(labels_refs=refers).samples.add(value=7, timestamp=moment)
    packed = bytes(snappy.compress_raw(request.SerializeToString()))
    headers = {"Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"}
    answer = ask("POST", server.url("prometheus", "/api/v1/write"), packed, headers)
    assert answer.status == (400 if BAD in records else 204)
    written = int(answer.headers["x-prometheus-remote-write-samples-written"])
    return Sent(len(records) - written, lambda: queried(server, "metrics", run))


def alertmanager(server: Embedded, records: list[str], run: int) -> Sent:
    alerts = [
        {"labels": {} if record == BAD else {"alertname": f"lost-{run}", "n": "x" if record == AGAIN else str(number)}}
        for number, record in enumerate(records)
    ]
    headers = {"Content-Type": "application/json"}
    answer = ask("POST", server.url("alerts", "/api/v2/alerts"), json.dumps(alerts).encode(), headers)
    assert answer.status == (400 if BAD in records else 200)
    matcher = quote(f'alertname="lost-{run}"')
    return Sent(None, lambda: len(server.get("alerts", f"/api/v2/alerts?filter={matcher}").json))


TRANSPORTS = (("gRPC", by_grpc, "grpc"), ("protobuf", by_protobuf, "http"), ("JSON", by_json, "http"))
RECEIVERS: Mapping[str, tuple[Callable[[Embedded, list[str], int], Sent], str]] = {
    **{f"{signal} gRPC": (otlp(by_grpc, signal), f'{{signal="{signal}",transport="grpc"}}') for signal in REQUESTS},
    **{
        f"{signal} protobuf": (otlp(by_protobuf, signal), f'{{signal="{signal}",transport="http"}}')
        for signal in REQUESTS
    },
    **{f"{signal} JSON": (otlp(by_json, signal), f'{{signal="{signal}",transport="http"}}') for signal in REQUESTS},
    "Loki JSON": (loki_json, '{signal="logs",transport="loki"}'),
    "Loki protobuf": (loki_protobuf, '{signal="logs",transport="loki"}'),
    "remote write": (remote_write, '{signal="metrics",transport="remote_write"}'),
    "remote write 2.0": (remote_write_2, '{signal="metrics",transport="remote_write"}'),
    "Alertmanager": (alertmanager, '{signal="alerts",transport="alertmanager"}'),
}


def counts(server: Embedded, labels: str) -> dict[str, int]:
    return {family: int(server.own(f"obsctl_items_{family}_total{labels}")) for family in FAMILIES}


@pytest.mark.parametrize("receiver", RECEIVERS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(records=RECORDS)
def test_stored_and_rejected_and_duplicate_records_are_all_there_were(
    shared: Embedded, receiver: str, records: list[str]
) -> None:
    send, labels = RECEIVERS[receiver]
    before = counts(shared, labels)
    sent = send(shared, records, next(_numbers))
    counted = {family: value - before[family] for family, value in counts(shared, labels).items()}
    assert counted["received"] == len(records)
    assert counted["accepted"] + counted["rejected"] + counted["duplicate"] == len(records), counted
    assert counted["rejected"] == records.count(BAD)
    assert sent.rejected in (None, records.count(BAD))
    assert sent.stored() == records.count(GOOD) + (AGAIN in records)


@pytest.fixture
def connections(shared: Embedded) -> Callable[[str, str], float]:
    def counted(protocol: str, role: str) -> float:
        port = shared.address(role).rpartition(":")[2]
        return shared.own(f'obsctl_wrong_protocol_connections_total{{protocol="{protocol}",port="{port}"}}')

    return counted


@pytest.mark.parametrize("role", ["otlp_http", "prometheus", "loki", "jaeger", "alerts"])
def test_grpc_to_a_port_of_http_is_refused_and_counted(
    shared: Embedded, role: str, connections: Callable[[str, str], float]
) -> None:
    before = connections("http2", role)
    with grpc.insecure_channel(shared.address(role)) as channel, pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")(b"", timeout=20)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE  # type: ignore[attr-defined]
    assert connections("http2", role) > before


def test_tls_to_a_plain_port_is_refused_and_counted(shared: Embedded, connections: Callable[[str, str], float]) -> None:
    host, _, port = shared.address("otlp_http").rpartition(":")
    before = connections("tls", "otlp_http")
    with pytest.raises(ssl.SSLError):
        http.client.HTTPSConnection(host, int(port), timeout=20).request("POST", "/v1/traces")
    assert connections("tls", "otlp_http") == before + 1
