"""What a parsed expression consists of: our own frozen tree, so that nothing but ``parse`` depends on the parser.

Every node has ``at``, the byte of the query where it begins (-1 when unknown), and ``fixed``: whether its value is the
same at every step (Prometheus calls it step invariant), so that one evaluation does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from obsctl.languages.labels import Matcher

Kind = Literal["scalar", "vector", "matrix", "string"]
When = int | Literal["start", "end"] | None
"""An ``@`` modifier: milliseconds, or the first or last step of the whole query."""


@dataclass(frozen=True)
class Number:
    """A number literal."""

    value: float
    at: int = -1
    fixed = True
    kind: Kind = "scalar"


@dataclass(frozen=True)
class String:
    """A string literal."""

    value: str
    at: int = -1
    fixed = True
    kind: Kind = "string"


@dataclass(frozen=True)
class Selector:
    """A vector selector, or a range selector when ``range_ms`` is given. Offset and range are milliseconds."""

    matchers: tuple[Matcher, ...]
    offset_ms: int = 0
    when: When = None
    range_ms: int | None = None
    at: int = -1

    @property
    def fixed(self) -> bool:
        """Whether it has an ``@`` modifier."""
        return self.when is not None

    @property
    def kind(self) -> Kind:
        """``matrix`` for a range selector."""
        return "vector" if self.range_ms is None else "matrix"


@dataclass(frozen=True)
class Subquery:
    """An expression evaluated at steps of its own. ``step_ms`` is None for the default interval."""

    expr: Expr
    range_ms: int
    step_ms: int | None = None
    offset_ms: int = 0
    when: When = None
    at: int = -1
    kind: Kind = "matrix"

    @property
    def fixed(self) -> bool:
        """Whether it has an ``@`` modifier."""
        return self.when is not None


@dataclass(frozen=True)
class Call:
    """A function call."""

    name: str
    args: tuple[Expr, ...]
    fixed: bool
    kind: Kind
    at: int = -1


@dataclass(frozen=True)
class Aggregate:
    """An aggregation: over all labels ``by`` keeps, or all but those ``without`` drops."""

    op: str
    expr: Expr
    param: Expr | None
    labels: tuple[str, ...]
    without: bool
    at: int = -1
    kind: Kind = "vector"

    @property
    def fixed(self) -> bool:
        """As its argument is; Prometheus does not look at the parameter."""
        return self.expr.fixed


@dataclass(frozen=True)
class Matching:
    """How two vectors are joined. ``one`` is the side of which only one series may match, for group_left/right."""

    on: bool
    labels: tuple[str, ...]
    grouped: Literal["left", "right"] | None = None
    include: tuple[str, ...] = ()


@dataclass(frozen=True)
class Binary:
    """A binary operator, in lower case; ``matching`` counts between vectors only."""

    op: str
    left: Expr
    right: Expr
    returns_bool: bool
    matching: Matching
    at: int = -1

    @property
    def fixed(self) -> bool:
        """Whether both sides are."""
        return self.left.fixed and self.right.fixed

    @property
    def kind(self) -> Kind:
        """A scalar only when both sides are."""
        return "scalar" if self.left.kind == self.right.kind == "scalar" else "vector"


@dataclass(frozen=True)
class Negation:
    """A unary minus."""

    expr: Expr
    at: int = -1

    @property
    def fixed(self) -> bool:
        """As its argument."""
        return self.expr.fixed

    @property
    def kind(self) -> Kind:
        """As its argument."""
        return self.expr.kind


Expr = Number | String | Selector | Subquery | Call | Aggregate | Binary | Negation
