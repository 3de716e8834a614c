"""Times and durations as the three query APIs write them. Everything is an integer: milliseconds or nanoseconds.

Times are clamped to 62 bits (nanoseconds reach the year 2116), so that neither a store nor arithmetic overflows.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from obsctl.languages.quoting import excerpt

LIMIT = 2**62
MS_NS = 1_000_000
SECOND_NS = 1_000_000_000

_PROM_DURATION = re.compile(
    r"(?:(\d{1,12})y)?(?:(\d{1,12})w)?(?:(\d{1,12})d)?(?:(\d{1,12})h)?(?:(\d{1,12})m)?(?:(\d{1,12})s)?(?:(\d{1,12})ms)?",
    re.ASCII,
)
_PROM_UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_GO_PIECE = re.compile(r"(\d+\.?\d*|\.\d+)([^\d.]*)", re.ASCII)
_GO_PART = re.compile(r"(\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(ns|us|\u00b5s|\u03bcs|ms|s|m|h)", re.ASCII)
_GO_UNITS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": MS_NS,
    "s": SECOND_NS,
    "m": 60 * SECOND_NS,
    "h": 3_600 * SECOND_NS,
}
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:[.,](\d{1,30}))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)
_FLOAT = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def clamp(value: int) -> int:
    """The nearest integer of 62 bits and a sign."""
    return max(-LIMIT, min(LIMIT, value))


def finite(text: str) -> Fraction:
    """A decimal number, exactly. ``ValueError`` for anything else, infinities and NaN included."""
    if not _FLOAT.fullmatch(text):
        raise ValueError(text)
    return Fraction(text)


def prom_duration_ms(text: str) -> int:
    """``1h30m``, ``500ms``, ``0``: Prometheus' durations, largest unit first, each once. Milliseconds."""
    if text == "0":
        return 0
    found = _PROM_DURATION.fullmatch(text)
    if not found or not any(found.groups()):
        raise ValueError(f"not a valid duration string: {excerpt(text)}")
    parts = zip(found.groups(), _PROM_UNITS.values(), strict=True)
    return clamp(sum(int(number) * unit for number, unit in parts if number))


def seconds_or_duration_ms(text: str) -> int:
    """A number of seconds (``15``, ``0.5``) or a Prometheus duration. Milliseconds, rounded down."""
    try:
        return clamp(math.floor(finite(text) * 1000))
    except ValueError:
        return prom_duration_ms(text)


def format_prom_duration(ms: int) -> str:
    """Milliseconds the way Prometheus prints a duration: ``1h30m``, ``500ms``, ``0s``."""
    if ms == 0:
        return "0s"
    parts = []
    for unit, size in _PROM_UNITS.items():
        exact = unit in ("y", "w") and ms % size  # a year or week is only printed when nothing is left over
        if not exact and ms >= size:
            parts.append(f"{ms // size}{unit}")
            ms %= size
    return "".join(parts)


def go_duration_ns(text: str) -> int:
    """``1.2s``, ``100ms``, ``1h2m``: Go's durations. Nanoseconds."""
    bare = text[1:] if text.startswith(("-", "+")) else text
    if bare == "0":
        return 0
    parts = _GO_PART.findall(bare)
    if not parts or "".join(number + unit for number, unit in parts) != bare:
        raise ValueError(f"time: {_go_problem(bare)}duration {excerpt(text)}")
    total = sum(int(Fraction(number) * _GO_UNITS[unit]) for number, unit in parts)
    return clamp(-total if text.startswith("-") else total)


def _go_problem(text: str) -> str:
    """What Go says of a text that is no duration: the first number without a unit, or with one that does not exist."""
    position = 0
    while found := _GO_PIECE.match(text, position):
        if not found[2]:
            return "missing unit in "
        if found[2] not in _GO_UNITS:
            return f"unknown unit {excerpt(found[2])} in "
        position = found.end()
    return "invalid "


def rfc3339_ns(text: str) -> int:
    """``2025-08-01T10:00:00.123Z``: nanoseconds since the epoch."""
    found = _RFC3339.fullmatch(text)
    if not found:
        raise ValueError(f"cannot parse {excerpt(text)} to a valid timestamp")
    day, clock, fraction, _, sign, hours, minutes = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}+00:00")
    except ValueError as cause:
        raise ValueError(f"cannot parse {excerpt(text)} to a valid timestamp") from cause
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) // timedelta(seconds=1)
    whole = (moment - _EPOCH) // timedelta(seconds=1) - (-offset if sign == "-" else offset)
    return clamp(whole * SECOND_NS + int((fraction or "").ljust(9, "0")[:9]))


def prom_time_ms(text: str) -> int:
    """A Prometheus time: float seconds rounded to the millisecond, or RFC 3339. Milliseconds since the epoch."""
    try:
        return clamp(round(finite(text) * 1000))
    except ValueError:
        return rfc3339_ns(text) // MS_NS


def loki_time_ns(text: str) -> int:
    """A Loki time: float seconds, up to 10 digits of seconds, more digits of nanoseconds, or RFC 3339."""
    try:
        number = finite(text)
    except ValueError:
        return rfc3339_ns(text)
    digits = text.removeprefix("-").removeprefix("+")
    return clamp(int(number if digits.isdecimal() and len(digits) > 10 else number * SECOND_NS))


def format_rfc3339(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC; 0.0 is Go's zero time, which is how Prometheus says "never"."""
    if not seconds:
        return "0001-01-01T00:00:00Z"
    return (_EPOCH + timedelta(seconds=seconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")
