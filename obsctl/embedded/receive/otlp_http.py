"""OTLP over HTTP: ``POST /v1/traces``, ``/v1/metrics`` and ``/v1/logs`` (OTLP specification, "OTLP/HTTP")."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from obsctl.embedded.own_metrics import REFUSED
from obsctl.embedded.receive.body import ENCODINGS, BodyError, read_body, too_large
from obsctl.embedded.receive.intake import Intake, RefusedError
from obsctl.embedded.receive.otlp_codec import CONTENT_TYPES, MEDIA_TYPES, Encoding, encode, status
from obsctl.embedded.receive.signals import SIGNALS, Signal

_INLINE_BYTES = 256 * 1024
"""Bodies up to this size are parsed on the event loop; larger ones on a thread, so that nobody waits for them."""

_CODES = {400: 3, 413: 8, 415: 3, 503: 14}
"""``google.rpc.Code`` of the HTTP statuses given here."""


def routes(intake: Intake) -> list[Route]:
    """One route for each signal."""
    return [
        Route(f"/v1/{signal.name}", _endpoint(signal, intake), methods=["POST"], name=f"otlp_{signal.name}")
        for signal in SIGNALS
    ]


def _endpoint(signal: Signal, intake: Intake) -> Callable[[Request], Awaitable[Response]]:
    async def export(request: Request) -> Response:
        encoding = CONTENT_TYPES.get(_media_type(request))
        try:
            if encoding is None:
                raise BodyError(415, f"unsupported content type, supported: {', '.join(CONTENT_TYPES)}")
            body = await _body(request, intake.body_limit)
            return await _export(signal, intake, body, encoding)
        except BodyError as error:
            intake.metrics.add(REFUSED, 1, signal.name, "http", str(error.status))
            return _error(error.status, error.message, encoding or "json")
        except RefusedError as refusal:
            headers = {"retry-after": str(refusal.retry_after)} if refusal.retry_after else {}
            return _error(refusal.http_status, str(refusal), encoding or "json", headers)
        except ClientDisconnect:
            return Response(status_code=499)

    return export


async def _export(signal: Signal, intake: Intake, body: bytes, encoding: Encoding) -> Response:
    take = partial(intake.take, signal, body, encoding, "http")
    loop = asyncio.get_running_loop()
    pending = take() if len(body) <= _INLINE_BYTES else await loop.run_in_executor(None, take)
    await asyncio.wait([asyncio.wrap_future(pending.written)])
    return Response(encode(intake.finish(pending), encoding), media_type=MEDIA_TYPES[encoding])


async def _body(request: Request, limit: int) -> bytes:
    length = request.headers.get("content-length", "")
    if "expect" in request.headers and length.isdigit() and int(length) > limit:
        raise too_large(limit)  # the client asks before it sends
    return await read_body(request.stream(), request.headers.get("content-encoding", "identity").strip().lower(), limit)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _error(code: int, message: str, encoding: Encoding, headers: Mapping[str, str] | None = None) -> Response:
    extra = {"accept-encoding": ", ".join(ENCODINGS)} if code == 415 else {}
    # What may be left of an oversized body is not read, so the connection cannot be used again.
    extra |= {"connection": "close"} if code == 413 else {}
    return Response(
        status(_CODES.get(code, 2), message, encoding),
        code,
        media_type=MEDIA_TYPES[encoding],
        headers={**extra, **(headers or {})},
    )
