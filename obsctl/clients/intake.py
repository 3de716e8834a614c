"""What a stack's receivers say of what came in: counted by the embedded server, by the Collector, and by Loki."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from obsctl.clients.exposition import own_metrics
from obsctl.clients.promql import PromqlClient
from obsctl.endpoints import Endpoint
from obsctl.errors import BackendError

_OWN: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "obsctl_items_received_total": ("received", ("signal", "transport")),
    "obsctl_items_rejected_total": ("rejected", ("signal", "transport")),
    "obsctl_requests_refused_total": ("refused", ("signal", "transport", "code")),
    "obsctl_unknown_path_requests_total": ("unknown path", ("path",)),
    "obsctl_wrong_protocol_connections_total": ("other protocol", ("protocol", "port")),
    "obsctl_log_lines_dropped_total": ("dropped", ("reason",)),
}
"""The embedded server's counters -> what we call them, and the labels that tell one from another."""

_COLLECTOR = re.compile(
    r"otelcol_(receiver_accepted|receiver_refused|receiver_failed|exporter_send_failed|exporter_enqueue_failed)_"
    r"(spans|metric_points|log_records)(?:_total)?"
)
_SIGNALS = {"spans": "traces", "metric_points": "metrics", "log_records": "logs"}
_KINDS = {
    "receiver_accepted": "received",
    "receiver_refused": "collector refused",
    "receiver_failed": "collector refused",
    "exporter_send_failed": "export failed",
    "exporter_enqueue_failed": "queue full",
}
_LOKI = "loki_discarded_samples_total"
QUERY = '{__name__=~"otelcol_(receiver|exporter)_.*(spans|metric_points|log_records)(_total)?|loki_discarded_.*"}'
"""The counters of the Collector and of Loki, as the metrics backend has scraped them."""

IntakeKey = tuple[str, ...]
"""What was counted: ``received``, ``refused``, …, then the signal (or the reason), then what else tells it apart."""


@dataclass(frozen=True)
class IntakeCounts:
    """What was counted since the receivers started; or, as the difference of two, since then."""

    counts: Mapping[IntakeKey, float] = field(default_factory=dict)

    def since(self, before: IntakeCounts) -> IntakeCounts:
        """What was counted in between; a counter that fell began anew."""
        pairs = ((key, now - before.counts.get(key, 0.0), now) for key, now in self.counts.items())
        return IntakeCounts({key: rise if rise >= 0 else now for key, rise, now in pairs if rise})

    def of(self, kind: str, signal: str = "") -> Iterator[tuple[tuple[str, ...], int]]:
        """What is left of each key of a kind (and a signal), with its number, the largest first."""
        wanted = (kind, signal) if signal else (kind,)
        found = [(key[len(wanted) :], int(n)) for key, n in self.counts.items() if key[: len(wanted)] == wanted and n]
        return iter(sorted(found, key=lambda one: -one[1]))

    def total(self, kind: str, signal: str = "") -> int:
        """How many in all."""
        return sum(n for _, n in self.of(kind, signal))


def intake_counts(server: Endpoint | None, metrics: PromqlClient | None) -> IntakeCounts:
    """What the embedded ``server`` says itself, and what the metrics backend has of other receivers.

    Nothing is said by those that cannot be asked.
    """
    counts: dict[IntakeKey, float] = {}
    for key, value in (*(_own(server) if server else ()), *(_scraped(metrics) if metrics else ())):
        counts[key] = counts.get(key, 0.0) + value
    return IntakeCounts(counts)


def _own(server: Endpoint) -> Iterator[tuple[IntakeKey, float]]:
    page = own_metrics(server)
    if page is None:
        return
    for name, (kind, labels) in _OWN.items():
        for have, value in page.samples.get(name, ()):
            yield (kind, *(have.get(label, "") for label in labels)), value


def _scraped(client: PromqlClient) -> Iterator[tuple[IntakeKey, float]]:
    try:
        samples = client.instant(QUERY)
    except BackendError:
        return
    for sample in samples:
        name = sample.labels.get("__name__", "")
        value = float(sample.value)
        if match := _COLLECTOR.fullmatch(name):
            by = sample.labels.get("exporter") or sample.labels.get("transport", "")
            yield (_KINDS[match[1]], _SIGNALS[match[2]], by), value
        elif name == _LOKI:
            yield ("rejected", "logs", sample.labels.get("reason", "")), value
