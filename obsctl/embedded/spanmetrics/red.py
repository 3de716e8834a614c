"""Calls and latency by service, name, kind and status: Tempo's ``span-metrics`` processor, its names and labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from obsctl.embedded.records import ExemplarRecord, MetadataRecord, SpanRecord
from obsctl.embedded.spanmetrics.instruments import Counter, Histogram, InstrumentRows, Row, metadata
from obsctl.languages.labels import Labels

CALLS, LATENCY = "traces_spanmetrics_calls_total", "traces_spanmetrics_latency"
BOUNDS = tuple(0.002 * 2**power for power in range(14))
"""Seconds: 2 ms to 16.384 s."""

LIMIT = 1_000
"""Label sets; everything beyond is counted together, under ``otel_metric_overflow`` (OpenTelemetry metrics SDK)."""

KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
STATUSES = ("UNSET", "OK", "ERROR")
_OVERFLOW: Labels = (("otel_metric_overflow", "true"),)
_BOUNDS_NS = np.array([bound * 1e9 for bound in BOUNDS])
_SIZE = len(BOUNDS) + 1
_Key = tuple[str, str, int, int]


class Red:
    """Aggregates of spans."""

    def __init__(self) -> None:
        self.rows = InstrumentRows()
        self._rows: dict[_Key | None, tuple[Row, Counter, Histogram]] = {}
        self._exemplars: dict[Labels, ExemplarRecord] = {}

    def observe(self, spans: Sequence[SpanRecord], now: float) -> None:
        """Count spans; ``now`` is the time of exemplars (s)."""
        known: dict[_Key, int] = {}
        numbers = [known.setdefault((s.service, s.name, s.kind, s.status), len(known)) for s in spans]
        took = np.array([s.end_ns - s.start_ns for s in spans], dtype=np.float64).clip(min=0)
        buckets = np.searchsorted(_BOUNDS_NS, took)
        index = np.array(numbers)
        counts = np.bincount(index * _SIZE + buckets, minlength=len(known) * _SIZE).reshape(-1, _SIZE)
        seconds = np.bincount(index, weights=took) / 1e9
        last = dict(zip(numbers, range(len(spans)), strict=True))
        for key, number in known.items():
            row, calls, latency = self._row(key)
            calls.value += int(counts[number].sum())
            latency.add(counts[number], float(seconds[number]))
            row.changed = True
            shown = last[number]
            labels = latency.buckets[int(buckets[shown])]
            self._exemplars[labels] = _exemplar(labels, spans[shown], float(took[shown]) / 1e9, now)

    def exemplars(self) -> list[ExemplarRecord]:
        """One of each bucket that was added to since the last time."""
        found, self._exemplars = list(self._exemplars.values()), {}
        return found

    def _row(self, key: _Key) -> tuple[Row, Counter, Histogram]:
        wanted = key if key in self._rows or len(self._rows) < LIMIT else None
        found = self._rows.get(wanted)
        if found is None:
            labels = _labels(key) if wanted else _OVERFLOW
            calls, latency = Counter(CALLS, labels), Histogram(LATENCY, labels, BOUNDS)
            found = self._rows[wanted] = (Row((calls, latency)), calls, latency)
            self.rows.all.append(found[0])
        return found


def described() -> list[MetadataRecord]:
    """Type and help of the families."""
    return metadata({CALLS: "Spans by service, name, kind and status."}, {LATENCY: "How long spans took."})


def _labels(key: _Key) -> Labels:
    service, name, kind, status = key
    return (
        ("service", service),
        ("span_name", name),
        ("span_kind", f"SPAN_KIND_{KINDS[kind] if 0 <= kind < len(KINDS) else KINDS[0]}"),
        ("status_code", f"STATUS_CODE_{STATUSES[status] if 0 <= status < len(STATUSES) else STATUSES[0]}"),
    )


def _exemplar(labels: Labels, span: SpanRecord, seconds: float, now: float) -> ExemplarRecord:
    ids = (("span_id", span.span_id.hex()), ("trace_id", span.trace_id.hex()))
    return ExemplarRecord(labels, ids, round(now * 1000), seconds)
