"""Log lines in files that a service writes: what those of requests that were seen have in common. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from obsctl.clients.log_fields import parse_line
from obsctl.clients.telemetry import LogLine
from obsctl.discovery.draft_otlp import probe_requests
from obsctl.discovery.model import ObservedLogs, ObservedTraffic
from obsctl.discovery.requests import always_present

_USUAL = ("timestamp", "level", "message", "trace_id", "span_id")


def observed_in(lines: Iterable[str], traffic: ObservedTraffic) -> ObservedLogs | None:
    """The fields that every line has which holds the trace id of a request; None where no line holds one.

    Requests that ``verify`` may send count, if there are any: the lines of others need not look like theirs.
    """
    requests = probe_requests(traffic) or traffic.requests
    judged = {trace_id for request in requests for trace_id in request.traces}
    parsed = [parse_line(LogLine(0, line), frozenset()) for line in lines]
    own = [line for line in parsed if line.text("trace_id").lower() in judged]
    if not own:
        return None
    plain = [{name: line.text(name) for name in line.fields} for line in own]
    always = always_present(plain)
    fields = (*(name for name in _USUAL if name in always), *(name for name in always if name not in _USUAL))
    return ObservedLogs(fields, traffic.components[:1], len(own))
