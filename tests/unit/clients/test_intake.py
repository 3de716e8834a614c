"""What receivers counted, read from the embedded server's page and from what the metrics backend scraped."""

from __future__ import annotations

from typing import Any

from obsctl.clients.intake import QUERY, intake_counts
from obsctl.clients.telemetry import MetricSample
from obsctl.errors import BackendError


class Scraped:
    """A metrics backend that has scraped a Collector and Loki."""

    def __init__(self, *series: tuple[str, dict[str, str], float]) -> None:
        self.series = series

    def instant(self, query: str) -> list[MetricSample]:
        assert query == QUERY
        if not self.series:
            raise BackendError("down")
        return [MetricSample({"__name__": name, **labels}, 0.0, value) for name, labels, value in self.series]


def counts(*series: tuple[str, dict[str, str], float]) -> dict[tuple[str, ...], float]:
    client: Any = Scraped(*series)
    return dict(intake_counts(None, client).counts)


def test_the_collectors_counters_of_old_and_new_names() -> None:
    found = counts(
        ("otelcol_receiver_accepted_spans", {"transport": "grpc", "receiver": "otlp"}, 3),
        ("otelcol_receiver_accepted_spans", {"transport": "http", "receiver": "otlp"}, 4),
        ("otelcol_receiver_refused_log_records_total", {"transport": "http"}, 2),
        ("otelcol_exporter_send_failed_spans_total", {"exporter": "otlp/tempo"}, 5),
        ("otelcol_exporter_enqueue_failed_metric_points", {"exporter": "prometheusremotewrite"}, 6),
        ("loki_discarded_samples_total", {"reason": "greater_than_max_sample_age"}, 7),
        ("loki_discarded_bytes_total", {"reason": "greater_than_max_sample_age"}, 7000),
    )
    assert found == {
        ("received", "traces", "grpc"): 3,
        ("received", "traces", "http"): 4,
        ("collector refused", "logs", "http"): 2,
        ("export failed", "traces", "otlp/tempo"): 5,
        ("queue full", "metrics", "prometheusremotewrite"): 6,
        ("rejected", "logs", "greater_than_max_sample_age"): 7,
    }


def test_nobody_who_can_be_asked_says_nothing() -> None:
    assert counts() == {}
