"""Spans carry the attributes that the contract requires, and none that it forbids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from obsctl.checks._spans import absent, candidates, keys, like, named
from obsctl.checks._traces import NO_BACKEND, ProbeTrace, TracesPoller, nothing_arrived
from obsctl.checks._verdicts import count, failed, few, noted, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.telemetry import Span
from obsctl.spec.contract import SpanRule


class TracesAttributes:
    """See ``docs/checks/traces-attributes.md``."""

    id = "traces.attributes"
    signal = Signal.TRACES
    title = "spans carry required attributes and no forbidden ones"

    def run(self, context: Context) -> Verdict:
        """Look for each required attribute on the span that the contract describes; for forbidden keys everywhere."""
        if context.traces is None:
            return skipped(NO_BACKEND)
        rules = [r for t in context.contract.traces for r in t.spans if r.attributes]
        forbidden = context.contract.forbidden.attributes
        if not rules and not forbidden:
            return skipped("the contract neither requires nor forbids span attributes")
        traces = TracesPoller.of(context, context.traces).traces(context.deadline)
        if verdict := nothing_arrived(traces):
            return verdict
        found = [(t, f) for t in traces for f in (*_lacking(t), *_leaking(t, forbidden))]
        if found:
            looked = [Evidence(t.query, f) for t, f in found]
            hint = (
                "set the attribute where that span is made (or where its instrumentation lets you), "
                "and drop a forbidden one in the service or the collector"
            )
            return failed(summed(list(dict.fromkeys(f for _, f in found))), looked, hint=hint)
        return _passed(traces, forbidden)


def _lacking(trace: ProbeTrace) -> Iterator[str]:
    """Attributes that no span of a rule has all of; where there is no such span, ``traces.shape`` says so."""
    for rule in trace.rule.spans if trace.rule else ():
        spans = _judged(trace, rule)
        if spans and all(absent(s, rule) for s in spans):
            best = min(spans, key=lambda s: len(absent(s, rule)))
            yield f"{rule.id} ({named(best)}) lacks {', '.join(absent(best, rule))}; it has {_keys(best)}"


def _judged(trace: ProbeTrace, rule: SpanRule) -> list[Span]:
    """The spans of a rule that went well: a call that failed does not know what only an answer tells."""
    return [s for s in candidates(trace.spans, rule) if s.status != "error"]


def _keys(span: Span) -> str:
    return few(sorted(span.attributes), limit=12) or "no attributes"


def _leaking(trace: ProbeTrace, forbidden: Sequence[str]) -> Iterator[str]:
    """Forbidden keys on any span; the value is not shown, since it must not be seen."""
    for span in trace.spans:
        for key in dict.fromkeys(keys(span)):
            if pattern := next((p for p in forbidden if like(p, key)), ""):
                yield f"{named(span)} has {key}, which the contract forbids ({pattern})"


def _passed(traces: Sequence[ProbeTrace], forbidden: Sequence[str]) -> Verdict:
    judged = [
        (t, r, found[0])
        for t in traces
        for r in (t.rule.spans if t.rule else ())
        if r.attributes and (found := _judged(t, r))
    ]
    spans = sum(len(t.spans) for t in traces)
    looked = [Evidence(t.query, f"{r.id} ({named(span)}) has {', '.join(r.attributes)}") for t, r, span in judged]
    looked = looked or [Evidence(t.query, f"{count(len(t.spans), 'span')} without a forbidden key") for t in traces]
    wanted = {r.id for t in traces if t.rule for r in t.rule.spans if r.attributes}
    left = sorted(wanted - {r.id for _, r, _ in judged})
    note = f"without {few(left)}: no such span went well, see traces.shape" if left else ""
    summary = (
        f"{count(len(judged), 'span')} with all required attributes, "
        f"{count(spans, 'span')} with none of {count(len(forbidden), 'forbidden pattern')}"
    )
    return passed(summary + noted([note]), looked)
