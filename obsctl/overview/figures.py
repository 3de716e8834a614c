"""Figures as the overview shows them, in the terminal as in the pages (``ui/src/pages/overview/sources.ts``). Pure."""

from __future__ import annotations

import math

NONE = "\N{EN DASH}"
"""What is shown for a figure that nobody has."""

SOME, BAD = 0.001, 0.05
"""Shares of failed requests from which on a service is not well, and is bad."""

_RARE = 0.1
"""Requests per second, below which they are counted by the minute."""

_UNITS = (
    (1e-6, 1e-9, "ns"),
    (1e-3, 1e-6, "µs"),
    (1.0, 1e-3, "ms"),
    (60.0, 1.0, "s"),
    (3600.0, 60.0, "min"),
    (86_400.0, 3600.0, "h"),
    (math.inf, 86_400.0, "d"),
)
"""(below so many seconds, seconds of one, its name)."""


def percent(share: float | None) -> str:
    """A share as percent, with as many digits as matter."""
    if share is None:
        return NONE
    value = share * 100
    if value == 0:
        return "0 %"
    if value < 0.01:
        return "< 0.01 %"
    return f"{_digits(value, 2) if value < 10 else _whole(value)} %"


def rate(value: float | None) -> str:
    """Requests per second, or per minute where they are rare."""
    if value is None:
        return NONE
    if value == 0:
        return "0 /s"
    return f"{_digits(value * 60, 2)} /min" if value < _RARE else f"{_digits(value, 3)} /s"


def duration(seconds: float | None) -> str:
    """A duration with three digits, in the largest unit that it reaches."""
    if seconds is None:
        return NONE
    seconds = float(f"{seconds:.3g}")
    if seconds == 0:
        return "0 s"
    size, name = next((size, name) for limit, size, name in _UNITS if abs(seconds) < limit)
    value = seconds / size
    return f"{_whole(value) if abs(value) >= 100 else _digits(value, 3)} {name}"


def health(failed: float | None) -> str:
    """How bad a share of failed requests is: ``unknown``, ``good``, ``some`` or ``bad``."""
    if failed is None:
        return "unknown"
    return "bad" if failed >= BAD else "some" if failed >= SOME else "good"


def ago(seconds: float) -> str:
    """How long ago something was: ``40s``, ``12m``, ``3h``, ``2d``."""
    for limit, size, name in ((60, 1, "s"), (3600, 60, "m"), (86_400, 3600, "h")):
        if seconds < limit:
            return f"{max(0, int(seconds // size))}{name}"
    return f"{int(seconds // 86_400)}d"


def _digits(value: float, count: int) -> str:
    return f"{float(f'{value:.{count}g}'):.15g}"


def _whole(value: float) -> str:
    return str(math.floor(value + 0.5))
