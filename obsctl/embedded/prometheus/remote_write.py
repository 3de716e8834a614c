"""Prometheus' remote write 1.0: ``POST /api/v1/write`` with snappy-packed protobuf.

Source: remote write specification 1.0. What is valid in a request is stored, whatever else is in it; anything invalid
is named in a 400 answer, after which a sender does not try again. 429 and 5xx mean: later.

The messages are built from a table. Where a field says ``bytes`` and the specification has a message, the two look the
same on the wire; labels are left packed because the same ones come with every request and are looked up as they are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from google.protobuf.message import DecodeError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from obsctl.embedded.http.body import Bodies, BodyError
from obsctl.embedded.http.decoded import DecodeResult, Rejections
from obsctl.embedded.http.proto_table import Table, messages
from obsctl.embedded.http.unicode import OnRepair, ignored, parsed
from obsctl.embedded.prometheus.series_labels import label_fault
from obsctl.embedded.records import Batch, ExemplarRecord, MetadataRecord, SampleRecord
from obsctl.embedded.self_metrics import ACCEPTED, DUPLICATE, RECEIVED, REFUSED, REJECTED, REPAIRED, SelfMetrics
from obsctl.embedded.store.base import CONFLICT, Sink, StoreFailedError, StoreFullError, Written
from obsctl.languages.labels import Labels

_MESSAGES: Table = {
    "Label": ((1, "name", "string"), (2, "value", "string")),
    "Sample": ((1, "value", "double"), (2, "timestamp", "int64")),
    "Exemplar": ((1, "labels", "*Label"), (2, "value", "double"), (3, "timestamp", "int64")),
    "TimeSeries": (
        *((1, "labels", "*bytes"), (2, "samples", "*Sample")),
        *((3, "exemplars", "*Exemplar"), (4, "histograms", "*bytes")),
    ),
    "MetricMetadata": (
        *((1, "type", "int32"), (2, "metric_family_name", "string")),
        *((4, "help", "string"), (5, "unit", "string")),
    ),
    "WriteRequest": ((1, "timeseries", "*TimeSeries"), (3, "metadata", "*MetricMetadata")),
}

METRIC_TYPES = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")
"""``MetricMetadata.MetricType`` by number."""


_CLASSES = messages("obsctl.remote_write", _MESSAGES)
WriteRequest: Any = _CLASSES["WriteRequest"]
Label: Any = _CLASSES["Label"]


MEDIA_TYPE = "application/x-protobuf"
MESSAGE = "prometheus.WriteRequest"
FUTURE_MS = 600_000
"""Samples from further ahead than this are refused, as Prometheus 3 does."""

_LABELS = ("metrics", "remote_write")
_INLINE_BYTES = 256 * 1024
_KNOWN_SERIES = 20_000
_EXEMPLAR_CHARACTERS = 128
"""The most that names and values of an exemplar's labels may have together (OpenMetrics 1.0)."""

_Key = tuple[bytes, ...]


class SeriesCache:
    """Labels of series by their packed form. One thread at a time."""

    def __init__(self) -> None:
        self._known: dict[_Key, tuple[Labels, str]] = {}

    def labels(self, packed: Sequence[bytes]) -> tuple[Labels, str]:
        """The labels of a series, and why it cannot be stored (empty when it can)."""
        key = tuple(packed)
        found = self._known.get(key)
        if found is None:
            found = _series_labels(key)
            if len(self._known) >= _KNOWN_SERIES:
                self._known.clear()
            self._known[key] = found
        return found


def _series_labels(packed: _Key) -> tuple[Labels, str]:
    try:
        parsed = [Label.FromString(one) for one in packed]
    except DecodeError:
        return (), "series with labels that are not valid protobuf or UTF-8"
    labels = tuple(sorted((one.name, one.value) for one in parsed if one.value))
    return labels, label_fault([one.name for one in parsed], labels)


def parse(body: bytes, cache: SeriesCache, now_ms: int, on_repair: OnRepair = ignored) -> DecodeResult:
    """Decode a ``WriteRequest``. ``BodyError`` 400 when it is none.

    Labels of series that are not UTF-8 cost their series, as in Prometheus; metadata and exemplars are repaired.
    """
    try:
        request = parsed(body, WriteRequest, on_repair)
    except DecodeError as error:
        raise BodyError(400, f"the body is not a protobuf {MESSAGE}: {error}") from error
    samples: list[SampleRecord] = []
    exemplars: list[ExemplarRecord] = []
    rejections = Rejections()
    latest = now_ms + FUTURE_MS
    for series in request.timeseries:
        labels, fault = cache.labels(series.labels)
        if fault:
            rejections.add(fault, max(1, len(series.samples) + len(series.histograms)))
            continue
        for sample in series.samples:
            moment = sample.timestamp
            if moment <= latest:
                samples.append(SampleRecord(labels, moment, sample.value))
            else:
                rejections.add("out of bounds: sample more than 10 minutes in the future")
        if series.histograms:
            rejections.add("native histogram, which is not supported", len(series.histograms))
        exemplars += _exemplars(labels, series.exemplars, latest, rejections)
    metadata = [_metadata(one) for one in request.metadata if one.metric_family_name]
    batch = Batch(samples=samples, exemplars=exemplars, metadata=metadata)
    return DecodeResult(batch, len(samples) + len(exemplars) + rejections.total, rejections.total, rejections.message)


def _exemplars(series: Labels, found: Sequence[Any], latest: int, rejections: Rejections) -> list[ExemplarRecord]:
    kept = []
    for one in found:
        pairs = tuple(sorted((pair.name, pair.value) for pair in one.labels if pair.value))
        if sum(len(name) + len(value) for name, value in pairs) > _EXEMPLAR_CHARACTERS:
            rejections.add(f"exemplar with labels of more than {_EXEMPLAR_CHARACTERS} characters")
        elif one.timestamp > latest:
            rejections.add("exemplar more than 10 minutes in the future")
        else:
            kept.append(ExemplarRecord(series, pairs, one.timestamp, one.value))
    return kept


def _metadata(found: Any) -> MetadataRecord:
    kind = METRIC_TYPES[found.type] if 0 <= found.type < len(METRIC_TYPES) else METRIC_TYPES[0]
    return MetadataRecord(found.metric_family_name, kind, found.help, found.unit)


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
        _check_headers(request)
        async with self._bodies.read_snappy(request) as body:
            decoded = await self._parsed(body)
            self._metrics.add(RECEIVED, decoded.count, *_LABELS)
            written = Written(0)
            if decoded.batch.items:
                written = await asyncio.wrap_future(self._sink.submit(decoded.batch))
        return self._answer(decoded, written)

    def _count_repairs(self, characters: int) -> None:
        self._metrics.add(REPAIRED, characters, *_LABELS)

    async def _parsed(self, body: bytes) -> DecodeResult:
        """Large bodies are parsed on a thread, one at a time, so that the event loop goes on."""
        decode = partial(parse, body, self._cache, time.time_ns() // 1_000_000, self._count_repairs)
        async with self._parsing:
            if len(body) <= _INLINE_BYTES:
                return decode()
            return await asyncio.get_running_loop().run_in_executor(None, decode)

    def _answer(self, decoded: DecodeResult, written: Written) -> Response:
        conflicting = written.conflicting
        no_room = decoded.batch.items - written.stored - written.duplicates - conflicting
        self._metrics.add(ACCEPTED, written.stored - len(decoded.batch.metadata), *_LABELS)
        self._metrics.add(DUPLICATE, written.duplicates, *_LABELS)
        self._metrics.add(REJECTED, decoded.rejected + conflicting + no_room, *_LABELS)
        if decoded.rejected or conflicting:
            conflict = f"{conflicting} x {CONFLICT}" if conflicting else ""
            return self.refuse(400, "; ".join(filter(None, (decoded.message, conflict))))
        if no_room:
            return self.refuse(429, f"{no_room} x too many different series", retry_after=60)
        counts = {
            "samples": len(decoded.batch.samples),
            "histograms": 0,
            "exemplars": len(decoded.batch.exemplars),
        }
        headers = {f"x-prometheus-remote-write-{kind}-written": str(count) for kind, count in counts.items()}
        return Response(status_code=204, headers=headers)

    def refuse(self, status: int, message: str, retry_after: int = 0) -> Response:
        """Count a refusal; the answer to it, in plain text like Prometheus'."""
        self._metrics.add(REFUSED, 1, *_LABELS, str(status))
        headers = {"retry-after": str(retry_after)} if retry_after else {}
        headers |= {"connection": "close"} if status == 413 else {}
        return PlainTextResponse(f"{message}\n", status, headers)


def _check_headers(request: Request) -> None:
    """Both headers may be left out; ``BodyError`` 415 for anything but what this receiver reads."""
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "snappy"):
        raise BodyError(415, f"content encoding {encoding[:40]!r} is not supported, use snappy")
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    pairs = dict(part.strip().partition("=")[::2] for part in parameters.split(";"))
    message = pairs.get("proto", MESSAGE)
    if media_type.strip().lower() not in ("", MEDIA_TYPE) or message != MESSAGE:
        shown = request.headers.get("content-type", "")[:80]
        raise BodyError(415, f"content type {shown!r} is not supported, use {MEDIA_TYPE};proto={MESSAGE}")
