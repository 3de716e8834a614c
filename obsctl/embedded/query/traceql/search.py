"""Searching with TraceQL: candidates from the store, whole traces evaluated, until there are enough."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from obsctl.embedded.query.traceql.evaluate import SpanSet, evaluator
from obsctl.embedded.query.traceql.expressions import test
from obsctl.embedded.query.traceql.plan import narrowed, necessary
from obsctl.embedded.query.traceql.prefilter import prefilter
from obsctl.embedded.query.traceql.view import TraceView, lone
from obsctl.embedded.query.traces import Candidates
from obsctl.embedded.store.base import SpanReader, SpanScan
from obsctl.languages.traceql.tree import Pipeline

SECONDS = 10.0
MAX_READ = 1_000_000
"""A search that has gone on for so long, or read so many spans of candidate traces, ends with what it has."""


@dataclass(frozen=True)
class TraceMatch:
    """A trace, and the sets of its spans that the query left."""

    view: TraceView
    sets: Sequence[SpanSet]


@dataclass(frozen=True)
class TraceMatches:
    """Newest first. ``cut`` says why there may be more, "" when there are not; the rest is what was looked at."""

    found: Sequence[TraceMatch]
    traces: int
    spans: int
    cut: str = ""


def search(spans: SpanReader, pipeline: Pipeline, start: int | None, end: int | None, limit: int) -> TraceMatches:
    """Traces that match and of which a span that decides it started between two times (ns, None is open)."""
    condition = necessary(pipeline)
    passes, run = test(condition), evaluator(pipeline)
    scan = narrowed(SpanScan(start_min=start, start_max=end, prefilter=prefilter(condition)), condition)
    candidates = Candidates(spans, scan, lambda stored: passes(lone(stored), 0))
    found: list[TraceMatch] = []
    looked, read, cut, deadline = 0, 0, "", time.monotonic() + SECONDS
    for trace_id in candidates:
        if len(found) >= limit:
            break
        if read >= MAX_READ or time.monotonic() > deadline:
            cut = f"the search ended after {looked} candidate traces: make the query more selective"
            break
        view = TraceView(spans.trace(trace_id))
        looked, read = looked + 1, read + len(view.spans)
        if view.spans and (sets := run(view)):
            found.append(TraceMatch(view, sets))
    return TraceMatches(found, looked, max(read, candidates.scanned), cut or candidates.cut)
