"""Functions that aggregate the samples of a window, and those that count what happens in it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from obsctl.embedded.query.promql.context import Given, Ranged
from obsctl.embedded.query.vectors import sums
from obsctl.embedded.query.vectors.aggregate import note_quantile, quantiles
from obsctl.embedded.query.vectors.values import Bools, Floats, Ints, Windows

_CELLS = 4_000_000
"""Samples that are laid out as a matrix at a time."""


def _each(function: Callable[[Windows], Floats]) -> Ranged:
    """A function that has a value for every window that is not empty."""

    def ranged(_: Given, windows: Windows) -> tuple[Floats, Bools]:
        return function(windows), windows.counts > 0

    return ranged


def picked(windows: Windows, index: Ints) -> Floats:
    """The values at positions; any value where there are none."""
    if not len(windows.values):
        return np.zeros(index.shape)
    return windows.values[np.clip(index, 0, len(windows.values) - 1)]


def _reduced(ufunc: np.ufunc) -> Callable[[Windows], Floats]:
    """A reduction that needs no compensation. Windows overlap, so every second result is of what lies between two."""

    def reduce(windows: Windows) -> Floats:
        if not windows.first.size:
            return np.zeros(windows.first.shape)
        bounds = np.stack([windows.first.reshape(-1), windows.last.reshape(-1)], axis=1).reshape(-1)
        padded = np.append(windows.values, np.nan)
        return ufunc.reduceat(padded, bounds)[::2].reshape(windows.first.shape)

    return reduce


def _sum(windows: Windows) -> Floats:
    total, lost = sums.of_windows(windows)
    return np.where(np.isinf(total), total, total + lost)


def _avg(windows: Windows) -> Floats:
    total, lost = sums.of_windows(windows)
    found: Floats = total / windows.counts + lost / windows.counts
    for row, step in zip(*np.nonzero(np.isinf(total)), strict=True):
        found[row, step] = sums.mean(windows.values[windows.first[row, step] : windows.last[row, step]].tolist())
    return found


def _variance(windows: Windows) -> Floats:
    """Of the population, by Welford's method with compensated sums."""
    order, first, counts = sums.by_size(windows)
    mean, squares = sums.KahanSums(len(order)), sums.KahanSums(len(order))
    for seen, positions in enumerate(sums.columns(first, counts), start=1):
        values, size = windows.values[positions], len(positions)
        apart = values - (mean.sum[:size] + mean.lost[:size])
        mean.add(apart / seen)
        squares.add(apart * (values - (mean.sum[:size] + mean.lost[:size])))
    return sums.back(order, (squares.sum + squares.lost) / counts, windows)


def _quantile(given: Given, windows: Windows) -> tuple[Floats, Bools]:
    present = windows.counts > 0
    wanted = given.scalar(0).values
    if present.any():
        note_quantile(wanted[present.any(axis=0)], given.query.notes, given.call.args[0].at)
    order, first, counts = sums.by_size(windows)
    steps = np.broadcast_to(wanted, windows.first.shape).reshape(-1)[order]
    found = np.zeros(len(order))
    begin = 0
    while begin < len(order) and counts[begin]:
        width = int(counts[begin])
        end = begin + max(_CELLS // width, 1)
        inside = np.arange(width) < counts[begin:end, None]
        positions = np.minimum(first[begin:end, None] + np.arange(width), len(windows.values) - 1)
        found[begin:end] = quantiles(steps[begin:end], windows.values[positions], inside)
        begin = end
    return sums.back(order, found, windows), present


def _happenings(happens: Callable[[Floats, Floats], Bools]) -> Callable[[Windows], Floats]:
    """How often something holds between a sample and the one before it."""

    def count(windows: Windows) -> Floats:
        found = np.zeros(len(windows.values) + 1, dtype=np.int64)
        np.cumsum(happens(windows.values[:-1], windows.values[1:]), out=found[2:] if len(found) > 1 else found[:0])
        inside = windows.last - 1 > windows.first
        return np.where(
            inside, found[np.maximum(windows.last, 1)] - found[np.minimum(windows.first + 1, len(found) - 1)], 0
        )

    return count


def changed(before: Floats, after: Floats) -> Bools:
    """Whether a value is another one; NaN after NaN is not."""
    other: Bools = (after != before) & ~(np.isnan(after) & np.isnan(before))
    return other


FUNCTIONS: dict[str, Ranged] = {
    "sum_over_time": _each(_sum),
    "avg_over_time": _each(_avg),
    "min_over_time": _each(_reduced(np.fmin)),
    "max_over_time": _each(_reduced(np.fmax)),
    "count_over_time": _each(lambda windows: windows.counts.astype(np.float64)),
    "present_over_time": _each(lambda windows: np.ones(windows.first.shape)),
    "last_over_time": _each(lambda windows: picked(windows, windows.last - 1)),
    "first_over_time": _each(lambda windows: picked(windows, windows.first)),
    "stdvar_over_time": _each(_variance),
    "stddev_over_time": _each(lambda windows: np.sqrt(_variance(windows))),
    "quantile_over_time": _quantile,
    "changes": _each(_happenings(changed)),
    "resets": _each(_happenings(lambda before, after: after < before)),
}
