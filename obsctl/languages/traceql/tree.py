"""What a TraceQL query is made of. ``str`` prints any part back as TraceQL that parses to the same value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Literal

from obsctl.languages.numbers import format_plain
from obsctl.languages.quoting import string_literal


class SpanStatus(Enum):
    """A span's status, as ``status`` is compared with."""

    UNSET = "unset"
    OK = "ok"
    ERROR = "error"


class SpanKind(Enum):
    """A span's kind, as ``kind`` is compared with; in the order of OTLP's numbers."""

    UNSPECIFIED = "unspecified"
    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"


Value = str | bool | int | float | SpanStatus | SpanKind
Type = Literal["string", "bool", "number", "status", "kind", "nil", ""]
"""What an expression is known to be; "" where only the data tells."""


@dataclass(frozen=True)
class Infix:
    """Two parts with an operator between them."""

    op: str
    left: object
    right: object

    def __str__(self) -> str:
        return f"{_wrapped(self.left)} {self.op} {_wrapped(self.right)}"


@dataclass(frozen=True)
class Static:
    """A literal; None is ``nil``. Durations are nanoseconds, with ``duration`` set for printing."""

    value: Value | None
    duration: bool = False

    def __str__(self) -> str:
        value = self.value
        if value is None or isinstance(value, bool):
            return {None: "nil", True: "true", False: "false"}[value]
        if isinstance(value, Enum):
            return str(value.value)
        if isinstance(value, str):
            return string_literal(value)
        if self.duration:
            return f"{value}ns"
        return str(value) if isinstance(value, int) else _float(value)


def _float(value: float) -> str:
    text = format_plain(value)
    return text if "." in text else f"{text}.0"


_PLAIN_NAME = re.compile(r'[^\s{}()=~!<>&|^,"]+')


Scope = Literal["", "span", "resource", "event", "link", "instrumentation", "intrinsic"]


@dataclass(frozen=True)
class Field:
    """What a span, its resource, scope, events or links carry, or an intrinsic (scope ``intrinsic``).

    Scope "" is an attribute of the span, else of the first of the others that has it. ``parent`` looks at the parent.
    """

    scope: Scope
    name: str
    parent: bool = False

    def __str__(self) -> str:
        if self.scope == "intrinsic":
            return self.name
        plain = _PLAIN_NAME.fullmatch(self.name) and not (self.parent and "." in self.name)
        name = self.name if plain else string_literal(self.name)
        scope = f"{self.scope}." if self.scope or not self.parent else ""
        return f"{'parent.' if self.parent else ''}{scope}{name}"


@dataclass(frozen=True)
class Unary:
    """``!x`` or ``-x``."""

    op: Literal["!", "-"]
    operand: Expr

    def __str__(self) -> str:
        return f"{self.op}({self.operand})"


@dataclass(frozen=True)
class FieldOp(Infix):
    """Two values with an operator between them."""

    left: Expr
    right: Expr


Expr = Static | Field | Unary | FieldOp


@dataclass(frozen=True)
class Filter:
    """``{ condition }``: spans for which it holds; None for all of them."""

    condition: Expr | None = None

    def __str__(self) -> str:
        return f"{{ {self.condition} }}" if self.condition else "{ }"


@dataclass(frozen=True)
class SpansetOp(Infix):
    """Two sets of spans and what they must have to do with each other."""

    left: Spanset
    right: Spanset


@dataclass(frozen=True)
class SpansetAggregate:
    """``count()``, or ``avg``, ``min``, ``max`` or ``sum`` of an expression over the spans of a set."""

    op: str
    operand: Expr | None = None

    def __str__(self) -> str:
        return f"{self.op}({self.operand or ''})"


@dataclass(frozen=True)
class ScalarOp(Infix):
    """Arithmetic between aggregates and numbers."""

    left: Scalar
    right: Scalar


Scalar = Static | SpansetAggregate | ScalarOp


@dataclass(frozen=True)
class ScalarFilter(Infix):
    """Keeps the sets of spans for which a comparison of scalars holds."""

    left: Scalar
    right: Scalar


@dataclass(frozen=True)
class GroupBy:
    """``by(x)``: a set of spans for every value."""

    operand: Expr

    def __str__(self) -> str:
        return f"by({self.operand})"


@dataclass(frozen=True)
class Coalesce:
    """``coalesce()``: one set of spans out of all."""

    def __str__(self) -> str:
        return "coalesce()"


@dataclass(frozen=True)
class Select:
    """``select(a, b)``: what to show of every span."""

    fields: tuple[Field, ...]

    def __str__(self) -> str:
        return f"select({', '.join(map(str, self.fields))})"


@dataclass(frozen=True)
class Metrics:
    """``rate()`` and its relatives: what becomes a series. ``by`` gives its labels, ``params`` are quantiles."""

    op: str
    operand: Field | None = None
    params: tuple[float, ...] = ()
    by: tuple[Field, ...] = ()

    def __str__(self) -> str:
        inside = ", ".join([*([str(self.operand)] if self.operand else []), *map(_float, self.params)])
        by = f" by({', '.join(map(str, self.by))})" if self.by else ""
        return f"{self.op}({inside}){by}"


Stage = Filter | SpansetOp | ScalarFilter | GroupBy | Coalesce | Select


@dataclass(frozen=True)
class Pipeline:
    """Stages in order, each given the sets of spans that the one before it left. ``metrics`` only at the end."""

    stages: tuple[Stage, ...]
    metrics: Metrics | None = None

    def __str__(self) -> str:
        return " | ".join(map(str, [*self.stages, *([self.metrics] if self.metrics else [])]))


Spanset = Filter | SpansetOp | Pipeline


def _wrapped(part: object) -> str:
    """Brackets around anything that has an operator or stages of its own."""
    return f"({part})" if isinstance(part, FieldOp | SpansetOp | ScalarOp | Pipeline) else str(part)


def walk(part: object) -> Iterator[object]:
    """A part of a query and everything within it."""
    waiting = [part]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple):
            waiting += node
        elif is_dataclass(node):
            yield node
            waiting += [getattr(node, f.name) for f in fields(node)]
