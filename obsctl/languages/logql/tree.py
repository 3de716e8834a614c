"""What a log query is made of. ``str`` prints any part back as LogQL that parses to the same value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from obsctl.languages.quoting import string_literal

MatchOp = Literal["=", "!=", "=~", "!~"]
LineOp = Literal["|=", "!=", "|~", "!~", "|>", "!>"]
CompareOp = Literal["==", "!=", ">", ">=", "<", "<="]
Unit = Literal["number", "duration", "bytes"]


@dataclass(frozen=True)
class Match:
    """``name="value"`` and its three relatives: in a selector, or as a label filter."""

    name: str
    op: MatchOp
    value: str

    def __str__(self) -> str:
        return f"{self.name}{self.op}{string_literal(self.value)}"


@dataclass(frozen=True)
class Compare:
    """``name >= 5``: a label's value as a number, a duration (ns) or a size (bytes); ``text`` is how it was written."""

    name: str
    op: CompareOp
    unit: Unit
    value: float
    text: str

    def __str__(self) -> str:
        return f"{self.name}{self.op}{self.text}"


@dataclass(frozen=True)
class IpMatch:
    """``name = ip("10.0.0.0/8")``: the label's value is an address in a range."""

    name: str
    op: Literal["=", "!="]
    pattern: str

    def __str__(self) -> str:
        return f"{self.name}{self.op}ip({string_literal(self.pattern)})"


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


Condition = Match | Compare | IpMatch | AllOf | AnyOf


@dataclass(frozen=True)
class Ip:
    """``ip("…")`` as the operand of a line filter."""

    pattern: str

    def __str__(self) -> str:
        return f"ip({string_literal(self.pattern)})"


@dataclass(frozen=True)
class LineFilter:
    """``|= "a" or "b"``: the line has any of the operands, or, where the operator begins with ``!``, none."""

    op: LineOp
    operands: tuple[str | Ip, ...]

    def __str__(self) -> str:
        shown = (string_literal(one) if isinstance(one, str) else str(one) for one in self.operands)
        return f"{self.op} {' or '.join(shown)}"


@dataclass(frozen=True)
class LabelFilter:
    """``| condition``: over stream labels, structured metadata and extracted labels together."""

    condition: Condition

    def __str__(self) -> str:
        return f"| {self.condition}"


@dataclass(frozen=True)
class Extraction:
    """``name="expression"`` of the json and logfmt parsers."""

    name: str
    expression: str

    def __str__(self) -> str:
        return f"{self.name}={string_literal(self.expression)}"


@dataclass(frozen=True)
class Json:
    """``| json``: all fields, or those asked for."""

    fields: tuple[Extraction, ...] = ()

    def __str__(self) -> str:
        return " ".join(["| json", *([_listed(self.fields)] if self.fields else [])])


@dataclass(frozen=True)
class Logfmt:
    """``| logfmt``: all pairs, or those asked for."""

    strict: bool = False
    keep_empty: bool = False
    fields: tuple[Extraction, ...] = ()

    def __str__(self) -> str:
        flags = ["--strict"] * self.strict + ["--keep-empty"] * self.keep_empty
        return " ".join(["| logfmt", *flags, *([_listed(self.fields)] if self.fields else [])])


@dataclass(frozen=True)
class TextParser:
    """``| pattern "…"`` or ``| regexp "…"``: named pieces of the line become labels."""

    kind: Literal["pattern", "regexp"]
    text: str

    def __str__(self) -> str:
        return f"| {self.kind} {string_literal(self.text)}"


@dataclass(frozen=True)
class Bare:
    """Stages without arguments."""

    kind: Literal["unpack", "decolorize"]

    def __str__(self) -> str:
        return f"| {self.kind}"


@dataclass(frozen=True)
class LineFormat:
    """``| line_format "{{…}}"``."""

    template: str

    def __str__(self) -> str:
        return f"| line_format {string_literal(self.template)}"


@dataclass(frozen=True)
class Assignment:
    """``name=other`` renames a label, ``name="{{…}}"`` sets one."""

    name: str
    value: str
    renames: bool

    def __str__(self) -> str:
        return f"{self.name}={self.value if self.renames else string_literal(self.value)}"


@dataclass(frozen=True)
class LabelFormat:
    """``| label_format a=b, c="{{…}}"``."""

    items: tuple[Assignment, ...]

    def __str__(self) -> str:
        return f"| label_format {_listed(self.items)}"


@dataclass(frozen=True)
class LabelSelection:
    """``| drop`` and ``| keep``: labels by name, or only where their value matches."""

    kind: Literal["drop", "keep"]
    items: tuple[str | Match, ...]

    def __str__(self) -> str:
        return f"| {self.kind} {_listed(self.items)}"


Stage = LineFilter | LabelFilter | Json | Logfmt | TextParser | Bare | LineFormat | LabelFormat | LabelSelection


@dataclass(frozen=True)
class LogQuery:
    """A stream selector and the stages its lines go through, in order."""

    selector: tuple[Match, ...]
    stages: tuple[Stage, ...] = ()

    def __str__(self) -> str:
        return " ".join(["{" + ", ".join(map(str, self.selector)) + "}", *map(str, self.stages)])


def _listed(items: Iterable[object]) -> str:
    return ", ".join(map(str, items))
