"""Sums as Prometheus makes them: compensated (Kahan, with Neumaier's improvement), one value after the other.

The same rounding in the same order gives the same last digit. Many sums run side by side; a few are made one by one,
which is faster than one call of NumPy for each of their values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from obsctl.embedded.query.vectors.values import Floats, Ints, Windows


class KahanSums:
    """Many sums that run side by side; ``lost`` is what rounding took from each."""

    def __init__(self, count: int) -> None:
        self.sum = np.zeros(count)
        self.lost = np.zeros(count)

    def add(self, values: Floats) -> None:
        """Add a value to each of the first sums, as many as there are values."""
        size = len(values)
        total, lost = self.sum[:size], self.lost[:size]
        new = total + values
        lost += np.where(np.abs(total) >= np.abs(values), (total - new) + values, (values - new) + total)
        lost[np.isinf(new)] = 0.0
        total[:] = new


def columns(first: Ints, counts: Ints) -> Iterator[Ints]:
    """The positions of the values of several sums: of each one's first, then of each one's second, and so on.

    ``counts`` descend, so those sums that still have a value are always the first ones.
    """
    most = int(counts[0]) if len(counts) else 0
    active = np.searchsorted(-counts, -np.arange(1, most + 1), side="right")
    for position, size in enumerate(active.tolist()):
        yield first[:size] + position


def by_size(windows: Windows) -> tuple[Ints, Ints, Ints]:
    """The windows in order of size, largest first: their numbers, first samples and sizes."""
    counts = windows.counts.reshape(-1)
    order = np.argsort(-counts, kind="stable")
    return order, windows.first.reshape(-1)[order], counts[order]


def back(order: Ints, values: Floats, windows: Windows) -> Floats:
    """Values of windows in order of size, as (S, T)."""
    found = np.empty(len(order))
    found[order] = values
    return found.reshape(windows.first.shape)


def of_windows(windows: Windows) -> tuple[Floats, Floats]:
    """The sum of each window (S, T), and what it lost."""
    order, first, counts = by_size(windows)
    running = KahanSums(len(order))
    for positions in columns(first, counts):
        running.add(windows.values[positions])
    return back(order, running.sum, windows), back(order, running.lost, windows)


def total(values: Sequence[float]) -> tuple[float, float]:
    """The sum of some values, and what it lost."""
    found = lost = 0.0
    for value in values:
        found, lost = added(value, found, lost)
    return found, lost


def added(value: float, found: float, lost: float) -> tuple[float, float]:
    """One step of a sum."""
    new = found + value
    if math.isinf(new):
        return new, 0.0
    if abs(found) >= abs(value):
        return new, lost + ((found - new) + value)
    return new, lost + ((value - new) + found)


def mean(values: Sequence[float]) -> float:
    """The mean of one or more values. Where their sum would overflow, it is kept as a running mean from there on."""
    found, lost, count = values[0], 0.0, 1.0
    running = None
    for value in values[1:]:
        count += 1
        if running is None:
            new, new_lost = added(value, found, lost)
            if not math.isinf(new):
                found, lost = new, new_lost
                continue
            running, lost = found / (count - 1), lost / (count - 1)
        share = (count - 1) / count
        running, lost = added(value / count, share * running, share * lost)
    return found / count + lost / count if running is None else running + lost


def squares(values: Sequence[float]) -> float:
    """The sum of the squared distances of one or more values from their mean, by Welford's method."""
    average, found = values[0], 0.0 if math.isfinite(values[0]) else math.nan
    for count, value in enumerate(values[1:], start=2):
        apart = value - average
        average += apart / count
        found += apart * (value - average)
    return found
