"""``deriv`` and ``predict_linear``: a straight line through the samples of a window, by least squares."""

from __future__ import annotations

import numpy as np

from obsctl.embedded.query.promql.context import Given, Ranged
from obsctl.embedded.query.vectors import sums
from obsctl.embedded.query.vectors.values import Bools, Floats, Ints, Windows


def _line(windows: Windows, origin: Ints) -> tuple[Floats, Floats]:
    """Slope per second, and the value at ``origin`` (S, T; milliseconds)."""
    order, first, counts = sums.by_size(windows)
    zero = origin.reshape(-1)[order]
    x_sum, y_sum, xy_sum, xx_sum = (sums.KahanSums(len(order)) for _ in range(4))
    constant = np.ones(len(order), dtype=np.bool_)
    initial = (
        windows.values[np.minimum(first, len(windows.values) - 1)] if len(windows.values) else np.zeros(len(order))
    )
    for position, rows in enumerate(sums.columns(first, counts)):
        size, y = len(rows), windows.values[rows]
        x = (windows.times[rows] - zero[:size]) / 1e3
        if position:
            constant[:size] &= y == initial[:size]
        for lanes, values in ((x_sum, x), (y_sum, y), (xy_sum, x * y), (xx_sum, x * x)):
            lanes.add(values)
    x, y, xy, xx = (lanes.sum + lanes.lost for lanes in (x_sum, y_sum, xy_sum, xx_sum))
    slope = (xy - x * y / counts) / (xx - x * x / counts)
    intercept = y / counts - slope * x / counts
    level = np.where(np.isinf(initial), np.nan, initial)
    slope = np.where(constant, np.where(np.isinf(initial), np.nan, 0.0), slope)
    intercept = np.where(constant, level, intercept)
    return sums.back(order, slope, windows), sums.back(order, intercept, windows)


def _deriv(_: Given, windows: Windows) -> tuple[Floats, Bools]:
    """The origin is the first sample, which keeps the numbers small."""
    times = windows.times if len(windows.times) else np.zeros(1, dtype=np.int64)
    slope, _intercept = _line(windows, times[np.minimum(windows.first, len(times) - 1)])
    return slope, windows.counts > 1


def _predict_linear(given: Given, windows: Windows) -> tuple[Floats, Bools]:
    now = np.broadcast_to(given.query.steps.times, windows.first.shape)
    slope, intercept = _line(windows, now)
    return slope * given.scalar(0).values + intercept, windows.counts > 1


FUNCTIONS: dict[str, Ranged] = {"deriv": _deriv, "predict_linear": _predict_linear}
