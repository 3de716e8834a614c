"""TraceQL tokens -> tree. Every complaint says where: ``parse error at line 1, col 3: …``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from obsctl.languages import regex
from obsctl.languages.errors import QueryError, not_supported
from obsctl.languages.lexing import Reader, Token, error, unquote
from obsctl.languages.traceql.lex import tokens
from obsctl.languages.traceql.names import INTRINSICS, PLANNED, field_of, type_of
from obsctl.languages.traceql.tree import (
    Coalesce,
    Expr,
    Field,
    FieldOp,
    Filter,
    GroupBy,
    Metrics,
    Pipeline,
    Scalar,
    ScalarFilter,
    ScalarOp,
    Select,
    SpanKind,
    Spanset,
    SpansetAggregate,
    SpansetOp,
    SpanStatus,
    Stage,
    Static,
    Unary,
)
from obsctl.languages.units import go_duration_ns

MAX_DEPTH = 40
MAX_OPERATORS = 250
"""Trees are walked recursively, so there is an end to how deep one can be."""

# Operators by rising precedence; those of a row bind alike, from left to right. ``^`` alone binds from right to left.
_FIELD_OPS = (("&&", "||"), ("=", "!=", "<", "<=", ">", ">=", "=~", "!~"), ("+", "-"), ("*", "/", "%"), ("^",))
_SCALAR_OPS = _FIELD_OPS[2:]
_STRUCTURAL = tuple(f"{prefix}{op}" for prefix in ("", "!", "&") for op in (">>", "<<", ">", "<", "~"))
_SPANSET_OPS = (("&&", "||"), _STRUCTURAL)
_COMPARISONS = _FIELD_OPS[1][:6]
AGGREGATES = ("count", "avg", "min", "max", "sum")
METRICS = ("rate", "count_over_time", *(f"{name}_over_time" for name in ("min", "max", "avg", "sum", "quantile")))
_CONSTANTS: Mapping[str, Static] = {
    "nil": Static(None),
    "true": Static(True),
    "false": Static(False),
    **{status.value: Static(status) for status in SpanStatus},
    **{kind.value: Static(kind) for kind in SpanKind},
}
N = TypeVar("N")


def parse(text: str) -> Pipeline:
    """A query. ``QueryError`` with line and column when it is not one, or uses what is not supported."""
    parser = _Parser(tokens(text))
    pipeline = parser.pipeline()
    parser.expect("$end")
    return pipeline


def parse_field(text: str) -> Field:
    """An attribute or intrinsic and nothing else."""
    parser = _Parser(tokens(text))
    field = parser.field()
    parser.expect("$end")
    return field


@dataclass
class _Parser(Reader):
    depth: int = 0
    operators: int = 0

    def expect(self, kind: str) -> Token:
        if self.next.kind != kind:
            raise self.unexpected(kind)
        return self.take()

    def unexpected(self, wanted: str = "") -> QueryError:
        token = self.next
        shown = token.text if len(token.text) <= 40 else f"{token.text[:40]}…"
        problem = f"syntax error: unexpected {shown or token.kind}"
        more = f", expecting {wanted}" if wanted and wanted != "$end" else ""
        return error(token.line, token.column, problem + more)

    @property
    def word(self) -> str:
        """The word that stands next, if what stands next is a word followed by a bracket."""
        called = self.next.kind == "IDENTIFIER" and self.tokens[self.position + 1].kind == "("
        return self.next.text if called else ""

    def listed(self, item: Callable[[], N]) -> tuple[N, ...]:
        """``(a, b)`` with at least one item."""
        self.expect("(")
        found = [item()]
        while self.accept(","):
            found.append(item())
        self.expect(")")
        return tuple(found)

    def chain(self, rows: Sequence[Sequence[str]], operand: Callable[[], N], make: Callable[[Token, N, N], N]) -> N:
        """Operands with operators between them, by precedence."""
        if not rows:
            return operand()
        left = self.chain(rows[1:], operand, make)
        while self.next.kind in rows[0]:
            token = self.take()
            self.operators += 1
            if self.operators > MAX_OPERATORS:
                raise error(token.line, token.column, f"more than {MAX_OPERATORS} operators")
            right = self.chain(rows if token.kind == "^" else rows[1:], operand, make)
            left = make(token, left, right)
        return left

    def deeper(self, inner: Callable[[], N]) -> N:
        """What stands inside one more level of brackets."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise error(self.next.line, self.next.column, f"nested more than {MAX_DEPTH} levels deep")
        found = inner()
        self.depth -= 1
        return found

    # Pipelines and sets of spans

    def pipeline(self) -> Pipeline:
        stages = list(self.stages())
        metrics = None
        while self.accept("|"):
            if self.word in METRICS:
                metrics = self.metrics()
                break
            stages += self.stages()
        return Pipeline(tuple(stages), metrics)

    def stages(self) -> tuple[Stage, ...]:
        """One stage, or those of a pipeline in brackets."""
        token, word = self.next, self.word
        if word in PLANNED:
            raise error(token.line, token.column, not_supported(f"{word}()"))
        if word in _STAGES:
            self.take()
            return (_STAGES[word](self),)
        if self.starts_scalar():
            return (self.scalar_filter(),)
        found = self.spanset()
        return found.stages if isinstance(found, Pipeline) else (found,)

    def starts_scalar(self) -> bool:
        """Whether an aggregate or a number stands next, behind any number of brackets."""
        inner = next(token for token in self.tokens[self.position :] if token.kind != "(")
        return inner.text in AGGREGATES or inner.kind in ("INTEGER", "FLOAT", "DURATION", "-")

    def coalesce(self) -> Coalesce:
        self.expect("(")
        self.expect(")")
        return Coalesce()

    def grouped(self) -> Expr:
        self.expect("(")
        found: Expr = self.expression()
        self.expect(")")
        return found

    def spanset(self) -> Spanset:
        found: Spanset = self.chain(_SPANSET_OPS, self.spanset_operand, lambda t, a, b: SpansetOp(t.kind, a, b))
        return found

    def spanset_operand(self) -> Spanset:
        if self.accept("("):
            inner = self.deeper(self.pipeline)
            self.expect(")")
            if inner.metrics:
                raise self.unexpected()
            only = inner.stages[0]
            return only if len(inner.stages) == 1 and isinstance(only, Filter | SpansetOp) else inner
        self.expect("{")
        if self.accept("}"):
            return Filter()
        token = self.next
        condition = self.expression()
        self.expect("}")
        if type_of(condition) not in ("bool", ""):
            raise error(token.line, token.column, f"a span filter must be true or false, not {condition}")
        return Filter(condition)

    def scalar_filter(self) -> ScalarFilter:
        left = self.scalar()
        if self.next.kind not in _COMPARISONS:
            raise self.unexpected("a comparison")
        op = self.take().kind
        return ScalarFilter(op, left, self.scalar())

    def scalar(self) -> Scalar:
        found: Scalar = self.chain(_SCALAR_OPS, self.scalar_operand, lambda t, a, b: ScalarOp(t.kind, a, b))
        return found

    def scalar_operand(self) -> Scalar:
        if self.accept("("):
            inner = self.deeper(self.scalar)
            self.expect(")")
            return inner
        word = self.word
        if word not in AGGREGATES:
            return self.number()
        self.take()
        self.expect("(")
        token = self.next
        operand = None if word == "count" else self.expression()
        self.expect(")")
        if operand and type_of(operand) not in ("number", ""):
            raise error(token.line, token.column, f"{word}() needs numbers, not {operand}")
        return SpansetAggregate(word, operand)

    def number(self) -> Static:
        negative = self.accept("-")
        if self.next.kind not in ("INTEGER", "FLOAT", "DURATION"):
            raise self.unexpected("a number or an aggregate")
        found = _literal(self.take())
        return _negated(found) if negative else found

    def metrics(self) -> Metrics:
        op = self.take().text
        self.expect("(")
        operand = None if op in ("rate", "count_over_time") else self.field()
        params = []
        while op == "quantile_over_time" and self.accept(","):
            params.append(self.quantile())
        if op == "quantile_over_time" and not params:
            raise self.unexpected("a quantile")
        self.expect(")")
        by: tuple[Field, ...] = ()
        if self.word == "by":
            self.take()
            by = self.listed(self.field)
        return Metrics(op, operand, tuple(params), by)

    def quantile(self) -> float:
        token, value = self.next, self.number().value
        if not isinstance(value, int | float) or not 0 <= value <= 1:
            raise error(token.line, token.column, "a quantile is from 0 to 1")
        return float(value)

    # Expressions inside braces

    def expression(self) -> Expr:
        found: Expr = self.chain(_FIELD_OPS, self.operand, _binary)
        return found

    def operand(self) -> Expr:
        token = self.next
        if self.accept("("):
            inner = self.deeper(self.expression)
            self.expect(")")
            return inner
        if token.kind in ("!", "-"):
            self.take()
            return _unary(token, self.deeper(self.operand))
        if token.kind in ("STRING", "INTEGER", "FLOAT", "DURATION"):
            return _literal(self.take())
        if token.kind == "IDENTIFIER" and token.text in _CONSTANTS:
            self.take()
            return _CONSTANTS[token.text]
        return self.field()

    def field(self) -> Field:
        token = self.next
        if token.kind == "ATTRIBUTE":
            self.take()
            return field_of(token)
        if token.kind == "IDENTIFIER" and token.text in INTRINSICS:
            self.take()
            return Field("intrinsic", INTRINSICS[token.text].name)
        raise self.unexpected("an attribute such as span.name, or an intrinsic such as duration")


_STAGES: Mapping[str, Callable[[_Parser], Stage]] = {
    "by": lambda parser: GroupBy(parser.grouped()),
    "coalesce": _Parser.coalesce,
    "select": lambda parser: Select(parser.listed(parser.field)),
}


def _literal(token: Token) -> Static:
    if token.kind == "STRING":
        return Static(unquote(token))
    if token.kind == "DURATION":
        try:
            return Static(go_duration_ns(token.text), duration=True)
        except ValueError as wrong:
            raise error(token.line, token.column, str(wrong)) from wrong
    if token.kind == "INTEGER":
        if len(token.text) > 18:
            raise error(token.line, token.column, "a whole number of more than 18 digits")
        return Static(int(token.text))
    value = float(token.text)
    if not math.isfinite(value):
        raise error(token.line, token.column, "a number that is too large")
    return Static(value)


def _negated(static: Static) -> Static:
    value = static.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise QueryError(f"-{static} makes no sense")
    return Static(-value, static.duration)


def _unary(token: Token, operand: Expr) -> Expr:
    wanted = "bool" if token.kind == "!" else "number"
    if type_of(operand) not in (wanted, ""):
        raise error(token.line, token.column, f"{token.kind} needs a {wanted}, not {operand}")
    if token.kind == "-":
        return _negated(operand) if isinstance(operand, Static) else Unary("-", operand)
    return Unary("!", operand)


def _binary(token: Token, left: Expr, right: Expr) -> FieldOp:
    """An operation on types that can go together."""
    op, types = token.kind, [type_of(left), type_of(right)]
    found = FieldOp(op, left, right)
    if op in ("=~", "!~"):
        if not isinstance(right, Static) or not isinstance(right.value, str) or types[0] not in ("string", ""):
            raise error(token.line, token.column, f"{op} needs a text and a pattern in quotes: {found}")
        try:
            regex.checked(right.value)
        except QueryError as cause:
            raise error(token.line, token.column, str(cause)) from cause
        return found
    known = {one for one in types if one}
    if op in ("=", "!=", "<", "<=", ">", ">="):
        fits = len(known - {"nil"}) <= 1
        ordered = op in ("=", "!=") or known <= {"number", "string"}
    else:
        fits, ordered = known <= {"bool" if op in ("&&", "||") else "number"}, True
    if not fits or not ordered:
        raise error(token.line, token.column, f"illegal operation for the given types: {found}")
    return found
