"""Prometheus' remote write, 1.0 and 2.0: ``POST /api/v1/write`` with snappy-packed protobuf.

What is valid in a request is stored, whatever else is in it; anything invalid is named in a 400 answer, after which a
sender does not try again. 429 and 5xx mean: later. Every answer to a request that was read says how many samples,
histograms and exemplars of it are stored (remote write 2.0), those that were there before included.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from obsctl.embedded.http.body import Bodies, BodyError
from obsctl.embedded.http.decoded import DecodeResult
from obsctl.embedded.prometheus.write_requests import Decode, SeriesCache, parse, parse_v2
from obsctl.embedded.self_metrics import ACCEPTED, DUPLICATE, RECEIVED, REFUSED, REJECTED, REPAIRED, SelfMetrics
from obsctl.embedded.store.base import CONFLICT, Sink, StoreFailedError, StoreFullError, Written

MEDIA_TYPE = "application/x-protobuf"
V1, V2 = "prometheus.WriteRequest", "io.prometheus.write.v2.Request"
MESSAGES: Mapping[str, Decode] = {V1: parse, V2: parse_v2}

_LABELS = ("metrics", "remote_write")
_INLINE_BYTES = 256 * 1024


def routes(sink: Sink, metrics: SelfMetrics, bodies: Bodies) -> list[Route]:
    """The write route."""
    for family in (RECEIVED, ACCEPTED, DUPLICATE, REJECTED):
        metrics.add(family, 0, *_LABELS)
    receiver = _Receiver(sink, metrics, bodies)

    async def write(request: Request) -> Response:
        try:
            return await receiver.write(request)
        except BodyError as error:
            return receiver.refuse(error.status, error.message, error.retry_after)
        except StoreFullError as error:
            return receiver.refuse(503, str(error), error.retry_after)
        except StoreFailedError as error:
            return receiver.refuse(500, str(error))
        except ClientDisconnect:
            return Response(status_code=499)

    return [Route("/api/v1/write", write, methods=["POST"])]


class _Receiver:
    def __init__(self, sink: Sink, metrics: SelfMetrics, bodies: Bodies) -> None:
        self._sink = sink
        self._metrics = metrics
        self._bodies = bodies
        self._cache = SeriesCache()
        self._parsing = asyncio.Lock()

    async def write(self, request: Request) -> Response:
        """Store one request; the answer comes once it is on disk."""
        decode = MESSAGES[_message(request)]
        async with self._bodies.read_snappy(request) as body:
            decoded = await self._parsed(decode, body)
            self._metrics.add(RECEIVED, decoded.count, *_LABELS)
            written = Written(0)
            if decoded.batch.items:
                written = await asyncio.wrap_future(self._sink.submit(decoded.batch))
        return self._answer(decoded, written)

    def _count_repairs(self, characters: int) -> None:
        self._metrics.add(REPAIRED, characters, *_LABELS)

    async def _parsed(self, decode: Decode, body: bytes) -> DecodeResult:
        """Large bodies are parsed on a thread, one at a time, so that the event loop goes on."""
        decoded = partial(decode, body, self._cache, time.time_ns() // 1_000_000, self._count_repairs)
        async with self._parsing:
            if len(body) <= _INLINE_BYTES:
                return decoded()
            return await asyncio.get_running_loop().run_in_executor(None, decoded)

    def _answer(self, decoded: DecodeResult, written: Written) -> Response:
        conflicting = written.conflicting
        no_room = decoded.batch.items - written.stored - written.duplicates - conflicting
        self._metrics.add(ACCEPTED, written.stored - len(decoded.batch.metadata), *_LABELS)
        self._metrics.add(DUPLICATE, written.duplicates, *_LABELS)
        self._metrics.add(REJECTED, decoded.rejected + conflicting + no_room, *_LABELS)
        headers = _written(decoded, written, no_room)
        if decoded.rejected or conflicting:
            conflict = f"{conflicting} x {CONFLICT}" if conflicting else ""
            return self.refuse(400, "; ".join(filter(None, (decoded.message, conflict))), headers=headers)
        if no_room:
            return self.refuse(429, f"{no_room} x too many different series", retry_after=60, headers=headers)
        return Response(status_code=204, headers=headers)

    def refuse(
        self, status: int, message: str, retry_after: int = 0, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Count a refusal; the answer to it, in plain text like Prometheus'."""
        self._metrics.add(REFUSED, 1, *_LABELS, str(status))
        headers = {**(headers or {}), **({"retry-after": str(retry_after)} if retry_after else {})}
        headers |= {"connection": "close"} if status == 413 else {}
        return PlainTextResponse(f"{message}\n", status, headers)


def _written(decoded: DecodeResult, written: Written, no_room: int) -> dict[str, str]:
    """How much is stored now, as remote write 2.0 has senders told."""
    lost = written.unwritten
    samples = len(decoded.batch.samples) - len(lost.conflicting) - len(lost.no_room)
    exemplars = len(decoded.batch.exemplars) - (no_room - len(lost.no_room))
    counts = {"samples": samples, "histograms": 0, "exemplars": exemplars}
    return {f"x-prometheus-remote-write-{kind}-written": str(count) for kind, count in counts.items()}


def _message(request: Request) -> str:
    """The name of the message. Both headers may be left out; ``BodyError`` 415 for what this receiver does not read."""
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "snappy"):
        raise BodyError(415, f"content encoding {encoding[:40]!r} is not supported, use snappy")
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    pairs = dict(part.strip().partition("=")[::2] for part in parameters.split(";"))
    message = pairs.get("proto", V1)
    if media_type.strip().lower() not in ("", MEDIA_TYPE) or message not in MESSAGES:
        shown = request.headers.get("content-type", "")[:80]
        offered = " or ".join(f"{MEDIA_TYPE};proto={name}" for name in MESSAGES)
        raise BodyError(415, f"content type {shown!r} is not supported, use {offered}")
    return message
