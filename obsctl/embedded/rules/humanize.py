"""Numbers for people: the ``humanize`` functions of Prometheus' templates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from obsctl.embedded.query.gotemplate.printing import four_digits, kind_name
from obsctl.languages.gotemplate.syntax import TemplateError
from obsctl.languages.units import prom_duration_ms

_LARGE = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_SMALL = ("m", "u", "n", "p", "f", "a", "z", "y")
_BINARY = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_GO_UNITS = (("ns", 1), ("µs", 10**3), ("ms", 10**6))
_MOST_SECONDS = 2**63 / 1e9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def number(value: object) -> float:
    """A number, also from text. ``TemplateError`` for anything else."""
    try:
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            return float(value)
    except (ValueError, OverflowError) as error:
        raise TemplateError(f'strconv.ParseFloat: parsing "{value}": invalid syntax') from error
    raise TemplateError(f"can't convert {kind_name(value)} to float")


def humanize(value: object) -> str:
    """``1.234k``, ``12m``."""
    found = number(value)
    if not found or not math.isfinite(found):
        return four_digits(found)
    scaled, prefix = _larger(found, 1000, _LARGE) if abs(found) >= 1 else _smaller(found)
    return f"{four_digits(scaled)}{prefix}"


def humanize1024(value: object) -> str:
    """``1.206ki``."""
    found = number(value)
    if abs(found) <= 1 or not math.isfinite(found):
        return four_digits(found)
    scaled, prefix = _larger(found, 1024, _BINARY)
    return f"{four_digits(scaled)}{prefix}"


def humanize_percentage(value: object) -> str:
    """A ratio: ``12.34%``."""
    return f"{four_digits(number(value) * 100)}%"


def humanize_duration(value: object) -> str:
    """Seconds: ``1d 2h 3m 4s``, ``12.34s``, ``5ms``."""
    found = number(value)
    if not math.isfinite(found):
        return four_digits(found)
    if abs(found) < 1 and found:
        scaled, prefix = _smaller(found)
        return f"{four_digits(scaled)}{prefix}s"
    sign, size = ("-" if found < 0 else ""), abs(found)
    if size < 60:
        return f"{sign}{four_digits(size)}s"
    minutes, seconds = divmod(int(size), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s"))
    first = next(i for i, (amount, _) in enumerate(parts) if amount)
    return sign + " ".join(f"{amount}{unit}" for amount, unit in parts[first:])


def go_duration(value: object) -> str:
    """Seconds as Go prints a duration: ``1h30m0.5s``, ``12.5ms``, ``0s``."""
    found = number(value)
    if not math.isfinite(found) or abs(found) >= _MOST_SECONDS:
        raise TemplateError(f"{four_digits(found)} seconds are no duration")
    nanoseconds, sign = int(abs(found) * 1e9), "-" if found < 0 else ""
    if nanoseconds < 10**9:
        unit, size = next(pair for pair in _GO_UNITS if nanoseconds < 1000 * pair[1] or pair[1] == 10**6)
        return f"{sign}{_decimal(nanoseconds, size)}{unit}" if nanoseconds else "0s"
    minutes, rest = divmod(nanoseconds, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    whole = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{whole}{_decimal(rest, 10**9)}s"


def _decimal(nanoseconds: int, size: int) -> str:
    whole, rest = divmod(nanoseconds, size)
    digits = f"{rest:0{len(str(size)) - 1}d}".rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


def moment(value: object) -> datetime | None:
    """Seconds since the epoch; None for what is not a number. ``TemplateError`` beyond the calendar."""
    found = number(value)
    if not math.isfinite(found):
        return None
    try:
        return _EPOCH + timedelta(milliseconds=math.floor(found * 1000 + 0.5))
    except OverflowError as error:
        raise TemplateError(f"{four_digits(found)} cannot be represented as a timestamp") from error


def duration_seconds(text: str) -> float:
    """A Prometheus duration in seconds."""
    try:
        return prom_duration_ms(text) / 1000
    except ValueError as error:
        raise TemplateError(str(error)) from error


def _larger(value: float, base: int, prefixes: Sequence[str]) -> tuple[float, str]:
    prefix = ""
    for larger in prefixes:
        if abs(value) < base:
            break
        prefix, value = larger, value / base
    return value, prefix


def _smaller(value: float) -> tuple[float, str]:
    prefix = ""
    for smaller in _SMALL:
        if abs(value) >= 1:
            break
        prefix, value = smaller, value * 1000
    return value, prefix
