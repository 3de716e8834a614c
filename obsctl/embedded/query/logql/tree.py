"""What a LogQL log query is made of. ``str`` prints any part back as LogQL that parses to the same value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

MatchOp = Literal["=", "!=", "=~", "!~"]
LineOp = Literal["|=", "!=", "|~", "!~"]


def quote(text: str) -> str:
    """A string literal in double quotes (JSON's escapes are a subset of Go's)."""
    return json.dumps(text, ensure_ascii=False)


@dataclass(frozen=True)
class Match:
    """``name="value"`` and its three relatives: in a selector, or as a label filter."""

    name: str
    op: MatchOp
    value: str

    def __str__(self) -> str:
        return f"{self.name}{self.op}{quote(self.value)}"


@dataclass(frozen=True)
class AllOf:
    """Conditions that must all hold; at least two."""

    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        return " and ".join(f"({part})" if isinstance(part, AllOf | AnyOf) else str(part) for part in self.parts)


@dataclass(frozen=True)
class AnyOf:
    """Conditions of which one must hold; at least two."""

    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        return " or ".join(f"({part})" if isinstance(part, AnyOf) else str(part) for part in self.parts)


Condition = Match | AllOf | AnyOf


@dataclass(frozen=True)
class LineFilter:
    """``|= "a" or "b"``: the line contains (``|=``, ``|~``) any, or (``!=``, ``!~``) none of the texts."""

    op: LineOp
    texts: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.op} {' or '.join(map(quote, self.texts))}"


@dataclass(frozen=True)
class LabelFilter:
    """``| condition``: over stream labels and structured metadata together."""

    condition: Condition

    def __str__(self) -> str:
        return f"| {self.condition}"


Stage = LineFilter | LabelFilter


@dataclass(frozen=True)
class LogQuery:
    """A stream selector and the stages its lines go through, in order."""

    selector: tuple[Match, ...]
    stages: tuple[Stage, ...] = ()

    def __str__(self) -> str:
        return " ".join(["{" + ", ".join(map(str, self.selector)) + "}", *map(str, self.stages)])
