"""Prometheus metrics, one class per family. Every process registers only what it emits.

Label sets that are known beforehand are created at once: a counter that starts at zero shows its first rise.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from opentelemetry import trace
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    Summary,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

HTTP_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5)
AI_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30)
CLIENT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
AI_REASONS = ("429", "5xx", "timeout", "other")
TOKEN_TYPES = ("prompt", "completion")


def new_registry() -> CollectorRegistry:
    """A registry with the metrics of the process and of its Python runtime."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    if Path("/proc/self/stat").exists():
        ProcessCollector(registry=registry)
    else:
        registry.register(PortableProcessCollector())
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class PortableProcessCollector(Collector):
    """The metrics of the process where there is no /proc, which prometheus-client's own collector needs."""

    def collect(self) -> Iterator[Metric]:
        """Read them."""
        import psutil

        process = psutil.Process()
        spent, memory = process.cpu_times(), process.memory_info()
        yield CounterMetricFamily("process_cpu_seconds", "CPU time spent.", value=spent.user + spent.system)
        yield GaugeMetricFamily("process_resident_memory_bytes", "Resident memory.", value=memory.rss)
        yield GaugeMetricFamily("process_virtual_memory_bytes", "Virtual memory.", value=memory.vms)
        yield GaugeMetricFamily("process_start_time_seconds", "Start.", value=process.create_time())


def expose(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """Body and content type for a scrape: OpenMetrics, with exemplars, for who accepts it; else the text format."""
    encoder, content_type = choose_encoder(accept)
    return encoder(registry), content_type


def exemplar() -> dict[str, str] | None:
    """The current trace as an exemplar, if it is sampled and so can be looked up."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid or not context.trace_flags.sampled:
        return None
    return {"trace_id": trace.format_trace_id(context.trace_id)}


class HttpMetrics:
    """Family ``http``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("route", "method")
        self._requests = Counter("http_requests", "Requests answered.", (*labels, "status"), registry=registry)
        self._duration = Histogram(
            "http_request_duration_seconds", "Time to answer.", labels, buckets=HTTP_BUCKETS, registry=registry
        )
        self._size = Summary("http_response_size_bytes", "Bytes of the answers' bodies.", labels, registry=registry)

    def expect(self, route: str, method: str, status: int) -> None:
        """Start the series of a known answer at zero."""
        self._requests.labels(route, method, str(status))
        self._duration.labels(route, method)
        self._size.labels(route, method)

    def observe(self, route: str, method: str, status: int, seconds: float, size: int) -> None:
        """Count one answer."""
        self._requests.labels(route, method, str(status)).inc()
        self._duration.labels(route, method).observe(seconds, exemplar())
        self._size.labels(route, method).observe(size)


class ProducerMetrics:
    """The part of family ``jobs`` that belongs to who puts jobs on the queue."""

    def __init__(self, registry: CollectorRegistry, types: Iterable[str]) -> None:
        self.enqueued = Counter("jobs_enqueued", "Jobs put on the queue.", ("type",), registry=registry)
        for kind in types:
            self.enqueued.labels(kind)


class WorkerMetrics:
    """The part of family ``jobs`` that belongs to who runs them."""

    def __init__(self, registry: CollectorRegistry, types: Iterable[str]) -> None:
        label = ("type",)
        self.processing = Gauge("jobs_processing", "Jobs being worked on.", label, registry=registry)
        self.depth = Gauge("jobs_queue_depth", "Jobs waiting, running or due again.", label, registry=registry)
        self.completed = Counter("jobs_completed", "Jobs that ended well.", label, registry=registry)
        self.failed = Counter("jobs_failed", "Attempts that ended in failure.", label, registry=registry)
        self.retries = Counter("jobs_retries", "Failed attempts put back.", label, registry=registry)
        self.dead_letters = Counter("jobs_dead_letters", "Jobs given up on.", label, registry=registry)
        for kind in types:
            for metric in (self.processing, self.depth, self.completed, self.failed, self.retries, self.dead_letters):
                metric.labels(kind)


class AiMetrics:
    """Family ``ai``, as the caller of one provider sees it."""

    def __init__(self, registry: CollectorRegistry, provider: str, operations: Iterable[str]) -> None:
        labels = ("provider", "operation")
        self._provider = provider
        self._requests = Counter("ai_requests", "Calls made.", labels, registry=registry)
        self._duration = Histogram(
            "ai_request_duration_seconds", "Time of a call.", labels, buckets=AI_BUCKETS, registry=registry
        )
        self._tokens = Counter("ai_tokens", "Tokens used.", ("provider", "type"), registry=registry)
        self._errors = Counter("ai_errors", "Calls that failed.", (*labels, "reason"), registry=registry)
        for kind in TOKEN_TYPES:
            self._tokens.labels(provider, kind)
        for operation in operations:
            self._requests.labels(provider, operation)
            self._duration.labels(provider, operation)
            for reason in AI_REASONS:
                self._errors.labels(provider, operation, reason)

    def observe(self, operation: str, seconds: float) -> None:
        """Count one call, however it ended."""
        self._requests.labels(self._provider, operation).inc()
        self._duration.labels(self._provider, operation).observe(seconds, exemplar())

    def failed(self, operation: str, reason: str) -> None:
        """Count a failure, by one of ``AI_REASONS``."""
        self._errors.labels(self._provider, operation, reason).inc()

    def used(self, tokens: Mapping[str, int]) -> None:
        """Add the tokens of one answer, keyed by ``TOKEN_TYPES``."""
        for kind, number in tokens.items():
            self._tokens.labels(self._provider, kind).inc(number)


class ClientMetrics:
    """Latency and errors by operation of one backing service: families ``database``, ``redis`` and ``qdrant``."""

    def __init__(self, registry: CollectorRegistry, prefix: str, operations: Iterable[str]) -> None:
        label = ("operation",)
        self._duration = Histogram(
            f"{prefix}_client_duration_seconds", "Time of a call.", label, buckets=CLIENT_BUCKETS, registry=registry
        )
        self._errors = Counter(f"{prefix}_client_errors", "Calls that failed.", label, registry=registry)
        for operation in operations:
            self._duration.labels(operation)
            self._errors.labels(operation)

    @contextmanager
    def time(self, operation: str) -> Iterator[None]:
        """Measure one call; an exception counts as its failure and goes on."""
        started = time.perf_counter()
        try:
            yield
        except Exception:
            self.failed(operation)
            raise
        finally:
            self.observe(operation, time.perf_counter() - started)

    def observe(self, operation: str, seconds: float) -> None:
        """Count one call that took ``seconds``."""
        self._duration.labels(operation).observe(seconds)

    def failed(self, operation: str) -> None:
        """Count one failure."""
        self._errors.labels(operation).inc()
