"""The times of spans are those of this run: a component's clock is right, and it exports nanoseconds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from obsctl.checks._traces import NO_BACKEND, ProbeTrace, TracesPoller, nothing_arrived
from obsctl.checks._verdicts import count, failed, few, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.telemetry import Span
from obsctl.probes import ProbeRequest

TOLERANCE = 1.0
"""Seconds by which the clocks of two machines may differ; those of one machine do not."""

_UNITS = {"seconds": 1e9, "milliseconds": 1e6, "microseconds": 1e3}
"""What a time may have been written in, and how many nanoseconds that is."""

_HINT = (
    "set the clock of its machine or container (NTP, time zone: OTLP times are UTC); span times must come from one "
    "clock, in nanoseconds since the epoch"
)


class TimeSkew:
    """See ``docs/checks/time-skew.md``."""

    id = "time.skew"
    signal = Signal.TIME
    title = "spans carry the time at which they happened"

    def run(self, context: Context) -> Verdict:
        """Hold the spans of each component against the moments at which its request was sent and looked at."""
        if context.traces is None:
            return skipped(NO_BACKEND)
        traces = TracesPoller.of(context, context.traces).traces(context.deadline)
        if verdict := nothing_arrived(traces):
            return verdict
        now = time.time()
        faults = [(t, fault) for t in traces for fault in _faults(t, now)]
        if faults:
            looked = [Evidence(t.query, fault) for t, fault in faults]
            return failed(summed(list(dict.fromkeys(fault for _, fault in faults))), looked, hint=_HINT)
        services = sorted({s.service for t in traces for s in t.spans})
        spans = sum(len(t.spans) for t in traces)
        looked = [Evidence(t.query, _offsets(t)) for t in traces if t.spans]
        return passed(f"{count(spans, 'span')} of {few(services, limit=8)} lie within their request's time", looked)


def _faults(trace: ProbeTrace, now: float) -> Iterator[str]:
    """What is wrong with the times of each component, the farthest span of it named."""
    for service, spans in _by_service(trace.spans).items():
        if unit := next((u for s in spans if (u := _unit(s, now))), ""):
            yield f"{service} exports span times in {unit}, not in nanoseconds"
            continue
        early = trace.request.sent_at - min(s.start_ns for s in spans) / 1e9
        late = max(s.start_ns / 1e9 - _latest_begin(trace.request, s, now) for s in spans)
        if early > TOLERANCE:
            yield f"{service} is {early:.1f} s behind: a span of it begins before its request was sent"
        elif late > TOLERANCE:
            yield f"{service} is at least {late:.1f} s ahead: a span of it begins after it can have happened"
        if backwards := next((s for s in spans if s.end_ns < s.start_ns), None):
            yield f"{service}: {backwards.name} ends before it begins"


def _latest_begin(request: ProbeRequest, span: Span, now: float) -> float:
    """The span that answers a request has begun when the answer comes; what it causes may begin later, but not yet."""
    return request.sent_at + request.seconds if span.parent_id == request.parent_id else now


def _unit(span: Span, now: float) -> str:
    """The unit in which a time would be about now, where nanoseconds are decades off."""
    return next((unit for unit, ns in _UNITS.items() if abs(span.start_ns * ns / 1e9 - now) < now / 10), "")


def _by_service(spans: Sequence[Span]) -> Mapping[str, list[Span]]:
    grouped: dict[str, list[Span]] = {}
    for span in spans:
        grouped.setdefault(span.service, []).append(span)
    return grouped


def _offsets(trace: ProbeTrace) -> str:
    """How long after its request each component began."""
    firsts = {name: min(s.start_ns for s in spans) / 1e9 for name, spans in _by_service(trace.spans).items()}
    return few(f"{name} began after {at - trace.request.sent_at:.3f} s" for name, at in sorted(firsts.items()))
