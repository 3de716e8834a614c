"""Nothing that the requests set off lost its trace: no trace of its own for each request, no line without ids."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from obsctl.checks._logs import LogsPoller
from obsctl.checks._strays import FOLLOWS, QUIET_WATCH, StraysPoller, Suspicion, in_background, suspected, template
from obsctl.checks._traces import NO_BACKEND, ProbeTrace, TracesPoller
from obsctl.checks._verdicts import count, failed, few, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.telemetry import Span

_IN_PROCESS = (
    "hand the context on with the work (Python: contextvars.copy_context().run or ThreadingInstrumentor; Java: "
    "Context.current().wrap; Go: pass ctx; JavaScript: context.bind)"
)
_HINTS = {
    "": f"{_IN_PROCESS}; log where that context is current",
    "internal": _IN_PROCESS,
    "client": f"{_IN_PROCESS}; a client span needs the span of its request as parent",
    "server": (
        "its server must continue the traceparent header of the request: see that the caller's client is instrumented "
        "and sends it, that a proxy keeps it, and that the propagators are tracecontext (OTEL_PROPAGATORS)"
    ),
    "consumer": (
        "put traceparent and tracestate into the message where it is sent (inject), and continue them where it is "
        "taken (extract); where a trace of its own is meant, add a span link to the producer's span and ask for it in "
        "the contract: `links: [producer -> consumer]`"
    ),
}


class TracesLost:
    """See ``docs/checks/traces-lost.md``."""

    id = "traces.lost"
    signal = Signal.TRACES
    title = "nothing that the requests set off lost its trace"

    def run(self, context: Context) -> Verdict:
        """Look for what comes with each request of a step and belongs to none, until loops can be told apart."""
        if context.traces is None:
            return skipped(NO_BACKEND)
        driven = TracesPoller.of(context, context.traces).traces(context.deadline)
        if not driven:
            return skipped("no driven request was answered, which readiness.driven is about")
        poller = StraysPoller.of(context)
        poller.settle(context.deadline)
        if list(_suspicions(context, driven, poller)):
            poller.watch(FOLLOWS + QUIET_WATCH)
            poller.settle(context.deadline)
        suspicions = list(_suspicions(context, driven, poller))
        now = time.time()
        loops = [s for s in suspicions if in_background(s, poller.strays, context.run, now)]
        lost = [s for s in suspicions if s not in loops]
        if lost:
            looked = [Evidence(str(s), s.example) for s in lost]
            return failed(summed([str(s) for s in lost]), looked, hint=_hint(lost), because=["readiness.driven"])
        if not any(t.spans for t in driven):
            return skipped("no driven trace is stored, which traces.complete is about")
        return _passed(poller, loops)


def _suspicions(context: Context, driven: Sequence[ProbeTrace], poller: StraysPoller) -> Iterator[Suspicion]:
    """What comes with the requests. A server span like those in their traces is another caller's request.

    Lines are judged of components whose other lines carry ids; one without any is the business of ``logs.present``.
    """
    known = {_like(span) for trace in driven for span in trace.spans}
    writers: set[str] = set()
    if context.logs is not None and any(kind.is_line for kind in poller.strays.times):
        writers = {line.component for line in LogsPoller.of(context, context.logs).lines(context.deadline)}
    for suspicion in suspected(poller.strays, context.run):
        kind = suspicion.kind
        answered = kind.span_kind == "server" and (kind.component, kind.what) in known
        if not answered and (not kind.is_line or kind.component in writers):
            yield suspicion


def _like(span: Span) -> tuple[str, str]:
    return span.service, template(span.name)


def _hint(lost: Sequence[Suspicion]) -> str:
    kind = next((s.kind for s in lost if not s.kind.is_line), lost[0].kind)
    return _HINTS.get(kind.span_kind, _HINTS["consumer"] if kind.span_kind == "producer" else _IN_PROCESS)


def _passed(poller: StraysPoller, loops: Sequence[Suspicion]) -> Verdict:
    strays = poller.strays
    looked = [*poller.looked]
    looked += [Evidence(f"{kind}", f"{count(len(times), 'time')}") for kind, times in strays.times.items()]
    looked += [Evidence(f"trace {t}", "linked to a driven trace") for t in strays.linked]
    notes = [f"{loop}: it goes on without requests, so it is taken for a loop of the service's own" for loop in loops]
    linked = few(sorted({s.service for spans in strays.linked.values() for s in spans}))
    tail = f"; {count(len(strays.linked), 'trace')} of {linked} linked to driven ones" if strays.linked else ""
    apart = count(sum(map(len, strays.times.values())), "other root or line", "other roots or lines")
    said = f"nothing came with the requests and belongs to none ({apart} around the run){tail}"
    return passed(said, looked, notes=[*notes, *dict.fromkeys(strays.notes)])
