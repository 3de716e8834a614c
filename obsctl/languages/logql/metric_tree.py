"""What a metric query is made of. ``str`` prints any part back as LogQL that parses to the same value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from obsctl.languages.logql.tree import LabelFilter, LogQuery
from obsctl.languages.numbers import format_plain
from obsctl.languages.promql.tree import Matching
from obsctl.languages.quoting import string_literal
from obsctl.languages.units import MS_NS, SECOND_NS, format_prom_duration

Conversion = Literal["", "duration", "duration_seconds", "bytes"]


@dataclass(frozen=True)
class Grouping:
    """``by (a, b)``, or ``without (a, b)``."""

    labels: tuple[str, ...] = ()
    without: bool = False

    def __str__(self) -> str:
        return f"{'without' if self.without else 'by'} ({', '.join(self.labels)})"


@dataclass(frozen=True)
class Unwrap:
    """``| unwrap duration(name)``: a label's value is the sample; ``filters`` are applied to what came of it."""

    name: str
    conversion: Conversion = ""
    filters: tuple[LabelFilter, ...] = ()

    def __str__(self) -> str:
        label = f"{self.conversion}({self.name})" if self.conversion else self.name
        return " ".join([f"| unwrap {label}", *map(str, self.filters)])


@dataclass(frozen=True)
class LogRange:
    """Lines of the last ``range_ns``, ``offset_ns`` ago."""

    query: LogQuery
    range_ns: int
    offset_ns: int = 0
    unwrap: Unwrap | None = None

    def __str__(self) -> str:
        parts = [str(self.query), *([str(self.unwrap)] if self.unwrap else []), f"[{_duration(self.range_ns)}]"]
        return " ".join([*parts, *([f"offset {_duration(self.offset_ns)}"] if self.offset_ns else [])])


@dataclass(frozen=True)
class RangeAggregate:
    """``rate(…)`` and the ``*_over_time`` functions."""

    op: str
    range: LogRange
    param: float | None = None
    grouping: Grouping | None = None

    def __str__(self) -> str:
        param = "" if self.param is None else f"{format_plain(self.param)}, "
        return f"{self.op}({param}{self.range})" + (f" {self.grouping}" if self.grouping else "")


@dataclass(frozen=True)
class VectorAggregate:
    """``sum by (a) (…)`` and its relatives, ``topk(5, …)``, ``sort(…)``."""

    op: str
    expr: MetricExpr
    param: int | None = None
    grouping: Grouping | None = None

    def __str__(self) -> str:
        param = "" if self.param is None else f"{self.param}, "
        return f"{self.op}{f' {self.grouping} ' if self.grouping else ''}({param}{self.expr})"


@dataclass(frozen=True)
class LogNumber:
    """A number literal."""

    value: float

    def __str__(self) -> str:
        return format_plain(self.value)


@dataclass(frozen=True)
class VectorOf:
    """``vector(1)``."""

    value: float

    def __str__(self) -> str:
        return f"vector({format_plain(self.value)})"


@dataclass(frozen=True)
class LabelReplace:
    """``label_replace(…, "target", "$1", "source", "regex")``."""

    expr: MetricExpr
    target: str
    replacement: str
    source: str
    regex: str

    def __str__(self) -> str:
        texts = map(string_literal, (self.target, self.replacement, self.source, self.regex))
        return f"label_replace({self.expr}, {', '.join(texts)})"


@dataclass(frozen=True)
class LogBinary:
    """An operator between two expressions; ``matching`` counts between vectors only."""

    op: str
    left: MetricExpr
    right: MetricExpr
    returns_bool: bool = False
    matching: Matching = Matching(on=False, labels=())

    def __str__(self) -> str:
        words = [self.op, *(["bool"] if self.returns_bool else []), *_joining(self.matching)]
        return f"({self.left} {' '.join(words)} {self.right})"


MetricExpr = RangeAggregate | VectorAggregate | LogNumber | VectorOf | LabelReplace | LogBinary
Query = LogQuery | MetricExpr


def _joining(matching: Matching) -> Iterator[str]:
    if matching.on or matching.labels or matching.grouped:
        yield f"{'on' if matching.on else 'ignoring'} ({', '.join(matching.labels)})"
    if matching.grouped:
        # without (), the right side might be taken for the labels
        yield f"group_{matching.grouped} ({', '.join(matching.include)})"


def _duration(ns: int) -> str:
    """A duration that reads back exactly: Prometheus' form, or Go's when it is negative or below a millisecond."""
    if ns >= 0:
        return f"{ns}ns" if ns % MS_NS else format_prom_duration(ns // MS_NS)
    unit, size = next(one for one in (("s", SECOND_NS), ("ms", MS_NS), ("ns", 1)) if not ns % one[1])
    return f"-{-ns // size}{unit}"


def ranges(expr: MetricExpr) -> Iterator[LogRange]:
    """Every range of lines that an expression looks at."""
    match expr:
        case RangeAggregate():
            yield expr.range
        case VectorAggregate() | LabelReplace():
            yield from ranges(expr.expr)
        case LogBinary():
            yield from ranges(expr.left)
            yield from ranges(expr.right)
