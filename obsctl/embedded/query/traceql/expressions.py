"""Expressions inside braces, compiled to functions of a span in its trace.

A value that is not there, or of another type than what it is compared with, satisfies no comparison, ``!=`` and ``!~``
included; only ``= nil`` asks for what is not there. Of several values (arrays, events) one has to satisfy it.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping

from obsctl.embedded.query.traceql.view import Getter, TraceView, Values, getter
from obsctl.languages import regex
from obsctl.languages.traceql.tree import Expr, Field, FieldOp, Static, Unary, Value

Test = Callable[[TraceView, int], bool]

COMPARE: Mapping[str, Callable[..., bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _divided(a: float, b: float) -> float:
    return a / b if b else math.nan


def _rest(a: float, b: float) -> float:
    return math.fmod(a, b) if b and math.isfinite(a) else math.nan


def _power(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except (OverflowError, ValueError):
        return math.nan


ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "%": _rest,
    "^": _power,
}


def test(expr: Expr | None) -> Test:
    """Whether a condition holds for a span."""
    if expr is None:
        return lambda _view, _position: True
    if isinstance(expr, FieldOp) and expr.op in ("&&", "||"):
        left, right = test(expr.left), test(expr.right)
        if expr.op == "&&":
            return lambda view, position: left(view, position) and right(view, position)
        return lambda view, position: left(view, position) or right(view, position)
    if isinstance(expr, Unary) and expr.op == "!":
        inner = test(expr.operand)
        return lambda view, position: not inner(view, position)
    if isinstance(expr, FieldOp) and expr.op in ("=~", "!~"):
        return _matching(expr)
    if isinstance(expr, FieldOp) and expr.op in COMPARE:
        return _comparing(expr)
    get = values(expr)
    return lambda view, position: any(one is True for one in get(view, position))


def values(expr: Expr) -> Getter:
    """What an expression is for a span."""
    if isinstance(expr, Static):
        constant: Values = () if expr.value is None else (expr.value,)
        return lambda _view, _position: constant
    if isinstance(expr, Field):
        return getter(expr)
    if isinstance(expr, Unary) and expr.op == "-":
        operand = values(expr.operand)
        return lambda view, position: tuple(-one for one in _numbers(operand(view, position)))
    if isinstance(expr, FieldOp) and expr.op in ARITHMETIC:
        return _calculating(expr)
    holds = test(expr)
    return lambda view, position: (holds(view, position),)


def _numbers(found: Values) -> tuple[float, ...]:
    return tuple(one for one in found if isinstance(one, int | float) and not isinstance(one, bool))


def first_number(found: Values) -> float | None:
    """The first value that is a number."""
    return next(iter(_numbers(found)), None)


def _calculating(expr: FieldOp) -> Getter:
    left, right, calculate = values(expr.left), values(expr.right), ARITHMETIC[expr.op]

    def get(view: TraceView, position: int) -> Values:
        a, b = first_number(left(view, position)), first_number(right(view, position))
        return () if a is None or b is None else (calculate(float(a), float(b)),)

    return get


def _matching(expr: FieldOp) -> Test:
    text, wanted = values(expr.left), expr.op == "=~"
    pattern = regex.checked(str(expr.right.value) if isinstance(expr.right, Static) else "")

    def holds(view: TraceView, position: int) -> bool:
        return any(
            (pattern.fullmatch(one.encode("utf-8", "replace")) is not None) == wanted
            for one in text(view, position)
            if isinstance(one, str)
        )

    return holds


def _comparing(expr: FieldOp) -> Test:
    left, right = values(expr.left), values(expr.right)
    if _is_nil(expr.left) or _is_nil(expr.right):
        asked = right if _is_nil(expr.left) else left
        return lambda view, position: (expr.op == "=") == (not asked(view, position)) and expr.op in ("=", "!=")
    compare = COMPARE[expr.op]

    def holds(view: TraceView, position: int) -> bool:
        others = right(view, position)
        return any(compare(a, b) for a in left(view, position) for b in others if _comparable(a, b, expr.op))

    return holds


def _is_nil(expr: Expr) -> bool:
    return isinstance(expr, Static) and expr.value is None


def _comparable(a: Value, b: Value, op: str) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str)
    if _is_number(a) and _is_number(b):
        return True
    return type(a) is type(b) and op in ("=", "!=")


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
