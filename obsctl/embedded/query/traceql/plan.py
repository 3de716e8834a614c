"""What a store can be asked for a query: a condition that some span of every matching trace satisfies on its own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from obsctl.embedded.store.base import SpanScan
from obsctl.languages.traceql.names import INTRINSICS
from obsctl.languages.traceql.tree import Expr, Field, FieldOp, Filter, Pipeline, Spanset, SpansetOp, SpanStatus, Static
from obsctl.languages.traceql.tree import walk as parts_of

_EITHER_SIDE = ("&&", *(f"{prefix}{op}" for prefix in ("", "&") for op in (">>", "<<", ">", "<", "~")))
"""Operators that need spans on both sides."""


def necessary(pipeline: Pipeline) -> Expr | None:
    """The most selective such condition; None when nothing is known, and every span is a candidate."""
    best: Expr | None = None
    for index, stage in enumerate(pipeline.stages):
        found = _of_spanset(stage) if isinstance(stage, Filter | SpansetOp) else None
        before = pipeline.stages[index - 1] if index else None
        if isinstance(stage, Filter) and isinstance(before, Filter):
            best = _both(best, found)
        elif _score(found) > _score(best):
            best = found
    return best


def narrowed(scan: SpanScan, condition: Expr | None) -> SpanScan:
    """The scan with those parts of a condition in it that have a place of their own there."""
    for part in conjuncts(condition):
        found = sided(part)
        if found is None:
            continue
        field, op, value = found
        if op == "=" and isinstance(value, str):
            if field == Field("resource", "service.name"):
                scan = replace(scan, service=value)
            elif field == Field("intrinsic", "name"):
                scan = replace(scan, operation=value)
        elif field == Field("intrinsic", "duration") and isinstance(value, int | float):
            scan = _timed(scan, op, value)
    return scan


def conjuncts(condition: Expr | None) -> Iterator[Expr]:
    """The parts of a condition that must all hold."""
    waiting = [condition] if condition else []
    while waiting:
        part = waiting.pop()
        if isinstance(part, FieldOp) and part.op == "&&":
            waiting += [part.right, part.left]
        else:
            yield part


_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def sided(part: Expr) -> tuple[Field, str, object] | None:
    """A comparison of a field with a literal, the field on the left."""
    if not isinstance(part, FieldOp):
        return None
    if isinstance(part.left, Field) and isinstance(part.right, Static):
        return part.left, part.op, part.right.value
    if isinstance(part.left, Static) and isinstance(part.right, Field):
        return part.right, _MIRRORED.get(part.op, part.op), part.left.value
    return None


def _timed(scan: SpanScan, op: str, value: float) -> SpanScan:
    """Durations with both ends rounded outwards. One that is not above zero excludes nothing from below."""
    if op in (">", ">=", "=") and value > 0:
        scan = replace(scan, duration_min=max(scan.duration_min or 0, math.floor(value)))
    if op in ("<", "<=", "=") and value >= 0:
        longest = math.ceil(value)
        scan = replace(scan, duration_max=longest if scan.duration_max is None else min(scan.duration_max, longest))
    return scan


def _of_spanset(spanset: Spanset) -> Expr | None:
    if isinstance(spanset, Pipeline):
        return necessary(spanset)
    if isinstance(spanset, Filter):
        return _alone(spanset.condition)
    left, right = _of_spanset(spanset.left), _of_spanset(spanset.right)
    if spanset.op == "||":
        return FieldOp("||", left, right) if left and right else None
    if spanset.op in _EITHER_SIDE and _score(left) > _score(right):
        return left
    return right


def _alone(condition: Expr | None) -> Expr | None:
    """What a condition asks of the span by itself, without its trace."""
    if condition is None:
        return None
    if isinstance(condition, FieldOp) and condition.op == "&&":
        return _both(_alone(condition.left), _alone(condition.right))
    if isinstance(condition, FieldOp) and condition.op == "||":
        left, right = _alone(condition.left), _alone(condition.right)
        return FieldOp("||", left, right) if left and right else None
    return None if any(_needs_trace(part) for part in parts_of(condition)) else condition


def _both(left: Expr | None, right: Expr | None) -> Expr | None:
    return FieldOp("&&", left, right) if left and right else left or right


def _needs_trace(part: object) -> bool:
    if not isinstance(part, Field):
        return False
    return part.parent or (part.scope == "intrinsic" and not INTRINSICS[part.name].alone)


def _score(condition: Expr | None) -> float:
    """How few spans a condition is likely to hold for."""
    if condition is None:
        return -1
    if isinstance(condition, FieldOp) and condition.op == "&&":
        return _score(condition.left) + _score(condition.right)
    if isinstance(condition, FieldOp) and condition.op == "||":
        return min(_score(condition.left), _score(condition.right))
    found = sided(condition)
    if found is None:
        return 0
    field, op, value = found
    if op == "=" and value is not None:
        return 2 if field.scope == "intrinsic" and value is not SpanStatus.ERROR else 4
    return 2 if op == "=~" else 1
