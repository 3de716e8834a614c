"""``tracestate`` reaches every component: the member that was sent is on each span by which a trace enters one."""

from __future__ import annotations

from obsctl.checks._spans import named
from obsctl.checks._traces import NO_BACKEND, ProbeTrace, TracesPoller, nothing_arrived
from obsctl.checks._verdicts import count, failed, few, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.telemetry import Span, entry_spans


class TracesState:
    """See ``docs/checks/traces-state.md``."""

    id = "traces.state"
    signal = Signal.TRACES
    title = "tracestate survives every hop"

    def run(self, context: Context) -> Verdict:
        """Look for the member that was sent on the first span of each component."""
        if context.traces is None:
            return skipped(NO_BACKEND)
        traces = TracesPoller.of(context, context.traces).traces(context.deadline)
        if verdict := nothing_arrived(traces):
            return verdict
        entered = [(t, s) for t in traces for s in entry_spans(t.spans)]
        lost = [(t, s) for t, s in entered if t.request.trace_state not in _members(s)]
        if lost:
            looked = [Evidence(t.query, f"{_span(s)}: tracestate {s.trace_state!r}") for t, s in lost]
            hint = "carry the tracestate header (and message field) along with traceparent on every hop"
            findings = list(dict.fromkeys(f"{named(s)} has lost {t.request.trace_state}" for t, s in lost))
            return failed(summed(findings), looked, hint=hint)
        looked = [Evidence(t.query, _seen(t)) for t in traces if t.spans]
        names = few(sorted({s.service for _, s in entered}), limit=8)
        return passed(f"the member sent is on each of {count(len(entered), 'span')} that enter {names}", looked)


def _members(span: Span) -> set[str]:
    return {member.strip() for member in span.trace_state.split(",")}


def _span(span: Span) -> str:
    return f"{named(span)} ({span.kind or 'no kind'})"


def _seen(trace: ProbeTrace) -> str:
    return f"{trace.request.trace_state} on {few(named(s) for s in entry_spans(trace.spans))}"
