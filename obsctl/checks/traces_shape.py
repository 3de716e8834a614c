"""A driven request crosses the components that the contract names, by the calls and spans that it names."""

from __future__ import annotations

from collections.abc import Sequence

from obsctl.checks._spans import linked_calls
from obsctl.checks._strays import StraysPoller
from obsctl.checks._traces import NO_BACKEND, STORED, ProbeTrace, TracesPoller, nothing_arrived
from obsctl.checks._verdicts import count, failed, few, noted, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.telemetry import service_calls
from obsctl.spec.contract import Edge


class TracesShape:
    """See ``docs/checks/traces-shape.md``."""

    id = "traces.shape"
    signal = Signal.TRACES
    title = "traces cross the components, calls and spans of the contract"

    def run(self, context: Context) -> Verdict:
        """Compare each trace with its rule."""
        if context.traces is None:
            return skipped(NO_BACKEND)
        if not context.contract.traces:
            return skipped("the contract says nothing about traces")
        traces = TracesPoller.of(context, context.traces).traces(context.deadline)
        if verdict := nothing_arrived(traces):
            return verdict
        ruled = [t for t in traces if t.rule]
        if not ruled:
            return skipped("no request that the contract describes went as planned, which readiness.driven is about")
        # a trace that is missing altogether is the business of traces.complete
        judged = [t for t in ruled if t.spans]
        if not judged:
            wanted = few(rule.request for rule in context.contract.traces)
            hint = "see traces.complete and readiness.driven; a request of each rule must be among the drive steps"
            return failed(
                f"no trace of a request that the contract describes is stored ({wanted})", hint=hint, because=STORED
            )
        if bad := [t for t in judged if t.lacks]:
            return _linked(bad, context) or _failed(bad, len(judged))
        looked = [Evidence(t.query, _seen(t)) for t in judged]
        widest = max(judged, key=lambda t: len(t.spans))
        summary = f"{count(len(judged), 'trace')} of the right shape; {widest.request.request}: {_seen(widest)}"
        return passed(summary + noted([_unjudged(ruled, context)]), looked)


def _linked(bad: Sequence[ProbeTrace], context: Context) -> Verdict | None:
    """What to say where a component that is missing goes on in a trace of its own, with a span link."""
    linked = StraysPoller.of(context)
    linked.settle(context.deadline)
    calls = [
        (t, call)
        for t in bad
        for spans in linked.strays.linked.values()
        for call in sorted(linked_calls(t.spans, spans), key=str)
        if t.rule and call.target in t.rule.components and call not in t.rule.links
    ]
    if not calls:
        return None
    trace, call = calls[0]
    said = (
        f"{trace.request.request}: {call.target} begins a trace of its own, with a span link to {call.source}, where "
        f"the contract asks for one trace"
    )
    hint = (
        f"where that is meant, write `links: [{call}]` in this trace of the contract, in place of the edge {call}; "
        f"where it is not, let {call.target} continue the traceparent that its message carries"
    )
    return failed(said, [Evidence(t.query, f"linked from {c.target}") for t, c in calls], hint=hint)


def _failed(bad: Sequence[ProbeTrace], judged: int) -> Verdict:
    looked = [Evidence(t.query, f"{'; '.join(t.lacks[:4])}. Stored: {_seen(t)}") for t in bad]
    findings = [f"{t.request.request}: {lack}" for t in bad[:1] for lack in t.lacks]
    hint = (
        f"`obsctl trace {bad[0].request.trace_id}` shows where the trace ends; there the next call or message must "
        "carry traceparent and tracestate, and its receiver must continue them"
    )
    said = f"{len(bad)} of {count(judged, 'trace')} incomplete in shape: {summed(findings)}"
    return failed(said, looked, hint=hint, because=("traces.sampling", "traces.lost"))


def _seen(trace: ProbeTrace) -> str:
    calls = few(sorted(str(Edge(*call)) for call in service_calls(trace.spans)), limit=8)
    links = few(sorted(map(str, linked_calls(trace.spans, trace.linked))), limit=8)
    names = few(sorted({s.service for s in (*trace.spans, *trace.linked)}), limit=8)
    tail = (f", calls {calls}" if calls else "") + (f", links {links}" if links else "")
    return f"{count(len(trace.spans), 'span')} of {names}{tail}"


def _unjudged(ruled: Sequence[ProbeTrace], context: Context) -> str:
    driven = {t.request.request for t in ruled}
    names = [rule.request for rule in context.contract.traces if rule.request not in driven]
    return f"no request of {few(names)} was driven as planned" if names else ""
