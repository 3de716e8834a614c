"""The log lines of the probe requests, fetched once for all checks.

They are found by text, request id or trace id, whichever a line has: so a line that lacks one of them is still seen,
and can be blamed for it.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Collection, Iterable, Iterator, Sequence

from obsctl.checks._arrivals import Arrival
from obsctl.checks._poller import Poller
from obsctl.checks._verdicts import count, failed, short, skipped
from obsctl.checks.base import Context, Evidence, LogsContext, Verdict
from obsctl.clients.log_fields import ParsedLine, parse_line
from obsctl.clients.logql import LogqlClient, string_literal
from obsctl.clients.telemetry import LogLine
from obsctl.errors import BackendError
from obsctl.probes import ProbeRequest, ProbeRun
from obsctl.spec.contract import Contract
from obsctl.spec.stack import Service
from obsctl.wait import Deadline

NO_BACKEND = "this stack has no log backend"
NO_RULE = "the contract says nothing about logs"
STORED = ("readiness.driven", "time.skew", "logs.present")
"""What explains that no line can be judged."""
LIMIT = 5000
"""Most lines that are read for one run, in one answer."""

SEARCH_MARGIN_NS = 24 * 3600 * 10**9
"""How far from the run lines are looked for that are not where they should be: every time zone is nearer."""

WRONG_TIME = "write timestamps in UTC or with their offset, and see that the clock of that machine is right"

IDS_A_QUERY = 24
"""Trace ids in one query: servers bound the length of a regular expression."""


class LogsPoller(Poller):
    """Asks for the lines of this run until each component has written some for each request, and nothing new comes."""

    def __init__(self, client: LogqlClient, service: Service, run: ProbeRun, quiet: float) -> None:
        super().__init__()
        contract = service.contract
        self._client = client
        self._otlp = service.logs_by_otlp
        self._everybody = contract.components
        self._quiet = quiet
        self.window_start = int((run.started_at - 1.0) * 1e9)
        self.judged = tuple(_judged(contract, run.requests))
        self.components = contract.logs.components if contract.logs else contract.components
        self.wanted = (contract.logs.request if contract.logs else "") or "driven request"
        self._each = bool(contract.logs and contract.logs.request) and not run.passive
        self.passive = run.passive
        self.queries = (
            (_selector(contract.components),) if run.passive else tuple(_queries(contract.components, self._otlp, run))
        )
        self.looked: tuple[Evidence, ...] = ()
        self._lines: dict[tuple[object, ...], ParsedLine] | None = None
        self._changed = time.monotonic()
        self._asked_at = 0.0
        self._found_at: dict[tuple[object, ...], tuple[float, float]] = {}

    @classmethod
    def of(cls, context: Context, logs: LogsContext) -> LogsPoller:
        """The only poller of this run."""
        return context.cache.once(cls, lambda: cls(logs.client, context.service, context.run, logs.quiet))

    def lines(self, deadline: Deadline) -> tuple[ParsedLine, ...]:
        """Every line of this run, settled or as last seen. Raises BackendError."""
        self.settle(deadline)
        with self.lock:
            return tuple((self._lines or {}).values())

    def everything(self, start_ns: int, limit: int) -> tuple[ParsedLine, ...]:
        """All lines of the service's components since then, those that no request left among them."""
        query, end = _selector(self._everybody), time.time_ns() + 10**9
        return tuple(parse_line(line, self._otlp) for line in self._client.lines(query, start_ns, end, limit))

    def window(self) -> tuple[int, int]:
        """From just before the first request until now, in nanoseconds."""
        return self.window_start, time.time_ns() + 10**9

    def lacking(self, lines: Sequence[ParsedLine]) -> tuple[str, ...]:
        """Which component wrote nothing for which request."""
        if not self._each:
            writers = {line.component for line in lines}
            return tuple(f"no line of {name}" for name in self.components if name not in writers)
        return tuple(
            f"no line of {name} for {request.request} (request id {request.request_id}, trace {request.trace_id})"
            for request, name in self._unlogged(lines)
        )

    def _unlogged(self, lines: Sequence[ParsedLine]) -> Iterator[tuple[ProbeRequest, str]]:
        """Each request with each component that wrote nothing for it."""
        found = {
            (r.request_id, line.component)
            for r in self.judged
            for line in lines
            if line.belongs_to(r.trace_id, r.request_id)
        }
        return ((r, name) for r in self.judged for name in self.components if (r.request_id, name) not in found)

    def arrivals(self) -> tuple[Arrival, ...]:
        """When each line of a request was found, and the requests of which a component has none."""
        with self.lock:
            lines = self._lines or {}
            found = [a for key, line in lines.items() if (a := self._arrival(line, *self._found_at[key]))]
            unlogged = self._unlogged(tuple(lines.values())) if self._each else ()
            return (*found, *(Arrival(request.sent_at + request.seconds, self._asked_at) for request, _ in unlogged))

    def _arrival(self, line: ParsedLine, absent_at: float, found_at: float) -> Arrival | None:
        """A line was sent when it was written, as far as its clock can be trusted; None for one of no request."""
        request = next((r for r in self.judged if line.belongs_to(r.trace_id, r.request_id)), None)
        if request is None:
            return None
        return Arrival(min(max(request.sent_at, line.line.time_ns / 1e9), found_at), absent_at, found_at)

    def misdated(self) -> tuple[str, ...]:
        """What to say of components whose lines of this run are stored under a time that is not the run's.

        A clock that is wrong does that, or a local time that is written as if it were UTC.
        """
        start, off = self.window()[0], dict[str, int]()
        for line in self.misplaced():
            off.setdefault(line.component, line.line.time_ns - start)
        return tuple(f"lines of {name or '(no service_name)'} {_apart(ns)} the run" for name, ns in sorted(off.items()))

    def misplaced(self) -> tuple[ParsedLine, ...]:
        """The lines of this run that are stored under a time that is not the run's; none where that cannot be asked."""
        start, end = self.window()
        found: list[LogLine] = []
        with contextlib.suppress(BackendError):  # it is only asked to explain a failure
            for query in self.queries:
                found += self._client.lines(query, start - SEARCH_MARGIN_NS, end + SEARCH_MARGIN_NS, LIMIT)
        return tuple(parse_line(line, self._otlp) for line in found if not start <= line.time_ns < end)

    def look(self) -> bool:
        """Fetch the lines of the run anew: one query for a few dozen requests."""
        start, end = self.window()
        asked_at = time.time()
        answers = {query: self._client.lines(query, start, end, LIMIT) for query in self.queries}
        found = {_key(line): line for lines in answers.values() for line in lines}
        self.looked = tuple(Evidence(short(q, 160), count(len(lines), "line")) for q, lines in answers.items())
        now = time.monotonic()
        if self._lines is None or found.keys() != self._lines.keys():
            self._changed = now
            self._lines = {key: parse_line(line, self._otlp) for key, line in found.items()}
            for key in found:
                self._found_at.setdefault(key, (self._asked_at, time.time()))
        self._asked_at = asked_at
        complete = bool(self._lines) and not self.lacking(tuple(self._lines.values()))
        return complete and now - self._changed >= self._quiet


def _apart(nanoseconds: int) -> str:
    minutes = max(1, round(abs(nanoseconds) / 60e9))
    return f"{minutes // 60}h{minutes % 60:02d}m {'after' if nanoseconds > 0 else 'before'}"


def _judged(contract: Contract, requests: Iterable[ProbeRequest]) -> Iterator[ProbeRequest]:
    """The requests whose lines the contract describes: the ones that were answered as planned."""
    wanted = contract.logs.request if contract.logs else ""
    return (r for r in requests if r.status and not r.error and wanted in ("", r.request))


def _queries(components: Sequence[str], otlp: Collection[str], run: ProbeRun) -> Iterator[str]:
    """Everything of the run: by the start that all its request ids share, then by its trace ids.

    Lines hold them in their text; records that came by OTLP beside it.
    """
    selector, beside = _selector(components), _selector(sorted(otlp))
    answered = [r for r in run.requests if r.status]
    for prefix in sorted({f"{r.request_id.rpartition('-')[0]}-" for r in answered}):
        yield f"{selector} |= {string_literal(prefix)}"
        if otlp:
            yield f"{beside} | request_id=~{string_literal(re.escape(prefix) + '.*')}"
    ids = [r.trace_id for r in answered]
    for first in range(0, len(ids), IDS_A_QUERY):
        some = string_literal("|".join(ids[first : first + IDS_A_QUERY]))
        yield f"{selector} |~ {some}"
        if otlp:
            yield f"{beside} | trace_id=~{some}"


def _selector(components: Sequence[str]) -> str:
    return f"{{service_name=~{string_literal('|'.join(map(re.escape, components)))}}}"


def _key(line: LogLine) -> tuple[object, ...]:
    """What tells a line from another; the same one may answer two queries."""
    return line.time_ns, line.line, *sorted(line.labels.items()), *sorted(line.metadata.items())


def nothing_arrived(poller: LogsPoller, lines: Sequence[ParsedLine]) -> Verdict | None:
    """The verdict where there is nothing to judge: no request went as planned, or none left a line."""
    if not poller.judged and not poller.passive:
        return skipped(f"no {poller.wanted} was answered as planned, which readiness.driven is about")
    if lines:
        return None
    if off := poller.misdated():
        summary = f"no log line of the run is stored under its time, but there are {', '.join(off)}"
        return failed(summary, poller.looked, hint=WRONG_TIME, because=STORED)
    hint = (
        "see that the service writes JSON lines (`obsctl logs`) and that the shipper follows its file, or, where the "
        "spec names no file, that it exports by OTLP; its streams must carry the label service_name"
    )
    told = "the time that was looked at" if poller.passive else count(len(poller.judged), "driven request")
    return failed(f"no log line of {told} is stored", poller.looked, hint=hint, because=STORED)
