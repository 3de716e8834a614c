"""What every HTTP process shares: request ids, metrics and access log around the app, and the probe routes on it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from opentelemetry import trace
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from sample_service import metrics, request_context

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

UNMATCHED = "(unmatched)"
PROBES = ("/healthz", "/readyz", "/metrics")
MAX_BODY_BYTES = 64 * 1024
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Probe = Callable[[], str]
"""Looks at one thing that the process needs: an empty string if it is fine, else a few words saying what is wrong."""


class ObservedApp:
    """The outermost layer: gives each request its id, counts and logs its answer.

    Counting happens when the last byte is about to leave, while the server span is still the current one: who has the
    answer finds it counted, and the histogram gets its exemplar.
    """

    def __init__(self, app: ASGIApp, observed: metrics.HttpMetrics) -> None:
        self._app = app
        self._metrics = observed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event of the ASGI server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with request_context.begin(Headers(scope=scope).get(request_context.HEADER)) as context:
            exchange = _Exchange(scope, send, context.request_id, self._metrics)
            try:
                await self._app(scope, LimitedBody(scope, receive), exchange.send)
            finally:
                exchange.finish()


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, send: Send, request_id: str, observed: metrics.HttpMetrics) -> None:
        self._scope = scope
        self._send = send
        self._request_id = request_id
        self._metrics = observed
        self._started = time.perf_counter()
        self._status = 500
        self._size = 0
        self._finished = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            MutableHeaders(scope=message)[request_context.HEADER] = self._request_id
        elif message["type"] == "http.response.body":
            self._size += len(message.get("body", b""))
            if not message.get("more_body", False):
                self.finish()
        await self._send(message)

    def finish(self) -> None:
        """Count and log the answer, once."""
        if self._finished:
            return
        self._finished = True
        seconds = time.perf_counter() - self._started
        route, method = route_of(self._scope), method_of(self._scope)
        trace.get_current_span().set_attribute("route", route)
        self._metrics.observe(route, method, self._status, seconds, self._size)
        if route not in PROBES:
            fields = {"method": method, "route": route, "status": self._status, "duration_ms": round(seconds * 1e3, 3)}
            log.info("%s %s %d", method, route, self._status, extra={"fields": fields})


def route_of(scope: Scope) -> str:
    """The template of the route that took the request; never the raw path, which has no bound."""
    route = scope.get("route")
    if route is None and "endpoint" in scope:
        # FastAPI leaves only the endpoint in the scope for the plain Starlette routes that the probes are
        route = next((r for r in scope["app"].routes if getattr(r, "endpoint", None) is scope["endpoint"]), None)
    return getattr(route, "path", UNMATCHED)


def method_of(scope: Scope) -> str:
    """The method, with one value for everything that is not standard."""
    method = str(scope["method"])
    return method if method in METHODS else "_OTHER"


class LimitedBody:
    """The request's body; more than ``MAX_BODY_BYTES`` of it is answered with 413."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        declared = Headers(scope=scope).get("content-length", "0")
        self._receive = receive
        self._size = 0
        self._too_large = declared.isdigit() and int(declared) > MAX_BODY_BYTES

    async def __call__(self) -> Message:
        """The next piece."""
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if message["type"] == "http.request" and (self._too_large or self._size > MAX_BODY_BYTES):
            raise HTTPException(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
        return message


def add_probes(app: Starlette, registry: CollectorRegistry, needs: Mapping[str, Probe]) -> None:
    """Add /healthz, /readyz (which asks each of ``needs``, by name) and /metrics."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        problems = {name: await run_in_threadpool(probe) for name, probe in needs.items()}
        ready = not any(problems.values())
        body = {"status": "ready" if ready else "not ready", "checks": {k: v or "ok" for k, v in problems.items()}}
        return JSONResponse(body, 200 if ready else 503)

    async def scrape(request: Request) -> Response:
        body, content_type = metrics.expose(registry, request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    for path, handler in zip(PROBES, (healthz, readyz, scrape), strict=True):
        app.add_route(path, handler, methods=["GET"])


def expect_routes(routes: Sequence[BaseRoute], observed: metrics.HttpMetrics) -> None:
    """Start the series of every route's normal answer at zero."""
    for route in routes:
        status = getattr(route, "status_code", None) or 200
        for method in (getattr(route, "methods", None) or set()) - {"HEAD"}:
            observed.expect(getattr(route, "path", UNMATCHED), method, status)
