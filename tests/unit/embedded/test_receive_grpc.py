"""OTLP over gRPC, against a real server process."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from .conftest import Embedded, eventually, held_up
from .test_receive_http import stored, trace_request

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


@pytest.fixture
def channel(shared: Embedded) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(shared.address("otlp_grpc")) as opened:
        yield opened


def call(channel: grpc.Channel, method: str, body: bytes, **options: object) -> bytes:
    return channel.unary_unary(method)(body, timeout=20, **options)


def failure(channel: grpc.Channel, method: str, body: bytes) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, method, body, compression=grpc.Compression.Gzip)
    return caught.value


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_spans_are_stored_once_they_are_acknowledged(
    shared: Embedded, channel: grpc.Channel, compression: grpc.Compression
) -> None:
    trace_id = os.urandom(16)
    body = trace_request(spans=2, trace_id=trace_id).SerializeToString()
    assert call(channel, TRACES, body, compression=compression) == b""
    assert call(channel, TRACES, body, compression=compression) == b""
    assert len(stored(shared, trace_id)) == 2


def test_invalid_items_are_a_partial_success(channel: grpc.Channel) -> None:
    request = trace_request(spans=1)
    request.resource_spans[0].scope_spans[0].spans.add(trace_id=b"x", span_id=b"y")
    partial = ExportTraceServiceResponse.FromString(call(channel, TRACES, request.SerializeToString())).partial_success
    assert partial.rejected_spans == 1
    assert "trace_id of 1 bytes" in partial.error_message
    logs = ExportLogsServiceRequest()
    logs.resource_logs.add().scope_logs.add().log_records.add(trace_id=b"short")
    answer = ExportLogsServiceResponse.FromString(call(channel, LOGS, logs.SerializeToString()))
    assert answer.partial_success.rejected_log_records == 1


def test_a_malformed_message_is_an_invalid_argument(channel: grpc.Channel) -> None:
    error = failure(channel, TRACES, b"\xff\xff")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "not a protobuf" in error.details()


def test_a_message_over_the_limit_is_exhausted_and_not_to_be_sent_again(
    shared: Embedded, channel: grpc.Channel
) -> None:
    body = b"\x00" * (shared.config["limits"]["body_bytes"] + 1)
    assert len(gzip.compress(body)) < 10_000
    error = failure(channel, TRACES, body)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "grpc-status-details-bin" not in dict(error.trailing_metadata() or ())


def test_an_unknown_service_is_unimplemented(channel: grpc.Channel) -> None:
    method = "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"
    assert failure(channel, method, b"").code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_full_queue_is_unavailable_with_a_time_to_come_back(embedded: Callable[..., Embedded]) -> None:
    server = embedded(limits={"body_bytes": 4 << 20, "queue_items": 1})
    bodies = [trace_request().SerializeToString() for _ in range(6)]
    with grpc.insecure_channel(server.address("otlp_grpc")) as channel:
        with held_up(server):
            futures = [channel.unary_unary(TRACES).future(body, timeout=20) for body in bodies]
            eventually(lambda: sum(one.done() for one in futures) >= 4)
        errors = [error for one in futures if (error := one.exception()) is not None]
    assert 4 <= len(errors) <= 5
    for error in errors:
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        status = Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
        retry = RetryInfo()
        assert status.details[0].Unpack(retry)
        assert (status.code, retry.retry_delay.seconds) == (14, 1)
