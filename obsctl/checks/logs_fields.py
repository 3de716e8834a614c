"""Every log line of a driven request has every field of the contract, with ids that lead to its trace."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from obsctl.checks._logs import NO_BACKEND, NO_RULE, LogsPoller, nothing_arrived
from obsctl.checks._traces import TracesPoller
from obsctl.checks._verdicts import count, failed, passed, short, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.log_fields import ParsedLine
from obsctl.clients.logql import LogqlClient, by_id_query
from obsctl.clients.telemetry import Span
from obsctl.errors import BackendError
from obsctl.languages.log_names import SPELLINGS, plain_name
from obsctl.probes import ProbeRequest
from obsctl.wait import Deadline, until

EXTRACTED = ("trace_id", "request_id")
"""Fields that the shipper must make searchable: without them nobody gets from a trace to its lines."""

_HEX = {"trace_id": re.compile(r"(?!0{32})[0-9a-f]{32}"), "span_id": re.compile(r"(?!0{16})[0-9a-f]{16}")}


class LogsFields:
    """See ``docs/checks/logs-fields.md``."""

    id = "logs.fields"
    signal = Signal.LOGS
    title = "log lines have all fields, and ids that lead to their trace"

    def run(self, context: Context) -> Verdict:
        """Look into every line of the run, and find lines again by the fields that should be searchable."""
        if context.logs is None:
            return skipped(NO_BACKEND)
        if context.contract.logs is None:
            return skipped(NO_RULE)
        fields: Sequence[str] = context.contract.logs.fields
        poller = LogsPoller.of(context, context.logs)
        lines = poller.lines(context.deadline)
        if verdict := nothing_arrived(poller, lines):
            return verdict
        judged, fields = _anybodys(poller, lines, fields) if context.run.passive else (lines, fields)
        found = [(line, f) for line in judged for f in _flaws(line, fields)]
        found = found or list(_strangers(context, lines))
        if found:
            looked = [Evidence(f, short(str(line))) for line, f in found]
            hint = (
                "let one formatter write every line of the service, and take the ids from the current span and request"
            )
            return failed(summed(list(dict.fromkeys(f"{line.component}: {f}" for line, f in found))), looked, hint=hint)
        usual = {SPELLINGS.get(plain_name(f), f) for f in fields}
        looked, lost = _searched(context.logs.client, poller, judged, [f for f in EXTRACTED if f in usual])
        if lost:
            hint = "let the log shipper parse the JSON and keep these fields as structured metadata (or labels)"
            return failed(f"lines exist, but not under their {lost}: the shipper did not extract it", looked, hint=hint)
        return passed(f"{count(len(judged), 'line')} with all of {', '.join(fields)}", looked)


def _anybodys(
    poller: LogsPoller, lines: Sequence[ParsedLine], fields: Sequence[str]
) -> tuple[Sequence[ParsedLine], Sequence[str]]:
    """What is judged of a passive run: the lines of its traces, or, where there are none, all but their ids."""
    own = [line for line in lines if any(line.belongs_to(r.trace_id, r.request_id) for r in poller.judged)]
    return (own, fields) if own else (lines, [f for f in fields if f not in (*_HEX, *EXTRACTED)])


def _flaws(line: ParsedLine, fields: Sequence[str]) -> Iterator[str]:
    if not line.fields:
        yield "the line is not a JSON object, nor logfmt or a text with ids"
        return
    if empty := [f for f in fields if not line.text(f).strip()]:
        yield f"{', '.join(empty)} missing or empty"
    for name, pattern in _HEX.items():
        if name in fields and line.text(name) and not pattern.fullmatch(line.text(name)):
            yield f"{name} {line.text(name)!r:.60} is not lower-case hex of the right length"
    if "timestamp" in fields and line.text("timestamp") and not _is_moment(line.text("timestamp")):
        yield f"timestamp {line.text('timestamp')!r:.60} is not RFC 3339 with a time zone"


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _strangers(context: Context, lines: Sequence[ParsedLine]) -> Iterator[tuple[ParsedLine, str]]:
    """Lines whose ids lead nowhere: to no stored trace, or to no span of it.

    A line may name another trace than the driven one, if that is where its component's spans are: then propagation is
    cut, which is the business of ``traces.shape``. Spans that are missing are the business of the trace checks too.
    """
    poller = TracesPoller.of(context, context.traces) if context.traces else None
    try:
        driven = {t.request.trace_id: t.spans for t in poller.traces(context.deadline)} if poller else {}
        if not poller or not any(driven.values()):
            return
        for line in lines:
            trace_id = line.text("trace_id")
            spans = driven[trace_id] if trace_id in driven else _elsewhere(poller, trace_id, context.deadline)
            if said := _leads_nowhere(line, spans, known=trace_id in driven):
                yield line, said
    except BackendError:
        return  # the trace checks say that traces cannot be looked at; the lines are judged by themselves


def _elsewhere(poller: TracesPoller, trace_id: str, deadline: Deadline) -> tuple[Span, ...]:
    """A trace that nobody drove; its spans may still be on their way."""
    return until(lambda: poller.other(trace_id), deadline, interval=0.2) or () if trace_id else ()


def _leads_nowhere(line: ParsedLine, spans: Sequence[Span], *, known: bool) -> str:
    trace_id, span_id = line.text("trace_id"), line.text("span_id")
    if not trace_id or not span_id:
        return ""
    if not spans:
        return "" if known else f"trace_id {trace_id} is of no stored trace"
    own = [s for s in spans if s.service == line.component]
    if not own or any(span_id in (s.span_id, s.parent_id) for s in spans):
        return ""
    return f"span_id {span_id} is of no span of trace {trace_id}"


def _searched(
    client: LogqlClient, poller: LogsPoller, lines: Sequence[ParsedLine], names: Sequence[str]
) -> tuple[list[Evidence], str]:
    """Lines found again by each searchable field, for one request; and the first field that finds none."""
    if not poller.judged:
        return list(poller.looked), ""
    request = max(poller.judged, key=lambda r: sum(line.belongs_to(r.trace_id, r.request_id) for line in lines))
    looked, lost = [], ""
    for name, value in _ids(request, names).items():
        if not any(line.text(name) == value for line in lines):
            continue
        found = client.by_id(name, value, *poller.window())
        looked.append(Evidence(by_id_query(name, value), count(len(found), "line")))
        lost = lost or (name if not found else "")
    return looked, lost


def _ids(request: ProbeRequest, names: Sequence[str]) -> Mapping[str, str]:
    own = {"trace_id": request.trace_id, "request_id": request.request_id}
    return {name: own[name] for name in names}
