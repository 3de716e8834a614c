"""OTLP over HTTP: ``POST /v1/traces``, ``/v1/metrics`` and ``/v1/logs`` (OTLP specification, "OTLP/HTTP")."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from obsctl.embedded.http.body import ENCODINGS, Bodies, BodyError
from obsctl.embedded.otlp.codec import CONTENT_TYPES, MEDIA_TYPES, Encoding, encode, status
from obsctl.embedded.otlp.ingest import Ingest, RefusedError
from obsctl.embedded.otlp.signals import SIGNALS, OtlpSignal
from obsctl.embedded.self_metrics import UNKNOWN_PATHS, SelfMetrics

_INLINE_BYTES = 256 * 1024
"""Bodies up to this size are parsed on the event loop; larger ones on a thread, so that no request waits for them."""

_WORDS = (("trace", "traces"), ("span", "traces"), ("metric", "metrics"), ("log", "logs"))
_MISTAKEN = frozenset(
    (
        *(
            "/",
            "/v1",
            "/v1/",
            "/otlp",
            "/api/traces",
            "/api/v2/spans",
            "/v1/trace",
            "/v1/spans",
            "/v1/metric",
            "/v1/log",
        ),
        *(f"/v1/{signal.name}{suffix}" for signal in SIGNALS for suffix in ("/", f"/v1/{signal.name}")),
    )
)
"""Paths that clients take by mistake; they are labels, so there is an end to them."""

_CODES = {400: 3, 413: 8, 415: 3, 503: 14}
"""``google.rpc.Code`` of the HTTP statuses given here."""


def routes(
    ingest: Ingest, bodies: Bodies, prefix: str = "", signals: Sequence[str] = (), success: int = 200
) -> list[Route]:
    """One route for each signal, or for those named; under the ``prefix`` and with the status of another product."""
    return [
        Route(
            f"{prefix}/v1/{signal.name}",
            _endpoint(signal, ingest, bodies, success),
            methods=["POST"],
            name=f"otlp_{signal.name}",
        )
        for signal in SIGNALS
        if not signals or signal.name in signals
    ]


def unknown_path(metrics: SelfMetrics) -> ASGIApp:
    """Answers requests for which there is no route: says which path was meant, and counts what somebody sent."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await WebSocketClose()(scope, receive, send)
            return
        path = scope["path"]
        if scope["method"] == "POST":
            metrics.add(UNKNOWN_PATHS, 1, path if path in _MISTAKEN else "other")
        await PlainTextResponse(f"404 page not found. {_hint(path)}\n", 404)(scope, receive, send)

    return answer


def _hint(path: str) -> str:
    meant = [f"/v1/{name}" for word, name in _WORDS if word in path.lower()] or [f"/v1/{s.name}" for s in SIGNALS]
    return f"This port takes OTLP over HTTP: did you mean POST {' or '.join(dict.fromkeys(meant))}?"


def _endpoint(
    signal: OtlpSignal, ingest: Ingest, bodies: Bodies, success: int
) -> Callable[[Request], Awaitable[Response]]:
    async def export(request: Request) -> Response:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        encoding = CONTENT_TYPES.get(media_type)
        try:
            if encoding is None:
                raise BodyError(415, f"unsupported content type, supported: {', '.join(CONTENT_TYPES)}")
            async with bodies.read(request) as body:
                answer = await _export(signal, ingest, body, encoding)
                return answer if success == 200 or answer.body not in (b"", b"{}") else Response(status_code=success)
        except BodyError as error:
            refused = RefusedError(error.message, error.status, error.retry_after)
            return _refuse(ingest.refusal(signal, "http", refused), encoding or "json")
        except RefusedError as refused:
            return _refuse(refused, encoding or "json")
        except ClientDisconnect:
            return Response(status_code=499)

    return export


async def _export(signal: OtlpSignal, ingest: Ingest, body: bytes, encoding: Encoding) -> Response:
    submit = partial(ingest.submit, signal, body, encoding, "http")
    loop = asyncio.get_running_loop()
    pending = submit() if len(body) <= _INLINE_BYTES else await loop.run_in_executor(None, submit)
    await asyncio.wait([asyncio.wrap_future(pending.written)])
    return Response(encode(ingest.finish(pending), encoding), media_type=MEDIA_TYPES[encoding])


def _refuse(refused: RefusedError, encoding: Encoding) -> Response:
    code = refused.http_status
    headers = {"retry-after": str(refused.retry_after)} if refused.retry_after else {}
    headers |= {"accept-encoding": ", ".join(ENCODINGS)} if code == 415 else {}
    # What may be left of an oversized body is not read, so the connection cannot be used again.
    headers |= {"connection": "close"} if code == 413 else {}
    body = status(_CODES.get(code, 2), str(refused), encoding)
    return Response(body, code, media_type=MEDIA_TYPES[encoding], headers=headers)
