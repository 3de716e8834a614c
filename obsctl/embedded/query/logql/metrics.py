"""Evaluates metric queries at all steps at once, with the vectors, aggregations and joins that PromQL uses too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from obsctl.embedded.query.logql.errors import SeriesLimitError
from obsctl.embedded.query.logql.ranges import SUMMED, LogSteps, range_aggregate
from obsctl.embedded.query.logql.source import Scan
from obsctl.embedded.query.vectors import aggregate, binary, matching, ranking
from obsctl.embedded.query.vectors.labels import label_replaced
from obsctl.embedded.query.vectors.values import Floats, Scalar, Vector
from obsctl.languages.errors import ExecutionError
from obsctl.languages.logql.metric_tree import (
    Grouping,
    LabelReplace,
    LogBinary,
    LogNumber,
    MetricExpr,
    RangeAggregate,
    VectorAggregate,
    VectorOf,
)

MAX_SERIES = 500
"""Series of an answer, as Loki's ``max_query_series``."""

Value = Vector | Scalar
_RANKED = {"topk": "topk", "bottomk": "bottomk", "approx_topk": "topk"}


@dataclass(frozen=True)
class _Query:
    scan: Scan
    steps: LogSteps
    instant: bool


def evaluate(scan: Scan, expr: MetricExpr, steps: LogSteps, *, instant: bool) -> Value:
    """The value at every step, series in order of their labels, or of their values where an instant query sorts.

    ``SeriesLimitError`` for too many series, ``PipelineError`` for lines that could not be read.
    """
    if isinstance(expr, VectorAggregate) and expr.op == "approx_topk" and not instant:
        raise ExecutionError("approx_topk is only supported for instant queries")
    with np.errstate(all="ignore"):
        value = _evaluate(_Query(scan, steps, instant), expr)
    if isinstance(value, Scalar):
        return value
    value = value.seen()
    if len(value.labels) > MAX_SERIES:
        raise SeriesLimitError(MAX_SERIES)
    if instant and isinstance(expr, VectorAggregate) and expr.op in ("sort", "sort_desc"):
        return value
    return value.rows(sorted(range(len(value.labels)), key=value.labels.__getitem__))


def _evaluate(query: _Query, expr: MetricExpr) -> Value:
    query.scan.budget.check()
    return _EVALUATORS[type(expr)](query, expr)


def _vector(query: _Query, expr: MetricExpr) -> Vector:
    """An operand that must be a vector: a number is one without labels."""
    value = _evaluate(query, expr)
    if isinstance(value, Vector):
        return value
    return Vector([()], value.values[None, :], np.ones((1, query.steps.count), dtype=np.bool_))


def _number(query: _Query, expr: LogNumber) -> Scalar:
    return Scalar(np.full(query.steps.count, expr.value))


def _vector_of(query: _Query, expr: VectorOf) -> Vector:
    return _vector(query, LogNumber(expr.value))


def _range(query: _Query, expr: RangeAggregate) -> Vector:
    return range_aggregate(query.scan, expr, query.steps)


def _aggregated(query: _Query, expr: VectorAggregate) -> Vector:
    inner = expr.expr
    if expr.op == "sum" and isinstance(inner, RangeAggregate) and inner.op in SUMMED and inner.grouping is None:
        return range_aggregate(query.scan, inner, query.steps, expr.grouping or Grouping())
    vector = _vector(query, inner)
    if expr.op in ("sort", "sort_desc"):
        return _sorted(vector, descending=expr.op == "sort_desc") if query.instant else vector
    op, by = _RANKED.get(expr.op, expr.op), expr.grouping or Grouping()
    if expr.param is not None:
        return ranking.ranked(op, by, vector, Scalar(np.full(query.steps.count, float(expr.param))))
    return aggregate.simple(op, by, vector)


def _sorted(vector: Vector, *, descending: bool) -> Vector:
    values = vector.values[:, 0]
    return vector.rows(np.lexsort((-values if descending else values, np.isnan(values))))


def _replaced(query: _Query, expr: LabelReplace) -> Vector:
    return label_replaced(_vector(query, expr.expr), expr.target, expr.replacement, expr.source, expr.regex)


def _binary(query: _Query, expr: LogBinary) -> Value:
    left, right = _evaluate(query, expr.left), _evaluate(query, expr.right)
    if expr.op in ("/", "%"):
        right = _divisor(right)
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        return binary.scalars(expr, left, right)
    if isinstance(left, Scalar):
        assert isinstance(right, Vector)
        return binary.with_scalar(expr, right, left, vector_is_left=False)
    if isinstance(right, Scalar):
        return binary.with_scalar(expr, left, right, vector_is_left=True)
    if expr.op in binary.SETS:
        return matching.set_operation(expr, left, right)
    side = matching.ambiguous_side(expr, left, right)
    if side:  # in Loki even where the other side has nothing to match
        raise ExecutionError(
            f"found duplicate series on the {side} hand-side"
            ";many-to-many matching not allowed: matching labels must be unique on one side"
        )
    return matching.joined(expr, left, right, query.scan.budget)


def _divisor(value: Value) -> Value:
    """Loki divides by zero to NaN, not to infinity as Prometheus does."""

    def without_zero(values: Floats) -> Floats:
        return np.where(values == 0, np.nan, values)

    if isinstance(value, Scalar):
        return Scalar(without_zero(value.values))
    return Vector(value.labels, without_zero(value.values), value.present)


_EVALUATORS: Mapping[type, Callable[..., Value]] = {
    LogNumber: _number,
    VectorOf: _vector_of,
    RangeAggregate: _range,
    VectorAggregate: _aggregated,
    LabelReplace: _replaced,
    LogBinary: _binary,
}
