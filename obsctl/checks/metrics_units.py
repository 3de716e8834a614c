"""Durations and sizes are recorded in the unit that their name says: held against what obsctl itself measured."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from obsctl.checks._metrics import NO_BACKEND, MetricsPoller, ScrapedComponent, not_scraped, nothing_arrived
from obsctl.checks._rises import RunRises, SeriesRise, requests_of
from obsctl.checks._traces import TracesPoller
from obsctl.checks._verdicts import count, failed, noted, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.telemetry import Span
from obsctl.errors import BackendError
from obsctl.probes import ProbeRequest
from obsctl.spec.contract import Metric, MetricType

UNITS: Mapping[str, float] = {
    "nanoseconds": 1e-9,
    "microseconds": 1e-6,
    "milliseconds": 1e-3,
    "seconds": 1.0,
    "minutes": 60.0,
}
"""Seconds of each unit that a duration may be recorded in."""

SLACK = 1.2
"""How much longer than its client a service may find a request; what is timed differs a little."""

OVERHEAD = 0.005
"""Seconds for each request that a service may count after its answer."""

LEAST = 0.02
"""Part of the time of the server's spans below which a duration is not what they took."""

_STATED = {"ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds", "s": "seconds", "min": "minutes"}
_DISTRIBUTIONS = (MetricType.HISTOGRAM, MetricType.SUMMARY)
_NOT_SHARES = ("compression", "amplification", "aspect", "oversubscription")
_TIMES = ("_timestamp_seconds", "_start_time_seconds", "_timestamp", "_start_time")
_SIZES = {"bits": 8.0, "kilobytes": 1e-3, "kibibytes": 1 / 1024}
_HEADERS = 2000
"""Bytes of headers that a size may count for each answer."""

_HINT = (
    "record the base unit that the name says (seconds, bytes, a ratio of 1): convert where it is observed, and see "
    "that the buckets are in the same unit; or rename the metric after the unit that it has"
)


class MetricsUnits:
    """See ``docs/checks/metrics-units.md``."""

    id = "metrics.units"
    signal = Signal.METRICS
    title = "durations, sizes and ratios are recorded in their unit"

    def run(self, context: Context) -> Verdict:
        """Compare rises of the run with what the requests took and brought."""
        if context.metrics is None:
            return skipped(NO_BACKEND)
        scraped = MetricsPoller.of(context, context.metrics).scraped(context.deadline)
        if verdict := nothing_arrived(context, scraped):
            return verdict
        findings = [*_timestamps(scraped), *_ratios(context.contract.metrics, scraped)]
        measured = [*_durations(context, scraped), *_sizes(context, scraped)]
        findings += [m for m in measured if m.wrong]
        notes = noted([not_scraped(scraped)])
        if findings:
            return failed(
                summed([m.wrong for m in findings]) + notes,
                [m.evidence for m in findings],
                hint=_HINT,
                because=["metrics.resets"],
            )
        looked = [m.evidence for m in measured]
        if not looked:
            return skipped(f"no duration or size of the contract rose with the driven requests{notes}")
        return passed(
            f"{count(len(looked), 'metric')} held against what was measured: {measured[0].said}{notes}", looked
        )


@dataclass(frozen=True)
class MeasuredMetric:
    """A metric and what it was held against. ``wrong`` is the finding, "" where there is none."""

    query: str
    said: str
    wrong: str = ""

    @property
    def evidence(self) -> Evidence:
        """Query and answer."""
        return Evidence(self.query, self.said)


def stated_unit(metric: Metric) -> str:
    """The unit of a duration, by its name or as the contract says; "" for what is none."""
    suffix = metric.name.removesuffix("_total").rpartition("_")[2]
    return suffix if suffix in UNITS else _STATED.get(metric.unit, "")


# ---- durations ----


@dataclass(frozen=True)
class _Rise:
    """What a histogram or summary rose by, and the bounds of the time that was really spent, in seconds."""

    events: float
    total: float
    least: float
    most: float


def _durations(context: Context, scraped: Sequence[ScrapedComponent]) -> Iterator[MeasuredMetric]:
    rises, spans = RunRises.of(context, scraped), _spans(context)
    for metric in context.contract.metrics:
        unit = stated_unit(metric)
        if metric.type not in _DISTRIBUTIONS or not unit:
            continue
        for component in dict.fromkeys(r.component for r in rises if r.name == f"{metric.name}_sum"):
            own = [r for r in rises if r.component == component]
            rise = _of_requests(metric, own, context, spans) or _of_spans(metric, own, context, spans)
            if rise is not None:
                yield _judged(metric, component, unit, rise)


def _judged(metric: Metric, component: str, unit: str, rise: _Rise) -> MeasuredMetric:
    seconds = rise.total * UNITS[unit]
    said = f"rose by {rise.total:.4g} for {rise.events:g} events that took {rise.most:.4g} s at most"
    measured = f"{metric.name}_sum on {component}"
    at_most = rise.most * SLACK + OVERHEAD * rise.events
    other = next(
        (u for u in UNITS if rise.least * LEAST <= rise.total * UNITS[u] <= rise.most * SLACK and u != unit), ""
    )
    too_short = other and 0 < seconds < rise.least * LEAST
    if (seconds <= at_most and not too_short) or (not other and seconds < 10 * at_most):
        return MeasuredMetric(measured, said)
    what = f"is recorded in {other}, not in {unit}" if other else f"is not recorded in {unit}"
    return MeasuredMetric(measured, said, f"{metric.name} on {component} {what}: its sum {said}")


def _of_requests(metric: Metric, own: Sequence[SeriesRise], context: Context, spans: Sequence[Span]) -> _Rise | None:
    """The rise over series whose labels tell the routes of driven requests, and nothing but those raised."""
    if not own or own[0].component != context.service.entry.name:
        return None
    events, total, requests = 0.0, 0.0, list[ProbeRequest]()
    sums = {frozenset(r.labels.items()): r for r in own if r.name == f"{metric.name}_sum"}
    for counted in (r for r in own if r.name == f"{metric.name}_count" and r.rose > 0):
        asked = requests_of(counted.labels, context.run.requests)
        summed_up = sums.get(frozenset(counted.labels.items()))
        if asked and summed_up and counted.rose <= len(asked):
            events, total, requests = events + counted.rose, total + summed_up.rose, requests + asked
    if not events:
        return None
    return _Rise(
        events, total, _served(requests, context, spans), sum({r.trace_id: r.seconds for r in requests}.values())
    )


def _served(requests: Sequence[ProbeRequest], context: Context, spans: Sequence[Span]) -> float:
    """The time of the server spans that answered these requests; 0.0 where there are none."""
    ids = {r.trace_id for r in requests}
    answers = [s for s in spans if s.trace_id in ids and s.kind == "server"]
    return sum(_seconds(s) for s in answers if s.service == context.service.entry.name)


def _of_spans(metric: Metric, own: Sequence[SeriesRise], context: Context, spans: Sequence[Span]) -> _Rise | None:
    """The rise of what counted as many events as there are spans of one name, held to how long the traces lasted.

    An event of a driven request cannot last longer than from the request until the end of all that it set off.
    """
    events = sum(r.rose for r in own if r.name == f"{metric.name}_count")
    total = sum(r.rose for r in own if r.name == f"{metric.name}_sum")
    steps = Counter(r.request for r in context.run.requests if r.status)
    if events < 2 or not any(events % times == 0 for times in steps.values()):
        return None
    longest = max((_extent(r, spans) for r in context.run.requests), default=0.0)
    names = Counter((s.service, s.name) for s in spans)
    known = any(service == own[0].component and number == events for (service, _), number in names.items())
    most = events * longest if known and longest else events * (time.time() - context.run.started_at)
    seconds = total * UNITS[stated_unit(metric)]
    held = (known and seconds <= most) or seconds > 3 * most  # between the two it is not told
    return _Rise(events, total, 0.0, most) if held else None


def _extent(request: ProbeRequest, spans: Sequence[Span]) -> float:
    """Seconds from a request until the last of its spans has ended."""
    ends = [s.end_ns / 1e9 for s in spans if s.trace_id == request.trace_id]
    return max(max(ends) - request.sent_at, request.seconds) if ends else 0.0


def _spans(context: Context) -> Sequence[Span]:
    """The spans of driven traces as far as they are there; trace checks say what is missing."""
    if context.traces is None:
        return ()
    try:
        return [s for t in TracesPoller.of(context, context.traces).traces(context.deadline) for s in t.spans]
    except BackendError:
        return ()


def _seconds(span: Span) -> float:
    return max(0, span.end_ns - span.start_ns) / 1e9


# ---- sizes, ratios, times ----


def _sizes(context: Context, scraped: Sequence[ScrapedComponent]) -> Iterator[MeasuredMetric]:
    """Sizes of answers, where their bodies say how many bytes they had."""
    entry = context.service.entry.name
    rises = [r for r in RunRises.of(context, scraped) if r.component == entry]
    for metric in context.contract.metrics:
        is_answer = "response" in metric.name or "sent" in metric.name
        if metric.type not in _DISTRIBUTIONS or not metric.name.endswith("_bytes") or not is_answer:
            continue
        counts = {frozenset(r.labels.items()): r.rose for r in rises if r.name == f"{metric.name}_count"}
        sums = {frozenset(r.labels.items()): r for r in rises if r.name == f"{metric.name}_sum"}
        asked = {key: requests_of(r.labels, context.run.requests) for key, r in sums.items()}
        exact = [key for key in sums if asked[key] and counts.get(key) == len(asked[key])]
        size = sum(r.received_bytes for key in exact for r in asked[key])
        if size > 0:
            yield _sized(metric, entry, sum(sums[key].rose for key in exact), size, sum(counts[key] for key in exact))


def _sized(metric: Metric, entry: str, total: float, size: int, events: float) -> MeasuredMetric:
    said = f"rose by {total:.6g} for {events:g} answers of {size} bytes"
    other = next((unit for unit, factor in _SIZES.items() if total and abs(total / (size * factor) - 1) < 0.02), "")
    wrong = f"is recorded in {other}, not in bytes" if other else ""
    if not other and (0 < total < size * LEAST or total > 10 * (size + _HEADERS * events)):
        wrong = "is not what was sent"
    finding = f"{metric.name} on {entry} {wrong}: its sum {said}" if wrong else ""
    return MeasuredMetric(f"{metric.name}_sum on {entry}", said, finding)


def _ratios(metrics: Sequence[Metric], scraped: Sequence[ScrapedComponent]) -> Iterator[MeasuredMetric]:
    for metric in metrics:
        if not metric.name.endswith("_ratio") or metric.type is not MetricType.GAUGE:
            continue
        if any(word in metric.name for word in _NOT_SHARES):
            continue
        for component in scraped:
            out = [s.value for s in component.of(metric) if not -1e-9 <= s.value <= 1 + 1e-9]
            if out:
                percent = " (a percentage?)" if all(1 < value <= 100 for value in out) else ""
                said = f"{metric.name} on {component.name} is {out[0]:g}, not between 0 and 1{percent}"
                yield MeasuredMetric(metric.name, said, said)


def _timestamps(scraped: Sequence[ScrapedComponent]) -> Iterator[MeasuredMetric]:
    """Moments since the epoch that are thousands of years away."""
    now = time.time()
    for component in scraped:
        for sample in component.series:
            name = sample.labels.get("__name__", "")
            if not name.endswith(_TIMES):
                continue
            unit = next((u for u, size in UNITS.items() if size < 1 and 0.5 < sample.value * size / now < 2), "")
            if unit:
                said = f"{name} on {component.name} is a time in {unit}, not in seconds: {sample.value:.0f}"
                yield MeasuredMetric(name, said, said)
