"""Spans into trees, whatever they are like: copies, clashing ids, lost parents, rings, any depth. Pure, iterative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from obsctl.clients.telemetry import Span
from obsctl.trace.model import Place

_UNSEEN, _ON_PATH, _DONE = range(3)


@dataclass(frozen=True)
class SpanTrees:
    """The spans of a trace as trees, depth first.

    The four sequences run in parallel; ``parents`` and ``children`` are indexes into them.
    """

    spans: tuple[Span, ...]
    places: tuple[Place, ...]
    parents: tuple[int | None, ...]
    children: tuple[tuple[int, ...], ...]
    depths: tuple[int, ...]
    dropped: tuple[Span, ...]

    @property
    def main(self) -> tuple[int, ...]:
        """Roots that the trace begins with; every root where none is better than another."""
        roots = [i for i, parent in enumerate(self.parents) if parent is None]
        return tuple([i for i in roots if self.places[i] in ("root", "continued")] or roots)


def build_span_trees(spans: Sequence[Span]) -> SpanTrees:
    """Every span exactly once, below its parent where that is possible; the result does not depend on their order."""
    unique, dropped = _without_copies(spans)
    parents, places = _parents(unique)
    for i in _ring_cuts(parents):
        parents[i], places[i] = None, "cycle"
    return _depth_first(unique, parents, places, dropped)


def orphans(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Spans whose parent has not arrived, the root of a trace continued from elsewhere not counted."""
    _, places = _parents(list(spans))
    return tuple(s for s, place in zip(spans, places, strict=True) if place == "orphan")


def _without_copies(spans: Sequence[Span]) -> tuple[list[Span], tuple[Span, ...]]:
    """By start, the longer one first. A copy shares all that tells spans apart; one with an error stays."""
    kept: list[Span] = []
    dropped: list[Span] = []
    seen = set()
    for span in sorted(spans, key=_rank):
        key = (span.span_id, span.start_ns, span.end_ns, span.kind, span.service, span.name)
        (dropped if key in seen else kept).append(span)
        seen.add(key)
    return kept, tuple(dropped)


def _rank(s: Span) -> tuple[object, ...]:
    status = (s.status, s.status_message, s.trace_state)
    return (s.start_ns, -s.end_ns, s.span_id, s.kind, s.service, s.name, s.parent_id, *status)


def _parents(spans: Sequence[Span]) -> tuple[list[int | None], list[Place]]:
    """Each span's parent and place; rings are not cut yet."""
    first: dict[str, int] = {}
    for i, span in enumerate(spans):
        first.setdefault(span.span_id, i)
    remote = _remote_parent(spans, first)
    parents: list[int | None] = []
    places: list[Place] = []
    for i, span in enumerate(spans):
        parent, place = _place(i, span, first, remote)
        parents.append(parent)
        places.append(place)
    return parents, places


def _place(i: int, span: Span, first: dict[str, int], remote: str) -> tuple[int | None, Place]:
    if first[span.span_id] != i:
        return first[span.span_id], "duplicate"
    if not span.parent_id:
        return None, "root"
    if span.parent_id == span.span_id:
        return None, "cycle"
    if span.parent_id in first:
        return first[span.parent_id], "child"
    return None, "continued" if span.parent_id == remote else "orphan"


def _remote_parent(spans: Sequence[Span], known: dict[str, int]) -> str:
    """The parent that the caller kept to itself: of a trace without a root, the lost parent of its earliest span."""
    if not all(s.parent_id for s in spans):
        return ""
    lost = [s for s in spans if s.parent_id not in known]
    return min(lost, key=lambda s: (s.start_ns, -s.end_ns, s.span_id)).parent_id if lost else ""


def _ring_cuts(parents: Sequence[int | None]) -> list[int]:
    """For each ring of parents its earliest member."""
    state = [_UNSEEN] * len(parents)
    cuts = []
    for begin in range(len(parents)):
        path: list[int] = []
        here: int | None = begin
        while here is not None and state[here] == _UNSEEN:
            state[here] = _ON_PATH
            path.append(here)
            here = parents[here]
        if here is not None and state[here] == _ON_PATH:
            cuts.append(min(path[path.index(here) :]))
        for i in path:
            state[i] = _DONE
    return cuts


def _depth_first(
    spans: Sequence[Span], parents: Sequence[int | None], places: Sequence[Place], dropped: tuple[Span, ...]
) -> SpanTrees:
    """Spans come by start, so children collected in that order are by start too."""
    below: list[list[int]] = [[] for _ in spans]
    for i, parent in enumerate(parents):
        if parent is not None:
            below[parent].append(i)
    roots = [i for i, parent in enumerate(parents) if parent is None]
    roots.sort(key=lambda i: (places[i] not in ("root", "continued"), i))
    order, depths, stack = [], [], [(i, 0) for i in reversed(roots)]
    while stack:
        i, depth = stack.pop()
        order.append(i)
        depths.append(depth)
        stack.extend((child, depth + 1) for child in reversed(below[i]))
    new = {old: i for i, old in enumerate(order)}
    above = [parents[i] for i in order]
    return SpanTrees(
        spans=tuple(spans[i] for i in order),
        places=tuple(places[i] for i in order),
        parents=tuple(None if p is None else new[p] for p in above),
        children=tuple(tuple(new[c] for c in below[i]) for i in order),
        depths=tuple(depths),
        dropped=dropped,
    )
