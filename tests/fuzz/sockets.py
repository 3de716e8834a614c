"""Requests over sockets to a server process: HTTP as bytes, gRPC as frames. It must answer, live on, and stay small."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import psutil

from tests.fuzz import seeds
from tests.fuzz.calls import FuzzRequest, asked, posted
from tests.fuzz.mutate import Mutator
from tests.unit.embedded.conftest import Embedded, embedded_server

if TYPE_CHECKING:
    from tests.fuzz.campaign import Findings

PATIENCE = 20.0
MOST_BYTES = 600 << 20
SERVICES = {"traces": "trace.v1.Trace", "logs": "logs.v1.Logs", "metrics": "metrics.v1.Metrics"}
_HEALTHY = b"GET /-/ready HTTP/1.1\r\nHost: localhost\r\n\r\n"


def send_all(mutator: Mutator, inputs: int, findings: Findings) -> None:
    """A third gRPC, the others HTTP, of which half have changed bytes in their head, too."""
    with tempfile.TemporaryDirectory() as folder, embedded_server(Path(folder)) as server, _channel(server) as channel:
        process = psutil.Process(server.process.pid)
        for number in range(inputs):
            wrong = _by_grpc(channel, mutator) if number % 3 == 0 else _by_http(server, mutator)
            findings.inputs += 1
            findings.outcomes["sockets"] += 1
            if wrong:
                findings.add(*wrong)
            if number % 500 == 499:
                _look_at(server, process, findings)
        _look_at(server, process, findings)


@contextlib.contextmanager
def _channel(server: Embedded) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.address("otlp_grpc")) as channel:
        yield channel


def _look_at(server: Embedded, process: psutil.Process, findings: Findings) -> None:
    if server.process.poll() is not None:
        raise AssertionError("the server ended")
    for role in ("otlp_http", "prometheus", "loki", "jaeger", "traceql", "alerts"):
        if not _exchange(server, role, _HEALTHY).startswith(b"HTTP/1.1 200"):
            findings.add(f"{role} is not well any more", "")
    if process.memory_info().rss > MOST_BYTES:
        findings.add(f"the server takes more than {MOST_BYTES >> 20} MiB", process.memory_info().rss)


def _by_http(server: Embedded, mutator: Mutator) -> tuple[str, object] | None:
    request = posted(mutator) if mutator.random.random() < 0.5 else asked(mutator)
    data = _message(request)
    if mutator.random.random() < 0.5:
        data = mutator.data([data])
    try:
        answer = _exchange(server, request.role, data)
    except TimeoutError:
        return f"{request.role}: no answer within {PATIENCE:g} s", data
    status = answer[9:12]
    if answer and (not answer.startswith(b"HTTP/1.") or not status.isdigit()):
        return f"{request.role}: no answer of HTTP", (data, answer[:200])
    return (
        (f"{request.role}: {status.decode()}", (data, answer[:300]))
        if status[:1] == b"5" and status != b"503"
        else None
    )


def _message(request: FuzzRequest) -> bytes:
    path = request.path.encode("utf-8", "surrogateescape") + (f"?{request.query}".encode() if request.query else b"")
    headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers)
    length = f"content-length: {len(request.body)}\r\n" if request.body else ""
    head = f" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}{length}\r\n"
    return request.method.encode() + b" " + path + head.encode() + request.body


def _exchange(server: Embedded, role: str, data: bytes) -> bytes:
    """Send, close the sending side, and read what comes, until the server closes or has answered."""
    host, _, port = server.address(role).rpartition(":")
    answer = b""
    with (
        socket.create_connection((host, int(port)), timeout=PATIENCE) as connection,
        contextlib.suppress(BrokenPipeError, ConnectionResetError),
    ):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def _by_grpc(channel: grpc.Channel, mutator: Mutator) -> tuple[str, object] | None:
    signal = mutator.random.choice([*SERVICES])
    body = mutator.data([bytes(seeds.OTLP[signal].SerializeToString())])
    method = f"/opentelemetry.proto.collector.{SERVICES[signal]}Service/Export"
    try:
        channel.unary_unary(method)(body, timeout=PATIENCE)
    except grpc.RpcError as error:
        code = error.code().name  # type: ignore[attr-defined]
        return (f"gRPC {signal}: {code}", body) if code not in ("INVALID_ARGUMENT", "UNAVAILABLE") else None
    return None
