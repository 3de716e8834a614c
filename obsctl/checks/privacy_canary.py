"""Personal data that went in with the requests is nowhere in what is stored.

Absence proves nothing by itself: first the traces and the logs of the very requests that carried the marker must have
arrived and gone quiet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from obsctl.checks._logs import LogsPoller
from obsctl.checks._logs import nothing_arrived as no_logs
from obsctl.checks._search import TraceWindow
from obsctl.checks._spans import named, values
from obsctl.checks._traces import ProbeTrace, TracesPoller
from obsctl.checks._traces import nothing_arrived as no_traces
from obsctl.checks._verdicts import count, failed, noted, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, LogsContext, Signal, TracesContext, Verdict
from obsctl.clients.logql import string_literal
from obsctl.clients.telemetry import LogLine, Span
from obsctl.clients.traces import TracesClient

UNSEEN = ("readiness.driven", "traces.sampling", "traces.lost", "traces.complete")
"""What explains that a driven trace is not there to be searched."""

HINT = (
    "remove it where it is recorded (span attributes, statement texts, exception messages, log arguments); "
    "log an id instead. The collector's scrubbing is the second line of defence, not the first"
)


class PrivacyCanary:
    """See ``docs/checks/privacy-canary.md``."""

    id = "privacy.canary"
    signal = Signal.PRIVACY
    title = "personal data sent in requests is nowhere in traces or logs"

    def run(self, context: Context) -> Verdict:
        """Wait for the control, then search everything from the time of the run."""
        if context.traces is None and context.logs is None:
            return skipped("this stack has neither a trace nor a log backend")
        if not context.run.canary:
            return skipped("no marker was sent in this run")
        looked: list[Evidence] = []
        leaks: list[tuple[str, str]] = []
        notes: list[str] = []
        for searched in (_traces(context, context.traces), _logs(context, context.logs)):
            if isinstance(searched, Verdict):
                return searched
            looked += [searched.looked] if searched.looked else []
            leaks += searched.leaks
            notes.append(searched.note)
        if leaks:
            evidence = [Evidence(where, what) for where, what in leaks]
            return failed(summed([f"{where} {what}" for where, what in leaks]), evidence, hint=HINT)
        return passed(
            f"the marker {context.run.canary} is in nothing that was stored of this run{noted(notes)}", looked
        )


@dataclass(frozen=True)
class _Searched:
    """What was looked at, and each leak: where, and what. ``note`` says what was not looked at, and why."""

    looked: Evidence | None = None
    leaks: Sequence[tuple[str, str]] = ()
    note: str = ""


def _traces(context: Context, backend: TracesContext | None) -> _Searched | Verdict:
    if backend is None:
        return _Searched(note="traces not searched: there is no trace backend")
    poller = TracesPoller.of(context, backend)
    traces = poller.traces(context.deadline)
    if verdict := no_traces(traces):
        return verdict
    if unseen := [t for t in traces if not t.spans]:
        hint = "see traces.complete: only when every trace has arrived can it be said that the marker is in none"
        said = (
            f"{count(len(unseen), 'driven trace')} not stored, so nothing is proven about {unseen[0].request.request}"
        )
        return failed(said, [Evidence(t.query, "no spans") for t in unseen], hint=hint, because=UNSEEN)
    spans = {(s.trace_id, s.span_id): s for t in traces for s in t.spans}
    spans |= {(s.trace_id, s.span_id): s for s in _others(context, backend.client, traces)}
    looked = Evidence(
        f"every text of {count(len(spans), 'span')} from the time of the run",
        f"{count(len(traces), 'driven trace')} arrived; no {context.run.canary}",
    )
    return _Searched(looked, tuple(_leaks(spans.values(), context)))


def _others(context: Context, client: TracesClient, driven: Sequence[ProbeTrace]) -> Iterator[Span]:
    """Spans of every trace that began during the run, searched once a search finds the driven ones.

    Components without a driven trace come last: nothing shows that a search for them is up to date but that.
    """
    start, end = int((context.run.started_at - 1.0) * 1e9), int((context.run.ended_at + 60.0) * 1e9)
    window = TraceWindow(client, start, end)
    known = {
        name: {s.trace_id for t in driven for s in t.spans if s.service == name and start <= s.start_ns <= end}
        for name in context.contract.components
    }
    for name in sorted(known, key=lambda name: not known[name]):
        yield from window.spans(name, known[name], context.deadline)


def _leaks(spans: Iterable[Span], context: Context) -> Iterator[tuple[str, str]]:
    canary = context.run.canary.lower()
    for span in spans:
        for where, value in values(span):
            if canary in value.lower():
                yield f"span {named(span)}", f"holds the marker in its {where} (trace {span.trace_id})"
                break


def _logs(context: Context, backend: LogsContext | None) -> _Searched | Verdict:
    if backend is None:
        return _Searched(note="logs not searched: there is no log backend")
    if context.contract.logs is None:
        return _Searched(note="logs not searched: the contract says nothing about logs")
    poller = LogsPoller.of(context, backend)
    lines = poller.lines(context.deadline)
    if verdict := no_logs(poller, lines):
        return verdict
    query = f'{{service_name=~".+"}} |= {string_literal(context.run.canary)}'
    found = backend.client.lines(query, *poller.window())
    canary = context.run.canary.lower()
    leaks = [(line, canary) for line in found]
    leaks += [(line.line, canary) for line in lines if canary in _everything(line.line).lower()]
    answer = f"{count(len(found), 'line')}; the run's own {count(len(lines), 'line')} arrived and were searched too"
    return _Searched(Evidence(query, answer), tuple(dict.fromkeys(_leak(line, hit) for line, hit in leaks)))


def _everything(line: LogLine) -> str:
    return "\n".join((line.line, *line.labels.values(), *line.metadata.values()))


def _leak(line: LogLine, hit: str) -> tuple[str, str]:
    """Where it stands in a line, with a little text around it."""
    text = _everything(line)
    at = max(0, text.lower().find(hit.lower()))
    around = text[max(0, at - 40) : at + len(hit) + 20].replace("\n", " ")
    return f"log line of {line.get('service_name') or 'unknown'}", f"holds {hit[:80]}: …{around[:160]}…"
