"""Text -> tree, by recursive descent: Prometheus 3.14's grammar without what it calls experimental.

``limitk``, ``limit_ratio`` and arithmetic in durations are parsed. Errors are in Prometheus' words.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

from obsctl.languages.errors import QueryError
from obsctl.languages.labels import Matcher
from obsctl.languages.numbers import go_float
from obsctl.languages.promql.check import check
from obsctl.languages.promql.durations import INSTANT, Duration, DurationParser, Timing, seconds_of
from obsctl.languages.promql.functions import FUNCTIONS
from obsctl.languages.promql.lex import (
    AGGREGATIONS,
    DURATION,
    END,
    NAME,
    NUMBER,
    STRING,
    Item,
    ItemCursor,
    lex,
    unquoted,
)
from obsctl.languages.promql.printing import printed
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
from obsctl.languages.quoting import go_quoted
from obsctl.languages.regex import translate
from obsctl.languages.units import clamp

MAX_TREE = 150
"""Levels of an expression: operators in a row, whose left side is the row before, are one level."""

_STRENGTH = {
    **dict.fromkeys(("or",), 1),
    **dict.fromkeys(("and", "unless"), 2),
    **dict.fromkeys(("==", "!=", "<=", "<", ">=", ">"), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%", "atan2"), 5),
    "^": 6,
}
_WITH_PARAMETER = frozenset(("topk", "bottomk", "quantile", "count_values", "limitk", "limit_ratio"))
_CALLABLE = frozenset((NAME, "start", "end", "step", "range", "max_of", "min_of"))
_METRIC_NAMES = (
    AGGREGATIONS | _CALLABLE | frozenset(("by", "without", "and", "or", "unless", "offset", "anchored", "smoothed"))
)
_LABEL_NAMES = _METRIC_NAMES | frozenset(
    ("atan2", "bool", "on", "ignoring", "group_left", "group_right", "fill", "fill_left", "fill_right")
)
_MATCH_OPERATORS: dict[str, Literal["=", "!=", "=~", "!~"]] = {"=": "=", "!=": "!=", "=~": "=~", "!~": "!~"}
_SIDES: dict[str, Literal["left", "right"]] = {"group_left": "left", "group_right": "right"}
_ATOMS = "number, duration, step(), or range()"
_NO_MATCHER = "at least one non-empty matcher"


def parse(query: str, timing: Timing = INSTANT) -> Expr:
    """An expression. ``QueryError`` when the text is not PromQL, or larger than this server parses.

    The cause of the error is the error without ``parse error:``; a ``RegexError`` for a bad regular expression.
    """
    try:
        expr = _Parser(ItemCursor(lex(query)), timing).whole()
        check(expr)
    except QueryError as cause:
        raise QueryError(f"parse error: {cause}") from cause
    return expr


def canonical(query: str) -> str:
    """The query as Prometheus prints it, on one line (the ``query`` of a rule). ``QueryError`` when it is not one."""
    return printed(parse(query))


def parse_match(text: str) -> tuple[Matcher, ...]:
    """A ``match[]`` parameter: a series selector and nothing else."""
    try:
        expr = parse(text)
    except QueryError as cause:
        if _NO_MATCHER in str(cause):
            raise QueryError(f"match[] must contain {_NO_MATCHER}") from cause
        raise
    if not isinstance(expr, Selector) or expr.kind != "vector":
        raise QueryError("parse error: expected a series selector")
    return expr.matchers


class _Parser:
    """Parses one query. Its recursion is bounded by ``MAX_TREE``, and by the depth of brackets that ``lex`` allows."""

    def __init__(self, cursor: ItemCursor, timing: Timing) -> None:
        self._cursor = cursor
        self._durations = DurationParser(cursor, timing)
        self._depth = 0

    def whole(self) -> Expr:
        """The expression that the whole query is."""
        if self._cursor.next.kind == END:
            raise QueryError("no expression found in input")
        expr = self._expression()
        self._cursor.expect(END)
        return expr

    def _expression(self, weakest: int = 1) -> Expr:
        """Operands joined by operators that bind at least this strongly."""
        self._deeper(1)
        cursor, at = self._cursor, self._cursor.next.at
        left = self._signed()
        while (strength := _STRENGTH.get(cursor.next.kind, 0)) >= weakest:
            op = cursor.take().kind
            returns_bool, matching = self._modifiers()
            right = self._expression(strength if op == "^" else strength + 1)
            left = Binary(op, left, right, returns_bool, matching, at)
        self._depth -= 1
        return left

    def _deeper(self, levels: int) -> None:
        self._depth += levels
        if self._depth > MAX_TREE:
            raise QueryError(f"expression nests deeper than {MAX_TREE} levels")

    def _signed(self) -> Expr:
        """An operand with any number of signs, which bind as strongly as ``*``."""
        if self._cursor.next.kind not in ("+", "-"):
            return self._operand()
        signs: list[Item] = []
        while self._cursor.next.kind in ("+", "-"):
            signs.append(self._cursor.take())
        self._deeper(len(signs))
        expr = self._expression(_STRENGTH["^"])
        self._depth -= len(signs)
        for sign in reversed(signs):
            expr = _with_sign(sign, expr)
        return expr

    def _operand(self) -> Expr:
        """A primary expression with a range, ``offset`` and ``@`` after it."""
        at, expr = self._cursor.next.at, self._primary()
        while True:
            kind = self._cursor.next.kind
            if kind == "[":
                expr = self._ranged(expr, at)
            elif kind == "offset":
                expr = self._offset(expr)
            elif kind == "@":
                expr = self._at(expr)
            elif kind in ("anchored", "smoothed"):
                raise QueryError(f"{kind} modifier is experimental and not enabled")
            else:
                return expr

    def _primary(self) -> Expr:
        item = self._cursor.next
        if item.kind in AGGREGATIONS and self._cursor.follows("(", "by", "without"):
            return self._aggregate()
        if item.kind in _CALLABLE and ":" not in item.text and self._cursor.follows("("):
            return self._call()
        if item.kind in _METRIC_NAMES or item.kind == "{":
            return self._selector()
        if item.kind not in (NUMBER, DURATION, STRING, "("):
            raise self._cursor.unexpected()
        self._cursor.take()
        if item.kind == STRING:
            return String(_text(item), item.at)
        if item.kind == "(":
            inner = self._expression()
            self._cursor.expect(")")
            return replace(inner, wrapped=f"({inner.wrapped}")
        return Number(seconds_of(item), item.at, is_duration=item.kind == DURATION)

    def _call(self) -> Call:
        name, _ = self._cursor.take(), self._cursor.take()
        args = self._arguments()
        signature = FUNCTIONS.get(name.text)
        if signature is None:
            raise QueryError(f"unknown function with name {go_quoted(name.text)}")
        if signature.experimental:
            problem = "the embedded engine has no experimental functions"
            raise QueryError(f'function "{name.text}" is not enabled: {problem}')
        # The time of a sample is fixed where the sample is.
        reads_time = signature.reads_time and not (name.text == "timestamp" and args and isinstance(args[0], Selector))
        fixed = not reads_time and all(arg.fixed for arg in args)
        return Call(name.text, tuple(args), fixed, signature.returns, name.at)

    def _arguments(self) -> list[Expr]:
        """What stands between the brackets of a call, of which the first is passed."""
        args: list[Expr] = []
        while not self._cursor.accept(")"):
            if args:
                self._cursor.expect(",")
                if self._cursor.next.kind in (")", ","):
                    raise QueryError("trailing commas not allowed in function call args")
            args.append(self._expression())
        return args

    def _aggregate(self) -> Aggregate:
        op = self._cursor.take()
        outer, self._cursor.context = self._cursor.context, "aggregation"
        before = self._grouping()
        self._cursor.expect("(")
        args = self._arguments()
        self._cursor.context = outer
        without, labels = before or self._grouping() or (False, ())
        if not args:
            raise QueryError("no arguments for aggregate expression provided")
        wanted = 2 if op.kind in _WITH_PARAMETER else 1
        if len(args) != wanted:
            problem = "wrong number of arguments for aggregate expression provided"
            raise QueryError(f"{problem}, expected {wanted}, got {len(args)}")
        param = args[0] if wanted == 2 else None
        distinct = tuple(sorted(set(labels)))
        return Aggregate(op.kind, args[-1], param, distinct, without, op.at, labels_written=labels)

    def _grouping(self) -> tuple[bool, tuple[str, ...]] | None:
        """``by (…)`` or ``without (…)``: whether it is ``without``, and the labels. None when neither is there."""
        if self._cursor.next.kind not in ("by", "without"):
            return None
        return self._cursor.take().kind == "without", self._labels()

    def _labels(self) -> tuple[str, ...]:
        """Names of labels in brackets."""
        self._cursor.expect("(", "grouping opts", '"("')
        labels: list[str] = []
        while not self._cursor.accept(")"):
            if labels:
                self._cursor.expect(",", "grouping opts", '"," or ")"')
                if self._cursor.accept(")"):
                    break
            labels.append(self._label())
        return tuple(labels)

    def _label(self) -> str:
        item = self._cursor.next
        if item.kind != STRING and item.kind not in _LABEL_NAMES:
            raise self._cursor.unexpected("grouping opts", "label")
        self._cursor.take()
        name = _text(item) if item.kind == STRING else item.text
        if not name:
            raise QueryError('invalid label name for grouping: ""')
        return name

    def _modifiers(self) -> tuple[bool, Matching]:
        """What may stand after an operator: ``bool``, and how vectors are matched."""
        returns_bool = self._cursor.accept("bool")
        on, grouped = False, None
        labels: tuple[str, ...] = ()
        include: tuple[str, ...] = ()
        if self._cursor.next.kind in ("on", "ignoring"):
            on = self._cursor.take().kind == "on"
            labels = self._labels()
            if self._cursor.next.kind in _SIDES:
                grouped = _SIDES[self._cursor.take().kind]
                include = self._labels() if self._cursor.next.kind == "(" else ()
        if self._cursor.next.kind in ("fill", "fill_left", "fill_right"):
            raise QueryError("binop fill modifiers are experimental and not enabled")
        return returns_bool, Matching(on, labels, grouped, include)

    def _selector(self) -> Selector:
        at, name = self._cursor.next.at, ""
        if self._cursor.next.kind != "{":
            name = self._cursor.take().text
        named = (Matcher("__name__", "=", name),) if name else ()
        matchers = self._matchers() if self._cursor.accept("{") else ()
        return Selector((*named, *matchers), at=at, is_named=bool(name))

    def _matchers(self) -> tuple[Matcher, ...]:
        """What stands between braces, of which the first is passed."""
        matchers: list[Matcher] = []
        while not self._cursor.accept("}"):
            if matchers:
                self._cursor.expect(",", "label matching", '"," or "}"')
                if self._cursor.accept("}"):
                    break
            matchers.append(self._matcher())
        return tuple(matchers)

    def _matcher(self) -> Matcher:
        item = self._cursor.next
        if item.kind not in (NAME, STRING):
            raise self._cursor.unexpected("label matching", 'identifier or "}"')
        self._cursor.take()
        name = _text(item) if item.kind == STRING else item.text
        op = _MATCH_OPERATORS.get(self._cursor.next.kind)
        if op is None and item.kind == STRING:
            return Matcher("__name__", "=", name)
        if op is None:
            raise self._cursor.unexpected("label matching", "label matching operator")
        self._cursor.take()
        value = _text(self._cursor.expect(STRING, "label matching", "string"))
        return Matcher(name, op, translate(value) if op in ("=~", "!~") else value)

    def _ranged(self, expr: Expr, at: int) -> Expr:
        """A range selector, or a subquery."""
        self._cursor.take()
        range_ = self._durations.positive("subquery or range selector", _ATOMS)
        if self._cursor.accept("]"):
            return _with_range(expr, range_)
        self._cursor.expect(":", "subquery or range", '":" or "]"')
        step = None
        if not self._cursor.accept("]"):
            step = self._durations.positive("subquery selector", f'{_ATOMS.replace(" or range", " range")}, or "]"')
            self._cursor.expect("]", "subquery selector", '"]"')
        return Subquery(
            expr,
            clamp(range_.ms),
            clamp(step.ms) or None if step else None,
            at=at,
            range_written=range_.arithmetic,
            step_written=step.arithmetic if step else "",
        )

    def _offset(self, expr: Expr) -> Expr:
        self._cursor.take()
        offset = self._durations.offset()
        selector = _modified(expr, "offset")
        if selector.offset_ms or selector.offset_written:
            raise QueryError("offset may not be set multiple times")
        return replace(selector, offset_ms=clamp(offset.ms), offset_written=offset.arithmetic)

    def _at(self, expr: Expr) -> Expr:
        self._cursor.take()
        when: When
        if self._cursor.next.kind in ("start", "end"):
            when = "start" if self._cursor.take().kind == "start" else "end"
            self._cursor.expect("(")
            self._cursor.expect(")")
        else:
            negative = self._cursor.next.kind == "-"
            self._cursor.accept("+", "-")
            if self._cursor.next.kind not in (NUMBER, DURATION):
                raise self._cursor.unexpected("@", "timestamp")
            seconds = seconds_of(self._cursor.take())
            when = _moment(-seconds if negative else seconds)
        selector = _modified(expr, "@")
        if selector.when is not None:
            raise QueryError("@ <timestamp> may not be set multiple times")
        return replace(selector, when=when)


def _text(item: Item) -> str:
    try:
        return unquoted(item.text)
    except ValueError as cause:
        raise QueryError(str(cause)) from cause


def _with_sign(sign: Item, expr: Expr) -> Expr:
    if isinstance(expr, Number) and not expr.wrapped:
        return replace(expr, value=-expr.value if sign.kind == "-" else expr.value, at=sign.at)
    return Negation(expr, sign.at) if sign.kind == "-" else replace(expr, wrapped=f"+{expr.wrapped}")


def _with_range(expr: Expr, range_: Duration) -> Selector:
    if not isinstance(expr, Selector) or expr.wrapped or expr.range_ms is not None:
        raise QueryError("ranges only allowed for vector selectors")
    if expr.offset_ms or expr.offset_written:
        raise QueryError("no offset modifiers allowed before range")
    if expr.when is not None:
        raise QueryError("no @ modifiers allowed before range")
    return replace(expr, range_ms=clamp(range_.ms), range_written=range_.arithmetic)


def _modified(expr: Expr, modifier: str) -> Selector | Subquery:
    """What ``offset`` or ``@`` may stand after."""
    if not isinstance(expr, Selector | Subquery) or expr.wrapped:
        wanted = "an instant vector selector or range vector selector or a subquery"
        raise QueryError(f"{modifier} modifier must be preceded by {wanted}")
    return expr


def _moment(seconds: float) -> int:
    """The time of an ``@`` modifier in milliseconds."""
    if not math.isfinite(seconds) or abs(seconds) >= 2**63 / 1000:
        shown = f"{seconds:f}" if math.isfinite(seconds) else go_float(seconds)
        raise QueryError(f"timestamp out of bounds for @ modifier: {shown}")
    return clamp(round(seconds * 1000))
