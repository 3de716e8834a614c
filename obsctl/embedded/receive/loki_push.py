"""Loki's push API, JSON form: ``POST /loki/api/v1/push``."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from obsctl.embedded.own_metrics import ACCEPTED, DUPLICATE, RECEIVED, REFUSED, REJECTED, OwnMetrics
from obsctl.embedded.receive.body import Bodies, BodyError
from obsctl.embedded.receive.otlp_logs import LINE_BYTES
from obsctl.embedded.receive.taken import Rejections, Taken
from obsctl.embedded.signals import Batch, Labels, LogRecord
from obsctl.embedded.store.base import Sink, StoreFailedError, StoreFullError

MAX_LABELS = 15
_LABEL_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
_GRACE_NS = 600 * 10**9
_LABELS = ("logs", "loki")


def routes(sink: Sink, metrics: OwnMetrics, bodies: Bodies) -> list[Route]:
    """The push route."""

    async def push(request: Request) -> Response:
        try:
            return await _push(request, sink, metrics, bodies)
        except BodyError as error:
            metrics.add(REFUSED, 1, *_LABELS, str(error.status))
            headers = {"retry-after": str(error.retry_after)} if error.retry_after else {}
            return PlainTextResponse(f"{error.message}\n", error.status, headers)
        except StoreFullError as error:
            metrics.add(REFUSED, 1, *_LABELS, "503")
            return PlainTextResponse(f"{error}\n", 503, {"retry-after": str(error.retry_after)})
        except StoreFailedError as error:
            metrics.add(REFUSED, 1, *_LABELS, "500")
            return PlainTextResponse(f"{error}\n", 500)
        except ClientDisconnect:
            return Response(status_code=499)

    return [Route("/loki/api/v1/push", push, methods=["POST"])]


async def _push(request: Request, sink: Sink, metrics: OwnMetrics, bodies: Bodies) -> Response:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise BodyError(415, "only the JSON form of the push API is supported: send content type application/json")
    async with bodies.read(request) as body:
        return await _store(parse(body), sink, metrics)


async def _store(taken: Taken, sink: Sink, metrics: OwnMetrics) -> Response:
    metrics.add(RECEIVED, taken.count, *_LABELS)
    metrics.add(REJECTED, taken.rejected, *_LABELS)
    if taken.batch.items:
        written = await asyncio.wrap_future(sink.submit(taken.batch))
        metrics.add(ACCEPTED, written.stored, *_LABELS)
        metrics.add(DUPLICATE, written.duplicates, *_LABELS)
    if taken.rejected:
        return PlainTextResponse(f"{taken.message}\n", 400)
    return Response(status_code=204)


def parse(body: bytes) -> Taken:
    """Lines of a push request; entries that break a limit are left out and named in ``message``.

    Raises:
        BodyError: 400 when it is not a push request, 422 when it holds no stream.
    """
    try:
        document = json.loads(body.decode())
        streams = document["streams"]
        entries = [(dict(stream["stream"]), list(stream["values"])) for stream in streams]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BodyError(400, f"the body is not a JSON push request: {type(error).__name__} {error}") from error
    if not entries:
        raise BodyError(422, "error at least one valid stream is required for ingestion")
    records: list[LogRecord] = []
    rejections = Rejections()
    latest = time.time_ns() + _GRACE_NS
    for stream, values in entries:
        labels, fault = _labels(stream)
        for value in values:
            record = None if fault else _record(labels, value)
            if record is None or record.time_ns > latest or len(record.line) > LINE_BYTES:
                rejections.add(fault or _fault(record, labels))
            else:
                records.append(record)
    return Taken(Batch(logs=records), len(records) + rejections.total, rejections.total, rejections.message)


def _labels(stream: Mapping[Any, Any]) -> tuple[Labels, str]:
    """A stream's labels, or why they cannot be taken."""
    if not all(isinstance(name, str) and isinstance(value, str) for name, value in stream.items()):
        raise BodyError(400, "label names and values must be strings")
    if not _is_unicode(stream.keys(), stream.values()):
        raise BodyError(400, "label names and values must be valid Unicode")
    labels = tuple(sorted((name, value) for name, value in stream.items() if value))
    if not labels:
        return (), "error at least one label pair is required per stream"
    if len(labels) > MAX_LABELS:
        return labels, f"entry for stream '{_shown(labels)}' has {len(labels)} label names; limit {MAX_LABELS}"
    wrong = next((name for name, _ in labels if not _LABEL_NAME.match(name)), None)
    return labels, f"stream '{_shown(labels)}' has an invalid label name: {wrong!r}" if wrong else ""


def _record(labels: Labels, value: Any) -> LogRecord:
    """One entry; ``BodyError`` 400 when it has not the form ``[time, line, metadata?]``."""
    try:
        moment, line, *rest = value
        metadata = dict(rest[0]) if rest else {}
        strings = (moment, line, *metadata, *metadata.values())
        if not all(isinstance(item, str) for item in strings) or len(rest) > 1:
            raise TypeError("time, line and metadata must be strings")
        if not _is_unicode(strings):
            raise ValueError("text must be valid Unicode")
        time_ns = int(moment)
    except (ValueError, TypeError, IndexError) as error:
        raise BodyError(400, f'an entry must be ["<ns>", "<line>", {{metadata}}]: {error}') from error
    if abs(time_ns) >= 1 << 63:
        raise BodyError(400, "an entry has a time that is no 64-bit number of nanoseconds")
    return LogRecord(labels, time_ns, line, tuple(sorted(pair for pair in metadata.items() if pair[1])))


def _is_unicode(*texts: Iterable[str]) -> bool:
    """Whether there is no half of a surrogate pair, which JSON can spell and UTF-8 cannot."""
    try:
        "".join(chain(*texts)).encode()
    except UnicodeEncodeError:
        return False
    return True


def _fault(record: LogRecord | None, labels: Labels) -> str:
    if record is not None and len(record.line) > LINE_BYTES:
        return f"max entry size '{LINE_BYTES}' bytes exceeded for stream '{_shown(labels)}'"
    return f"entry for stream '{_shown(labels)}' has timestamp too new"


def _shown(labels: Labels) -> str:
    """Labels as Loki prints them, cut at a length that suits a message."""
    text = "{" + ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels) + "}"
    return text if len(text) <= 300 else text[:300] + "..."
