"""Figures of the embedded server: ingest rate, time until a span can be queried, trace-by-id latency.

Each function starts a real server process on free ports with a temporary data folder, and gives figures by name.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_ROLES = ("otlp_grpc", "otlp_http", "prometheus", "loki", "jaeger", "traceql")
_BATCH = 512
_SPANS_IN_TRACE = 8
_ATTRIBUTES = 8
_READY_SECONDS = 15.0


@dataclass(frozen=True)
class Server:
    """A running embedded server."""

    ports: dict[str, int]
    process: subprocess.Popen[bytes]
    ready_seconds: float
    folder: Path

    def connect(self, role: str) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.ports[role], timeout=30)

    @property
    def database(self) -> Path:
        return self.folder / "data" / "telemetry.db"

    @property
    def disk_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.database.parent.iterdir())

    @property
    def rss_megabytes(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


@contextmanager
def embedded_server() -> Iterator[Server]:
    """A fresh server; stopped, and its data removed, at the end."""
    with tempfile.TemporaryDirectory() as folder:
        ports = dict(zip(_ROLES, _free_ports(len(_ROLES)), strict=True))
        config = Path(folder) / "config.json"
        config.write_text(json.dumps(_config(folder, ports)))
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "obsctl.embedded", "--config", str(config)])
        try:
            _wait_ready(ports["otlp_http"], process)
            yield Server(ports, process, time.perf_counter() - began, Path(folder))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def otlp_spans_per_second(batches: int = 150, runs: int = 3) -> dict[str, float]:
    """Spans a second over OTLP/HTTP in batches of 512 with 8 attributes, acknowledged after commit."""
    rates = []
    for _ in range(runs):
        with embedded_server() as server:
            bodies = [_batch() for _ in range(batches)]
            send_all(server, bodies[:5])
            began = time.perf_counter()
            send_all(server, bodies[5:])
            rates.append((batches - 5) * _BATCH / (time.perf_counter() - began))
    return {"otlp_spans_per_second": round(statistics.median(rates))}


def span_to_queryable(spans: int = 200) -> dict[str, float]:
    """Milliseconds from sending a span until the Jaeger API gives it back by trace id."""
    with embedded_server() as server, ExitStack() as stack:
        sender, reader = (closing_connection(stack, server.connect(role)) for role in ("otlp_http", "jaeger"))
        delays = []
        for _ in range(spans):
            request = _request(1)
            trace_id = request.resource_spans[0].scope_spans[0].spans[0].trace_id.hex()
            body = request.SerializeToString()
            began = time.perf_counter()
            _post(sender, body)
            while not _has_trace(reader, trace_id):
                pass
            delays.append((time.perf_counter() - began) * 1000)
    return {"span_to_queryable_ms_p50": _quantile(delays, 0.5), "span_to_queryable_ms_p99": _quantile(delays, 0.99)}


def trace_by_id(stored: int = 100_000, looks: int = 300) -> dict[str, float]:
    """Milliseconds of ``GET /api/traces/{id}`` with ``stored`` spans in the store, traces picked evenly."""
    with embedded_server() as server, ExitStack() as stack:
        ids: list[str] = []
        step = max(1, stored // looks)
        for _ in range(0, stored, _BATCH * 20):
            requests = [_request(_BATCH) for _ in range(20)]
            send_all(server, [request.SerializeToString() for request in requests])
            spans = [span for request in requests for span in request.resource_spans[0].scope_spans[0].spans]
            ids += [span.trace_id.hex() for span in spans[::step]] or [spans[0].trace_id.hex()]
        reader = closing_connection(stack, server.connect("jaeger"))
        delays = [_timed(lambda one=one: _has_trace(reader, one)) for one in ids[:: max(1, len(ids) // looks)]]
    return {
        f"trace_by_id_ms_p50_{stored}": _quantile(delays, 0.5),
        f"trace_by_id_ms_p99_{stored}": _quantile(delays, 0.99),
    }


def start_and_idle(runs: int = 5) -> dict[str, float]:
    """Seconds until the server is ready, and its resident memory then in megabytes."""
    seen = []
    for _ in range(runs):
        with embedded_server() as server:
            seen.append((server.ready_seconds, server.rss_megabytes))
    return {
        "embedded_ready_seconds": round(statistics.median(seconds for seconds, _ in seen), 2),
        "embedded_idle_megabytes": round(statistics.median(megabytes for _, megabytes in seen), 1),
    }


def _request(spans: int) -> ExportTraceServiceRequest:
    """A request with new ids; eight spans to a trace."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "bench"
    scoped = group.scope_spans.add()
    scoped.scope.name = "bench"
    now = time.time_ns()
    trace_id = b""
    for index in range(spans):
        trace_id = trace_id if index % _SPANS_IN_TRACE else os.urandom(16)
        span = scoped.spans.add(
            trace_id=trace_id,
            span_id=os.urandom(8),
            name=f"GET /items/{index % 10}",
            kind=2,
            start_time_unix_nano=now + index,
            end_time_unix_nano=now + index + 1_000_000,
        )
        for number in range(_ATTRIBUTES):
            value = f"value-{number}" if number % 2 else os.urandom(8).hex()
            span.attributes.add(key=f"app.attribute.{number}").value.string_value = value
    return request


def _batch() -> bytes:
    return _request(_BATCH).SerializeToString()


def send_all(server: Server, bodies: Sequence[bytes], clients: int = 4) -> None:
    """Send bodies over several connections; all must be accepted."""

    def work(mine: Sequence[bytes]) -> None:
        with ExitStack() as stack:
            connection = closing_connection(stack, server.connect("otlp_http"))
            for body in mine:
                _post(connection, body)

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(work, [bodies[client::clients] for client in range(clients)]))


def _post(connection: http.client.HTTPConnection, body: bytes) -> None:
    connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
    response = connection.getresponse()
    answer = response.read()
    if response.status != 200 or answer:
        raise RuntimeError(f"not everything was accepted: {response.status} {answer!r}")


def _has_trace(connection: http.client.HTTPConnection, trace_id: str) -> bool:
    connection.request("GET", f"/api/traces/{trace_id}")
    response = connection.getresponse()
    response.read()
    return response.status == 200


def _timed(look: Callable[[], bool]) -> float:
    began = time.perf_counter()
    if not look():
        raise RuntimeError("a stored trace was not found")
    return (time.perf_counter() - began) * 1000


def _quantile(values: Sequence[float], share: float) -> float:
    return round(sorted(values)[min(len(values) - 1, int(len(values) * share))], 2)


def closing_connection(stack: ExitStack, connection: http.client.HTTPConnection) -> http.client.HTTPConnection:
    stack.callback(connection.close)
    return connection


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _wait_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/-/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.01)
        finally:
            connection.close()
    raise RuntimeError("the embedded server did not become ready")


def _config(folder: str, ports: dict[str, int]) -> dict[str, object]:
    return {
        "data_dir": str(Path(folder) / "data"),
        "listen": {role: f"127.0.0.1:{port}" for role, port in ports.items()},
        "scrape": {"interval_seconds": 2.0, "timeout_seconds": 2.0, "targets": []},
        "log_files": [],
        "log_fields": {"labels": [], "metadata": []},
        "scrub": {
            "attributes": ["user.email", "*.password"],
            "patterns": {"email": r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}"},
        },
        "retention": {"age_seconds": 86_400, "size_bytes": 16 << 30},
        "span_metrics": True,
        "limits": {"body_bytes": 64 << 20, "queue_items": 200_000},
    }
