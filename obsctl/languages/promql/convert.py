"""The parser's tree -> ours, with positions.

The parser keeps no positions, and loses the sign of an ``@`` time; so its tree is walked in the order of the text, with
a cursor on the tokens that moves along. Where the two do not agree, positions are unknown from there on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Literal

import promql_parser as ast

from obsctl.languages.errors import QueryError
from obsctl.languages.labels import Matcher
from obsctl.languages.numbers import go_float
from obsctl.languages.promql import tree
from obsctl.languages.promql.durations import Token, seconds_of
from obsctl.languages.promql.lex import PATTERN
from obsctl.languages.regex import translate
from obsctl.languages.units import clamp

MAX_TREE = 150
"""Levels of an expression: operators of one precedence written in a row are one level."""

_OPS: dict[str, Literal["=", "!=", "=~", "!~"]] = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}
_SCALARS = frozenset(("pi", "time", "scalar"))
# Functions of the evaluation time; see Prometheus' AtModifierUnsafeFunctions.
_OF_TIME = re.compile(r"days_in_month|day_of_(?:month|week|year)|hour|minute|month|year|predict_linear|time|timestamp")
_EXPERIMENTAL = re.compile(
    r"(?:double_exponential_smoothing|histogram_quantiles|info|mad_over_time|max_of|min_of|sort_by_label(?:_desc)?"
    r"|start|end|range|step|start_timestamp|ts_of_(?:first|last|max|min)_over_time)"
)
_AT = re.compile(r" @ (-?\d+(?:\.\d+)?)(?: offset \S+)?\Z")
_SIGNS = ("+", "-")


class _Cursor:
    """Where in the text the walk is."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self.lost = False

    def peek(self) -> Token:
        """The next token; an empty one at the end, or when lost."""
        if self.lost or self._next >= len(self._tokens):
            return Token("end", "", -1)
        return self._tokens[self._next]

    def take(self, *expected: str) -> Token:
        """The next token, passed; when it is none of those expected (kinds, or texts in lower case), lost."""
        token = self.peek()
        if expected and token.kind not in expected and token.text.lower() not in expected:
            self.lost = True
        self._next += 1
        return Token("end", "", -1) if self.lost else token

    def skip(self, *texts: str) -> bool:
        """Pass the next token if it is one of those."""
        found = self.peek().text.lower() in texts
        if found:
            self.take()
        return found

    def skip_brackets(self) -> None:
        """Pass a bracket and everything up to the one that closes it."""
        depth = 1
        self.take("open")
        while depth and not self.lost:
            kind = self.take("open", "close", "name", "number", "text", "operator", "other").kind
            depth += (kind == "open") - (kind == "close")


class Converter:
    """Converts one parsed query. ``QueryError`` for what is not supported, or out of range."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._cursor = _Cursor(tokens)
        self._depth = 0

    def convert(self, node: Any) -> tree.Expr:
        """A node with all below it."""
        self._depth += 1
        if self._depth > MAX_TREE:
            raise QueryError(f"expression nests deeper than {MAX_TREE} levels")
        if not isinstance(node, ast.NumberLiteral):
            while self._cursor.skip("+"):
                pass  # the parser drops a unary plus
        converted = _CONVERTERS[type(node)](self, node)
        self._depth -= 1
        return converted

    def number(self, node: Any) -> tree.Expr:
        at = self._cursor.peek().at
        while self._cursor.skip(*_SIGNS):
            pass
        self._cursor.take("number", "name")
        return tree.Number(node.val, at)

    def string(self, node: Any) -> tree.Expr:
        return tree.String(node.val, self._cursor.take("text").at)

    def parentheses(self, node: Any) -> tree.Expr:
        self._cursor.take("(")
        inner = self.convert(node.expr)
        self._cursor.take(")")
        return inner

    def negation(self, node: Any) -> tree.Expr:
        at = self._cursor.take("-").at
        return tree.Negation(self.convert(node.expr), at)

    def selector(self, node: Any) -> tree.Expr:
        vector = node.vector_selector if isinstance(node, ast.MatrixSelector) else node
        at = self._cursor.peek().at
        if self._cursor.peek().kind == "name":
            self._cursor.take()
        if self._cursor.peek().text == "{":
            self._cursor.skip_brackets()
        width = None
        if isinstance(node, ast.MatrixSelector):
            self._cursor.skip_brackets()
            width = _milliseconds(node.range)
        offset, when = self._modifiers(vector)
        return tree.Selector(_matchers(vector), offset, when, width, at)

    def subquery(self, node: Any) -> tree.Expr:
        at = self._cursor.peek().at
        inner = self.convert(node.expr)
        self._cursor.skip_brackets()
        offset, when = self._modifiers(node)
        step = _milliseconds(node.step) if node.step is not None else 0
        return tree.Subquery(inner, _milliseconds(node.range), step or None, offset, when, at)

    def call(self, node: Any) -> tree.Expr:
        name = node.func.name
        if _EXPERIMENTAL.fullmatch(name):
            raise QueryError(f'function "{name}" is not enabled: the embedded engine has no experimental functions')
        at = self._cursor.take("name").at
        self._cursor.take("(")
        args = tuple(self._listed(node.args))
        self._cursor.take(")")
        timestamp = name == "timestamp" and isinstance(args[0], tree.Selector)
        fixed = all(arg.fixed for arg in args) and (timestamp or not _OF_TIME.fullmatch(name))
        return tree.Call(name, args, fixed, "scalar" if name in _SCALARS else "vector", at)

    def aggregate(self, node: Any) -> tree.Expr:
        at = self._cursor.take("name").at
        self._grouping()
        self._cursor.take("(")
        *param, inner = self._listed([node.expr] if node.param is None else [node.param, node.expr])
        self._cursor.take(")")
        self._grouping()
        modifier = node.modifier
        labels = tuple(sorted(set(modifier.labels))) if modifier else ()
        if "" in labels:
            raise QueryError('invalid label name for grouping: ""')
        without = modifier is not None and _name(modifier.type) == "Without"
        return tree.Aggregate(str(node.op), inner, param[0] if param else None, labels, without, at)

    def binary(self, node: Any) -> tree.Expr:
        chain = []
        while isinstance(node, ast.BinaryExpr):
            chain.append(node)
            node = node.lhs
        at = self._cursor.peek().at
        left = self.convert(node)
        for one in reversed(chain):
            op = str(one.op).lower()
            self._cursor.take(op)
            self._matching()
            matching, returns_bool = _matching(one.modifier)
            left = tree.Binary(op, left, self.convert(one.rhs), returns_bool, matching, at)
        return left

    def _listed(self, nodes: Sequence[Any]) -> list[tree.Expr]:
        found = []
        for index, node in enumerate(nodes):
            if index:
                self._cursor.take(",")
            found.append(self.convert(node))
        return found

    def _grouping(self) -> None:
        if self._cursor.skip("by", "without"):
            self._cursor.skip_brackets()

    def _matching(self) -> None:
        self._cursor.skip("bool")
        if self._cursor.skip("on", "ignoring"):
            self._cursor.skip_brackets()
        if self._cursor.skip("group_left", "group_right") and self._cursor.peek().text == "(":
            self._cursor.skip_brackets()

    def _modifiers(self, node: Any) -> tuple[int, tree.When]:
        """``offset`` and ``@`` after a selector or subquery, in milliseconds."""
        moment = ""
        while self._cursor.peek().text.lower() in ("offset", "@"):
            is_at = self._cursor.take().text == "@"
            sign = self._cursor.take().text if self._cursor.peek().text in _SIGNS else ""
            token = self._cursor.take("number", "name")
            if token.kind == "name":
                self._cursor.skip_brackets()
            moment = sign + token.text if is_at else moment
        offset = _milliseconds(node.offset) if node.offset is not None else 0
        return offset, _when(node, moment)


_CONVERTERS: dict[type[Any], Callable[[Converter, Any], tree.Expr]] = {
    ast.NumberLiteral: Converter.number,
    ast.StringLiteral: Converter.string,
    ast.ParenExpr: Converter.parentheses,
    ast.UnaryExpr: Converter.negation,
    ast.VectorSelector: Converter.selector,
    ast.MatrixSelector: Converter.selector,
    ast.SubqueryExpr: Converter.subquery,
    ast.Call: Converter.call,
    ast.AggregateExpr: Converter.aggregate,
    ast.BinaryExpr: Converter.binary,
}


def _name(member: Any) -> str:
    return str(member).rpartition(".")[2]


def _matchers(selector: Any) -> tuple[Matcher, ...]:
    if selector.matchers.or_matchers:
        raise QueryError('unexpected identifier "or" in label matching, expected "," or "}"')
    named = (Matcher("__name__", "=", selector.name),) if selector.name else ()
    matchers = (*named, *map(_matcher, selector.matchers.matchers))
    if all(matcher.matches("") for matcher in matchers):
        raise QueryError("vector selector must contain at least one non-empty matcher")
    return matchers


def _matcher(found: Any) -> Matcher:
    op, value = _OPS[_name(found.op)], found.value
    if op.endswith("~"):
        value = translate(bytes.fromhex(value.removeprefix(PATTERN)).decode())
    return Matcher(found.name, op, value)


def _matching(modifier: Any) -> tuple[tree.Matching, bool]:
    if modifier is None:
        return tree.Matching(on=False, labels=()), False
    if modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None:
        raise QueryError("binop fill modifiers are experimental and not enabled")
    joined = modifier.matching
    on = joined is not None and _name(joined.type) == "Include"
    labels = tuple(joined.labels) if joined is not None else ()
    sides: dict[str, Literal["left", "right"]] = {"ManyToOne": "left", "OneToMany": "right"}
    grouped = sides.get(_name(modifier.card))
    return tree.Matching(on, labels, grouped, tuple(modifier.group_labels or ())), bool(modifier.return_bool)


def _milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


def _when(node: Any, moment: str) -> tree.When:
    """The ``@`` modifier of a node; its time from the text, as the parser knows no time before 1970."""
    if node.at is None:
        return None
    kind = _name(node.at.type).lower()
    if kind in ("start", "end"):
        return "start" if kind == "start" else "end"
    if not moment or moment[-1] == ")":
        printed = _AT.search(node.prettify())
        moment = printed[1] if printed else "NaN"
    seconds = _seconds(moment)
    if not math.isfinite(seconds) or abs(seconds) >= 2**63 / 1000:
        shown = f"{seconds:f}" if math.isfinite(seconds) else go_float(seconds)
        raise QueryError(f"timestamp out of bounds for @ modifier: {shown}")
    return clamp(round(seconds * 1000))


def _seconds(text: str) -> float:
    """A number of seconds, or a duration, with a sign or none."""
    size = seconds_of(text.lstrip("+-").lower())
    return -size if text.startswith("-") else size
