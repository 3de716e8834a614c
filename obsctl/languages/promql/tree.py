"""A parsed PromQL expression as frozen values.

Every node has ``at``, the byte of the query where it begins (-1 when unknown), ``kind``, its type, and ``fixed``:
whether its value is the same at every step (Prometheus calls it step invariant), so that one evaluation does.

How an expression was written, where that does not change its value, takes no part in comparisons: ``wrapped`` holds
the brackets and plus signs around a node, outermost first, and ``*_written`` arithmetic in durations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from obsctl.languages.labels import Matcher

Kind = Literal["scalar", "vector", "matrix", "string"]
When = int | Literal["start", "end"] | None
"""An ``@`` modifier: milliseconds, or the first or last step of the whole query."""

SET_OPERATORS = frozenset(("and", "or", "unless"))
COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))


@dataclass(frozen=True)
class _Written:
    wrapped: str = field(default="", compare=False, repr=False, kw_only=True)


@dataclass(frozen=True)
class Number(_Written):
    """A number literal, or a duration in seconds."""

    value: float
    at: int = -1
    is_duration: bool = field(default=False, compare=False, repr=False, kw_only=True)
    fixed = True
    kind: Kind = "scalar"


@dataclass(frozen=True)
class String(_Written):
    """A string literal."""

    value: str
    at: int = -1
    fixed = True
    kind: Kind = "string"


@dataclass(frozen=True)
class Selector(_Written):
    """A vector selector, or a range selector when ``range_ms`` is given. Offset and range are milliseconds.

    ``is_named`` says that the name of the metric stands before the braces: it is the first matcher then.
    """

    matchers: tuple[Matcher, ...]
    offset_ms: int = 0
    when: When = None
    range_ms: int | None = None
    at: int = -1
    is_named: bool = field(default=False, compare=False, repr=False, kw_only=True)
    range_written: str = field(default="", compare=False, repr=False, kw_only=True)
    offset_written: str = field(default="", compare=False, repr=False, kw_only=True)

    @property
    def metric(self) -> str:
        """The name of the metric that it selects; "" when it selects several, or by a regular expression."""
        return next((m.value for m in self.matchers if m.name == "__name__" and m.op == "="), "")

    @property
    def fixed(self) -> bool:
        """Whether it has an ``@`` modifier."""
        return self.when is not None

    @property
    def kind(self) -> Kind:
        """``matrix`` for a range selector."""
        return "vector" if self.range_ms is None else "matrix"


@dataclass(frozen=True)
class Subquery(_Written):
    """An expression evaluated at steps of its own. ``step_ms`` is None for the default interval."""

    expr: Expr
    range_ms: int
    step_ms: int | None = None
    offset_ms: int = 0
    when: When = None
    at: int = -1
    kind: Kind = "matrix"
    range_written: str = field(default="", compare=False, repr=False, kw_only=True)
    step_written: str = field(default="", compare=False, repr=False, kw_only=True)
    offset_written: str = field(default="", compare=False, repr=False, kw_only=True)

    @property
    def fixed(self) -> bool:
        """Whether it has an ``@`` modifier."""
        return self.when is not None


@dataclass(frozen=True)
class Call(_Written):
    """A function call."""

    name: str
    args: tuple[Expr, ...]
    fixed: bool
    kind: Kind
    at: int = -1


@dataclass(frozen=True)
class Aggregate(_Written):
    """An aggregation: over all labels ``by`` keeps, or all but those ``without`` drops.

    ``labels`` are sorted, each once; ``labels_written`` are as the query lists them.
    """

    op: str
    expr: Expr
    param: Expr | None
    labels: tuple[str, ...]
    without: bool
    at: int = -1
    kind: Kind = "vector"
    labels_written: tuple[str, ...] = field(default=(), compare=False, repr=False, kw_only=True)
    fixed: bool = field(init=False, compare=False, repr=False)
    """As its argument is; Prometheus does not look at the parameter."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fixed", self.expr.fixed)


@dataclass(frozen=True)
class Matching:
    """How two vectors are joined. ``grouped`` is the side of which many series may match, for group_left/right."""

    on: bool
    labels: tuple[str, ...]
    grouped: Literal["left", "right"] | None = None
    include: tuple[str, ...] = ()


@dataclass(frozen=True)
class Binary(_Written):
    """A binary operator, in lower case; ``matching`` counts between vectors only."""

    op: str
    left: Expr
    right: Expr
    returns_bool: bool
    matching: Matching
    at: int = -1
    fixed: bool = field(init=False, compare=False, repr=False)
    """Whether both sides are."""
    kind: Kind = field(init=False, compare=False, repr=False)
    """``scalar`` only when both sides are."""

    def __post_init__(self) -> None:
        both_scalar = self.left.kind == self.right.kind == "scalar"
        object.__setattr__(self, "kind", "scalar" if both_scalar else "vector")
        object.__setattr__(self, "fixed", self.left.fixed and self.right.fixed)


@dataclass(frozen=True)
class Negation(_Written):
    """A unary minus: fixed and of the kind of its argument."""

    expr: Expr
    at: int = -1
    fixed: bool = field(init=False, compare=False, repr=False)
    kind: Kind = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", self.expr.kind)
        object.__setattr__(self, "fixed", self.expr.fixed)


Expr = Number | String | Selector | Subquery | Call | Aggregate | Binary | Negation


def children(expr: Expr) -> tuple[Expr, ...]:
    """The expressions that an expression consists of, in order."""
    match expr:
        case Call():
            return expr.args
        case Aggregate():
            return (expr.expr,) if expr.param is None else (expr.param, expr.expr)
        case Binary():
            return (expr.left, expr.right)
        case Negation() | Subquery():
            return (expr.expr,)
        case _:
            return ()


def nodes_in(expr: Expr) -> Iterator[Expr]:
    """An expression and everything in it, in the order of the text."""
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(children(node))


def selectors_in(expr: Expr) -> list[Selector]:
    """Every selector of an expression, each once, in order."""
    by_matchers: dict[tuple[Matcher, ...], Selector] = {}
    for node in nodes_in(expr):
        if isinstance(node, Selector):
            by_matchers.setdefault(node.matchers, node)
    return list(by_matchers.values())
