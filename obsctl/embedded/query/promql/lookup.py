"""Samples -> values at steps, vectorised over the steps: the half of an engine that touches stored points."""

from __future__ import annotations

import numpy as np

from obsctl.embedded.query.promql.values import Bools, Floats, Ints
from obsctl.embedded.signals import STALE_BITS
from obsctl.embedded.store.base import Points


def is_stale(values: Floats) -> Bools:
    """Which values are the staleness marker (an ordinary NaN is not)."""
    stale: Bools = values.view(np.int64) == STALE_BITS
    return stale


def latest(points: Points, times: Ints, lookback: int) -> tuple[Floats, Bools]:
    """For each time the newest sample in ``(time - lookback, time]``, and whether there is one that is not stale."""
    if not len(points.times):
        return np.zeros(len(times)), np.zeros(len(times), dtype=np.bool_)
    index = np.searchsorted(points.times, times, side="right") - 1
    found = index >= 0
    index = np.maximum(index, 0)
    values = points.values[index]
    return values, found & (points.times[index] > times - lookback) & ~is_stale(values)


def window(points: Points, end: int, width: int) -> Points:
    """The samples in ``(end - width, end]``, staleness markers left out."""
    inside = (points.times > end - width) & (points.times <= end) & ~is_stale(points.values)
    return Points(points.times[inside], points.values[inside])
