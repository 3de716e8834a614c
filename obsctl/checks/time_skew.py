"""The times of spans and log lines are those of this run: clocks are right, and so are the units that are written."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from obsctl.checks._logs import LogsPoller
from obsctl.checks._traces import NO_BACKEND, ProbeTrace, TracesPoller, nothing_arrived
from obsctl.checks._verdicts import count, failed, few, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.log_fields import TIME_NAMES, ParsedLine
from obsctl.clients.telemetry import Span
from obsctl.errors import BackendError
from obsctl.probes import ProbeRequest

TOLERANCE = 1.0
"""Seconds by which the clocks of two machines may differ; those of one machine do not."""

LINE_TOLERANCE = 2.0
"""The same of log lines, some of which are written in whole seconds."""

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
    title = "spans and log lines carry the time at which they happened"

    def run(self, context: Context) -> Verdict:
        """Hold the spans of each component against the moments at which its request was sent and looked at."""
        if context.traces is None and context.logs is None:
            return skipped(NO_BACKEND)
        traces = _traces(context)
        lines = _lines(context)
        if verdict := nothing_arrived(traces) if context.traces is not None and not lines else None:
            return verdict
        now = time.time()
        faults = [(t.query, fault) for t in traces for fault in _faults(t, now)]
        faults += [(f"lines of {request.request}", fault) for request, fault in _line_faults(context, lines, now)]
        if faults:
            looked = [Evidence(query, fault) for query, fault in faults]
            return failed(summed(list(dict.fromkeys(fault for _, fault in faults))), looked, hint=_HINT)
        services = sorted({s.service for t in traces for s in t.spans} | {line.component for line in lines})
        told = f"{count(sum(len(t.spans) for t in traces), 'span')} and {count(len(lines), 'line')}"
        looked = [Evidence(t.query, _offsets(t)) for t in traces if t.spans]
        looked = looked or [Evidence("lines of the run", count(len(lines), "line"))]
        return passed(f"{told} of {few(services, limit=8)} lie within their request's time", looked)


def _traces(context: Context) -> tuple[ProbeTrace, ...]:
    if context.traces is None:
        return ()
    return TracesPoller.of(context, context.traces).traces(context.deadline)


def _lines(context: Context) -> tuple[ParsedLine, ...]:
    """The lines of the run, those that are stored under another time among them; none where logs cannot be asked."""
    if context.logs is None or context.contract.logs is None:
        return ()
    poller = LogsPoller.of(context, context.logs)
    try:
        lines = poller.lines(context.deadline)
        return (*lines, *poller.misplaced()) if poller.lacking(lines) else lines
    except BackendError:
        return ()  # the checks of logs say so


def _line_faults(context: Context, lines: Sequence[ParsedLine], now: float) -> Iterator[tuple[ProbeRequest, str]]:
    """What is wrong with the times of the lines of each component: as they are stored, and as they are written."""
    found: dict[str, tuple[ProbeRequest, str]] = {}
    for line in lines:
        request = next((r for r in context.run.requests if line.belongs_to(r.trace_id, r.request_id)), None)
        if request is not None and line.component not in found:
            fault = _line_fault(line, request, now)
            if fault:
                found[line.component] = request, fault
    yield from found.values()


def _line_fault(line: ParsedLine, request: ProbeRequest, now: float) -> str:
    name = f"log lines of {line.component or '(no service_name)'}"
    written = next((line.text(key) for key in TIME_NAMES if line.text(key)), "")
    for what, moment in (("are stored", line.line.time_ns / 1e9), ("say that they were written", _moment(written))):
        if moment is None:
            continue
        early, late = request.sent_at - moment, moment - now
        if early > LINE_TOLERANCE:
            return f"{name} {what} {_distance(early)} before their request was sent"
        if late > LINE_TOLERANCE:
            return f"{name} {what} {_distance(late)} from now"
    return ""


def _moment(written: str) -> float | None:
    """A time that a line states, in seconds since the epoch; None for what tells none."""
    with contextlib.suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(written)
        return moment.timestamp() if moment.tzinfo else None
    return None  # logs.fields says so


def _distance(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60}h{minutes % 60:02d}m"


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
        if backwards := next((s for s in spans if s.backwards_ns), None):
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
