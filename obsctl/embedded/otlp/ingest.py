"""The way of an OTLP request from bytes to an acknowledgement, the same for HTTP and gRPC."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass

from google.protobuf.message import Message

from obsctl.embedded.http.decoded import DecodeResult
from obsctl.embedded.otlp.codec import Encoding, MalformedError, decode
from obsctl.embedded.otlp.signals import SIGNALS, OtlpOptions, OtlpSignal
from obsctl.embedded.redaction import Redactor
from obsctl.embedded.self_metrics import (
    ACCEPTED,
    DUPLICATE,
    RECEIVED,
    REFUSED,
    REJECTED,
    REPAIRED,
    REPLACED,
    SelfMetrics,
)
from obsctl.embedded.store.base import (
    CONFLICT,
    SPAN_CONFLICT,
    SPAN_REPLACED,
    Sink,
    StoreFailedError,
    StoreFullError,
    UnwrittenSamples,
    Written,
)

TRANSPORTS = ("http", "grpc")


class RefusedError(Exception):
    """The request was not accepted. ``retry_after`` in seconds; 0 means that trying again cannot help."""

    def __init__(self, message: str, http_status: int, retry_after: int = 0) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.retry_after = retry_after


@dataclass(frozen=True)
class Pending:
    """A decoded request whose batch is being committed."""

    signal: OtlpSignal
    transport: str
    decoded: DecodeResult
    written: Future[Written]


class Ingest:
    """Decodes, redacts, submits and counts requests. Any thread."""

    def __init__(
        self, sink: Sink, redactor: Redactor, metrics: SelfMetrics, options: OtlpOptions | None = None
    ) -> None:
        self._sink = sink
        self._redactor = redactor
        self._metrics = metrics
        self._translate = {signal.name: signal.translator(options or OtlpOptions()) for signal in SIGNALS}
        for signal in SIGNALS:
            for transport in TRANSPORTS:
                for family in (RECEIVED, ACCEPTED, DUPLICATE, REPLACED, REJECTED):
                    metrics.add(family, 0, signal.name, transport)

    def submit(self, signal: OtlpSignal, body: bytes, encoding: Encoding, transport: str) -> Pending:
        """Queue a request.

        Raises:
            RefusedError: 400 when it is malformed, 503 when the queue is full.
        """

        def on_repair(characters: int) -> None:
            self._metrics.add(REPAIRED, characters, signal.name, transport)

        try:
            request = decode(body, signal.request, encoding, on_repair)
            decoded = self._translate[signal.name](request, self._redactor)
        except MalformedError as error:
            raise self.refusal(signal, transport, RefusedError(str(error), 400)) from error
        self._metrics.add(RECEIVED, decoded.count, signal.name, transport)
        try:
            written = self._sink.submit(decoded.batch) if decoded.batch.items else _nothing()
        except StoreFullError as error:
            raise self.refusal(signal, transport, RefusedError(str(error), 503, error.retry_after)) from error
        return Pending(signal, transport, decoded, written)

    def finish(self, pending: Pending, timeout: float | None = None) -> Message:
        """The answer to a committed request (waits up to ``timeout`` seconds for the commit).

        Raises:
            RefusedError: 503 when it could not be written.
        """
        signal, decoded = pending.signal, pending.decoded
        labels = (signal.name, pending.transport)
        try:
            written = pending.written.result(timeout)
        except (StoreFailedError, TimeoutError) as error:
            sentence = str(error) or "the store did not answer in time"
            raise self.refusal(signal, pending.transport, RefusedError(sentence, 503, 1)) from error
        lost = _points(decoded, written.unwritten) if decoded.owners else _records(decoded, written)
        rejected = decoded.rejected + lost.no_room + lost.conflicting
        duplicates = lost.duplicates
        noted = {
            "too many different label sets": lost.no_room,
            SPAN_CONFLICT if decoded.batch.spans else CONFLICT: lost.conflicting,
            SPAN_REPLACED: written.replaced,
        }
        told = (f"{count} x {why}" for why, count in noted.items() if count)
        message = "; ".join(filter(None, (decoded.message, *told)))
        self._metrics.add(ACCEPTED, decoded.count - rejected - duplicates, *labels)
        self._metrics.add(DUPLICATE, duplicates, *labels)
        self._metrics.add(REPLACED, written.replaced, *labels)
        self._metrics.add(REJECTED, rejected, *labels)
        return signal.answer(rejected, message)

    def refusal(self, signal: OtlpSignal, transport: str, refusal: RefusedError) -> RefusedError:
        """Count a refusal; gives it back."""
        self._metrics.add(REFUSED, 1, signal.name, transport, str(refusal.http_status))
        return refusal


@dataclass(frozen=True)
class _Lost:
    """How many records of a request were not stored, each counted once."""

    no_room: int
    conflicting: int
    duplicates: int


def _records(decoded: DecodeResult, written: Written) -> _Lost:
    """Where a record is a row: a span, a log line."""
    no_room = decoded.batch.items - written.stored - written.duplicates - written.conflicting
    return _Lost(no_room, written.conflicting, written.duplicates)


def _points(decoded: DecodeResult, unwritten: UnwrittenSamples) -> _Lost:
    """Where a data point may be several samples: it conflicts if one does; it was there before if all were."""
    owners = decoded.owners
    no_room = {owners[place] for place in unwritten.no_room} - {-1}
    conflicting = {owners[place] for place in unwritten.conflicting} - {-1} - no_room
    again = Counter(owners[place] for place in unwritten.repeated)
    samples = Counter(owner for owner in owners if owner in again) if again else again
    duplicates = [point for point, count in again.items() if point >= 0 and samples[point] == count]
    return _Lost(len(no_room), len(conflicting), len(duplicates))


def _nothing() -> Future[Written]:
    done: Future[Written] = Future()
    done.set_result(Written(0))
    return done
