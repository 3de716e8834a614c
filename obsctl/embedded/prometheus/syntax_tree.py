"""A PromQL expression as JSON, in the shape of Prometheus' ``/api/v1/parse_query``."""

from __future__ import annotations

from obsctl.languages.labels import Matcher
from obsctl.languages.numbers import format_plain
from obsctl.languages.promql.functions import FUNCTIONS
from obsctl.languages.promql.tree import (
    Aggregate,
    Binary,
    Call,
    Expr,
    Matching,
    Negation,
    Number,
    Selector,
    String,
    Subquery,
    When,
)

Json = dict[str, object]
_CARDINALITIES = {None: "one-to-one", "left": "many-to-one", "right": "one-to-many"}
_SETS = ("and", "or", "unless")


def node_json(expr: Expr) -> Json:
    """One node, inside the brackets that were written around it."""
    found = _node(expr)
    for around in reversed(expr.wrapped):
        found = {**({"type": "parenExpr"} if around == "(" else {"type": "unaryExpr", "op": "+"}), "expr": found}
    return found


def _node(expr: Expr) -> Json:
    match expr:
        case Number():
            return {"type": "numberLiteral", "val": format_plain(expr.value)}
        case String():
            return {"type": "stringLiteral", "val": expr.value}
        case Selector():
            return _selector(expr)
        case Subquery():
            times = {"range": expr.range_ms, "offset": expr.offset_ms, "step": expr.step_ms or 0}
            return {"type": "subquery", "expr": node_json(expr.expr), **times, **_when(expr.when)}
        case Call():
            return {"type": "call", "func": _function(expr.name), "args": [node_json(one) for one in expr.args]}
        case Aggregate():
            return {
                "type": "aggregation",
                "op": expr.op,
                "expr": node_json(expr.expr),
                "param": None if expr.param is None else node_json(expr.param),
                "grouping": list(expr.labels_written or expr.labels),
                "without": expr.without,
            }
        case Binary():
            return _binary(expr)
        case Negation():
            return {"type": "unaryExpr", "op": "-", "expr": node_json(expr.expr)}


def _selector(expr: Selector) -> Json:
    return {
        "type": "vectorSelector" if expr.range_ms is None else "matrixSelector",
        "name": expr.metric if expr.is_named else "",
        **({} if expr.range_ms is None else {"range": expr.range_ms}),
        "offset": expr.offset_ms,
        "matchers": [_matcher(one) for one in expr.matchers],
        **_when(expr.when),
    }


def _matcher(matcher: Matcher) -> Json:
    return {"name": matcher.name, "value": matcher.value, "type": matcher.op}


def _when(when: When) -> Json:
    is_time = isinstance(when, int)
    return {"timestamp": when if is_time else None, "startOrEnd": None if is_time or when is None else when}


def _function(name: str) -> Json:
    found = FUNCTIONS[name]
    return {
        "name": name,
        "argTypes": list(found.args),
        "variadic": found.variadic,
        "returnType": found.returns,
    }


def _binary(expr: Binary) -> Json:
    between_vectors = expr.left.kind == expr.right.kind == "vector"
    return {
        "type": "binaryExpr",
        "op": expr.op,
        "lhs": node_json(expr.left),
        "rhs": node_json(expr.right),
        "matching": _matching(expr.matching, expr.op) if between_vectors else None,
        "bool": expr.returns_bool,
    }


def _matching(matching: Matching, op: str) -> Json:
    return {
        "card": "many-to-many" if op in _SETS else _CARDINALITIES[matching.grouped],
        "labels": list(matching.labels),
        "on": matching.on,
        "include": list(matching.include),
    }
