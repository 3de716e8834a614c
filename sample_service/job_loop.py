"""The worker's loop: takes jobs from the queue, one at a time, and sees to those that fail."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from opentelemetry import propagate, trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind, Status, StatusCode

from sample_service import jobs, queue, request_context
from sample_service.jobs import Job, RetryPolicy
from sample_service.metrics import WorkerMetrics
from sample_service.queue import Consumer, Delivery
from sample_service.redis_client import RedisError

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2
SHORTEST_POLL = 0.05
STOP_SECONDS = 2.5
"""With the server's and the exporter's, less than the five seconds that a stop is given."""
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 1.0
STARTING = "starting"


@dataclass
class JobLoop:
    """The loop around the queue. ``run_job`` does the work, ``give_up`` is told of jobs that are buried."""

    consumer: Consumer
    run_job: Callable[[Job], None]
    give_up: Callable[[Job], None]
    metrics: WorkerMetrics
    policy: RetryPolicy
    problem: str = STARTING
    """What keeps the loop from taking jobs; empty while it does."""

    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Take jobs from now on, in a thread of their own."""
        self._thread = threading.Thread(target=self._loop, name="jobs", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """Finish the job at hand. One that takes longer than ``timeout`` stays pending for another worker."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def check(self) -> str:
        """Readiness: empty while jobs are being taken."""
        alive = self._thread is not None and self._thread.is_alive()
        return self.problem if alive else "the job loop has ended"

    def _loop(self) -> None:
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            try:
                with suppress_instrumentation():
                    self.consumer.prepare()
                self.problem, pause = "", FIRST_PAUSE
                self._take_jobs()
            except RedisError as error:
                kind = type(error).__name__
                if not self.problem or self.problem == STARTING:
                    log.warning("queue: not usable, trying again", extra={"fields": {"error_type": kind}})
                self.problem = kind
                self._stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _take_jobs(self) -> None:
        """Take jobs until stopped. Polling is not part of any trace."""
        while not self._stop.is_set():
            asked = time.monotonic()
            with suppress_instrumentation():
                delivery = self.consumer.next(POLL_SECONDS)
            if delivery is not None:
                self._handle(delivery)
            else:  # a server that answers before the time is up must not make us spin
                self._stop.wait(asked + SHORTEST_POLL - time.monotonic())
            with suppress_instrumentation():
                self.metrics.depth.labels(jobs.TYPE_MATCH).set(self.consumer.depth())

    def _handle(self, delivery: Delivery) -> None:
        try:
            job = queue.job_of(delivery)
        except jobs.MalformedJobError as error:
            log.error("queue: message is no job", extra={"fields": {"message_id": delivery.message_id}})
            with suppress_instrumentation():
                self.consumer.bury(delivery, type(error).__name__)
            return
        with request_context.begin(job.request_id, job.ids):
            self._process(delivery, job)

    def _process(self, delivery: Delivery, job: Job) -> None:
        """One try, inside the trace of the request that asked for the job."""
        attributes = {
            **queue.span_attributes("process"),
            "messaging.message.id": delivery.message_id,
            "messaging.consumer.group.name": queue.GROUP,
            **job.ids,
        }
        with trace.get_tracer(__name__).start_as_current_span(
            f"process {queue.STREAM}",
            context=propagate.extract(dict(job.carrier)),
            kind=SpanKind.CONSUMER,
            attributes=attributes,
        ):
            try:
                with self.metrics.processing.labels(job.type).track_inprogress():
                    self.run_job(job)
            except Exception as error:  # noqa: BLE001 - whatever goes wrong with one job, the queue goes on
                self._failed(delivery, job, error)
            else:
                self.consumer.ack(delivery)
                self.metrics.completed.labels(job.type).inc()
                log.info("job done")

    def _failed(self, delivery: Delivery, job: Job, error: Exception) -> None:
        """Put the job back to be tried again, or give up on it."""
        kind = type(error).__name__
        trace.get_current_span().set_attribute("error.type", kind)
        trace.get_current_span().set_status(Status(StatusCode.ERROR, kind))
        self.metrics.failed.labels(job.type).inc()
        delay = self.policy.delay(job, error)
        if delay is not None:
            self.consumer.retry(delivery, job, delay)
            self.metrics.retries.labels(job.type).inc()
            log.warning("job failed, will be tried again", exc_info=error, extra={"fields": {"delay_s": delay}})
            return
        try:
            self.give_up(job)
        except Exception:
            log.exception("job failed for good, but cannot be closed: it stays pending")
            return
        self.consumer.bury(delivery, kind)
        self.metrics.dead_letters.labels(job.type).inc()
        log.error("job failed for good", exc_info=error)
