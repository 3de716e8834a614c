"""From a metric to a trace: an exemplar holds the id of a driven trace, and that trace is stored."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from obsctl.checks._metrics import NO_BACKEND, STORED
from obsctl.checks._poller import Poller
from obsctl.checks._traces import TracesPoller
from obsctl.checks._verdicts import count, failed, passed, short, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.promql import PromqlClient
from obsctl.clients.telemetry import Exemplar, Span
from obsctl.endpoints import Feature, Role
from obsctl.spec.contract import Metric, MetricType


@dataclass(frozen=True)
class MetricExemplars:
    """The exemplars of one metric from the time of the run, and the first that holds a driven trace's id."""

    metric: Metric
    exemplars: tuple[Exemplar, ...] = ()
    trace_id: str = ""

    @property
    def query(self) -> str:
        """The series that carry the exemplars."""
        suffix = "_bucket" if self.metric.type is MetricType.HISTOGRAM else ""
        return self.metric.name + suffix

    @property
    def description(self) -> str:
        """What there was, for people."""
        held = ", ".join(f"{dict(e.labels)} at {e.value:g}" for e in self.exemplars[-3:])
        return short(f"{count(len(self.exemplars), 'exemplar')}" + (f", the last: {held}" if held else ""))


class CorrelationExemplar:
    """See ``docs/checks/correlation-exemplar.md``."""

    id = "correlation.exemplar"
    signal = Signal.CORRELATION
    title = "an exemplar leads from each metric to a driven trace"

    def run(self, context: Context) -> Verdict:
        """Wait until each metric with exemplars has one with a driven id, then open that trace."""
        if context.metrics is None:
            return skipped(NO_BACKEND)
        metrics = [m for m in context.contract.metrics if m.exemplars]
        if not metrics:
            return skipped("the contract asks for no exemplars")
        backend = context.endpoints.first(Role.METRICS)
        if backend and Feature.EXEMPLARS in backend.without:
            return skipped("this metrics backend keeps no exemplars")
        if not any(r.status for r in context.run.requests):
            hint = "see readiness.driven: the service must answer first"
            return failed(
                "no driven request was answered, so no exemplar can hold its trace id", hint=hint, because=STORED
            )
        poller = _ExemplarsPoller(context, context.metrics.client, metrics)
        poller.settle(context.deadline)
        if without := [f for f in poller.found if not f.trace_id]:
            return _failed(without)
        return _resolved(context, poller.found)


def _failed(without: Sequence[MetricExemplars]) -> Verdict:
    looked = [Evidence(f"GET /api/v1/query_exemplars?query={f.query}", f.description) for f in without]
    hint = (
        "observe the metric with the current trace id as exemplar, serve it over OpenMetrics, "
        "and see that the backend stores exemplars (Prometheus: --enable-feature=exemplar-storage)"
    )
    findings = [
        f"{f.metric.name} has {count(len(f.exemplars), 'exemplar')} from this run, none with a driven trace id"
        for f in without
    ]
    return failed(summed(findings), looked, hint=hint, because=STORED)


def _resolved(context: Context, found: Sequence[MetricExemplars]) -> Verdict:
    looked = [Evidence(f"GET /api/v1/query_exemplars?query={f.query}", f.description) for f in found]
    if context.traces is None:
        return passed(f"{count(len(found), 'metric')} with an exemplar of a driven trace (no trace backend)", looked)
    spans = _spans(context, found)
    looked += [Evidence(f"trace {f.trace_id}", count(len(spans[f.trace_id]), "span")) for f in found]
    if dangling := [f for f in found if not spans[f.trace_id]]:
        hint = "see traces.complete: the exemplar is right, its trace is not stored (sampled out, or lost on the way)"
        said = f"{dangling[0].metric.name} has an exemplar with trace {dangling[0].trace_id}, which is not stored"
        return failed(said, looked, hint=hint, because=("traces.sampling", "traces.lost", "traces.complete"))
    return passed(f"{count(len(found), 'metric')} with an exemplar that leads to a stored trace", looked)


def _spans(context: Context, found: Sequence[MetricExemplars]) -> dict[str, tuple[Span, ...]]:
    """The spans of the traces found."""
    if context.traces is None:
        return {}
    traces = TracesPoller.of(context, context.traces).traces(context.deadline)
    driven = {t.request.trace_id: t.spans for t in traces}
    return {f.trace_id: driven.get(f.trace_id, ()) for f in found}


class _ExemplarsPoller(Poller):
    """Asks for exemplars until each metric has one that holds a driven trace id."""

    def __init__(self, context: Context, client: PromqlClient, metrics: Sequence[Metric]) -> None:
        super().__init__()
        self._client = client
        self._start = context.run.started_at - 1.0
        self._driven = {r.trace_id for r in context.run.requests}
        self.found = [MetricExemplars(m) for m in metrics]

    def look(self) -> bool:
        """Ask once for each metric that still lacks one."""
        self.found = [f if f.trace_id else self._ask(f) for f in self.found]
        return all(f.trace_id for f in self.found)

    def _ask(self, before: MetricExemplars) -> MetricExemplars:
        exemplars = self._client.exemplars(before.query, self._start, time.time() + 1.0)
        held = next((e.trace_id for e in exemplars if e.trace_id in self._driven), "")
        return MetricExemplars(before.metric, tuple(exemplars), held)
