"""Evaluates expressions. An engine gets a ``SampleReader`` and a parsed expression, and knows nothing of HTTP or SQL.

Evaluation is over all steps at once: each kind of expression has a function that returns a ``Value`` for every step.
So far selectors, literals and parentheses have one; every other kind is refused by name (``parse.unsupported``). A
complete engine adds functions to ``_EVALUATORS`` and builds on ``lookup``; nothing around it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import promql_parser as ast

from obsctl.embedded.query.errors import ExecutionError, ParameterError
from obsctl.embedded.query.promql import lookup
from obsctl.embedded.query.promql.parse import Selector, selector_of, unsupported
from obsctl.embedded.query.promql.values import Ints, RangeVector, Scalar, Steps, Text, Value, Vector
from obsctl.embedded.query.units import clamp
from obsctl.embedded.signals import Matcher
from obsctl.embedded.store.base import Points, SampleReader, Series

LOOKBACK_MS = 300_000
MAX_VALUES = 2_000_000
CHUNK = 32
"""Series whose raw samples are in memory at once."""


@dataclass(frozen=True)
class Query:
    """One evaluation: where samples come from, the steps, and how far back an instant selector looks (ms)."""

    samples: SampleReader
    steps: Steps
    lookback: int = LOOKBACK_MS
    max_values: int = MAX_VALUES


def instant(samples: SampleReader, expr: ast.Expr, time: int, *, lookback: int = LOOKBACK_MS) -> Value:
    """The value of an expression at one time (ms). ``ExecutionError`` when it cannot be had."""
    return evaluate(Query(samples, Steps.one(time), lookback), expr)


def over_steps(samples: SampleReader, expr: ast.Expr, steps: Steps, *, lookback: int = LOOKBACK_MS) -> Vector | Scalar:
    """The value at every step. ``ParameterError`` when the expression is neither a scalar nor an instant vector."""
    bare = _unwrapped(expr)
    kind = "range vector" if isinstance(bare, ast.MatrixSelector | ast.SubqueryExpr) else ""
    kind = "string" if isinstance(bare, ast.StringLiteral) else kind
    if kind:
        raise ParameterError(
            "query", f'invalid expression type "{kind}" for range query, must be Scalar or instant Vector'
        )
    value = evaluate(Query(samples, steps, lookback), expr)
    assert isinstance(value, Vector | Scalar)
    return value


def evaluate(query: Query, expr: ast.Expr) -> Value:
    """Dispatch on the kind of expression."""
    evaluator = _EVALUATORS.get(type(expr))
    if evaluator is None:
        raise unsupported(expr)
    return evaluator(query, expr)


def _unwrapped(expr: ast.Expr) -> ast.Expr:
    while isinstance(expr, ast.ParenExpr):
        expr = expr.expr
    return expr


def _number(query: Query, expr: ast.NumberLiteral) -> Scalar:
    return Scalar(np.full(query.steps.count, expr.val))


def _vector(query: Query, expr: ast.VectorSelector) -> Vector:
    selector = selector_of(expr)
    times = _reference_times(query, selector)
    first, last = clamp(int(times[0]) - query.lookback + 1), int(times[-1])
    labels, rows, masks = [], [], []
    for series, points in _selected(query, selector, first, last):
        values, present = lookup.latest(points, times, query.lookback)
        if present.any():
            labels.append(series.labels)
            rows.append(values)
            masks.append(present)
            _check_size(query, len(rows) * len(times))
    shape = (len(rows), len(times))
    return Vector(labels, np.reshape(rows, shape).astype(np.float64), np.reshape(masks, shape).astype(np.bool_))


def _range(query: Query, expr: ast.MatrixSelector) -> RangeVector:
    selector = selector_of(expr)
    assert selector.range_ms is not None
    end, width = int(_reference_times(query, selector)[-1]), selector.range_ms
    labels, windows, size = [], [], 0
    for series, points in _selected(query, selector, clamp(end - width + 1), end):
        inside = lookup.window(points, end, width)
        if len(inside.times):
            labels.append(series.labels)
            windows.append(inside)
            size += len(inside.times)
            _check_size(query, size)
    return RangeVector(labels, windows)


def _reference_times(query: Query, selector: Selector) -> Ints:
    """The times that a selector looks back from, one per step: ``@`` replaces them, then ``offset`` moves them."""
    steps = query.steps
    at = {"start": steps.start, "end": steps.end}[selector.at] if isinstance(selector.at, str) else selector.at
    if at is None:
        return steps.times - selector.offset_ms
    return np.full(steps.count, clamp(at - selector.offset_ms), dtype=np.int64)


def _selected(query: Query, selector: Selector, start: int, end: int) -> Iterator[tuple[Series, Points]]:
    """Selected series with their samples, read a chunk at a time."""
    series = select_series(query.samples, selector.alternatives, start, end)
    for chunk in (series[i : i + CHUNK] for i in range(0, len(series), CHUNK)):
        points = query.samples.points(chunk, start, end)
        yield from ((one, points[one.id]) for one in chunk if one.id in points)


def _check_size(query: Query, values: int) -> None:
    if values > query.max_values:
        raise ExecutionError("query processing would load too many samples into memory in query execution")


_EVALUATORS: dict[type[Any], Callable[[Query, Any], Value]] = {
    ast.NumberLiteral: _number,
    ast.StringLiteral: lambda _query, expr: Text(expr.val),
    ast.ParenExpr: lambda query, expr: evaluate(query, expr.expr),
    ast.VectorSelector: _vector,
    ast.MatrixSelector: _range,
}


def select_series(
    samples: SampleReader, selectors: Sequence[Sequence[Matcher]], start: int | None, end: int | None
) -> list[Series]:
    """Series that any of several matcher lists selects, each once."""
    found = {s.id: s for matchers in selectors for s in samples.series(matchers, start, end)}
    return list(found.values())
