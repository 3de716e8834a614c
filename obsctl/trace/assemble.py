"""Spans and log lines of one trace into a ``TraceTree``. Pure; it never raises for anything that telemetry may hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from obsctl.clients.telemetry import LogLine, Span
from obsctl.trace import timing
from obsctl.trace.entries import entry
from obsctl.trace.model import LogEntry, SpanNode, TraceTree, Warn
from obsctl.trace.span_trees import SpanTrees, build_span_trees


def assemble(
    trace_id: str, spans: Sequence[Span], logs: Iterable[LogLine] = (), known: Iterable[Warn] = ()
) -> TraceTree:
    """The tree of a trace, in any order, with copies, clashing ids, rings, lost parents and several roots.

    ``known`` are warnings from before, such as a backend that could not be asked.
    """
    trees = build_span_trees(spans)
    critical = timing.critical_path(trees)
    on_path: defaultdict[int, int] = defaultdict(int)
    for segment in critical:
        on_path[segment.node] += 0 if segment.waiting else segment.duration_ns
    attached, loose = _by_span(trees, logs)
    skews = timing.skews(trees)
    nodes = tuple(
        SpanNode(
            index=i,
            span=trees.spans[i],
            place=trees.places[i],
            depth=trees.depths[i],
            parent=trees.parents[i],
            children=trees.children[i],
            self_ns=self_ns,
            critical_ns=on_path[i],
            skew_ns=skews[i],
            logs=tuple(attached.get(i, ())),
        )
        for i, self_ns in enumerate(timing.self_times(trees))
    )
    return TraceTree(
        trace_id=trace_id,
        nodes=nodes,
        critical=tuple(critical),
        gaps=tuple(timing.gaps(trees, critical)),
        warnings=(*known, *_misplaced(nodes), *_copies(trees), *_skewed(nodes)),
        logs=tuple(loose),
        dropped=len(trees.dropped),
    )


def _by_span(trees: SpanTrees, logs: Iterable[LogLine]) -> tuple[dict[int, list[LogEntry]], list[LogEntry]]:
    """Log entries by the index of their span, and those that name no span of the trace; both by time."""
    index: dict[str, int] = {}
    for i, span in enumerate(trees.spans):
        if trees.places[i] != "duplicate":
            index[span.span_id] = i
    attached: dict[int, list[LogEntry]] = {}
    loose = []
    for found in sorted(map(entry, logs), key=lambda e: e.time_ns):
        if found.span_id in index:
            attached.setdefault(index[found.span_id], []).append(found)
        else:
            loose.append(found)
    return attached, loose


def _misplaced(nodes: Sequence[SpanNode]) -> Iterator[Warn]:
    for node in nodes:
        span = node.span
        match node.place:
            case "orphan":
                said = f"the parent {span.parent_id} of {span.name} never arrived"
                yield Warn("orphan_parent", said, span.span_id, span.parent_id)
            case "cycle":
                said = f"{span.name} is its own ancestor; the ring was cut above it"
                yield Warn("cycle", said, span.span_id, span.parent_id)
            case "duplicate":
                said = f"two different spans share the id {span.span_id}; {span.name} is shown below the other"
                yield Warn("duplicate_span", said, span.span_id, span.parent_id)


def _copies(trees: SpanTrees) -> Iterator[Warn]:
    for span in trees.dropped:
        yield Warn("same_span_twice", f"{span.name} arrived more than once", span.span_id, span.parent_id)


def _skewed(nodes: Sequence[SpanNode]) -> Iterator[Warn]:
    """One warning for each pair of services: the clearest case."""
    worst: dict[tuple[str, str], SpanNode] = {}
    for node in nodes:
        if node.skew_ns and node.parent is not None:
            pair = nodes[node.parent].span.service, node.span.service
            if pair not in worst or abs(node.skew_ns) > abs(worst[pair].skew_ns):
                worst[pair] = node
    for (caller, called), node in worst.items():
        way = "behind" if node.skew_ns < 0 else "ahead of"
        said = f"the clock of {called} is at least {abs(node.skew_ns) / 1e6:.3g} ms {way} that of {caller}"
        yield Warn("clock_skew", said, node.span.span_id, node.span.parent_id)
