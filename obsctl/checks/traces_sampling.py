"""Every driven request is recorded: none is sampled out, since each was sent with the sampled flag."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from obsctl.checks._spans import text
from obsctl.checks._traces import NO_BACKEND, ProbeTrace, TracesPoller, nothing_arrived
from obsctl.checks._verdicts import count, failed, few, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.telemetry import Span
from obsctl.json_types import Json

_SAMPLER_KEYS = ("sampler.type", "sampler.param", "otel.traces.sampler", "sampling.probability", "SampleRate")
"""Attributes in which SDKs, agents and the Jaeger clients say by what a trace was sampled."""

_ORDERS: Mapping[str, Callable[[int], int]] = {
    "the low 64 bits of the trace id, as TraceIdRatioBased of Python and Go does": lambda t: t & (1 << 64) - 1,
    "the low 63 bits of the trace id, as traceidratio of Java does": lambda t: _absolute(t & (1 << 64) - 1),
    "the high 64 bits of the trace id, as TraceIdRatioBasedSampler of .NET does": lambda t: _absolute(t >> 64),
    "the low 56 bits of the trace id, as a consistent probability sampler does": lambda t: -(t & (1 << 56) - 1),
}
"""How samplers order trace ids: they keep all that come first."""


def _absolute(number: int) -> int:
    """The absolute value of 64 bits with a sign."""
    return (1 << 64) - number if number >> 63 else number


@dataclass(frozen=True)
class SampledOut:
    """A component of whose driven traces some are there and some are not."""

    component: str
    stored: tuple[ProbeTrace, ...]
    missing: tuple[ProbeTrace, ...]

    def __str__(self) -> str:
        total = len(self.stored) + len(self.missing)
        return (
            f"{self.component} samples: {len(self.stored)} of {count(total, 'driven trace')} stored, though each "
            f"request was sent with the sampled flag"
        )

    @property
    def why(self) -> str:
        """What tells that it is sampling: the sampler that spans name, or the trace ids themselves."""
        if said := _stated(self.stored):
            return said
        stored = [int(t.request.trace_id, 16) for t in self.stored]
        missing = [int(t.request.trace_id, 16) for t in self.missing]
        order = next((name for name, key in _ORDERS.items() if max(map(key, stored)) < min(map(key, missing))), "")
        return f"they are told apart by {order}" if order else "no order of the trace ids tells them apart"


class TracesSampling:
    """See ``docs/checks/traces-sampling.md``."""

    id = "traces.sampling"
    signal = Signal.TRACES
    title = "no driven request is sampled out"

    def run(self, context: Context) -> Verdict:
        """Compare which traces are there once they have settled."""
        if context.traces is None:
            return skipped(NO_BACKEND)
        traces = TracesPoller.of(context, context.traces).traces(context.deadline)
        if verdict := nothing_arrived(traces):
            return verdict
        entry = context.service.entry.name
        if found := list(_sampled_out(entry, traces)):
            looked = [Evidence(str(f), f.why) for f in found]
            looked += [Evidence(t.query, "no spans") for t in found[0].missing]
            return failed(f"{summed([str(f) for f in found])}: {found[0].why}", looked, hint=_hint(found[0]))
        looked = [Evidence(t.query, count(len(t.spans), "span")) for t in traces]
        return passed(f"nothing tells of sampling: {count(len(traces), 'driven trace')}", looked)


def _sampled_out(entry: str, traces: Sequence[ProbeTrace]) -> Iterator[SampledOut]:
    """Whole traces first; else components that the contract names, in traces whose other components are there."""
    found = _split(entry, traces, lambda t: bool(t.spans))
    if found:
        yield found
        return
    for component in dict.fromkeys(c for t in traces if t.rule for c in t.rule.components if c != entry):
        ruled = [t for t in traces if t.spans and t.rule and component in t.rule.components]
        if found := _split(component, ruled, lambda t, c=component: any(s.service == c for s in t.spans)):  # type: ignore[misc]
            yield found


def _split(component: str, traces: Sequence[ProbeTrace], is_there: Callable[[ProbeTrace], bool]) -> SampledOut | None:
    """The stored and the missing ones, where chance decided: neither the step nor the time does."""
    stored, missing = [t for t in traces if is_there(t)], [t for t in traces if not is_there(t)]
    if not stored or not missing:
        return None
    steps = {t.request.request for t in stored} & {t.request.request for t in missing}
    in_time = sorted(traces, key=lambda t: t.request.sent_at)
    the_last = in_time[-len(missing) :] == missing  # these may have stopped coming, or be late
    found = SampledOut(component, tuple(stored), tuple(missing))
    return found if _stated(stored) or (steps and not the_last) else None


def _stated(traces: Sequence[ProbeTrace]) -> str:
    """The sampler that spans name in their attributes or in their trace state."""
    for span in (s for t in traces for s in t.spans):
        if pairs := [f"{key}={text(value)}" for key, value in _all(span).items() if key in _SAMPLER_KEYS]:
            return f"spans say {few(pairs)}"
        if threshold := next((m for m in span.trace_state.split(",") if m.startswith("ot=th:")), ""):
            return f"the trace state holds the threshold of a probability sampler, {threshold}"
    return ""


def _all(span: Span) -> dict[str, Json]:
    return {**span.resource, **span.attributes}


def _hint(found: SampledOut) -> str:
    span = next((s for t in found.stored for s in t.spans if s.service == found.component), None)
    language = text(span.resource.get("telemetry.sdk.language")) if span else ""
    sdk = f" (its SDK: {language} {text(span.resource.get('telemetry.sdk.version'))})" if span and language else ""
    return (
        f"let {found.component}{sdk} respect the sampled flag of its caller: OTEL_TRACES_SAMPLER="
        "parentbased_traceidratio (or parentbased_always_on) in place of traceidratio, in code ParentBased(…) around "
        "the ratio; with a tail sampler in the collector, keep what carries tracestate obsctl"
    )
