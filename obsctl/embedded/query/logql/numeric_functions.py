"""The functions of LogQL's templates that count: sprig's, with its rules for what is a number."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import reduce
from typing import TypeVar

from obsctl.embedded.query.gotemplate.builtins import Spec
from obsctl.embedded.query.logql.entry import Entry
from obsctl.languages.gotemplate.syntax import TemplateError
from obsctl.languages.logql.literals import number

N = TypeVar("N", int, float)

_DECIMAL = re.compile(r"([-+]?\d*)\.\d*", re.ASCII)
_OCTAL = re.compile(r"[-+]?0[0-7_]+", re.ASCII)
_INTEGER = re.compile(r"[-+]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|[1-9][\d_]*|0)", re.ASCII)
_EXACT = Context(prec=1_000)
_QUOTIENT = Decimal("1e-16")
_MOST = 1 << 63


def whole(value: object) -> int:
    """A value as an integer, by sprig's rules: a text in the notation of Go's sources, what is no number is 0."""
    if isinstance(value, str):
        found = _DECIMAL.fullmatch(value)
        text = found[1] if found else value
        if not _INTEGER.fullmatch(text):
            return 0
        result = int(text, 8) if _OCTAL.fullmatch(text) else int(text, 0)
        return result if -_MOST <= result < _MOST else 0
    real = _real(value)
    return int(real) if math.isfinite(real) else 0


def _real(value: object) -> float:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float):
        return float(value)
    try:
        found = number(value) if isinstance(value, str) else 0.0
    except (ValueError, OverflowError):
        return 0.0
    return 0.0 if math.isinf(found) and "n" not in str(value).lower() else found


def _bounded(value: int) -> int:
    """A 64-bit integer, wrapped around as Go does."""
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


def _folded(function: Callable[[N, N], N], convert: Callable[[object], N]) -> Callable[..., int | float]:
    def fold(_: Entry, first: object, *others: object) -> int | float:
        found = convert(first)
        for other in others:
            found = function(found, convert(other))
        return _bounded(found) if isinstance(found, int) else found

    return fold


def _divided(left: int, right: int) -> int:
    if not right:
        raise TemplateError("integer divide by zero")
    return abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)


def _remainder(left: int, right: int) -> int:
    return left - right * _divided(left, right)


def _exact(value: object) -> Decimal:
    real = _real(value)
    if not math.isfinite(real):
        raise TemplateError(f"Cannot create a Decimal from {real}")
    return Decimal(repr(real))


def _quotient(left: Decimal, right: Decimal) -> Decimal:
    """Rounded to sixteen places."""
    if not right:
        raise TemplateError("decimal division by 0")
    return _EXACT.divide(left, right).quantize(_QUOTIENT, ROUND_HALF_UP, _EXACT)


def _decimal(function: Callable[[Decimal, Decimal], Decimal]) -> Callable[..., float]:
    """In decimal numbers, as sprig does it: 0.1 and 0.2 are 0.3."""

    def fold(_: Entry, first: object, *others: object) -> float:
        return float(reduce(function, map(_exact, others), _exact(first)))

    return fold


def _rounded(_: Entry, value: object, places: int, on: float = 0.5) -> float:
    """Up where the fraction is at least ``on``; that of a negative number never is, unless ``on`` is negative."""
    scale = 10.0**places if abs(places) < 300 else math.inf
    scaled = scale * _real(value)
    if not math.isfinite(scaled):
        return _real(value)
    return (math.ceil(scaled) if math.modf(scaled)[0] >= on else math.floor(scaled)) / scale


NUMBERS: Mapping[str, Spec] = {
    "int": Spec(lambda _, value: whole(value), 1, 1),
    "float64": Spec(lambda _, value: _real(value), 1, 1),
    "add": Spec(lambda entry, *values: _folded(lambda a, b: a + b, whole)(entry, 0, *values), 0, None),
    "sub": Spec(_folded(lambda a, b: a - b, whole), 2, 2),
    "mul": Spec(_folded(lambda a, b: _bounded(a * b), whole), 1, None),
    "div": Spec(_folded(_divided, whole), 2, 2),
    "mod": Spec(_folded(_remainder, whole), 2, 2),
    "max": Spec(_folded(max, whole), 1, None),
    "min": Spec(_folded(min, whole), 1, None),
    "addf": Spec(_decimal(_EXACT.add), 1, None),
    "subf": Spec(_decimal(_EXACT.subtract), 1, None),
    "mulf": Spec(_decimal(_EXACT.multiply), 1, None),
    "divf": Spec(_decimal(_quotient), 1, None),
    "maxf": Spec(_folded(max, _real), 1, None),
    "minf": Spec(_folded(min, _real), 1, None),
    "ceil": Spec(
        lambda _, value: float(math.ceil(_real(value))) if math.isfinite(_real(value)) else _real(value), 1, 1
    ),
    "floor": Spec(
        lambda _, value: float(math.floor(_real(value))) if math.isfinite(_real(value)) else _real(value), 1, 1
    ),
    "round": Spec(_rounded, 2, 3, (object, int, float)),
}
