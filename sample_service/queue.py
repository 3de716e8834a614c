"""The job queue on Redis Streams: a consumer group, retries that wait in a sorted set, and a dead-letter stream.

Trace context and request id travel in the message's fields. A message stays pending until its job ended, so a worker
that dies loses nothing: another one claims the message after ``visibility`` seconds. Delivery is at least once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import redis
from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind
from redis.client import Pipeline
from redis.typing import EncodableT, FieldT

from sample_service import jobs, request_context
from sample_service.jobs import Job
from sample_service.metrics import ClientMetrics, ProducerMetrics

STREAM = "jobs"
DELAYED = "jobs:delayed"
DEAD_LETTERS = "jobs:dead"
GROUP = "workers"
DEAD_LETTERS_KEPT = 1000
PROMOTED_AT_ONCE = 100

Entry = dict[FieldT, EncodableT]
Fields = Mapping[str, str]
Entries = list[tuple[str, Fields]]
"""Messages of the stream: id and fields."""


def span_attributes(operation: str) -> dict[str, str]:
    """Messaging attributes of a span that sends to or processes from the queue."""
    return {
        "messaging.system": "redis",
        "messaging.destination.name": STREAM,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
    }


class Producer:
    """Puts jobs on the queue."""

    def __init__(self, client: redis.Redis, calls: ClientMetrics, produced: ProducerMetrics) -> None:
        self._redis = client
        self._calls = calls
        self._produced = produced
        self._tracer = trace.get_tracer(__name__)

    def enqueue(self, job: Job) -> None:
        """Add a job, with the current trace and request. Raises ``redis.RedisError``."""
        attributes = {**span_attributes("send"), **job.ids}
        with self._tracer.start_as_current_span(
            f"send {STREAM}", kind=SpanKind.PRODUCER, attributes=attributes
        ) as span:
            carrier: dict[str, str] = {}
            propagate.inject(carrier)
            message = replace(job, request_id=request_context.request_id(), carrier=carrier)
            with self._calls.time("xadd"):
                message_id = self._redis.xadd(STREAM, cast("Entry", message.fields()))
            span.set_attribute("messaging.message.id", str(message_id))
        self._produced.enqueued.labels(job.type).inc()


@dataclass(frozen=True)
class Delivery:
    """A message as it was delivered: not yet known to be a job."""

    message_id: str
    fields: Fields


class Consumer:
    """Takes jobs from the queue. Every method raises ``redis.RedisError``."""

    def __init__(self, client: redis.Redis, calls: ClientMetrics, name: str, visibility: float) -> None:
        self._redis = client
        self._calls = calls
        self._name = name
        self._visibility_ms = int(visibility * 1000)
        self._prepared = False

    def prepare(self) -> None:
        """Create stream and group where they are missing; also after Redis lost its data."""
        try:
            self._redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def next(self, wait: float) -> Delivery | None:
        """The next message: one that a dead worker left behind, else a new one within ``wait`` seconds."""
        self._promote_due(time.time())
        claimed = self._redis.xautoclaim(STREAM, GROUP, self._name, min_idle_time=self._visibility_ms, count=1)
        entries: Entries = claimed[1]
        if not entries:
            answer = self._redis.xreadgroup(GROUP, self._name, {STREAM: ">"}, count=1, block=max(1, int(wait * 1000)))
            entries = cast("list[tuple[str, Entries]]", answer)[0][1] if answer else []
        return Delivery(*entries[0]) if entries else None

    def ack(self, delivery: Delivery) -> None:
        """The job is done: forget its message."""
        with self._calls.time("multi"), self._redis.pipeline(transaction=True) as together:
            self._forget(together, delivery)
            together.execute()

    def retry(self, delivery: Delivery, job: Job, delay: float) -> None:
        """Put the job back, to be delivered again in ``delay`` seconds."""
        message = json.dumps(job.again().fields())
        with self._calls.time("multi"), self._redis.pipeline(transaction=True) as together:
            together.zadd(DELAYED, {message: time.time() + delay})
            self._forget(together, delivery)
            together.execute()

    def bury(self, delivery: Delivery, error_type: str) -> None:
        """Give up: move the message to the dead letters, of which the last ``DEAD_LETTERS_KEPT`` are kept."""
        letter = {**delivery.fields, "error_type": error_type}
        with self._calls.time("multi"), self._redis.pipeline(transaction=True) as together:
            together.xadd(DEAD_LETTERS, cast("Entry", letter), maxlen=DEAD_LETTERS_KEPT, approximate=False)
            self._forget(together, delivery)
            together.execute()

    def depth(self) -> int:
        """Jobs that wait, run, or are due again."""
        with self._redis.pipeline(transaction=False) as together:
            together.xlen(STREAM)
            together.zcard(DELAYED)
            return sum(int(n) for n in together.execute())

    def _forget(self, together: Pipeline, delivery: Delivery) -> None:
        together.xack(STREAM, GROUP, delivery.message_id)
        together.xdel(STREAM, delivery.message_id)

    def _promote_due(self, now: float) -> None:
        """Move retries that are due back to the stream, each in a transaction that only one worker can win."""
        due = cast("list[str]", self._redis.zrangebyscore(DELAYED, "-inf", now, start=0, num=PROMOTED_AT_ONCE))
        for message in due:
            with self._redis.pipeline(transaction=True) as together:
                together.watch(DELAYED)  # type: ignore[no-untyped-call]
                if together.zscore(DELAYED, message) is None:
                    continue
                together.multi()
                together.zrem(DELAYED, message)
                together.xadd(STREAM, json.loads(message))
                try:
                    together.execute()
                except redis.WatchError:
                    continue  # the set changed under us: the next call sees what is still due


def job_of(delivery: Delivery) -> Job:
    """The job in a message. Raises ``jobs.MalformedJobError``."""
    return jobs.parse(delivery.fields)
