"""Numbers, durations and arithmetic with them: ``[5m + step()]``, ``offset (2 * 1h)``.

Prometheus 3.14's grammar: sums, products, powers, parentheses, ``step()``, ``range()``, ``min_of`` and ``max_of``.
After ``offset`` an operator outside of parentheses belongs to the expression. Numbers are seconds. Arithmetic is
evaluated while it is read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from obsctl.languages.errors import QueryError
from obsctl.languages.numbers import format_plain
from obsctl.languages.promql.lex import DURATION, END, NUMBER, Item, ItemCursor
from obsctl.languages.quoting import go_quoted
from obsctl.languages.units import format_prom_duration, prom_duration_ms

_MAX_SECONDS = 2**63 / 1e9
_MAX_MS = 2**63 // 1_000_000
_OCTAL = re.compile(r"0[0-7_]*[0-7]")
_ATOMS = "number, duration, step(), or range()"


@dataclass(frozen=True)
class Timing:
    """What ``step()`` and ``range()`` are, in milliseconds; both are 0 in an instant query."""

    step: int = 0
    range: int = 0


INSTANT = Timing()


class Duration(NamedTuple):
    """A duration as it was read. ``is_literal`` when it is a plain one, and not the result of arithmetic."""

    seconds: float
    written: str
    is_literal: bool

    @property
    def ms(self) -> int:
        """Milliseconds, cut off: literals are rounded to nanoseconds before, as Prometheus does."""
        if not self.is_literal:
            return int(self.seconds * 1000)
        ns = round(self.seconds * 1e9)
        return ns // 1_000_000 if ns >= 0 else -(-ns // 1_000_000)

    @property
    def arithmetic(self) -> str:
        """How it was written, empty for a literal."""
        return "" if self.is_literal else self.written


def seconds_of(item: Item) -> float:
    """The value of a number or duration token, in seconds. ``QueryError`` when it has none."""
    if item.kind == DURATION:
        try:
            ms = prom_duration_ms(item.text)
        except ValueError as cause:
            raise QueryError(str(cause)) from cause
        if ms > _MAX_MS:
            raise QueryError("duration out of range")
        return ms / 1000
    return _number(item.text)


def _number(text: str) -> float:
    """A number by Go's rules: digits after a leading zero are octal, unless they cannot be."""
    digits = text.replace("_", "").lower()
    value = float(int(digits, 8)) if _OCTAL.fullmatch(text) else None
    if value is None:
        value = float(int(digits, 16)) if digits.startswith("0x") else float(digits)
    problem = "invalid syntax" if digits.startswith("0x") and value >= 2**63 else ""
    if math.isinf(value) and "inf" not in digits:
        problem = "value out of range"
    if problem:
        raise QueryError(f"error parsing number: strconv.ParseFloat: parsing {go_quoted(text)}: {problem}")
    return value


class DurationParser:
    """Reads durations from the tokens of a query."""

    def __init__(self, cursor: ItemCursor, timing: Timing) -> None:
        self._cursor = cursor
        self._known = {"step": timing.step / 1000, "range": timing.range / 1000}

    def positive(self, context: str, expected: str) -> Duration:
        """A range, or the step of a subquery."""
        if not self._cursor.next.kind.startswith(_STARTS):
            raise self._cursor.unexpected(context, expected)
        duration = self._sum()
        _check_size(duration)
        if duration.seconds <= 0 or (not duration.is_literal and duration.ms <= 0):
            raise QueryError("duration must be greater than 0")
        return duration

    def offset(self) -> Duration:
        """What follows ``offset``."""
        duration = self._signed(self._atom, "offset")
        _check_size(duration)
        return duration

    def _sum(self) -> Duration:
        left = self._product()
        while self._cursor.next.kind in ("+", "-"):
            left = _combined(left, self._cursor.take().kind, self._product())
        return left

    def _product(self) -> Duration:
        left = self._power()
        while self._cursor.next.kind in ("*", "/", "%"):
            left = _combined(left, self._cursor.take().kind, self._power())
        return left

    def _power(self) -> Duration:
        """Powers group to the right; a sign in front of one applies to the result."""
        return self._signed(self._unsigned_power)

    def _unsigned_power(self) -> Duration:
        bases = [self._atom()]
        while self._cursor.accept("^"):
            bases.append(self._signed(self._atom))
        result = bases.pop()
        for base in reversed(bases):
            result = _combined(base, "^", result)
        return result

    def _signed(self, read: Callable[[], Duration], context: str = "") -> Duration:
        """Any number of signs, and what they stand before."""
        signs = []
        while self._cursor.next.kind in ("+", "-"):
            signs.append(self._cursor.take().kind)
        if context and not self._cursor.next.kind.startswith(_STARTS):
            raise self._cursor.unexpected(context, _ATOMS)
        duration = read()
        for _ in range(signs.count("-")):
            written = duration.written.removeprefix("-") if duration.is_literal and duration.seconds < 0 else ""
            duration = Duration(-duration.seconds, written or f"-{duration.written}", duration.is_literal)
        return duration

    def _atom(self) -> Duration:
        """A literal, something in parentheses, or one of the functions."""
        item = self._cursor.take()
        if item.kind in (NUMBER, DURATION):
            return _literal(item)
        if item.kind == "(":
            inner = self._sum()
            self._cursor.expect(")")
            return Duration(inner.seconds, f"({inner.written})", is_literal=False)
        if item.kind in self._known:
            self._cursor.expect("(")
            self._cursor.expect(")")
            return Duration(self._known[item.kind], f"{item.kind}()", is_literal=False)
        if item.kind in _CHOICES:
            return self._choice(item.kind)
        self._cursor.position -= item.kind != END
        raise self._cursor.unexpected()

    def _choice(self, name: str) -> Duration:
        self._cursor.expect("(")
        first = self._sum()
        self._cursor.expect(",")
        second = self._sum()
        self._cursor.expect(")")
        value = _CHOICES[name](first.seconds, second.seconds)
        return Duration(value, f"{name}({first.written}, {second.written})", is_literal=False)


def _literal(item: Item) -> Duration:
    seconds = seconds_of(item)
    if abs(seconds) > _MAX_SECONDS:
        raise QueryError("duration out of range")
    written = format_prom_duration(round(seconds * 1000)) if item.kind == DURATION else format_plain(seconds)
    return Duration(seconds, written, is_literal=True)


def _check_size(duration: Duration) -> None:
    if not math.isfinite(duration.seconds):
        raise QueryError("duration is NaN or infinite")
    if abs(duration.seconds) > _MAX_SECONDS:
        raise QueryError("duration is out of range")


def _combined(left: Duration, operator: str, right: Duration) -> Duration:
    value = _OPERATORS[operator](left.seconds, right.seconds)
    return Duration(value, f"{left.written} {operator} {right.written}", is_literal=False)


def _divided(left: float, right: float) -> float:
    if not right:
        raise QueryError("division by zero")
    return left / right


def _remainder(left: float, right: float) -> float:
    if not right:
        raise QueryError("modulo by zero")
    return math.fmod(left, right) if math.isfinite(left) else math.nan


def _power(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


_STARTS = (NUMBER, DURATION, "(", "step", "range", "min_of", "max_of", "+", "-")
_OPERATORS: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divided,
    "%": _remainder,
    "^": _power,
}
_CHOICES: Mapping[str, Callable[[float, float], float]] = {"min_of": min, "max_of": max}
