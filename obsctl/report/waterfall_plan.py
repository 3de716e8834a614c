"""Which spans of a trace get a row: repeated siblings are folded, and a large trace is cut to what matters.

Pure and iterative. Folding never hides a failed span; a cut keeps failed and critical spans, with what is above them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from obsctl.trace.model import LogEntry, SpanNode, TraceTree

FOLD = 4
"""So many alike siblings become one row."""

SERIOUS = frozenset({"WARN", "ERROR", "FATAL"})


@dataclass(frozen=True)
class Plan:
    """``shown`` are nodes with a row. ``folded`` maps a shown node to everything its row stands for, itself included.

    ``hidden`` is the number of spans by parent that have no row and are in no folded one; -1 stands for "no parent".
    """

    shown: frozenset[int]
    folded: Mapping[int, tuple[int, ...]]
    hidden: Mapping[int, int]

    @property
    def left_out(self) -> int:
        """How many spans the drawing does not show at all."""
        return sum(self.hidden.values())


def plan(tree: TraceTree, limit: int) -> Plan:
    """Decide for at most ``limit`` rows."""
    sizes, quiet = _below(tree.nodes)
    folded = _folds(tree, quiet)
    covered = _covered(tree.nodes, folded)
    candidates = [n for n in tree.nodes if not covered[n.index]]
    shown = _most_important(tree.nodes, candidates, limit)
    hidden: dict[int, int] = {}
    for node in candidates:
        # a subtree that is left out is counted where it hangs, once
        if node.index not in shown and (node.parent is None or node.parent in shown):
            at = -1 if node.parent is None else node.parent
            hidden[at] = hidden.get(at, 0) + sum(sizes[i] for i in folded.get(node.index, (node.index,)))
    return Plan(frozenset(shown), folded, hidden)


def serious(entry: LogEntry) -> bool:
    """Whether a log line should not be hidden."""
    return entry.level in SERIOUS


def _below(nodes: Sequence[SpanNode]) -> tuple[list[int], list[bool]]:
    """For each node the size of its subtree, and whether nothing in it is an error, on the critical path or serious."""
    sizes = [1] * len(nodes)
    quiet = [not n.critical_ns and _unremarkable(n) for n in nodes]
    for node in reversed(nodes):
        if node.parent is not None:
            sizes[node.parent] += sizes[node.index]
            quiet[node.parent] = quiet[node.parent] and quiet[node.index]
    return sizes, quiet


def _unremarkable(node: SpanNode) -> bool:
    return (
        not node.failed
        and node.place == "child"
        and not any(e.name == "exception" for e in node.span.events)
        and not any(map(serious, node.logs))
    )


def _folds(tree: TraceTree, quiet: Sequence[bool]) -> dict[int, tuple[int, ...]]:
    """Alike siblings by the first of them: leaves, or subtrees off the critical path; nothing serious in them."""
    folds = {}
    for parent in tree.nodes:
        groups: dict[tuple[str, str, str, bool], list[int]] = {}
        for child in (tree.nodes[c] for c in parent.children):
            leaf = not child.children
            if (leaf and _unremarkable(child)) or quiet[child.index]:
                key = (child.span.service, child.span.name, child.span.kind, leaf)
                groups.setdefault(key, []).append(child.index)
        folds.update({members[0]: tuple(members) for members in groups.values() if len(members) >= FOLD})
    return folds


def _covered(nodes: Sequence[SpanNode], folded: Mapping[int, tuple[int, ...]]) -> list[bool]:
    """For each node whether another row stands for it: the rest of a fold, and everything below a fold."""
    covered = [False] * len(nodes)
    rest = {i for first, members in folded.items() for i in members if i != first}
    for node in nodes:
        above = node.parent
        covered[node.index] = node.index in rest or (above is not None and (covered[above] or above in folded))
    return covered


def _most_important(nodes: Sequence[SpanNode], candidates: Sequence[SpanNode], limit: int) -> set[int]:
    """Failed spans first, then the critical path, then what is near the top and long; each with all its ancestors."""
    if len(candidates) <= limit:
        return {n.index for n in candidates}
    ranked = sorted(candidates, key=lambda n: (not n.failed, -n.critical_ns, n.depth, -n.duration_ns, n.index))
    shown: set[int] = set()
    for node in (n for n in ranked if n.depth < limit):
        missing: list[int] = []
        at: int | None = node.index
        while at is not None and at not in shown and len(shown) + len(missing) < limit + 1:
            missing.append(at)
            at = nodes[at].parent
        if len(shown) + len(missing) <= limit:
            shown.update(missing)
        if len(shown) >= limit:
            break
    return shown
