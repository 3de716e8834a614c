"""Loki's push API: ``POST /loki/api/v1/push``, as JSON, or as protobuf in snappy's block format."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from google.protobuf.message import DecodeError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from obsctl.embedded.http.body import Bodies, BodyError
from obsctl.embedded.http.decoded import DecodeResult, Rejections
from obsctl.embedded.http.proto_table import Table, messages
from obsctl.embedded.http.unicode import OnRepair, ignored, json_text, parsed
from obsctl.embedded.records import LINE_BYTES, Batch, LogRecord, log_time_fault
from obsctl.embedded.self_metrics import ACCEPTED, DUPLICATE, RECEIVED, REFUSED, REJECTED, REPAIRED, SelfMetrics
from obsctl.embedded.store.base import Sink, StoreFailedError, StoreFullError
from obsctl.languages.labels import Labels
from obsctl.languages.promql.lex import unquoted

_MESSAGES: Table = {
    "Timestamp": ((1, "seconds", "int64"), (2, "nanos", "int32")),
    "LabelPair": ((1, "name", "string"), (2, "value", "string")),
    "Entry": ((1, "timestamp", "Timestamp"), (2, "line", "string"), (3, "metadata", "*LabelPair")),
    "Stream": ((1, "labels", "string"), (2, "entries", "*Entry")),
    "PushRequest": ((1, "streams", "*Stream"),),
}
PushRequest: Any = messages("obsctl.loki_push", _MESSAGES)["PushRequest"]


MAX_LABELS = 15
_LABEL_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
_PAIR = re.compile(r'\s*([^\s="{},`]+)\s*=\s*("(?:[^"\\\n]|\\.)*"|`[^`]*`)\s*(?:,|\Z)', re.DOTALL)
_LABELS = ("logs", "loki")
Clock = Callable[[], int]


def routes(sink: Sink, metrics: SelfMetrics, bodies: Bodies, clock: Clock = time.time_ns) -> list[Route]:
    """The push route. ``clock`` says what time it is, in nanoseconds, to tell which lines are too old or too new."""

    async def push(request: Request) -> Response:
        try:
            return await _push(request, sink, metrics, bodies, clock)
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


async def _push(request: Request, sink: Sink, metrics: SelfMetrics, bodies: Bodies, clock: Clock) -> Response:
    """As in Loki, what is not JSON is protobuf, packed with snappy whatever the header says."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not media_type:
        raise BodyError(400, "mime: no media type")
    is_json = media_type == "application/json"
    async with bodies.read(request) if is_json else bodies.read_snappy(request) as body:
        on_repair: OnRepair = lambda count: metrics.add(REPAIRED, count, *_LABELS)  # noqa: E731
        decoded = (parse if is_json else parse_protobuf)(body, on_repair, clock())
        return await _store(decoded, sink, metrics)


async def _store(decoded: DecodeResult, sink: Sink, metrics: SelfMetrics) -> Response:
    metrics.add(RECEIVED, decoded.count, *_LABELS)
    metrics.add(REJECTED, decoded.rejected, *_LABELS)
    without_room = 0
    if decoded.batch.items:
        written = await asyncio.wrap_future(sink.submit(decoded.batch))
        without_room = decoded.batch.items - written.stored - written.duplicates
        metrics.add(ACCEPTED, written.stored, *_LABELS)
        metrics.add(DUPLICATE, written.duplicates, *_LABELS)
        metrics.add(REJECTED, without_room, *_LABELS)
    if without_room:
        told = f"{without_room} lines were not stored: too many streams"
        return PlainTextResponse(f"{'; '.join(filter(None, (decoded.message, told)))}\n", 429)
    if decoded.rejected:
        return PlainTextResponse(f"{decoded.message}\n", 400)
    return Response(status_code=204)


Pushed = tuple[Mapping[str, object], Iterable[object]]
"""Labels of a stream, and its entries: ``[time, line, metadata?]``, all strings."""


def parse(body: bytes, on_repair: OnRepair = ignored, now_ns: int | None = None) -> DecodeResult:
    """Lines of a push request; entries that break a limit are left out and named in ``message``.

    Raises:
        BodyError: 400 when it is not a push request, 422 when it holds no stream.
    """
    try:
        document = json.loads(json_text(body, on_repair))
        streams = document["streams"]
        entries = [(dict(stream["stream"]), list(stream["values"])) for stream in streams]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BodyError(400, f"the body is not a JSON push request: {type(error).__name__} {error}") from error
    return _decoded(entries, now_ns)


def parse_protobuf(body: bytes, on_repair: OnRepair = ignored, now_ns: int | None = None) -> DecodeResult:
    """The same for a ``logproto.PushRequest``."""
    try:
        request = parsed(body, PushRequest, on_repair)
    except DecodeError as error:
        raise BodyError(400, f"the body is not a protobuf push request: {error}") from error
    streams: list[Pushed] = [(_selected(stream.labels), map(_entry, stream.entries)) for stream in request.streams]
    return _decoded(streams, now_ns)


def _entry(entry: Any) -> list[object]:
    moment = entry.timestamp.seconds * 10**9 + entry.timestamp.nanos
    return [str(moment), entry.line, {pair.name: pair.value for pair in entry.metadata}]


def _selected(text: str) -> dict[str, str]:
    """The labels of ``{a="b", c=`d`}``, Go's string literals. ``BodyError`` 400 when it is not that."""
    found: dict[str, str] = {}
    inside = text.strip()
    problem = BodyError(400, f'error parsing labels: {text[:200]!r} is not of the form {{name="value", ...}}')
    if not (inside.startswith("{") and inside.endswith("}")):
        raise problem
    inside, position = inside[1:-1], 0
    while position < len(inside):
        pair = _PAIR.match(inside, position)
        if not pair:
            raise problem
        try:
            found[pair[1]] = unquoted(pair[2])
        except ValueError:
            raise problem from None
        position = pair.end()
    return found


def _decoded(entries: Sequence[Pushed], now_ns: int | None) -> DecodeResult:
    if not entries:
        raise BodyError(422, "error at least one valid stream is required for ingestion")
    records: list[LogRecord] = []
    rejections = Rejections()
    now = time.time_ns() if now_ns is None else now_ns
    for stream, values in entries:
        labels, fault = _labels(stream)
        for value in values:
            record = None if fault else _record(labels, value)
            problem = _fault(record, now) if record else fault
            if record and not problem:
                records.append(record)
            else:
                rejections.add(problem)
    return DecodeResult(Batch(logs=records), len(records) + rejections.total, rejections.total, rejections.message)


def _labels(stream: Mapping[str, object]) -> tuple[Labels, str]:
    """The labels of a stream, or why they cannot be stored."""
    texts = [(name, value) for name, value in stream.items() if isinstance(name, str) and isinstance(value, str)]
    if len(texts) < len(stream):
        raise BodyError(400, "label names and values must be strings")
    labels = tuple(sorted((name, value) for name, value in texts if value))
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
        time_ns = int(moment)
    except (ValueError, TypeError, IndexError) as error:
        raise BodyError(400, f'an entry must be ["<ns>", "<line>", {{metadata}}]: {error}') from error
    if abs(time_ns) >= 1 << 63:
        raise BodyError(400, "an entry has a time that is no 64-bit number of nanoseconds")
    return LogRecord(labels, time_ns, line, tuple(sorted(pair for pair in metadata.items() if pair[1])))


def _fault(record: LogRecord, now_ns: int) -> str:
    if len(record.line) > LINE_BYTES:
        return f"max entry size '{LINE_BYTES}' bytes exceeded for stream '{_shown(record.labels)}'"
    problem = log_time_fault(record.time_ns, now_ns)
    return f"entry for stream '{_shown(record.labels)}' {problem}" if problem else ""


def _shown(labels: Labels) -> str:
    """Labels as Loki prints them, cut at a length that suits a message."""
    text = "{" + ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels) + "}"
    return text if len(text) <= 300 else text[:300] + "..."
