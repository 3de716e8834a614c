"""What nobody should send, to a real server process: each is refused in words or stored, and the next one is taken."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.conformance.promql_differential.remote_write import HEADERS, request

from .conftest import Embedded, ask
from .test_receive_http import PROTOBUF, post, stored, trace_request

SPANS = 10_000
MOMENTS = {
    "the first nanosecond": 1,
    "1980": 315_532_800 * 10**9,
    "2200": 7_258_118_400 * 10**9,
    "the last of 63 bits": 2**63 - 1,
    "more than 63 bits": 2**63,
    "the last of 64 bits": 2**64 - 1,
}
SERVICES = {signal: f"opentelemetry.proto.collector.{signal}.v1" for signal in ("trace", "metrics", "logs")}
METHODS = {
    "traces": f"/{SERVICES['trace']}.TraceService/Export",
    "metrics": f"/{SERVICES['metrics']}.MetricsService/Export",
    "logs": f"/{SERVICES['logs']}.LogsService/Export",
}
Send = Callable[[str, bytes], str]
"""Sends a request of a signal; gives "taken" or "refused"."""


def over_http(server: Embedded) -> Send:
    def send(signal: str, body: bytes) -> str:
        answer = post(server, body, PROTOBUF, f"/v1/{signal}")
        return {200: "taken", 400: "refused"}[answer.status]

    return send


def over_grpc(channel: grpc.Channel) -> Send:
    def send(signal: str, body: bytes) -> str:
        try:
            channel.unary_unary(METHODS[signal])(body, timeout=20)
        except grpc.RpcError as error:
            return {grpc.StatusCode.INVALID_ARGUMENT: "refused"}[error.code()]
        return "taken"

    return send


@pytest.fixture(params=["http", "grpc"])
def send(shared: Embedded, request: pytest.FixtureRequest) -> Iterator[Send]:
    if request.param == "http":
        yield over_http(shared)
        return
    with grpc.insecure_channel(shared.address("otlp_grpc")) as channel:
        yield over_grpc(channel)


def requests_at(moment: int) -> dict[str, Message]:
    """A span, a metric and a log line of one time."""
    traces = trace_request(service="late")
    span = traces.resource_spans[0].scope_spans[0].spans[0]
    span.start_time_unix_nano = span.end_time_unix_nano = moment
    metrics, logs = ExportMetricsServiceRequest(), ExportLogsServiceRequest()
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="late")
    metric.gauge.data_points.add(time_unix_nano=moment, as_double=1)
    logs.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=moment).body.string_value = "late"
    return {"traces": traces, "metrics": metrics, "logs": logs}


def assert_still_well(server: Embedded, send: Send) -> None:
    """What is sent now is stored, and every API answers."""
    trace_id = os.urandom(16)
    assert send("traces", trace_request(trace_id=trace_id).SerializeToString()) == "taken"
    assert len(stored(server, trace_id)) == 1
    for role, path in (
        ("jaeger", "/api/traces?service=late&lookback=1h"),
        ("jaeger", "/api/dependencies?endTs=9999999999999&lookback=9999999999999"),
        ("prometheus", "/api/v1/query?query=late"),
        ("prometheus", "/api/v1/series?match[]=late"),
        ("loki", "/loki/api/v1/query_range?query=%7Bservice_name%3D~%22.%2B%22%7D"),
    ):
        answer = server.get(role, path)
        assert answer.status == 200, (path, answer.body)


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_clocks_that_are_far_off_do_no_harm(shared: Embedded, send: Send, moment: int) -> None:
    for signal, one in requests_at(moment).items():
        assert send(signal, one.SerializeToString()) == "taken"
    assert_still_well(shared, send)


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
def test_text_that_is_not_utf8_is_repaired_and_counted(shared: Embedded, send: Send, signal: str) -> None:
    one = requests_at(time.time_ns())[signal].SerializeToString()
    (text,) = [found for found in (b"op 0", b"late") if found in one][:1]
    before = shared.own(f'obsctl_characters_repaired_total{{signal="{signal}"')
    assert send(signal, one.replace(text, b"\xff\xfe\xfd\xfc")) == "taken"
    assert shared.own(f'obsctl_characters_repaired_total{{signal="{signal}"') == before + 4
    assert_still_well(shared, send)


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_pushed_lines_of_any_time_do_no_harm(shared: Embedded, moment: int) -> None:
    body = {"streams": [{"stream": {"app": "late"}, "values": [[str(moment), "line"]]}]}
    headers = {"Content-Type": "application/json"}
    answer = ask("POST", shared.url("loki", "/loki/api/v1/push"), json.dumps(body).encode(), headers)
    assert answer.status in (204, 400), answer.body
    assert_still_well(shared, over_http(shared))


@pytest.mark.parametrize("moment", [-(2**63), -1, 0, 2**62, 2**63 - 1])
def test_written_samples_of_any_time_do_no_harm(shared: Embedded, moment: int) -> None:
    body = request([({"__name__": "late"}, {moment: 1.0})])
    answer = ask("POST", shared.url("prometheus", "/api/v1/write"), body, HEADERS)
    assert answer.status in (204, 400), answer.body
    assert_still_well(shared, over_http(shared))


def spoiled(body: bytes, changes: list[tuple[int, int]]) -> bytes:
    found = bytearray(body)
    for place, byte in changes:
        found[place % len(found)] = byte
    return bytes(found)


CHANGES: Any = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(signal=st.sampled_from(["traces", "metrics", "logs"]), changes=CHANGES)
def test_no_spoiled_request_is_a_failure_of_the_server(shared: Embedded, signal: str, changes: Any) -> None:
    over_http(shared)(signal, spoiled(requests_at(10**18)[signal].SerializeToString(), changes))


def test_a_trace_of_ten_thousand_spans_is_kept_whole(shared: Embedded, send: Send) -> None:
    trace_id = os.urandom(16)
    assert send("traces", trace_request(spans=SPANS, trace_id=trace_id).SerializeToString()) == "taken"
    assert len({span["spanID"] for span in stored(shared, trace_id)}) == SPANS


def test_after_all_of_that_it_is_well(shared: Embedded) -> None:
    assert_still_well(shared, over_http(shared))
