"""Breaks exactly one thing in a process of the sample service, named by the file ``BREAK`` beside this one.

Python imports this module at start when its folder is on PYTHONPATH. The service itself stays as it is shipped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

LATE = 5.0
"""Seconds that spans are held back."""

BREAKAGES: dict[str, Callable[[], None]] = {}


def breakage(*processes: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register a breakage for the named processes; for the others nothing is broken."""

    def register(apply: Callable[[], None]) -> Callable[[], None]:
        BREAKAGES[apply.__name__] = lambda: apply() if os.environ.get("OTEL_SERVICE_NAME") in processes else None
        return apply

    return register


def rewrite_exposition(pattern: str, replacement: str) -> None:
    from sample_service import metrics

    original = metrics.expose

    def expose(registry: object, accept: str) -> tuple[bytes, str]:
        body, content_type = original(registry, accept)
        return re.sub(pattern.encode(), replacement.encode(), body, flags=re.MULTILINE), content_type

    metrics.expose = expose


def rewrite_log_lines(pattern: str, replacement: str) -> None:
    from sample_service import logs

    original = logs.JsonFormatter.format
    logs.JsonFormatter.format = lambda self, record: re.sub(pattern, replacement, original(self, record))


@breakage("worker")
def metric_missing() -> None:
    rewrite_exposition(r"^(# (HELP|TYPE) )?jobs_queue_depth.*\n", "")


@breakage("worker")
def token_logged() -> None:
    rewrite_log_lines(r'"message": "', '"message": "Authorization: Bearer c29tZS10b2tlbi1vZi1hLXVzZXI3Mzk1 ')


@breakage("worker")
def type_changed() -> None:
    rewrite_exposition(r"^# TYPE jobs_queue_depth gauge", "# TYPE jobs_queue_depth unknown")


@breakage("worker")
def label_missing() -> None:
    rewrite_exposition(r'^(jobs_retries_total)\{type="match"\}', r"\1")


@breakage("api")
def series_explode() -> None:
    lines = "".join(rf'\nhttp_response_size_bytes_count{{method="GET",route="/cvs/{n}"}} 1' for n in range(120))
    rewrite_exposition(r"^# TYPE http_response_size_bytes summary$", rf"\g<0>{lines}")


@breakage("api")
def seconds_in_milliseconds() -> None:
    rewrite_exposition(r"^(http_request_duration_seconds_sum\{.*\}) ([0-9.]+)$", r"\1 \2e3")


@breakage("api")
def address_in_a_label() -> None:
    line = r'\nhttp_response_size_bytes_count{method="GET",route="/cvs/jane@example.com"} 1'
    rewrite_exposition(r"^# TYPE http_response_size_bytes summary$", rf"\g<0>{line}")


@breakage("worker")
def counters_fall() -> None:
    """As those of several processes behind one address do."""
    from sample_service import metrics

    original, read = metrics.expose, []

    def expose(registry: object, accept: str) -> tuple[bytes, str]:
        body, content_type = original(registry, accept)
        read.append(1)
        value = rb"\g<1> %d" % (5 * (len(read) % 2))
        return re.sub(rb"^(jobs_retries_total\{.*\}) [0-9.]+", value, body, flags=re.MULTILINE), content_type

    metrics.expose = expose


@breakage("api")
def good_events_counted_twice() -> None:
    rewrite_exposition(r'^(http_request_duration_seconds_bucket\{.*le="0.25".*\}) [0-9.]+( #.*)?$', r"\1 999999")


@breakage("api")
def bucket_changed() -> None:
    rewrite_exposition(r'^(http_request_duration_seconds_bucket.*)le="0.25"', r'\1le="0.3"')


@breakage("api", "worker", "ai")
def exemplar_absent() -> None:
    rewrite_exposition(r" # \{.*$", "")


@breakage("api")
def counter_off_by_one() -> None:
    from sample_service.queue import Producer

    original, counted = Producer.enqueue, []

    def enqueue(self: Producer, job: object) -> None:
        original(self, job)
        if not counted:
            counted.append(1)
            self._produced.enqueued.labels("match").inc()

    Producer.enqueue = enqueue


@breakage("ai")
def target_down() -> None:
    from sample_service import metrics

    def expose(_registry: object, _accept: str) -> tuple[bytes, str]:
        raise RuntimeError("broken")

    metrics.expose = expose


@breakage("api")
def propagation_cut_at_the_queue() -> None:
    from opentelemetry import propagate

    propagate.inject = lambda *_a, **_k: None


@breakage("worker")
def vectors_not_instrumented() -> None:
    from opentelemetry.instrumentation.qdrant import QdrantInstrumentor

    QdrantInstrumentor.instrument = lambda *_a, **_k: None


@breakage("api")
def sampled_in_spite_of_the_flag() -> None:
    """Every third trace is dropped; what the other processes do follows."""
    from opentelemetry.sdk.trace import sampling

    original, seen = sampling.ParentBased.should_sample, []

    def should_sample(self: object, parent: object, trace_id: int, *rest: object, **more: object) -> object:
        if trace_id not in seen:
            seen.append(trace_id)
        if seen.index(trace_id) % 3 == 1:
            return sampling.SamplingResult(sampling.Decision.DROP)
        return original(self, parent, trace_id, *rest, **more)

    sampling.ParentBased.should_sample = should_sample


@breakage("worker")
def tracestate_lost() -> None:
    from sample_service import queue

    original = queue.job_of

    def job_of(delivery: object) -> object:
        job = original(delivery)
        job.carrier.pop("tracestate", None)
        return job

    queue.job_of = job_of


@breakage("worker")
def attribute_missing() -> None:
    from sample_service import queue

    original = queue.span_attributes
    queue.span_attributes = lambda operation: {
        k: v for k, v in original(operation).items() if k != "messaging.destination.name"
    }


@breakage("api")
def orphaned() -> None:
    """A span whose parent is never exported."""
    from opentelemetry import trace

    from sample_service.db import SampleDatabase

    original = SampleDatabase.add_cv

    def add_cv(self: SampleDatabase, *arguments: str) -> None:
        here = trace.get_current_span().get_span_context()
        nowhere = trace.SpanContext(here.trace_id, 0xBAD, True, here.trace_flags, here.trace_state)
        context = trace.set_span_in_context(trace.NonRecordingSpan(nowhere))
        trace.get_tracer("broken").start_span("stray", context=context).end()
        original(self, *arguments)

    SampleDatabase.add_cv = add_cv


@breakage("ai")
def traces_late() -> None:
    import threading

    from opentelemetry.sdk.trace.export import SpanExportResult

    from sample_service.telemetry import LateExporter

    export = LateExporter.export

    def export_later(self: LateExporter, spans: object) -> SpanExportResult:
        threading.Timer(LATE, export, (self, spans)).start()
        return SpanExportResult.SUCCESS

    LateExporter.export = export_later


@breakage("api", "worker", "ai")
def collector_down() -> None:
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"


@breakage("ai")
def logs_silent() -> None:
    import logging

    logging.disable(logging.INFO)


@breakage("worker")
def log_without_trace_id() -> None:
    rewrite_log_lines(r'"trace_id": "[0-9a-f]+"', '"trace_id": ""')


@breakage("api")
def request_id_not_echoed() -> None:
    from starlette.datastructures import MutableHeaders

    from sample_service import request_context

    original = MutableHeaders.__setitem__

    def setitem(self: MutableHeaders, key: str, value: str) -> None:
        original(self, key, "another" if key == request_context.HEADER else value)

    MutableHeaders.__setitem__ = setitem


@breakage("api")
def pii_leaked() -> None:
    from opentelemetry import trace

    from sample_service.db import SampleDatabase

    original = SampleDatabase.add_cv

    def add_cv(self: SampleDatabase, cv_id: str, name: str, *rest: str) -> None:
        trace.get_current_span().set_attribute("debug.note", f"stored {name}")
        original(self, cv_id, name, *rest)

    SampleDatabase.add_cv = add_cv


@breakage("worker")
def clock_ahead() -> None:
    import time

    from opentelemetry.sdk import trace

    trace.time_ns = lambda: time.time_ns() + 300 * 10**9


@breakage("api")
def answers_wrong() -> None:
    from sample_service.db import SampleDatabase

    def broken(*_arguments: object) -> None:
        raise ValueError("broken")

    SampleDatabase.add_project = broken


CHOSEN = Path(__file__).with_name("BREAK")
if "OTEL_SERVICE_NAME" in os.environ and CHOSEN.exists():
    BREAKAGES[CHOSEN.read_text()]()
