"""Which component called which, by the spans of one trace. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from obsctl.clients.telemetry import Span
from obsctl.spec.contract import Edge


def boundary(spans: Sequence[Span]) -> Iterator[Span]:
    """The spans by which a trace enters a component: their parent is of another one, or not in the trace."""
    services = {s.span_id: s.service for s in spans}
    return (s for s in spans if services.get(s.parent_id) != s.service)


def edges(spans: Sequence[Span]) -> set[Edge]:
    """Who called whom: for each span, its nearest ancestor of another component, if there is one."""
    by_id = {s.span_id: s for s in spans}
    return {
        Edge(caller.service, span.service)
        for span in boundary(spans)
        if (caller := by_id.get(span.parent_id)) is not None
    }
