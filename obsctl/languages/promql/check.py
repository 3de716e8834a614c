"""What is wrong with the types and matchers of a parsed expression, in Prometheus' words and order."""

from __future__ import annotations

from obsctl.languages.errors import QueryError
from obsctl.languages.promql.functions import FUNCTIONS
from obsctl.languages.promql.tree import (
    COMPARISONS,
    SET_OPERATORS,
    Aggregate,
    Binary,
    Call,
    Expr,
    Kind,
    Negation,
    Selector,
    Subquery,
)
from obsctl.languages.quoting import go_quoted

_NAMES: dict[Kind, str] = {
    "scalar": "scalar",
    "string": "string",
    "vector": "instant vector",
    "matrix": "range vector",
}


def check(expr: Expr) -> None:
    """Check an expression and all in it. ``QueryError`` for the first thing that is wrong."""
    match expr:
        case Binary():
            _check_row(expr)
        case Call():
            _check_call(expr)
        case Aggregate():
            _expect(expr.expr, "vector", "aggregation expression")
            if expr.param is not None:
                kind: Kind = "string" if expr.op == "count_values" else "scalar"
                _expect(expr.param, kind, "aggregation parameter")
        case Negation():
            check(expr.expr)
            if expr.kind not in ("scalar", "vector"):
                problem = "unary expression only allowed on expressions of type scalar or instant vector"
                raise QueryError(f'{problem}, got "{_NAMES[expr.kind]}"')
        case Subquery():
            check(expr.expr)
            if expr.expr.kind != "vector":
                raise QueryError(f"subquery is only allowed on instant vector, got {expr.expr.kind} instead")
        case Selector():
            _check_matchers(expr)
        case _:
            pass
    if "+" in expr.wrapped and expr.kind not in ("scalar", "vector"):
        problem = "unary expression only allowed on expressions of type scalar or instant vector"
        raise QueryError(f'{problem}, got "{_NAMES[expr.kind]}"')


def _expect(expr: Expr, kind: Kind, context: str) -> None:
    check(expr)
    if expr.kind != kind:
        raise QueryError(f"expected type {_NAMES[kind]} in {context}, got {_NAMES[expr.kind]}")


def _check_row(expr: Binary) -> None:
    """Check operators that stand in a row, the leftmost first; a row may be long."""
    row, leftmost = [expr], expr.left
    while isinstance(leftmost, Binary) and not leftmost.wrapped:
        row.append(leftmost)
        leftmost = leftmost.left
    check(leftmost)
    for node in reversed(row):
        check(node.right)
        _check_operator(node)


def _check_operator(node: Binary) -> None:
    left, right, matching = node.left.kind, node.right.kind, node.matching
    if node.returns_bool and node.op not in COMPARISONS:
        raise QueryError("bool modifier can only be used on comparison operators")
    if node.op in COMPARISONS and not node.returns_bool and left == right == "scalar":
        raise QueryError("comparisons between scalars must use BOOL modifier")
    if matching.on and (both := [label for label in matching.labels if label in matching.include]):
        raise QueryError(f"label {go_quoted(both[0])} must not occur in ON and GROUP clause at once")
    if not {left, right} <= {"scalar", "vector"}:
        raise QueryError("binary expression must contain only scalar and instant vector types")
    if (left != "vector" or right != "vector") and matching.labels:
        raise QueryError("vector matching only allowed between instant vectors")
    if node.op in SET_OPERATORS:
        if "scalar" in (left, right):
            raise QueryError(f'set operator "{node.op}" not allowed in binary scalar expression')
        if matching.grouped:
            raise QueryError(f'no grouping allowed for "{node.op}" operation')


def _check_call(call: Call) -> None:
    signature, given = FUNCTIONS[call.name], len(call.args)
    listed, last = len(signature.args), len(signature.args) - 1
    if signature.variadic == 0 and given != listed:
        raise QueryError(f'expected {listed} argument(s) in call to "{call.name}", got {given}')
    if signature.variadic and given < last:
        raise QueryError(f'expected at least {last} argument(s) in call to "{call.name}", got {given}')
    if signature.variadic > 0 and given > last + signature.variadic:
        most = last + signature.variadic
        raise QueryError(f'expected at most {most} argument(s) in call to "{call.name}", got {given}')
    for place, arg in enumerate(call.args):
        _expect(arg, signature.args[min(place, last)], f'call to function "{call.name}"')


def _check_matchers(selector: Selector) -> None:
    if selector.is_named:
        first, *others = selector.matchers
        twice = next((matcher for matcher in others if matcher.name == "__name__"), None)
        if twice is not None:
            names = f"{go_quoted(first.value)} or {go_quoted(twice.value)}"
            raise QueryError(f"metric name must not be set twice: {names}")
    elif all(matcher.matches("") for matcher in selector.matchers):
        raise QueryError("vector selector must contain at least one non-empty matcher")
