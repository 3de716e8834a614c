"""Where the time of a trace went: self time, critical path, gaps, clock skew. Pure and iterative.

Nothing is corrected: times are taken as they came. Only for the critical path a child is cut to its parent's window,
unless it may outlive its parent, as the consumer of a message does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from obsctl.clients.telemetry import Span
from obsctl.trace.forest import Forest
from obsctl.trace.model import Gap, Segment

NOTABLE_GAP = 10
"""A gap is worth naming from 1/10 of the trace on,"""
SHORTEST_GAP_NS = 1_000_000
"""and never below a millisecond."""
MAX_GAPS = 20
EARLY_TOLERANCE_NS = 10_000
"""Servers round to microseconds; a start less than this before the parent's is no skew."""
LATE_TOLERANCE_NS = 10_000_000
"""A server's span ends after its answer has left, so only more than this after its client's end is skew."""


def self_times(forest: Forest) -> list[int]:
    """For each span the time in which none of its children was active."""
    return [
        span.end_ns - span.start_ns - sum(end - start for start, end in _covered(forest, i))
        for i, span in enumerate(forest.spans)
    ]


def critical_path(forest: Forest) -> list[Segment]:
    """The chain of work that the end of the trace waited for, as segments without holes or overlaps, in time order.

    Walks back from the end: of the children that had finished by then the last one is on the path, up to its start,
    then the next one before that; what is left between is the parent's own. A parent lasts until everything it set
    off has ended. The segments' sum is the duration of the root, or with async work that outlives it, until its end.
    """
    if not forest.spans:
        return []
    ends = _effective_ends(forest)
    main = forest.main
    window = min(forest.spans[i].start_ns for i in main), max(ends[i] for i in main)
    segments: list[Segment] = []
    stack = [(-1, *window)]
    while stack:
        node, start, end = stack.pop()
        children = main if node < 0 else forest.children[node]
        cursor = end
        for child_start, child_end, child in _last_first(forest, children, ends, (start, end)):
            if child_end <= cursor:
                segments += _own(forest, node, child_end, cursor)
                stack.append((child, child_start, child_end))
                cursor = child_start
        segments += _own(forest, node, start, cursor)
    return sorted(segments, key=lambda s: s.start_ns)


def gaps(forest: Forest, critical: Iterable[Segment]) -> list[Gap]:
    """Stretches in which nothing below a span was active, and waits on the critical path; the longest first."""
    if not forest.spans:
        return []
    wall = max(s.end_ns for s in forest.spans) - min(s.start_ns for s in forest.spans)
    shortest = max(SHORTEST_GAP_NS, wall // NOTABLE_GAP)
    found = [gap for i in range(len(forest.spans)) for gap in _idle(forest, i, shortest)]
    found += [_wait(forest, s) for s in critical if s.waiting and s.duration_ns >= shortest]
    return sorted(found, key=lambda g: (-g.duration_ns, g.start_ns, g.node))[:MAX_GAPS]


def skews(forest: Forest) -> list[int]:
    """For each span by how much it lies outside its parent in another service: negative when it starts too early.

    Nothing can begin before what caused it. A server that ends well after its client is skewed only if it would have
    fitted in; else it went on working after the client had given up.
    """
    return [
        0 if parent is None else _skew(forest.spans[parent], span)
        for parent, span in zip(forest.parents, forest.spans, strict=True)
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


def _effective_ends(forest: Forest) -> list[int]:
    """When a span and everything it set off had ended. Children come after their parents, so one pass backwards."""
    ends = [s.end_ns for s in forest.spans]
    for i in range(len(ends) - 1, -1, -1):
        parent = forest.parents[i]
        if parent is not None and not _waited_for(forest.spans[parent], forest.spans[i]):
            ends[parent] = max(ends[parent], ends[i])
    return ends


def _last_first(
    forest: Forest, children: Sequence[int], ends: Sequence[int], window: tuple[int, int]
) -> list[tuple[int, int, int]]:
    """Children as (start, end, index), cut to the window; those that finished last come first."""
    start, end = window
    cut = ((max(forest.spans[c].start_ns, start), min(ends[c], end), c) for c in children)
    return sorted((w for w in cut if w[0] < w[1]), key=lambda w: (-w[1], w[0], w[2]))


def _own(forest: Forest, node: int, start: int, end: int) -> list[Segment]:
    """A stretch of a span on the path, split where the span had ended."""
    over = forest.spans[node].end_ns if node >= 0 else start
    split = min(max(start, over), end)
    own = [Segment(node, start, split)] if start < split else []
    return own + ([Segment(node, split, end, waiting=True)] if split < end else [])


def _covered(forest: Forest, node: int) -> list[tuple[int, int]]:
    """The stretches of a span in which some child was active; disjoint, in time order."""
    span = forest.spans[node]
    merged: list[tuple[int, int]] = []
    for child in forest.children[node]:
        start = max(forest.spans[child].start_ns, span.start_ns)
        end = min(forest.spans[child].end_ns, span.end_ns)
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged


def _idle(forest: Forest, node: int, shortest: int) -> list[Gap]:
    covered = _covered(forest, node)
    if not covered:
        return []
    span = forest.spans[node]
    starts = [span.start_ns, *(end for _, end in covered)]
    ends = [*(start for start, _ in covered), span.end_ns]
    return [
        Gap(node, start, end, _ending(forest, node, start), _starting(forest, node, end))
        for start, end in zip(starts, ends, strict=True)
        if end - start >= shortest
    ]


def _wait(forest: Forest, segment: Segment) -> Gap:
    after = ""
    if segment.node >= 0:
        after = _ending(forest, segment.node, segment.start_ns) or forest.spans[segment.node].name
    before = _starting(forest, segment.node, segment.end_ns)
    return Gap(segment.node, segment.start_ns, segment.end_ns, after, before, waiting=True)


def _ending(forest: Forest, node: int, at: int) -> str:
    return next((forest.spans[c].name for c in forest.children[node] if forest.spans[c].end_ns == at), "")


def _starting(forest: Forest, node: int, at: int) -> str:
    children = forest.children[node] if node >= 0 else forest.main
    return next((forest.spans[c].name for c in children if forest.spans[c].start_ns == at), "")
