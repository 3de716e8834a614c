"""Seats: a bare ASGI application. Metrics are a page on a port of their own, traces go by OTLP, lines to its output."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import uvicorn
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import Counter, Histogram, start_http_server

PORT = int(os.environ["PORT"])
traces = TracerProvider()
traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=200))
tracer = traces.get_tracer("seats")
answered = Counter("seat_http_requests", "Requests answered.", ["code", "method", "path"])
took = Histogram("seat_http_request_duration_seconds", "Time to answer.", ["method", "path"])
booked = Histogram("seats_booked", "Seats of one booking.", buckets=(1, 2, 5))


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers GET /seats, POST /bookings and GET /healthz."""
    if scope["type"] != "http":
        return
    began, headers = time.perf_counter(), {k.decode(): v.decode() for k, v in scope["headers"]}
    method, path = scope["method"], scope["path"]
    status = {("GET", "/seats"): 200, ("POST", "/bookings"): 201, ("GET", "/healthz"): 200}.get((method, path), 404)
    if path == "/healthz":
        await answer(send, status, headers)
        return
    with tracer.start_as_current_span(f"{method} {path}", propagate.extract(headers), trace.SpanKind.SERVER) as span:
        if method == "POST":
            booked.observe(2)
        span.set_attributes({"http.request.method": method, "http.route": path, "http.response.status_code": status})
        trace_id = f"{span.get_span_context().trace_id:032x}"
        line = {"ts": time.time(), "severity": "info", "msg": f"{method} {path}", "traceID": trace_id, "code": status}
        print(json.dumps(line), flush=True)
        answered.labels(str(status), method.lower(), path).inc()
        took.labels(method.lower(), path).observe(time.perf_counter() - began)
        await answer(send, status, headers)


async def answer(send: Any, status: int, headers: dict[str, str]) -> None:
    """Send the answer, with the id of the request if it had one."""
    known = headers.get("x-request-id", "")
    sent = [(b"content-type", b"application/json"), *([(b"x-request-id", known.encode())] if known else [])]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": json.dumps({"status": status}).encode()})


start_http_server(int(os.environ["METRICS_PORT"]), "127.0.0.1")
uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
