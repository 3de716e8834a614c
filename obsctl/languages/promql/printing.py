"""A parsed expression as Prometheus prints it, on one line."""

from __future__ import annotations

import math
import re

from obsctl.languages.numbers import format_plain
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
)
from obsctl.languages.quoting import go_quoted
from obsctl.languages.units import format_prom_duration

_PLAIN_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


def printed(expr: Expr) -> str:
    """The expression with the brackets that it was written with."""
    return f"{expr.wrapped}{_bare(expr)}{')' * expr.wrapped.count('(')}"


def _bare(expr: Expr) -> str:
    match expr:
        case Number():
            return _number(expr)
        case String():
            return go_quoted(expr.value)
        case Selector():
            return _selector(expr)
        case Subquery():
            step = expr.step_written or (format_prom_duration(expr.step_ms) if expr.step_ms else "")
            range_ = expr.range_written or format_prom_duration(expr.range_ms)
            return f"{printed(expr.expr)}[{range_}:{step}]{_modifiers(expr)}"
        case Call():
            return f"{expr.name}({', '.join(map(printed, expr.args))})"
        case Aggregate():
            return _aggregate(expr)
        case Negation():
            return f"-{printed(expr.expr)}"
        case Binary():
            return _row(expr)


def _number(number: Number) -> str:
    if not number.is_duration or not math.isfinite(number.value):
        return format_plain(number.value)
    sign = "-" if number.value < 0 else ""
    return sign + format_prom_duration(round(abs(number.value) * 1000))


def _selector(selector: Selector) -> str:
    name = selector.matchers[0].value if selector.is_named else ""
    others = selector.matchers[1:] if selector.is_named else selector.matchers
    matchers = sorted(f"{_label(m.name)}{m.op}{go_quoted(m.value)}" for m in others)
    braces = f"{{{','.join(matchers)}}}" if matchers else ""
    range_ = ""
    if selector.range_ms is not None:
        range_ = f"[{selector.range_written or format_prom_duration(selector.range_ms)}]"
    return f"{name}{braces}{range_}{_modifiers(selector)}"


def _modifiers(node: Selector | Subquery) -> str:
    """``@`` and ``offset``, in this order."""
    at = ""
    if node.when is not None:
        at = f" @ {node.when / 1000:.3f}" if isinstance(node.when, int) else f" @ {node.when}()"
    if not node.offset_written and not node.offset_ms:
        return at
    sign = "-" if node.offset_ms < 0 else ""
    return f"{at} offset {node.offset_written or sign + format_prom_duration(abs(node.offset_ms))}"


def _aggregate(node: Aggregate) -> str:
    grouping = ""
    if node.without or node.labels:
        word = "without" if node.without else "by"
        grouping = f" {word} ({_labels(node.labels_written or node.labels)}) "
    args = (node.expr,) if node.param is None else (node.param, node.expr)
    return f"{node.op}{grouping}({', '.join(map(printed, args))})"


def _row(expr: Binary) -> str:
    """Operators in a row, which may be long."""
    parts: list[str] = []
    leftmost: Expr = expr
    while isinstance(leftmost, Binary) and (leftmost is expr or not leftmost.wrapped):
        parts.append(f" {leftmost.op}{_matching(leftmost)} {printed(leftmost.right)}")
        leftmost = leftmost.left
    return printed(leftmost) + "".join(reversed(parts))


def _matching(node: Binary) -> str:
    returns_bool = " bool" if node.returns_bool else ""
    if not node.left.kind == node.right.kind == "vector":
        return returns_bool
    matching: Matching = node.matching
    if not (matching.labels or matching.on or matching.grouped):
        return returns_bool
    joined = f" {'on' if matching.on else 'ignoring'} ({_labels(matching.labels)})"
    if matching.grouped:
        joined += f" group_{matching.grouped} ({_labels(matching.include)})"
    return returns_bool + joined


def _labels(names: tuple[str, ...]) -> str:
    return ", ".join(map(_label, names))


def _label(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else go_quoted(name)
