"""OTLP over HTTP: ``POST /v1/traces``, ``/v1/metrics`` and ``/v1/logs`` (OTLP specification, "OTLP/HTTP")."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from obsctl.embedded.http.body import ENCODINGS, Bodies, BodyError
from obsctl.embedded.otlp.codec import CONTENT_TYPES, MEDIA_TYPES, Encoding, encode, status
from obsctl.embedded.otlp.ingest import Ingest, RefusedError
from obsctl.embedded.otlp.signals import SIGNALS, OtlpSignal

_INLINE_BYTES = 256 * 1024
"""Bodies up to this size are parsed on the event loop; larger ones on a thread, so that no request waits for them."""

_CODES = {400: 3, 413: 8, 415: 3, 503: 14}
"""``google.rpc.Code`` of the HTTP statuses given here."""


def routes(ingest: Ingest, bodies: Bodies) -> list[Route]:
    """One route for each signal."""
    return [
        Route(f"/v1/{signal.name}", _endpoint(signal, ingest, bodies), methods=["POST"], name=f"otlp_{signal.name}")
        for signal in SIGNALS
    ]


def _endpoint(signal: OtlpSignal, ingest: Ingest, bodies: Bodies) -> Callable[[Request], Awaitable[Response]]:
    async def export(request: Request) -> Response:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        encoding = CONTENT_TYPES.get(media_type)
        try:
            if encoding is None:
                raise BodyError(415, f"unsupported content type, supported: {', '.join(CONTENT_TYPES)}")
            async with bodies.read(request) as body:
                return await _export(signal, ingest, body, encoding)
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
