"""Traces for tests: a small language for spans, and the checkout trace that the golden drawings show."""

from __future__ import annotations

import json
from typing import Any

from obsctl.clients.telemetry import LogLine, Span, SpanEvent, SpanLink

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
T0 = 1_772_456_851_208_000_000
MS = 1_000_000


def span(
    ident: int,
    parent: int | str | None,
    service: str,
    name: str,
    start: float,
    end: float,
    *,
    error: str = "",
    **more: Any,
) -> Span:
    """A span with ids made from numbers, times in ms from T0; ``parent`` None is a root, a text is taken as it is."""
    return Span(
        trace_id=TRACE,
        span_id=f"{ident:016x}",
        parent_id="" if parent is None else parent if isinstance(parent, str) else f"{parent:016x}",
        service=service,
        name=name,
        start_ns=T0 + round(start * MS),
        end_ns=T0 + round(end * MS),
        status="error" if error else "unset",
        status_message=error,
        resource={"service.name": service},
        **more,
    )


def log(at: float, level: str, service: str, message: str, ident: int = 0, **fields: Any) -> LogLine:
    """A JSON log line as the embedded server stores it."""
    line = {"timestamp": "…", "level": level, "service": service, "message": message, **fields}
    metadata = {"trace_id": TRACE, **({"span_id": f"{ident:016x}"} if ident else {})}
    return LogLine(T0 + round(at * MS), json.dumps(line), {"service_name": service}, metadata)


def exception(at: float, kind: str, message: str, stack: str = "") -> SpanEvent:
    """An exception event as OpenTelemetry's SDKs write it."""
    known = {"exception.type": kind, "exception.message": message, "exception.stacktrace": stack}
    return SpanEvent("exception", T0 + round(at * MS), known)


STACK = """Traceback (most recent call last):
  File "/app/payment/http.py", line 31, in post
  File "/app/payment/charge.py", line 88, in call_psp
TimeoutError: read timed out (200ms)
"""


def checkout() -> tuple[list[Span], list[LogLine]]:
    """A checkout that fails at a payment provider: retries, n+1 queries, an orphan, a link, log lines."""
    timeout = exception(345, "TimeoutError", "read timed out (200ms)", STACK)
    spans = [
        span(1, None, "frontend", "POST /checkout", 0, 812, error="checkout failed", kind="server"),
        span(2, 1, "auth", "GET /session", 5, 23, kind="server"),
        span(3, 1, "cart", "GetCart", 25, 97, kind="server"),
        span(4, 3, "redis", "HGETALL cart:8841", 50, 61, kind="client", attributes={"db.system.name": "redis"}),
        span(5, 1, "checkout", "PlaceOrder", 100, 805, error="payment failed", kind="server"),
        span(6, 5, "payment", "Charge", 110, 620, error="card declined", kind="server"),
        span(
            *(7, 6, "payment", "POST psp/charge", 145, 345),
            error="TimeoutError: read timed out (200ms)",
            kind="client",
            attributes={"error.type": "timeout", "server.address": "psp.example"},
            events=(timeout,),
        ),
        span(
            *(8, 6, "payment", "POST psp/charge", 380, 620),
            kind="client",
            attributes={"http.response.status_code": 200, "psp.result": "declined"},
        ),
        span(9, 5, "inventory", "Reserve", 635, 785, kind="server"),
        *(span(20 + i, 9, "postgres", "UPDATE stock", 640 + 11 * i, 650 + 11 * i, kind="client") for i in range(12)),
        span(40, "9c1e00000000001e", "email", "SendReceipt", 850, 910, links=(SpanLink("77" * 16, "51" * 8),)),
    ]
    logs = [
        log(1, "INFO", "frontend", "checkout started", 1, cart_id=8841),
        log(331, "ERROR", "payment", "psp timeout after 200ms, retry 1/2", 7),
        log(702, "WARNING", "inventory", "12 row updates in one request", 9),
        log(806, "INFO", "gateway", "answered 502"),
    ]
    return spans, logs
