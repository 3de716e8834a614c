"""Evaluates expressions. An engine gets a ``SampleReader`` and a parsed expression, and knows nothing of HTTP or SQL.

Evaluation is over all steps at once: each kind of expression has a function that returns a ``Value`` for every step,
as matrices of series and steps (Prometheus 3's semantics: prometheus.io/docs/prometheus/latest/querying). Only range
vectors are different: they are looked at where a function takes one, a block of series at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from obsctl.embedded.query.promql import functions, lookup
from obsctl.embedded.query.promql.context import INTERVAL_MS, LOOKBACK_MS, Evaluation, Given
from obsctl.embedded.query.promql.functions.vectors import absent
from obsctl.embedded.query.promql.lookup import SampleBlock
from obsctl.embedded.query.vectors import aggregate, binary, matching, ranking
from obsctl.embedded.query.vectors.annotations import Notes
from obsctl.embedded.query.vectors.labels import METADATA, distinct, dropped, merged, without_metadata
from obsctl.embedded.query.vectors.limits import Budget
from obsctl.embedded.query.vectors.values import (
    Ints,
    RangeVector,
    Scalar,
    Steps,
    StringValue,
    Value,
    Vector,
    broadcast,
    no_series,
)
from obsctl.embedded.store.base import Points, SampleReader, SeriesReader, StoredSeries
from obsctl.languages.errors import ParameterError
from obsctl.languages.labels import Labels, Matcher
from obsctl.languages.promql.tree import (
    Aggregate,
    Binary,
    Call,
    Expr,
    Negation,
    Number,
    Selector,
    String,
    Subquery,
    When,
)
from obsctl.languages.units import clamp

_DOCUMENTED = {"matrix": "range vector", "string": "string"}
_BLOCK = 2_000
"""Series whose samples of an hour are in memory at once."""
_MOST_SERIES = 20_000
"""The same, however short the time."""
_CELLS = 4_000_000
"""Windows (series times steps) that are looked at at once."""
_STEP_COST = 4
"""What a step of a subquery takes in memory, in samples, before there is any result."""


def instant(
    samples: SampleReader,
    expr: Expr,
    time: int,
    *,
    lookback: int = LOOKBACK_MS,
    budget: Budget | None = None,
    notes: Notes | None = None,
) -> Value:
    """The value of an expression at one time (ms). ``ExecutionError`` when it cannot be had."""
    with samples.snapshot() as seen, np.errstate(all="ignore"):
        query = Evaluation(seen, Steps.one(time), (time, time), lookback, budget or Budget(), notes or Notes())
        if expr.kind == "matrix":
            assert isinstance(expr, Selector | Subquery)
            return _ordered_ranges(query, expr)
        return evaluate(query, expr)


def over_steps(
    samples: SampleReader,
    expr: Expr,
    steps: Steps,
    *,
    lookback: int = LOOKBACK_MS,
    budget: Budget | None = None,
    notes: Notes | None = None,
) -> Vector | Scalar:
    """The value at every step, series in order. ``ParameterError`` for what is neither scalar nor instant vector."""
    if expr.kind in _DOCUMENTED:
        kind = _DOCUMENTED[expr.kind]
        problem = f'invalid expression type "{kind}" for range query, must be Scalar or instant Vector'
        raise ParameterError("query", problem)
    last = steps.start + (steps.count - 1) * steps.step
    span = (steps.start, steps.end)
    with samples.snapshot() as seen, np.errstate(all="ignore"):
        query = Evaluation(seen, replace(steps, end=last), span, lookback, budget or Budget(), notes or Notes())
        value = evaluate(query, expr)
    assert isinstance(value, Vector | Scalar)
    if isinstance(value, Scalar):
        return value
    return value.rows(sorted(range(len(value.labels)), key=value.labels.__getitem__))


def evaluate(query: Evaluation, expr: Expr) -> Value:
    """Dispatch on the kind of expression. What is the same at every step is evaluated once."""
    query.budget.check()
    held = query.budget.held
    steps = query.steps.count
    if not steps:
        return no_series(0) if expr.kind == "vector" else Scalar(np.zeros(0))
    if steps > 1 and expr.fixed and not isinstance(expr, Number | String):
        value = evaluate(query.at(Steps.one(query.steps.start)), expr)
        assert isinstance(value, Vector | Scalar)
        value = broadcast(value, steps)
    else:
        value = _EVALUATORS[type(expr)](query, expr)
    query.budget.held = held
    query.budget.take(value.values.size if isinstance(value, Vector | Scalar) else 1)
    return value


def _vector(query: Evaluation, expr: Selector) -> Vector:
    return _latest(query, expr)[0]


def _latest(query: Evaluation, expr: Selector) -> tuple[Vector, Ints]:
    """The newest sample of each selected series at each step, and its time."""
    moments = _moments(query, expr.when, expr.offset_ms)
    first, last = clamp(int(moments[0]) - query.lookback + 1), int(moments[-1])
    found = []
    for block in _blocks(query, expr.matchers, first, last, len(moments)):
        vector, times = lookup.latest(block, moments, query.lookback)
        rows = vector.used
        found.append((vector.rows(rows), times[rows]))
        query.budget.take(int(rows.sum()) * len(moments))
    if not found:
        return no_series(len(moments)), np.zeros((0, len(moments)), dtype=np.int64)
    return _stacked([vector for vector, _ in found]), np.concatenate([times for _, times in found])


def _stacked(vectors: Sequence[Vector]) -> Vector:
    if len(vectors) == 1:
        return vectors[0]
    return Vector(
        [labels for vector in vectors for labels in vector.labels],
        np.concatenate([vector.values for vector in vectors]),
        np.concatenate([vector.present for vector in vectors]),
    )


def _moments(query: Evaluation, when: When, offset: int) -> Ints:
    """The times that a selector looks back from, one per step: ``@`` replaces them, then ``offset`` moves them."""
    at = {"start": query.span[0], "end": query.span[1]}[when] if isinstance(when, str) else when
    if at is None:
        return query.steps.times - offset
    return np.full(query.steps.count, clamp(at - offset), dtype=np.int64)


def _blocks(query: Evaluation, matchers: Sequence[Matcher], start: int, end: int, steps: int) -> Iterator[SampleBlock]:
    """Selected series with their samples, in order, some at a time."""
    # Without a time: which series have samples in it is seen from the samples, which are read anyway.
    series = select_series(query.samples, [matchers], None, None)
    size = max(min(_BLOCK * 3_600_000 // max(end - start, 1), _MOST_SERIES, _CELLS // steps), 1)
    for chunk in (series[i : i + size] for i in range(0, len(series), size)):
        query.budget.check()
        yield SampleBlock.of([one.labels for one in chunk], query.samples.samples(chunk, start, end))


def _ranges(query: Evaluation, expr: Selector | Subquery, ends: Ints) -> Iterator[SampleBlock]:
    """The samples that the windows of a range vector are cut from, without staleness markers."""
    assert expr.range_ms is not None
    first, last = clamp(int(ends[0]) - expr.range_ms + 1), int(ends[-1])
    if isinstance(expr, Selector):
        return (block.fresh() for block in _blocks(query, expr.matchers, first, last, len(ends)))
    interval = expr.step_ms or INTERVAL_MS
    steps = Steps(_next_multiple(first - 1, interval), last, interval)
    query.budget.take(steps.count * _STEP_COST)
    query.budget.held -= steps.count * _STEP_COST
    value = evaluate(query.at(steps), expr.expr)
    vector = value if isinstance(value, Vector) else _as_vector(value)
    size = max(_CELLS // max(steps.count, len(ends)), 1)
    pieces = (vector.rows(slice(begin, begin + size)) for begin in range(0, len(vector.labels), size))
    return (_as_block(piece, steps) for piece in pieces)


def _next_multiple(time: int, interval: int) -> int:
    """The first multiple of an interval after a time."""
    return (time // interval + 1) * interval


def _as_vector(value: Value) -> Vector:
    assert isinstance(value, Scalar)
    return Vector([()], value.values[None, :], np.ones((1, len(value.values)), dtype=np.bool_))


def _as_block(vector: Vector, steps: Steps) -> SampleBlock:
    rows, columns = np.nonzero(vector.present)
    bounds = np.concatenate(([0], np.cumsum(vector.present.sum(axis=1))))
    return SampleBlock(vector.labels, steps.times[columns], vector.values[rows, columns], bounds)


def _ordered_ranges(query: Evaluation, expr: Selector | Subquery) -> RangeVector:
    """A range vector as the answer of an instant query."""
    assert expr.range_ms is not None
    ends = _moments(query, expr.when, expr.offset_ms)
    found: list[tuple[Labels, Points]] = []
    with np.errstate(all="ignore"):
        for block in _ranges(query, expr, ends):
            windows = lookup.windows(block, ends, expr.range_ms)
            for row, labels in enumerate(windows.labels):
                inside = slice(int(windows.first[row, 0]), int(windows.last[row, 0]))
                if inside.start < inside.stop:
                    found.append((labels, Points(block.times[inside], block.values[inside])))
                    query.budget.take(inside.stop - inside.start)
    found.sort(key=lambda pair: pair[0])
    return RangeVector([labels for labels, _ in found], [points for _, points in found])


def _call(query: Evaluation, expr: Call) -> Value:
    if expr.name == "absent_over_time":
        windows = _ranged(query, replace(expr, name="present_over_time"))
        return absent(windows, expr.args[0])
    if expr.name in functions.RANGED:
        return distinct(_ranged(query, expr))
    if expr.name == "timestamp" and isinstance(expr.args[0], Selector):
        vector, times = _latest(query, expr.args[0])
        return merged(without_metadata(Vector(vector.labels, times / 1000, vector.present)))
    args = tuple(evaluate(query, arg) for arg in expr.args)
    value = functions.PLAIN[expr.name](Given(query, expr, args))
    return merged(value.seen()) if isinstance(value, Vector) else value


def _ranged(query: Evaluation, expr: Call) -> Vector:
    """A function of a range vector. Series without any value are left out; names are dropped."""
    [source] = [arg for arg in expr.args if arg.kind == "matrix"]
    assert isinstance(source, Selector | Subquery)
    assert source.range_ms is not None
    ends = _moments(query, source.when, source.offset_ms)
    blocks = _ranges(query, source, ends)
    given = Given(query, expr, tuple(evaluate(query, arg) for arg in expr.args if arg is not source))
    found = [no_series(len(ends))]
    for block in blocks:
        query.budget.take(len(block.times))
        values, present = functions.RANGED[expr.name](given, lookup.windows(block, ends, source.range_ms))
        query.budget.held -= len(block.times)
        found.append(Vector(block.labels, values, present).seen())
        query.budget.take(found[-1].values.size)
    vector = _stacked(found)
    if expr.name in functions.KEEP_NAME:
        return vector
    return Vector([dropped(labels, METADATA) for labels in vector.labels], vector.values, vector.present)


def _aggregate(query: Evaluation, expr: Aggregate) -> Vector:
    param = evaluate(query, expr.param) if expr.param is not None else None
    vector = evaluate(query, expr.expr)
    assert isinstance(vector, Vector)
    at = expr.param.at if expr.param is not None else -1
    match param:
        case None:
            return aggregate.simple(expr.op, expr, vector)
        case StringValue():
            return aggregate.count_values(expr, vector, param.value)
        case Scalar() if expr.op == "quantile":
            return aggregate.quantile(expr, vector, param, query.notes, at)
        case Scalar() if expr.op == "limit_ratio":
            return ranking.limit_ratio(vector, param, query.notes, at)
        case _:
            assert isinstance(param, Scalar)
            return ranking.ranked(expr.op, expr, vector, param)


def _binary(query: Evaluation, expr: Binary) -> Value:
    """Operators in a row nest to the left; they are taken one after the other, as a tree of them may be deep."""
    chain: list[Binary] = []
    node: Expr = expr
    while isinstance(node, Binary) and not (node.fixed and chain):
        chain.append(node)
        node = node.left
    value = evaluate(query, node)
    for one in reversed(chain):
        value = _operated(query, one, value, evaluate(query, one.right))
    return value


def _operated(query: Evaluation, expr: Binary, left: Value, right: Value) -> Value:
    match left, right:
        case Scalar(), Scalar():
            return binary.scalars(expr, left, right)
        case Vector(), Scalar():
            return merged(binary.with_scalar(expr, left, right, vector_is_left=True).seen())
        case Scalar(), Vector():
            return merged(binary.with_scalar(expr, right, left, vector_is_left=False).seen())
        case _:
            assert isinstance(left, Vector)
            assert isinstance(right, Vector)
            if expr.op in binary.SETS:
                return matching.set_operation(expr, left, right)
            return matching.joined(expr, left, right, query.budget)


def _negation(query: Evaluation, expr: Negation) -> Value:
    value = evaluate(query, expr.expr)
    if isinstance(value, Scalar):
        return Scalar(-value.values)
    assert isinstance(value, Vector)
    return merged(without_metadata(Vector(value.labels, -value.values, value.present)))


_EVALUATORS: dict[type[Expr], Callable[..., Value]] = {
    Number: lambda query, expr: Scalar(np.full(query.steps.count, expr.value)),
    String: lambda _query, expr: StringValue(expr.value),
    Selector: _vector,
    Call: _call,
    Aggregate: _aggregate,
    Binary: _binary,
    Negation: _negation,
}


def select_series(
    samples: SeriesReader, selectors: Sequence[Sequence[Matcher]], start: int | None, end: int | None
) -> list[StoredSeries]:
    """Series that any of several matcher lists selects, each once, in order of their labels."""
    if len(selectors) == 1:
        return samples.series(selectors[0], start, end)
    found = {s.id: s for matchers in selectors for s in samples.series(matchers, start, end)}
    return sorted(found.values(), key=lambda series: series.labels)
