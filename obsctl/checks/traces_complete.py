"""Each driven request left one trace: one root under the injected span, and no span without its parent."""

from __future__ import annotations

from collections.abc import Sequence

from obsctl.checks._spans import flaws
from obsctl.checks._traces import NO_BACKEND, ProbeTrace, TracesPoller, nothing_arrived
from obsctl.checks._verdicts import count, failed, few, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict


class TracesComplete:
    """See ``docs/checks/traces-complete.md``."""

    id = "traces.complete"
    signal = Signal.TRACES
    title = "each driven request is one whole trace"

    def run(self, context: Context) -> Verdict:
        """Wait for every trace to settle, then look at how its spans hang together."""
        if context.traces is None:
            return skipped(NO_BACKEND)
        if context.run.passive and not context.contract.traces:
            return skipped("the contract says nothing about traces")
        traces = TracesPoller.of(context, context.traces).traces(context.deadline)
        if verdict := _silent(context, traces) if context.run.passive else nothing_arrived(traces):
            return verdict
        bad = [(t, _flaws(t)) for t in traces if _flaws(t)]
        if bad:
            looked = [Evidence(t.query, "; ".join(found[:4])) for t, found in bad]
            first = bad[0][0].request
            hint = (
                f"`obsctl trace {first.trace_id}` draws it; an orphan means that a span was lost or never exported, "
                "a missing root that the incoming traceparent was not used"
            )
            findings = [f"{t.request.request}: {found[0]}" for t, found in bad]
            said = f"{len(bad)} of {count(len(traces), 'trace')} not whole: {summed(findings)}"
            return failed(said, looked, hint=hint, because=("traces.sampling", "traces.lost"))
        spans = sum(len(t.spans) for t in traces)
        looked = [Evidence(t.query, f"{count(len(t.spans), 'span')}, one root, no orphan") for t in _largest(traces)]
        return passed(f"{count(len(traces), 'trace')}, {count(spans, 'span')}: one root each, no orphans", looked)


def _silent(context: Context, traces: Sequence[ProbeTrace]) -> Verdict | None:
    """The verdict of a passive run where a component that the contract's traces name has no span."""
    services = {span.service for trace in traces for span in trace.spans}
    expected = dict.fromkeys(name for rule in context.contract.traces for name in rule.components)
    gone = [name for name in expected if name not in services]
    if not gone:
        return None
    hint = "see that requests reach it, and that it exports traces (OTEL_EXPORTER_OTLP_ENDPOINT, its own log)"
    looked = [Evidence(f"traces of {name} in the last {context.run.window:g} s", "none") for name in gone]
    return failed(f"no span of {few(gone)} began in the last {context.run.window:g} s", looked, hint=hint)


def _flaws(trace: ProbeTrace) -> tuple[str, ...]:
    return flaws(trace.request, trace.spans) if trace.spans else ("no spans are stored",)


def _largest(traces: tuple[ProbeTrace, ...]) -> list[ProbeTrace]:
    return sorted(traces, key=lambda t: len(t.spans), reverse=True)
