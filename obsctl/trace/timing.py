"""Where the time of a trace went: self time, critical path, gaps, clock skew. Pure and iterative.

Nothing is corrected: times are taken as they came. Only for the critical path a child is cut to its parent's window,
unless it may outlive its parent, as the consumer of a message does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from obsctl.clients.telemetry import Span
from obsctl.trace.model import Gap, Segment
from obsctl.trace.span_trees import SpanTrees

NOTABLE_GAP = 10
"""A gap is worth naming from 1/10 of the trace on,"""
SHORTEST_GAP_NS = 1_000_000
"""and never below a millisecond."""
MAX_GAPS = 20
EARLY_TOLERANCE_NS = 10_000
"""Servers round to microseconds; a start less than this before the parent's is no skew."""
LATE_TOLERANCE_NS = 10_000_000
"""A server's span ends after its answer has left, so only more than this after its client's end is skew."""


def self_times(trees: SpanTrees) -> list[int]:
    """For each span the time in which none of its children was active."""
    return [
        span.end_ns - span.start_ns - sum(end - start for start, end in _covered(trees, i))
        for i, span in enumerate(trees.spans)
    ]


def critical_path(trees: SpanTrees) -> list[Segment]:
    """The chain of work that the end of the trace waited for, as segments without holes or overlaps, in time order.

    Walks back from the end: of the children that had finished by then the last one is on the path, up to its start,
    then the next one before that; what is left between is the parent's own. A parent lasts until everything it set
    off has ended. The segments' sum is the duration of the root, or with async work that outlives it, until its end.
    """
    if not trees.spans:
        return []
    ends = _effective_ends(trees)
    main = trees.main
    window = min(trees.spans[i].start_ns for i in main), max(ends[i] for i in main)
    segments: list[Segment] = []
    stack = [(-1, *window)]
    while stack:
        node, start, end = stack.pop()
        children = main if node < 0 else trees.children[node]
        cursor = end
        for child_start, child_end, child in _last_first(trees, children, ends, (start, end)):
            if child_end <= cursor:
                segments += _own(trees, node, child_end, cursor)
                stack.append((child, child_start, child_end))
                cursor = child_start
        segments += _own(trees, node, start, cursor)
    return sorted(segments, key=lambda s: s.start_ns)


def gaps(trees: SpanTrees, critical: Iterable[Segment]) -> list[Gap]:
    """Stretches in which nothing below a span was active, and waits on the critical path; the longest first."""
    if not trees.spans:
        return []
    wall = max(s.end_ns for s in trees.spans) - min(s.start_ns for s in trees.spans)
    shortest = max(SHORTEST_GAP_NS, wall // NOTABLE_GAP)
    found = [gap for i in range(len(trees.spans)) for gap in _idle(trees, i, shortest)]
    found += [_wait(trees, s) for s in critical if s.waiting and s.duration_ns >= shortest]
    return sorted(found, key=lambda g: (-g.duration_ns, g.start_ns, g.node))[:MAX_GAPS]


def skews(trees: SpanTrees) -> list[int]:
    """For each span by how much it lies outside its parent in another service: negative when it starts too early.

    Nothing can begin before what caused it. A server that ends well after its client is skewed only if it would have
    fitted in; else it went on working after the client had given up.
    """
    return [
        0 if parent is None else _skew(trees.spans[parent], span)
        for parent, span in zip(trees.parents, trees.spans, strict=True)
    ]


def _skew(parent: Span, span: Span) -> int:
    if parent.service == span.service:
        return 0
    early = parent.start_ns - span.start_ns
    if early > EARLY_TOLERANCE_NS:
        return -early
    late = span.end_ns - parent.end_ns
    fits = span.end_ns - span.start_ns <= parent.end_ns - parent.start_ns
    return late if late > LATE_TOLERANCE_NS and fits and _waited_for(parent, span) else 0


def _waited_for(parent: Span, span: Span) -> bool:
    """Whether the parent cannot have ended before the child: a call to a server in another service."""
    return span.kind == "server" and parent.kind != "producer" and parent.service != span.service


def _effective_ends(trees: SpanTrees) -> list[int]:
    """When a span and everything it set off had ended. Children come after their parents, so one pass backwards."""
    ends = [s.end_ns for s in trees.spans]
    for i in range(len(ends) - 1, -1, -1):
        parent = trees.parents[i]
        if parent is not None and not _waited_for(trees.spans[parent], trees.spans[i]):
            ends[parent] = max(ends[parent], ends[i])
    return ends


def _last_first(
    trees: SpanTrees, children: Sequence[int], ends: Sequence[int], window: tuple[int, int]
) -> list[tuple[int, int, int]]:
    """Children as (start, end, index), cut to the window; those that finished last come first."""
    start, end = window
    cut = ((max(trees.spans[c].start_ns, start), min(ends[c], end), c) for c in children)
    return sorted((w for w in cut if w[0] < w[1]), key=lambda w: (-w[1], w[0], w[2]))


def _own(trees: SpanTrees, node: int, start: int, end: int) -> list[Segment]:
    """A stretch of a span on the path, split where the span had ended."""
    over = trees.spans[node].end_ns if node >= 0 else start
    split = min(max(start, over), end)
    own = [Segment(node, start, split)] if start < split else []
    return own + ([Segment(node, split, end, waiting=True)] if split < end else [])


def _covered(trees: SpanTrees, node: int) -> list[tuple[int, int]]:
    """The stretches of a span in which some child was active; disjoint, in time order."""
    span = trees.spans[node]
    merged: list[tuple[int, int]] = []
    for child in trees.children[node]:
        start = max(trees.spans[child].start_ns, span.start_ns)
        end = min(trees.spans[child].end_ns, span.end_ns)
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged


def _idle(trees: SpanTrees, node: int, shortest: int) -> list[Gap]:
    covered = _covered(trees, node)
    if not covered:
        return []
    span = trees.spans[node]
    starts = [span.start_ns, *(end for _, end in covered)]
    ends = [*(start for start, _ in covered), span.end_ns]
    return [
        Gap(node, start, end, _ending(trees, node, start), _starting(trees, node, end))
        for start, end in zip(starts, ends, strict=True)
        if end - start >= shortest
    ]


def _wait(trees: SpanTrees, segment: Segment) -> Gap:
    after = ""
    if segment.node >= 0:
        after = _ending(trees, segment.node, segment.start_ns) or trees.spans[segment.node].name
    before = _starting(trees, segment.node, segment.end_ns)
    return Gap(segment.node, segment.start_ns, segment.end_ns, after, before, waiting=True)


def _ending(trees: SpanTrees, node: int, at: int) -> str:
    return next((trees.spans[c].name for c in trees.children[node] if trees.spans[c].end_ns == at), "")


def _starting(trees: SpanTrees, node: int, at: int) -> str:
    children = trees.children[node] if node >= 0 else trees.main
    return next((trees.spans[c].name for c in children if trees.spans[c].start_ns == at), "")
