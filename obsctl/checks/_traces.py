"""The traces of the probe requests, fetched once for all checks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from obsctl.checks._arrivals import Arrival
from obsctl.checks._poller import Poller
from obsctl.checks._spans import flaws, misshapen
from obsctl.checks._verdicts import count, failed
from obsctl.checks.base import Context, Evidence, TracesContext, Verdict
from obsctl.clients.telemetry import Span
from obsctl.clients.traces import TracesClient
from obsctl.probes import ProbeRequest
from obsctl.spec.contract import Contract, TraceRule
from obsctl.wait import Deadline

NO_BACKEND = "this stack has no trace backend"
DRIVEN = ("readiness.driven",)
LINKED = 200
"""Traces of a component that are searched for links."""
STORED = ("readiness.driven", "traces.lost", "traces.complete")
"""What explains that nothing can be judged: no request was answered; the traces are not stored."""


@dataclass(frozen=True)
class ProbeTrace:
    """The trace of one probe request as it is stored. ``rule`` is what the contract says of it, if anything."""

    request: ProbeRequest
    rule: TraceRule | None
    spans: tuple[Span, ...] = ()
    linked: tuple[Span, ...] = ()
    """The spans of traces that link to it, where the rule asks for links."""

    @property
    def query(self) -> str:
        """What was asked for, as evidence."""
        return f"trace {self.request.trace_id} ({self.request.request})"

    @property
    def whole(self) -> bool:
        """Whether everything expected of it is there."""
        return bool(self.spans) and not flaws(self.request, self.spans) and not self.lacks

    @property
    def lacks(self) -> tuple[str, ...]:
        """What is missing from the shape the contract gives it."""
        return misshapen(self.spans, self.rule, self.linked) if self.rule else ()


class TracesPoller(Poller):
    """Asks for each trace of a probe request until it is whole and has not changed for a quiet period."""

    def __init__(
        self, client: TracesClient, contract: Contract, requests: Sequence[ProbeRequest], quiet: float
    ) -> None:
        super().__init__()
        self._client = client
        self._quiet = quiet
        answered = [r for r in requests if r.status]
        self._traces = {r.trace_id: ProbeTrace(r, _rule(contract, r)) for r in answered}
        self._changed = dict.fromkeys(self._traces, time.monotonic())
        self._open = set(self._traces)
        self._since = int((min((r.sent_at for r in answered), default=0.0) - 1.0) * 1e9)
        self._others: dict[str, tuple[Span, ...]] = {}
        self._asked_at: dict[str, float] = {}
        self._arrived: dict[str, Arrival] = {}

    @classmethod
    def of(cls, context: Context, traces: TracesContext) -> TracesPoller:
        """The only poller of this run."""
        requests = context.run.requests
        return context.cache.once(cls, lambda: cls(traces.client, context.contract, requests, quiet=traces.quiet))

    def traces(self, deadline: Deadline) -> tuple[ProbeTrace, ...]:
        """Every trace whose request was answered, settled or as last seen. Raises BackendError."""
        self.settle(deadline)
        return self.as_last_seen()

    def as_last_seen(self) -> tuple[ProbeTrace, ...]:
        """The traces as last seen, without asking."""
        with self.lock:
            return tuple(self._traces.values())

    def other(self, trace_id: str) -> tuple[Span, ...]:
        """A trace that is not of a probe request, fetched until it is there. Raises BackendError."""
        with self.lock:
            if not self._others.get(trace_id):
                self._others[trace_id] = self._client.trace(trace_id)
            return self._others[trace_id]

    def look(self) -> bool:
        """Fetch what is not settled yet; a trace that looks whole is asked for again only after the quiet period."""
        linked = self._linked()
        for trace_id in sorted(self._open):
            before = self._traces[trace_id]
            if before.whole and time.monotonic() - self._changed[trace_id] < self._quiet and not self.is_last_look:
                continue
            asked_at = time.time()
            self._take(before, self._client.trace(trace_id), linked.get(trace_id, ()))
            self._asked_at[trace_id] = asked_at
        return not self._open

    def arrivals(self) -> tuple[Arrival, ...]:
        """When the last span of each trace that came so far was found."""
        with self.lock:
            return tuple(
                self._arrived.get(trace_id) or Arrival(_answered_at(trace.request), self._asked_at.get(trace_id, 0.0))
                for trace_id, trace in self._traces.items()
            )

    def _linked(self) -> Mapping[str, tuple[Span, ...]]:
        """The spans of traces that link to an open one, by its id, of the components that rules ask links of."""
        asked = {link.target for i in self._open if (rule := self._traces[i].rule) for link in rule.links}
        found: dict[str, dict[str, Span]] = {}
        for component in sorted(asked):
            search = self._client.search(
                component, start_ns=self._since, end_ns=time.time_ns() + 60 * 10**9, limit=LINKED
            )
            for spans in search.traces:
                for target in {link.trace_id for s in spans for link in s.links} & self._open:
                    found.setdefault(target, {}).update((s.span_id, s) for s in spans)
        return {trace_id: tuple(spans.values()) for trace_id, spans in found.items()}

    def _take(self, before: ProbeTrace, spans: tuple[Span, ...], linked: tuple[Span, ...]) -> None:
        trace_id, now = before.request.trace_id, time.monotonic()
        if _ids(spans, linked) != _ids(before.spans, before.linked):
            self._changed[trace_id] = now
            self._traces[trace_id] = ProbeTrace(before.request, before.rule, spans, linked)
            self._arrived[trace_id] = _arrival(before.request, spans, self._asked_at.get(trace_id, 0.0))
        elif before.whole and now - self._changed[trace_id] >= self._quiet:
            self._open.discard(trace_id)


def _answered_at(request: ProbeRequest) -> float:
    return request.sent_at + request.seconds


def _arrival(request: ProbeRequest, spans: Sequence[Span], absent_at: float) -> Arrival:
    """A trace that is found now; it could be sent once its last span had ended, as far as clocks can be trusted."""
    now = time.time()
    ended = (s.end_ns / 1e9 for s in spans)
    return Arrival(max((_answered_at(request), *(at for at in ended if at <= now))), absent_at, now)


def _ids(*spans: Sequence[Span]) -> set[str]:
    return {s.span_id for some in spans for s in some}


def _rule(contract: Contract, request: ProbeRequest) -> TraceRule | None:
    """The rule for a request that went as planned; one that failed does not take the path the contract describes."""
    return None if request.error else next((t for t in contract.traces if t.request == request.request), None)


def nothing_arrived(traces: Sequence[ProbeTrace]) -> Verdict | None:
    """The verdict where there is nothing to judge: no request was answered, or none left a trace."""
    if not traces:
        hint = "see readiness.driven: the service must answer before its telemetry can be judged"
        return failed("no driven request was answered, so no trace can be looked for", hint=hint, because=DRIVEN)
    if any(t.spans for t in traces):
        return None
    looked = [Evidence(t.query, "no spans") for t in traces]
    hint = (
        "see that the service exports traces (OTEL_EXPORTER_OTLP_ENDPOINT, its own log) "
        "and that the collector accepts them (`obsctl status`, `obsctl logs`)"
    )
    return failed(f"none of {count(len(traces), 'driven trace')} is stored", looked, hint=hint, because=STORED)
