"""Somebody's service: two processes on bare ``http.server``, with the OpenTelemetry SDK and prometheus-client.

It shares nothing with obsctl or its sample: other names, another request id header, its own routes and buckets. The
``storefront`` writes JSON lines to standard output, the ``stockroom`` sends its logs by OTLP. The file named by
``SHOP_BREAK`` holds what is broken right now, so that tests need not start it anew.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

HEADER = "X-Correlation-Id"
PAID_AFTER = 0.02
NAME = os.environ["OTEL_SERVICE_NAME"]
PORT, STOCK = int(os.environ["SHOP_PORT"]), os.environ["SHOP_STOCK"]

provider = TracerProvider(resource=Resource.create())
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=50))
tracer = provider.get_tracer("shop")
records = LoggerProvider(resource=Resource.create())
records.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(), schedule_delay_millis=50))

registry = CollectorRegistry()
handled = Counter("shop_handled", "Requests.", ("verb", "path", "code"), registry=registry)
took = Histogram("shop_took_seconds", "Time.", ("verb", "path"), buckets=(0.01, 0.1, 0.5, 1), registry=registry)
baskets = Gauge("shop_open_baskets", "Baskets.", registry=registry)
moves = Counter("shop_stock_moves", "Items moved.", ("direction",), registry=registry)
orders: dict[str, float] = {}


def broken(what: str) -> bool:
    """Whether this is broken now."""
    return Path(os.environ["SHOP_BREAK"]).read_text() == what


def log(text: str, request_id: str) -> None:
    context = trace.get_current_span().get_span_context()
    if broken("canary_logged") and NAME == "storefront":
        text += f" for {Handler.last_body}"
    fields = {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}", "request_id": request_id}
    if broken(f"log_without_trace_id_{NAME}"):
        fields["trace_id"] = ""
    if broken(f"log_without_request_id_{NAME}"):
        del fields["request_id"]
    if broken(f"silent_{NAME}"):
        return
    if NAME == "storefront":
        moment = datetime.now(UTC).isoformat()
        print(json.dumps({"timestamp": moment, "severity": "INFO", "text": text, **fields}), flush=True)
        return
    bare = bool(not fields.get("trace_id"))
    records.get_logger("shop").emit(
        LogRecord(
            timestamp=time.time_ns(),
            context=trace.set_span_in_context(trace.INVALID_SPAN) if bare else None,
            severity_text="INFO",
            body=text,
            attributes={k: v for k, v in fields.items() if k == "request_id"},
        )
    )


class Handler(BaseHTTPRequestHandler):
    """Answers by the first route that fits; everything about it is measured here."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one packet
    last_body: Any = None

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        if self.path in ("/internal/metrics", "/health"):
            self.send(200, exposition() if "metrics" in self.path else b"fine\n", CONTENT_TYPE_LATEST)
            return
        Handler.last_body = body
        route, reply = next((r, a) for r, p, m, a in ROUTES if m == self.command and re.fullmatch(p, self.path))
        request_id = self.headers.get(HEADER, "none")
        kind = trace.SpanKind.SERVER
        context = propagate.extract({name.lower(): value for name, value in self.headers.items()})
        if broken("traceparent_ignored"):
            context = None
        with tracer.start_as_current_span(f"{self.command} {route}", context=context, kind=kind) as span:
            began = time.perf_counter()
            status, said = reply(self.path, body, request_id)
            self.note(span, route, status, said)
            log(f"answered {self.command} {route}", request_id)
            self.count(route, status, time.perf_counter() - began, span)
        self.send(status, json.dumps(said).encode(), "application/json", "x" if broken("id_lost") else request_id)

    def note(self, span: trace.Span, route: str, status: int, said: dict[str, Any]) -> None:
        span.set_attributes({"http.route": route, "http.response.status_code": status})
        if "order" in said and not broken("attribute_missing"):
            span.set_attribute("shop.order", said["order"])
        if broken("attribute_forbidden"):
            span.set_attribute("shop.customer.mail", "hidden")
        if broken("canary_traced"):
            span.set_attribute("shop.note", str(Handler.last_body))

    def count(self, route: str, status: int, seconds: float, span: trace.Span) -> None:
        by = 2 if broken("counted_twice") else 1
        handled.labels(self.command, route, str(status)).inc(by)
        exemplar = {"trace_id": f"{span.get_span_context().trace_id:032x}"}
        took.labels(self.command, route).observe(seconds, None if broken("exemplar_missing") else exemplar)

    def send(self, status: int, body: bytes, kind: str, request_id: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header(HEADER, request_id)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - http.server's names


def exposition() -> bytes:
    text = generate_latest(registry).decode()
    for what, pattern, replacement in REWRITES:
        if broken(what):
            text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text.encode()


REWRITES = (
    ("metric_renamed", r"shop_open_baskets", "shop_baskets_open"),
    ("label_missing", r'^(shop_stock_moves_total)\{direction="out"\}', r"\1"),
    ("type_changed", r"^# TYPE shop_open_baskets gauge", "# TYPE shop_open_baskets unknown"),
    ("bucket_changed", r'le="0.5"', 'le="0.6"'),
    (
        "series_explode",
        r"^# TYPE shop_stock_moves counter$",
        "\n".join([r"\g<0>", *(rf'shop_stock_moves_total{{direction="shelf {n}"}} 1' for n in range(9))]),
    ),
)


def place(path: str, body: Any, request_id: str) -> tuple[int, dict[str, Any]]:
    number = f"o-{len(orders) + 1}"
    orders[number] = time.monotonic()
    baskets.set(len(orders) % 7)
    with tracer.start_as_current_span("stockroom", kind=trace.SpanKind.CLIENT):
        headers: dict[str, str] = {HEADER: request_id, "Content-Type": "application/json"}
        if not broken("propagation_cut"):
            propagate.inject(headers)
        if broken("state_lost"):
            headers.pop("tracestate")
        data = json.dumps({"by": -1}).encode()
        url = f"{STOCK}/items/{body['sku']}"
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method="PUT"), timeout=5) as reply:
            reply.read()
    return 202 if broken("status_wrong") else 201, {"order": number, "links": {"self": f"/orders/{number}"}}


def catalog(path: str, body: Any, request_id: str) -> tuple[int, dict[str, Any]]:
    """What there is, as the stockroom knows it."""
    if NAME == "stockroom":
        return 200, {"items": ["tea", "pots"]}
    with tracer.start_as_current_span("ask stockroom", kind=trace.SpanKind.CLIENT):
        headers: dict[str, str] = {HEADER: request_id}
        propagate.inject(headers)
        with urllib.request.urlopen(urllib.request.Request(f"{STOCK}/items", headers=headers), timeout=5) as reply:
            return 200, json.loads(reply.read())


def look(path: str, body: Any, request_id: str) -> tuple[int, dict[str, Any]]:
    number = path.rpartition("/")[2]
    if number not in orders:
        return 404, {"error": "no such order"}
    paid = time.monotonic() - orders[number] > PAID_AFTER
    return 200, {"order": number, "state": {"payment": "paid" if paid else "open"}}


def move(path: str, body: Any, request_id: str) -> tuple[int, dict[str, Any]]:
    moves.labels("out" if body["by"] < 0 else "in").inc()
    return 200, {"moved": body["by"]}


Reply = Callable[[str, Any, str], tuple[int, dict[str, Any]]]
ROUTES: tuple[tuple[str, str, str, Reply], ...] = (
    ("/catalog", r"/catalog", "GET", catalog),
    ("/items", r"/items", "GET", catalog),
    ("/orders", r"/orders", "POST", place),
    ("/orders/{number}", r"/orders/[^/]+", "GET", look),
    ("/items/{sku}", r"/items/[^/]+", "PUT", move),
)

if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", PORT), Handler) as server:
        server.daemon_threads = True
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        server.serve_forever(poll_interval=0.05)
    provider.shutdown()
    records.shutdown()
    sys.exit(0)
