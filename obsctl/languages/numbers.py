"""Numbers as the APIs print them: Go's shortest form that reads back to the same float."""

from __future__ import annotations

import math


def format_value(value: float) -> str:
    """A sample value: plain decimal, exponent form only below 1e-6 or from 1e21 (Prometheus' and Jaeger's rule)."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")
    size = abs(value)
    if size and not 1e-6 <= size < 1e21:
        return repr(value).replace(".0e", "e")
    return format_plain(value)


def format_plain(value: float) -> str:
    """The same digits, but never an exponent (Prometheus' scalars, Loki's values)."""
    if not math.isfinite(value):
        return format_value(value)
    text = repr(value)
    if "e" not in text:
        return text.removesuffix(".0")
    mantissa, _, exponent = text.partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits, point = whole + fraction, len(whole) + int(exponent)
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return sign + digits.ljust(point, "0")
    return f"{sign}{digits[:point]}.{digits[point:]}"


def format_time(ms: int) -> str:
    """Milliseconds as JSON seconds: whole, or with exactly three decimals."""
    whole, rest = divmod(abs(ms), 1000)
    text = f"{whole}.{rest:03d}" if rest else f"{whole}"
    return f"-{text}" if ms < 0 else text


def format_short_time(ms: int) -> str:
    """Milliseconds as JSON seconds with as few decimals as needed (scalars)."""
    text = format_time(ms)
    return text.rstrip("0") if "." in text else text


def go_float(value: float) -> str:
    """A number as Go's ``%g`` prints it: shortest, with an exponent below 1e-4 and from 1e6."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")
    mantissa, _, exponent = f"{value:.17e}".partition("e")
    if value and not -4 <= int(exponent) < 6:
        digits = next(text for text in (f"{value:.{n}e}" for n in range(18)) if float(text) == value)
        mantissa, _, exponent = digits.partition("e")
        return f"{mantissa}e{exponent}"
    return repr(value).removesuffix(".0")
