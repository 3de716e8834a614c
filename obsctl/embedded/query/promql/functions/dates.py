"""Functions of a moment, in UTC. The calendar is the Gregorian one, also for times before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from obsctl.embedded.query.promql.context import Given, Plain
from obsctl.embedded.query.vectors.labels import without_metadata
from obsctl.embedded.query.vectors.values import Floats, Ints, Scalar, Vector

_DAY = 86_400
_BEYOND = 2**63
"""Seconds of what no integer can hold (NaN too), as it comes out of Prometheus on amd64."""


@dataclass(frozen=True)
class _Moments:
    """Times in UTC: whole days since 1970, and seconds of the day."""

    days: Ints
    seconds: Ints

    @classmethod
    def of(cls, values: Floats) -> _Moments:
        """From seconds, cut to whole ones."""
        held = np.abs(values) < _BEYOND
        whole = np.where(held, values, 0.0).astype(np.int64)
        days, seconds = np.divmod(whole, _DAY)
        return cls(np.where(held, days, _BEYOND // _DAY), np.where(held, seconds, _BEYOND % _DAY))


def _civil(moments: _Moments) -> tuple[Ints, Ints, Ints]:
    """Year, month and day: the days are counted from March of a year 0, in eras of 400 years."""
    era, day = np.divmod(moments.days + 719_468, 146_097)
    year = (day - day // 1_460 + day // 36_524 - day // 146_096) // 365
    of_year = day - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    month = np.where(shifted < 10, shifted + 3, shifted - 9)
    return year + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


def _leap(year: Ints) -> Ints:
    leap: Ints = ((year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))).astype(np.int64)
    return leap


_BEFORE_MONTH = np.array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334])
_IN_MONTH = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def _days_in_month(moments: _Moments) -> Ints:
    year, month, _ = _civil(moments)
    days: Ints = _IN_MONTH[month] + (month == 2) * _leap(year)
    return days


def _day_of_year(moments: _Moments) -> Ints:
    year, month, day = _civil(moments)
    days: Ints = _BEFORE_MONTH[month] + day + (month > 2) * _leap(year)
    return days


def _part(function: Callable[[_Moments], Ints], given: Given) -> Vector:
    """A part of the time given, or of the evaluation time."""
    if not given.args:
        values = function(_Moments.of(given.query.steps.times / 1000)).astype(np.float64)[None, :]
        return Vector([()], values, np.ones(values.shape, dtype=np.bool_))
    vector = given.vector(0)
    return without_metadata(
        Vector(vector.labels, function(_Moments.of(vector.values)).astype(np.float64), vector.present)
    )


_PARTS: dict[str, Callable[[_Moments], Ints]] = {
    "minute": lambda moments: moments.seconds % 3_600 // 60,
    "hour": lambda moments: moments.seconds // 3_600,
    "day_of_week": lambda moments: (moments.days + 4) % 7,
    "day_of_month": lambda moments: _civil(moments)[2],
    "day_of_year": _day_of_year,
    "days_in_month": _days_in_month,
    "month": lambda moments: _civil(moments)[1],
    "year": lambda moments: _civil(moments)[0],
}
FUNCTIONS: dict[str, Plain] = {
    **{name: partial(_part, function) for name, function in _PARTS.items()},
    "time": lambda given: Scalar(given.query.steps.times / 1000),
}
