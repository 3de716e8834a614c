"""Arithmetic in durations: ``[5m + step()]``, ``offset (2 * 1h)``, which is settled before a query is parsed.

Prometheus 3.14's grammar: sums, products, powers, parentheses, ``step()``, ``range()``, ``min_of`` and ``max_of``.
After ``offset`` an operator outside of parentheses is one of the expression's. Numbers are seconds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from obsctl.languages.errors import QueryError
from obsctl.languages.units import prom_duration_ms

_NUMBER = r"(?:[0-9]|\.[0-9])(?:[eE][-+]|[0-9a-zA-Z_.])*"
_PART = re.compile(rf"(?:\s+|\#[^\n]*)*(?P<text>{_NUMBER}|[a-zA-Z_]+|[-+*/%^(),:])")
_PLAIN = re.compile(rf"\s*{_NUMBER}\s*(?::\s*(?:{_NUMBER})?\s*)?")
_LITERAL = re.compile(r"\s*[-+]?\s*[.0-9]")
_CLOSED = frozenset(("name", "number", "close", "text"))
_MOST_SECONDS = 2**63 / 1e9


@dataclass(frozen=True)
class Timing:
    """What ``step()`` and ``range()`` are, in milliseconds; both are 0 in an instant query."""

    step: int = 0
    range: int = 0


INSTANT = Timing()


@dataclass(frozen=True)
class Token:
    """A piece of a query; ``at`` is its first byte there."""

    kind: str
    text: str
    at: int


class _NotOneError(ValueError):
    """What stands there is no arithmetic; the parser says what is wrong with it."""


def settled(tokens: Sequence[Token], timing: Timing) -> Iterator[Token]:
    """The pieces of a query with each duration as a literal. ``QueryError`` for a duration that is none."""
    index, before = 0, ""
    while index < len(tokens):
        token = tokens[index]
        done = _bracket(tokens, index, timing) if token.text == "[" else None
        if token.text.lower() == "offset" and before in _CLOSED:
            done = _offset(tokens, index, timing)
        found, index = done or ([token], index + 1)
        yield from found
        before = token.kind if token.kind not in ("space", "comment") else before


def _bracket(tokens: Sequence[Token], index: int, timing: Timing) -> tuple[list[Token], int] | None:
    """A range, or the range and the step of a subquery."""
    end = next((place for place in range(index, len(tokens)) if tokens[place].text == "]"), index)
    inside = "".join(token.text for token in tokens[index + 1 : end])
    if _PLAIN.fullmatch(inside):
        return None
    reader = _Reader(inside, timing)
    try:
        parts = [_positive(reader.sum())]
        if reader.skip(":"):
            parts += [":", *([] if reader.over else [_positive(reader.sum())])]
        if not reader.over:
            return None
    except _NotOneError:
        return None
    return [tokens[index], *(Token("number", part, tokens[index].at) for part in parts)], end


def _offset(tokens: Sequence[Token], index: int, timing: Timing) -> tuple[list[Token], int] | None:
    """``offset`` and how much. Nothing where it moves nothing, for which the parser has no literal."""
    rest = "".join(token.text for token in tokens[index + 1 :])
    reader = _Reader(rest, timing)
    try:
        moved = int(_within(reader.sign() * reader.atom()) * 1000)
    except _NotOneError:
        return None
    if moved and _LITERAL.match(rest):
        return None
    after, at = _after(tokens, index + 1, reader.position), tokens[index].at
    sign = [Token("operator", "-", at)] if moved < 0 else []
    offset = [tokens[index], Token("space", " ", at), *sign, Token("number", f"{abs(moved)}ms", at)]
    return (offset if moved else []), after


def _after(tokens: Sequence[Token], index: int, length: int) -> int:
    while length > 0:
        length -= len(tokens[index].text)
        index += 1
    return index


def _positive(seconds: float) -> str:
    whole = int(_within(seconds) * 1000)
    if whole <= 0:
        raise QueryError("duration must be greater than 0")
    return f"{whole}ms"


def _within(seconds: float) -> float:
    if not math.isfinite(seconds):
        raise QueryError("duration is NaN or infinite")
    if abs(seconds) > _MOST_SECONDS:
        raise QueryError("duration is out of range")
    return seconds


class _Reader:
    """Evaluates arithmetic while it reads. ``_NotOneError`` where it meets what does not belong there."""

    def __init__(self, text: str, timing: Timing) -> None:
        self._text = text
        self._known = {"step": timing.step / 1000, "range": timing.range / 1000}
        self.position = 0

    @property
    def over(self) -> bool:
        """Whether nothing follows."""
        return not self._text[self.position :].strip()

    def _peek(self) -> re.Match[str] | None:
        return _PART.match(self._text, self.position)

    def _take(self) -> str:
        found = self._peek()
        if not found:
            raise _NotOneError
        self.position = found.end()
        return found["text"].lower()

    def skip(self, *texts: str) -> str:
        """Pass what comes next, if it is one of those, and give it; else nothing."""
        found = self._peek()
        return self._take() if found and found["text"] in texts else ""

    def _need(self, text: str) -> None:
        if not self.skip(text):
            raise _NotOneError

    def sum(self) -> float:
        """Everything up to what closes it."""
        value = self._product()
        while sign := self.skip("+", "-"):
            value += self._product() if sign == "+" else -self._product()
        return value

    def _product(self) -> float:
        value = self._power()
        while operator := self.skip("*", "/", "%"):
            value = _OPERATORS[operator](value, self._power())
        return value

    def _power(self) -> float:
        parts = [(self.sign(), self.atom())]
        while self.skip("^"):
            parts.append((self.sign(), self.atom()))
        sign, value = parts.pop()
        value *= sign
        for sign, base in reversed(parts):
            value = sign * _power(base, value)
        return value

    def sign(self) -> float:
        """Any number of signs."""
        sign = 1.0
        while found := self.skip("+", "-"):
            sign = -sign if found == "-" else sign
        return sign

    def atom(self) -> float:
        """A literal, something in parentheses, or one of the functions."""
        text = self._take()
        if text == "(":
            value = self.sum()
        elif text in self._known:
            self._need("(")
            value = self._known[text]
        elif text in _CHOICES:
            self._need("(")
            first = self.sum()
            self._need(",")
            value = _CHOICES[text](first, self.sum())
        else:
            return _literal(text)
        self._need(")")
        return value


def _literal(text: str) -> float:
    try:
        return seconds_of(text)
    except ValueError as cause:
        raise _NotOneError from cause


def seconds_of(text: str) -> float:
    """A number of seconds, or a duration, in lower case. ``ValueError`` for anything else."""
    bare = text.replace("_", "")
    try:
        return float(int(bare, 16)) if bare[:2] == "0x" else float(bare)
    except ValueError:
        return prom_duration_ms(bare) / 1000


def _divided(left: float, right: float) -> float:
    if not right:
        raise QueryError("division by zero")
    return left / right


def _rest(left: float, right: float) -> float:
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


_OPERATORS: Mapping[str, Callable[[float, float], float]] = {"*": lambda a, b: a * b, "/": _divided, "%": _rest}
_CHOICES: Mapping[str, Callable[[float, float], float]] = {"min_of": min, "max_of": max}
