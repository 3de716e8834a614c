"""Everything that the backends hold about one id: find the trace, bring spans and log lines, wait for stragglers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from obsctl.clients.logql import LogqlClient
from obsctl.clients.telemetry import LogLine, Span, TraceSearch
from obsctl.clients.traces import TracesClient
from obsctl.errors import BackendError, NotFoundError
from obsctl.trace.assemble import assemble
from obsctl.trace.entries import trace_id_of
from obsctl.trace.ident import Ident, read_ident
from obsctl.trace.model import TraceTree, Warn
from obsctl.trace.span_trees import orphans
from obsctl.wait import Deadline, until

LOOKBACK_NS = 7 * 24 * 3600 * 10**9
"""How far back a request id is looked up."""
AROUND_NS = 300 * 10**9
"""How far from the spans of a trace its log lines may lie."""
MAX_LOGS = 5000
MAX_SERVICES = 50
"""Services asked for a request id, at most."""
INTERVAL = 0.1

_HINT = "it may not have arrived yet: --wait 5; or see what is there: obsctl status"


@dataclass(frozen=True)
class Sources:
    """Where to look. A stack may have no logs backend."""

    traces: TracesClient
    logs: LogqlClient | None = None

    def __str__(self) -> str:
        return " and ".join(f"{c.http.name} at {c.http.base_url}" for c in (self.traces, self.logs) if c)


@dataclass(frozen=True)
class MeantTrace:
    """The trace that an argument means: 32 lower-case hex digits, and its spans where they had to be looked up."""

    trace_id: str
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class FetchedTrace:
    """What was found. ``settled``: no parent is missing. ``no_logs`` says why log lines could not be looked at."""

    trace_id: str
    spans: tuple[Span, ...]
    logs: tuple[LogLine, ...] = ()
    settled: bool = True
    no_logs: str = ""

    def tree(self) -> TraceTree:
        """The assembled trace."""
        known = (Warn("logs_unavailable", self.no_logs),) if self.no_logs else ()
        return assemble(self.trace_id, self.spans, self.logs, known)


def find(ident: str, sources: Sources, *, last: str | None = None, wait: Deadline | None = None) -> FetchedTrace:
    """The trace that an argument means: see ``resolve`` and ``fetch``. Spans are brought once."""
    meant = resolve(ident, sources, last=last, wait=wait)
    return fetch(meant.trace_id, sources, wait=wait, seen=meant.spans)


def resolve(ident: str, sources: Sources, *, last: str | None = None, wait: Deadline | None = None) -> MeantTrace:
    """The trace that an argument means.

    ``last`` is the trace id of the last run, if there was one. A plain trace id is not looked up. A request id is,
    in logs, then in spans, again and again until ``wait`` passes. ``UsageError`` for something malformed,
    ``NotFoundError`` with where it looked, ``BackendError`` where it could not look.
    """
    meant = read_ident(ident)
    if meant.last:
        if not last:
            raise NotFoundError("there is no last trace: nothing has been driven yet", hint="run: obsctl verify")
        return resolve(last, sources, wait=wait)
    if not meant.request_id:
        return MeantTrace(meant.trace_id)
    found = until(lambda: _meaning(meant, sources), wait or Deadline.after(0), interval=INTERVAL)
    if found or meant.trace_id:
        return found or MeantTrace(meant.trace_id)
    raise NotFoundError(f"no log line and no span carries the request id {ident}; looked in {sources}", hint=_HINT)


def fetch(
    trace_id: str,
    sources: Sources,
    *,
    wait: Deadline | None = None,
    quiet: float = 1.0,
    seen: tuple[Span, ...] = (),
) -> FetchedTrace:
    """The spans and log lines of a trace. ``seen``: the spans as they have just been brought, if they have.

    With ``wait``, polls until it has settled: spans are there, each with its parent, and neither they nor the log
    lines changed for ``quiet`` seconds; when the deadline comes first, what was there by then. ``NotFoundError`` with
    where it looked when there is no span. A logs backend that does not answer costs only the log lines.
    """
    deadline = wait or Deadline.after(0)
    fetched, since = _with_logs(trace_id, seen, sources) if seen else _look(trace_id, sources), time.monotonic()
    while not deadline.passed and not (_whole(fetched) and time.monotonic() - since >= quiet):
        deadline.pause(INTERVAL)
        now = _look(trace_id, sources)
        if _size(now) != _size(fetched):
            fetched, since = now, time.monotonic()
    if not fetched.spans:
        lines = f"no span; log lines that name it: {len(fetched.logs)}" if fetched.logs else "no span and no log line"
        raise NotFoundError(f"trace {trace_id} is not there: {lines}; looked in {sources}", hint=_HINT)
    return replace(fetched, settled=_whole(fetched))


def _look(trace_id: str, sources: Sources) -> FetchedTrace:
    return _with_logs(trace_id, sources.traces.trace(trace_id), sources)


def _with_logs(trace_id: str, spans: tuple[Span, ...], sources: Sources) -> FetchedTrace:
    if sources.logs is None:
        return FetchedTrace(trace_id, spans)
    start, end = _window(spans)
    try:
        logs = sources.logs.by_id("trace_id", trace_id, start, end, MAX_LOGS)
    except BackendError as error:
        return FetchedTrace(trace_id, spans, no_logs=error.message)
    return FetchedTrace(trace_id, spans, tuple(logs))


def _whole(trace: FetchedTrace) -> bool:
    return bool(trace.spans) and not orphans(trace.spans)


def _size(trace: FetchedTrace) -> tuple[int, int]:
    """Spans and lines are only ever added."""
    return len(trace.spans), len(trace.logs)


def _window(spans: tuple[Span, ...]) -> tuple[int, int]:
    """Start and end for log queries, never further apart than servers allow.

    Span times may be nonsense; then the window lies around the span in the middle, where most of them are.
    """
    if not spans:
        return _recent()
    start = min(s.start_ns for s in spans) - AROUND_NS
    end = max(s.end_ns for s in spans) + AROUND_NS
    if end - start > LOOKBACK_NS:
        start = sorted(s.start_ns for s in spans)[len(spans) // 2] - LOOKBACK_NS // 2
        end = start + LOOKBACK_NS
    return max(0, start), end


def _recent() -> tuple[int, int]:
    now = time.time_ns()
    return now - LOOKBACK_NS, now + AROUND_NS


def _meaning(meant: Ident, sources: Sources) -> MeantTrace | None:
    """The trace that exists under an ambiguous id, in the order in which its meanings are likely."""
    for is_trace in (meant.trace_first, not meant.trace_first):
        if is_trace and meant.trace_id and (spans := sources.traces.trace(meant.trace_id)):
            return MeantTrace(meant.trace_id, spans)
        if not is_trace and (found := _by_request_id(meant.request_id, sources)):
            return MeantTrace(found)
    return None


def _by_request_id(request_id: str, sources: Sources) -> str:
    return next(chain(_in_logs(request_id, sources), _in_spans(request_id, sources)), "")


def _in_logs(request_id: str, sources: Sources) -> Iterator[str]:
    """Traces named by lines with the request id, the latest first."""
    if sources.logs is not None:
        lines = sources.logs.by_id("request_id", request_id, *_recent())
        yield from filter(None, map(trace_id_of, reversed(lines)))


def _in_spans(request_id: str, sources: Sources) -> Iterator[str]:
    """Traces with a span whose attribute ``request_id`` it is. ``IncompleteError`` in place of a wrong "none"."""
    start, end = _recent()
    searches: list[TraceSearch] = []
    for service in sources.traces.services()[:MAX_SERVICES]:
        tags = {"request_id": request_id}
        searches.append(sources.traces.search(service, tags=tags, start_ns=start, end_ns=end, limit=1))
        for spans in searches[-1].traces:
            yield spans[0].trace_id
    for search in searches:
        search.complete()
