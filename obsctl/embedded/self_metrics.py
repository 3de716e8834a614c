"""The metrics of the server itself on ``/metrics``, in text format 0.0.4.

Metrics are named ``obsctl_*``; those of rules have Prometheus' names, so that what is made for them works.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

LabelValues = tuple[str, ...]


@dataclass(frozen=True)
class SelfMetric:
    """One metric family; ``labels`` are the names that every sample gives values for, in this order."""

    name: str
    type: Literal["counter", "gauge"]
    help: str
    labels: tuple[str, ...] = ()


RECEIVED = SelfMetric(
    "obsctl_items_received_total", "counter", "Spans, data points and log lines that arrived.", ("signal", "transport")
)
ACCEPTED = SelfMetric(
    "obsctl_items_accepted_total", "counter", "Items committed to the store.", ("signal", "transport")
)
DUPLICATE = SelfMetric(
    "obsctl_items_duplicate_total", "counter", "Items that were stored before.", ("signal", "transport")
)
REPLACED = SelfMetric(
    "obsctl_items_replaced_total",
    "counter",
    "Accepted items that took the place of one with the same ids and less in it.",
    ("signal", "transport"),
)
REJECTED = SelfMetric(
    "obsctl_items_rejected_total",
    "counter",
    "Items that can never be stored, reported as partial success.",
    ("signal", "transport"),
)
REFUSED = SelfMetric(
    "obsctl_requests_refused_total", "counter", "Requests answered with an error.", ("signal", "transport", "code")
)
UNKNOWN_PATHS = SelfMetric(
    "obsctl_unknown_path_requests_total", "counter", "Requests to a path that the OTLP port does not have.", ("path",)
)
REPAIRED = SelfMetric(
    "obsctl_characters_repaired_total",
    "counter",
    "Characters of received text that were not valid Unicode and became U+FFFD.",
    ("signal", "transport"),
)
REDACTED = SelfMetric("obsctl_scrubbed_total", "counter", "Attributes dropped and values masked.", ("action",))
SCRAPES = SelfMetric("obsctl_scrapes_total", "counter", "Scrapes by outcome.", ("job", "outcome"))
SAMPLES_DROPPED = SelfMetric(
    "obsctl_scrape_samples_dropped_total", "counter", "Scraped samples that were not stored.", ("job", "reason")
)
LOG_LINES_DROPPED = SelfMetric("obsctl_log_lines_dropped_total", "counter", "Log lines not stored.", ("reason",))
LOG_LINES_TRUNCATED = SelfMetric("obsctl_log_lines_truncated_total", "counter", "Log lines cut at the longest length.")
COMMITS = SelfMetric("obsctl_store_commits_total", "counter", "Transactions committed.")
COMMIT_SECONDS = SelfMetric("obsctl_store_commit_seconds_total", "counter", "Time spent in transactions.")
COMMIT_FAILURES = SelfMetric("obsctl_store_commit_failures_total", "counter", "Batches that the store could not write.")
EXPIRED = SelfMetric("obsctl_store_expired_total", "counter", "Rows removed by retention.", ("table",))
MAINTENANCE_FAILURES = SelfMetric("obsctl_store_maintenance_failures_total", "counter", "Background work that failed.")
SPANS_NOT_COUNTED = SelfMetric(
    "obsctl_span_metrics_dropped_total", "counter", "Stored spans that span metrics leave out: too many at once."
)
QUEUE_ITEMS = SelfMetric("obsctl_store_queue_items", "gauge", "Records waiting to be written.")
QUEUE_LIMIT = SelfMetric("obsctl_store_queue_limit_items", "gauge", "Records that may wait.")
STORE_BYTES = SelfMetric("obsctl_store_bytes", "gauge", "Size of the database.", ("part",))
INDEX_ITEMS = SelfMetric(
    "obsctl_index_behind_items",
    "gauge",
    "Stored records without a summary yet, which every search reads.",
    ("signal",),
)
INDEX_SECONDS = SelfMetric(
    "obsctl_index_behind_seconds", "gauge", "How long the oldest of these wait for their summary.", ("signal",)
)
SERIES = SelfMetric("obsctl_store_series", "gauge", "Metric series known.")
STREAMS = SelfMetric("obsctl_store_streams", "gauge", "Log streams known.")
RULE_EVALUATIONS = SelfMetric("prometheus_rule_evaluations_total", "counter", "Evaluations of rules.", ("rule_group",))
RULE_FAILURES = SelfMetric(
    "prometheus_rule_evaluation_failures_total", "counter", "Evaluations of rules that failed.", ("rule_group",)
)
RULE_MISSED = SelfMetric(
    "prometheus_rule_group_iterations_missed_total",
    "counter",
    "Evaluations of a group that were left out because earlier ones took too long.",
    ("rule_group",),
)
RULE_SECONDS = SelfMetric(
    "prometheus_rule_group_duration_seconds_sum", "counter", "Time spent on evaluations of a group.", ("rule_group",)
)
RULE_COUNTERS = (RULE_EVALUATIONS, RULE_FAILURES, RULE_MISSED, RULE_SECONDS)
RULE_INTERVAL = SelfMetric("prometheus_rule_group_interval_seconds", "gauge", "Interval of a group.", ("rule_group",))
RULE_RULES = SelfMetric("prometheus_rule_group_rules", "gauge", "Rules of a group.", ("rule_group",))
RULE_LAST_SECONDS = SelfMetric(
    "prometheus_rule_group_last_duration_seconds", "gauge", "How long the last evaluation took.", ("rule_group",)
)
RULE_LAST_TIME = SelfMetric(
    "prometheus_rule_group_last_evaluation_timestamp_seconds",
    "gauge",
    "When the last evaluation was, seconds since the epoch.",
    ("rule_group",),
)
NOTIFIED = SelfMetric(
    "prometheus_notifications_sent_total", "counter", "Alerts that an alert manager was sent.", ("alertmanager",)
)
NOTIFY_ERRORS = SelfMetric(
    "prometheus_notifications_errors_total",
    "counter",
    "Alerts that an alert manager did not take.",
    ("alertmanager",),
)
NOTIFY_DROPPED = SelfMetric(
    "prometheus_notifications_dropped_total", "counter", "Alerts for which there was no room to wait."
)
BROWSER_REFUSED = SelfMetric(
    "obsctl_browser_requests_refused_total",
    "counter",
    "Requests with a foreign Host or Origin, which were refused.",
    ("reason",),
)
WRONG_PROTOCOL = SelfMetric(
    "obsctl_wrong_protocol_connections_total",
    "counter",
    "Connections to a port of HTTP/1 that spoke something else: http2 (gRPC) or tls.",
    ("protocol", "port"),
)
START_TIME = SelfMetric("obsctl_start_time_seconds", "gauge", "When the server started, seconds since the epoch.")


class SelfMetrics:
    """Counts from any thread; gauges are read when ``expose`` is called."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: dict[SelfMetric, dict[LabelValues, float]] = {}
        self._gauges: list[tuple[SelfMetric, LabelValues, Callable[[], float]]] = []

    def add(self, family: SelfMetric, amount: float = 1, *labels: str) -> None:
        """Count; zero makes the series visible."""
        with self._lock:
            series = self._counters.setdefault(family, {})
            series[labels] = series.get(labels, 0) + amount

    def gauge(self, family: SelfMetric, ask: Callable[[], float], *labels: str) -> None:
        """Register a gauge."""
        self._gauges.append((family, labels, ask))

    def value(self, family: SelfMetric, *labels: str) -> float:
        """What a counter stands at."""
        with self._lock:
            return self._counters.get(family, {}).get(labels, 0)

    def expose(self) -> str:
        """The exposition, families in name order."""
        with self._lock:
            found = {family: dict(series) for family, series in self._counters.items()}
        for family, labels, ask in self._gauges:
            found.setdefault(family, {})[labels] = ask()
        lines: list[str] = []
        for family in sorted(found, key=lambda family: family.name):
            lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.type}"]
            lines += [_sample(family, labels, value) for labels, value in sorted(found[family].items())]
        return "\n".join(lines) + "\n"


def _sample(family: SelfMetric, labels: LabelValues, value: float) -> str:
    pairs = ",".join(f'{name}="{_escape(text)}"' for name, text in zip(family.labels, labels, strict=True))
    number = str(int(value)) if value == int(value) else repr(value)
    return f"{family.name}{{{pairs}}} {number}" if pairs else f"{family.name} {number}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
