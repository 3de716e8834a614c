"""Parameters of Loki's query API (grafana.com/docs/loki/latest/reference/loki-http-api)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from obsctl.embedded.http.calls import ApiCall
from obsctl.embedded.query.logql.engine import LogWindow
from obsctl.embedded.query.logql.ranges import LogSteps
from obsctl.embedded.query.logql.source import Direction
from obsctl.languages.errors import QueryError
from obsctl.languages.quoting import excerpt
from obsctl.languages.units import MS_NS, clamp, loki_time_ns, seconds_or_duration_ms

DEFAULT_LIMIT, MAX_LIMIT = 100, 5_000
DEFAULT_SINCE_MS = 3_600_000
MAX_STEPS = 11_000
_STEPS_BY_DEFAULT = 250


@dataclass(frozen=True)
class TimeRange:
    """A time range in nanoseconds, start included, end excluded."""

    start: int
    end: int

    @property
    def milliseconds(self) -> int:
        """Its length."""
        return (self.end - self.start) // MS_NS


def described(parser: Callable[[str], int]) -> Callable[[str], int]:
    """The same parser with an error that shows what it could not read."""

    def parse(text: str) -> int:
        try:
            return parser(text)
        except ValueError as cause:
            raise ValueError(f"cannot parse {excerpt(text)}") from cause

    return parse


def time_ns(call: ApiCall, name: str, default: int) -> int:
    """A time, in any of Loki's forms."""
    return call.parsed(described(loki_time_ns), default, name)


def time_range(call: ApiCall) -> TimeRange:
    """``start``, ``end`` and ``since``, with Loki's defaults."""
    end = time_ns(call, "end", time.time_ns())
    since = call.parsed(described(seconds_or_duration_ms), DEFAULT_SINCE_MS, "since")
    start = time_ns(call, "start", clamp(end - since * MS_NS))
    if end <= start:
        raise QueryError("end timestamp must not be before or equal to start time")
    return TimeRange(start, end)


def limit(call: ApiCall, most: int = MAX_LIMIT, default: int = DEFAULT_LIMIT, names: Sequence[str] = ("limit",)) -> int:
    """How many lines (or other things) an answer may have. ``names`` are those of the parameter."""
    text = call.first(*names)
    if text and not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        raise QueryError(f"invalid {names[0]}: cannot parse {excerpt(text)} as a number")
    found = int(text or default)
    if found <= 0:
        raise QueryError("limit must be a positive value")
    if found > most:
        raise QueryError(f"max entries limit per query exceeded, limit > max_entries_limit ({found} > {most})")
    return found


def step_ms(call: ApiCall, window: TimeRange) -> int:
    """Milliseconds from one step to the next. Loki checks them even for lines, where they mean nothing."""
    default = max(window.milliseconds // 1000 // _STEPS_BY_DEFAULT, 1) * 1000
    step = call.parsed(described(seconds_or_duration_ms), default, "step")
    if step <= 0:
        raise QueryError("zero or negative query resolution step widths are not accepted. Try a positive integer")
    if window.milliseconds // step > MAX_STEPS:
        raise QueryError(
            f"exceeded maximum resolution of {MAX_STEPS:,} points per time series. "
            "Try increasing the value of the step parameter"
        )
    return step


def steps(call: ApiCall) -> LogSteps:
    """Every time that a metric query over a range is evaluated at.

    They are multiples of the step: the start is rounded down and the end up, as Loki's query frontend does where it
    splits queries by time, which is its default. A range without a multiple between its ends is taken as it is.
    """
    window = time_range(call)
    step = step_ms(call, window) * MS_NS
    start, end = window.start - window.start % step, window.end + -window.end % step
    if start == end:
        start, end = window.start, window.end
    return LogSteps(start + np.arange((end - start) // step + 1, dtype=np.int64) * step)


def log_range(call: ApiCall) -> LogWindow:
    """Which lines are asked for."""
    window, most = time_range(call), limit(call)
    step_ms(call, window)
    direction = call.first("direction", default="backward").lower()
    if direction not in ("backward", "forward"):
        raise QueryError(f"invalid direction {excerpt(direction)}: expected backward or forward")
    interval = call.parsed(described(seconds_or_duration_ms), 0, "interval")
    if interval < 0:
        raise QueryError("interval must be >= 0")
    way: Direction = "forward" if direction == "forward" else "backward"
    return LogWindow(window.start, window.end, most, way, clamp(interval * MS_NS))
