"""Pipelines, compiled to functions from a trace to the sets of its spans that are left at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from obsctl.embedded.query.traceql.expressions import ARITHMETIC, COMPARE, first_number, test, values
from obsctl.embedded.query.traceql.view import TraceView, ascends, descends
from obsctl.languages.errors import QueryError
from obsctl.languages.traceql.tree import (
    Coalesce,
    Filter,
    GroupBy,
    Pipeline,
    Scalar,
    ScalarFilter,
    ScalarOp,
    Select,
    Spanset,
    SpansetAggregate,
    SpansetOp,
    Stage,
    Static,
    Value,
)


@dataclass(frozen=True)
class SpanSet:
    """Positions of spans in their trace, in order; ``facts`` are what grouping and aggregates said of them."""

    positions: tuple[int, ...]
    facts: tuple[tuple[str, Value], ...] = ()


Select_ = Callable[[TraceView, frozenset[int]], set[int]]
Step = Callable[[TraceView, Sequence[SpanSet]], Sequence[SpanSet]]


def evaluator(pipeline: Pipeline) -> Callable[[TraceView], Sequence[SpanSet]]:
    """What the pipeline leaves of a trace; nothing means that it does not match."""
    steps = [_step(stage) for stage in pipeline.stages]

    def run(view: TraceView) -> Sequence[SpanSet]:
        sets: Sequence[SpanSet] = (SpanSet(tuple(range(len(view.spans)))),)
        for step in steps:
            sets = step(view, sets)
            if not sets:
                return ()
        return sets

    return run


def _step(stage: Stage) -> Step:
    if isinstance(stage, Filter | SpansetOp):
        return _selecting(_selection(stage))
    if isinstance(stage, ScalarFilter):
        return _scalar_step(stage)
    if isinstance(stage, GroupBy):
        return _grouping(stage)
    if isinstance(stage, Coalesce):
        return lambda _view, sets: (SpanSet(tuple(sorted({p for one in sets for p in one.positions}))),)
    if isinstance(stage, Select):
        return lambda _view, sets: sets
    raise QueryError(f"{stage} is not a stage")


def _selecting(select: Select_) -> Step:
    def step(view: TraceView, sets: Sequence[SpanSet]) -> Sequence[SpanSet]:
        found = (replace(one, positions=tuple(sorted(select(view, frozenset(one.positions))))) for one in sets)
        return [one for one in found if one.positions]

    return step


def _selection(spanset: Spanset) -> Select_:
    """Spans of a set that an expression selects."""
    if isinstance(spanset, Filter):
        holds = test(spanset.condition)
        return lambda view, among: {position for position in among if holds(view, position)}
    if isinstance(spanset, Pipeline):
        steps = [_step(stage) for stage in spanset.stages]

        def run(view: TraceView, among: frozenset[int]) -> set[int]:
            sets: Sequence[SpanSet] = (SpanSet(tuple(sorted(among))),)
            for step in steps:
                sets = step(view, sets)
            return {position for one in sets for position in one.positions}

        return run
    left, right, combine = _selection(spanset.left), _selection(spanset.right), _COMBINE[spanset.op]
    return lambda view, among: combine(view, left(view, among), right(view, among))


Combine = Callable[[TraceView, set[int], set[int]], set[int]]
Related = Callable[[TraceView, set[int]], Iterable[int]]


def _parents(view: TraceView, positions: set[int]) -> Iterable[int]:
    return (view.parents[position] for position in positions)


def _children(view: TraceView, positions: set[int]) -> Iterable[int]:
    return (child for position in positions for child in view.children[position])


def _siblings(view: TraceView, positions: set[int]) -> Iterable[int]:
    """Other spans with the same parent; a span is its own sibling only by way of another one that is among them."""
    families: dict[int, set[int]] = {}
    for position in positions:
        if view.parents[position] >= 0:
            families.setdefault(view.parents[position], set()).add(position)
    for parent, members in families.items():
        yield from (child for child in view.children[parent] if members != {child})


_RELATED: Mapping[str, tuple[Related, Related]] = {
    ">>": (descends, ascends),
    "<<": (ascends, descends),
    ">": (_children, _parents),
    "<": (_parents, _children),
    "~": (_siblings, _siblings),
}
"""Structural operators: what is on the right of a span on the left, and the other way round."""


def _structural(related: Related) -> Combine:
    return lambda view, left, right: right.intersection(related(view, left))


def _negated(related: Related) -> Combine:
    return lambda view, left, right: right.difference(related(view, left))


def _union(related: Related, back: Related) -> Combine:
    def combine(view: TraceView, left: set[int], right: set[int]) -> set[int]:
        found = right.intersection(related(view, left))
        return found | left.intersection(back(view, found))

    return combine


_COMBINE: Mapping[str, Combine] = {
    "&&": lambda _view, left, right: left | right if left and right else set(),
    "||": lambda _view, left, right: left | right,
    **{op: _structural(related) for op, (related, _) in _RELATED.items()},
    **{f"!{op}": _negated(related) for op, (related, _) in _RELATED.items()},
    **{f"&{op}": _union(related, back) for op, (related, back) in _RELATED.items()},
}

ScalarOf = Callable[[TraceView, SpanSet], float | None]


def _scalar(scalar: Scalar) -> ScalarOf:
    """A number for a set of spans; None where no span of it has one."""
    if isinstance(scalar, Static):
        constant = first_number((scalar.value,)) if scalar.value is not None else None
        return lambda _view, _set: constant
    if isinstance(scalar, ScalarOp):
        left, right, calculate = _scalar(scalar.left), _scalar(scalar.right), ARITHMETIC[scalar.op]

        def get(view: TraceView, one: SpanSet) -> float | None:
            a, b = left(view, one), right(view, one)
            return None if a is None or b is None else calculate(float(a), float(b))

        return get
    return _aggregate(scalar)


_REDUCE: Mapping[str, Callable[[Sequence[float]], float]] = {
    "avg": lambda found: sum(found) / len(found),
    "min": min,
    "max": max,
    "sum": sum,
}


def _aggregate(aggregate: SpansetAggregate) -> ScalarOf:
    if aggregate.operand is None:
        return lambda _view, one: len(one.positions)
    get, reduce = values(aggregate.operand), _REDUCE[aggregate.op]

    def of(view: TraceView, one: SpanSet) -> float | None:
        found = [number for p in one.positions if (number := first_number(get(view, p))) is not None]
        return reduce(found) if found else None

    return of


def _scalar_step(stage: ScalarFilter) -> Step:
    left, right, compare = _scalar(stage.left), _scalar(stage.right), COMPARE[stage.op]
    named = stage.left if isinstance(stage.left, SpansetAggregate) else None

    def step(view: TraceView, sets: Sequence[SpanSet]) -> Sequence[SpanSet]:
        found = []
        for one in sets:
            a, b = left(view, one), right(view, one)
            if a is not None and b is not None and compare(a, b):
                facts = ((str(named), a),) if named else ()
                found.append(replace(one, facts=(*one.facts, *facts)))
        return found

    return step


def _grouping(stage: GroupBy) -> Step:
    get, name = values(stage.operand), str(stage)

    def step(view: TraceView, sets: Sequence[SpanSet]) -> Sequence[SpanSet]:
        found: list[SpanSet] = []
        for one in sets:
            groups: dict[tuple[Value | None, str], list[int]] = {}
            for position in one.positions:
                value = next(iter(get(view, position)), None)
                groups.setdefault((value, type(value).__name__), []).append(position)
            found += [
                SpanSet(tuple(members), (*one.facts, (name, "nil" if value is None else value)))
                for (value, _), members in groups.items()
            ]
        return found

    return step
