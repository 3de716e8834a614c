"""A collector for tests: takes OTLP over HTTP and keeps the spans, and the requests with log records as they came."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    component: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    trace_state: str
    attributes: dict[str, Any]
    failed: bool
    raw: bytes


KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")


@dataclass
class Collector:
    url: str = ""
    spans: list[Span] = field(default_factory=list)
    logs: list[bytes] = field(default_factory=list)

    def trace(self, trace_id: str) -> list[Span]:
        return [span for span in list(self.spans) if span.trace_id == trace_id]

    def take(self, body: bytes) -> None:
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = {a.key: a.value.string_value for a in group.resource.attributes}
            for scope in group.scope_spans:
                self.spans.extend(_span(resource["service.name"], raw) for raw in scope.spans)


def _span(component: str, raw: Any) -> Span:
    values = {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in raw.attributes}
    return Span(
        component=component,
        name=raw.name,
        kind=KINDS[raw.kind],
        trace_id=raw.trace_id.hex(),
        span_id=raw.span_id.hex(),
        parent_id=raw.parent_span_id.hex(),
        trace_state=raw.trace_state,
        attributes=values,
        failed=raw.status.code == 2,
        raw=raw.SerializeToString(),
    )


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            collector.logs.append(body) if self.path == "/v1/logs" else collector.take(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        collector.url = f"http://127.0.0.1:{server.server_port}"
        yield collector
        server.shutdown()
        thread.join()
