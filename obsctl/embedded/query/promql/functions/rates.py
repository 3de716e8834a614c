"""``rate`` and its family: what counters and gauges gained in a window."""

from __future__ import annotations

import itertools

import numpy as np

from obsctl.embedded.query.promql.context import Given, Ranged
from obsctl.embedded.query.promql.functions.over_time import picked
from obsctl.embedded.query.vectors.labels import NAME, value_of
from obsctl.embedded.query.vectors.values import Bools, Floats, Ints, Windows
from obsctl.languages.promql.tree import Selector, Subquery

_COUNTER_ENDINGS = ("_total", "_sum", "_count", "_bucket")
_NEAR = 1.1
"""Extrapolation reaches the end of a window when the nearest sample is within this many average distances."""


def _moments(windows: Windows, index: Ints) -> Ints:
    if not len(windows.times):
        return np.zeros(index.shape, dtype=np.int64)
    return windows.times[np.clip(index, 0, len(windows.times) - 1)]


def gained(windows: Windows, *, counter: bool) -> Floats:
    """Last sample minus first; of a counter, what it had before each reset is added."""
    found = picked(windows, windows.last - 1) - picked(windows, windows.first)
    if not counter:
        return found
    falls = windows.values[1:] < windows.values[:-1]
    resets = np.concatenate(([0, 0], np.cumsum(falls)))
    inside = resets[windows.last] > resets[np.minimum(windows.first + 1, len(resets) - 1)]
    inside &= windows.counts > 1
    if inside.any():
        lost = np.append(np.where(falls, windows.values[:-1], 0.0), 0.0)
        bounds = np.stack([windows.first[inside], windows.last[inside] - 1], axis=1).reshape(-1)
        found[inside] += np.add.reduceat(lost, bounds)[::2]
        for row, step in zip(*np.nonzero(inside & ~np.isfinite(found)), strict=True):
            found[row, step] = _in_order(windows.values[windows.first[row, step] : windows.last[row, step]])
    return found


def _in_order(values: Floats) -> float:
    """What a counter gained, added up one after the other: where sums are infinite, the order matters."""
    gain: float = values[-1] - values[0]
    for before, after in itertools.pairwise(values):
        gain += before if after < before else 0.0
    return gain


def _extrapolated(given: Given, windows: Windows, *, counter: bool) -> tuple[Floats, Bools]:
    """What was gained, extrapolated to the whole window, or to where the series seems to begin or end."""
    present = windows.counts > 1
    gain = gained(windows, counter=counter)
    first, last = _moments(windows, windows.first), _moments(windows, windows.last - 1)
    to_start, to_end = (first - windows.starts) / 1000, (windows.ends - last) / 1000
    sampled = (last - first) / 1000
    average = sampled / (windows.counts - 1)
    near = average * _NEAR
    to_start = np.where(to_start >= near, average / 2, to_start)
    if counter:
        # A counter is never negative: it cannot have begun before it was zero.
        value = picked(windows, windows.first)
        to_zero = np.where((gain > 0) & (value >= 0), sampled * (value / gain), to_start)
        to_start = np.where(to_zero < to_start, to_zero, to_start)
    to_end = np.where(to_end >= near, average / 2, to_end)
    factor = (sampled + to_start + to_end) / sampled
    if given.call.name == "rate":
        factor = factor / (_range(given) / 1000)
    return gain * factor, present


def _range(given: Given) -> int:
    arg = given.call.args[0]
    assert isinstance(arg, Selector | Subquery)
    assert arg.range_ms is not None
    return arg.range_ms


def _place(given: Given) -> int:
    """Where the range vector stands; Prometheus forgets it for a subquery."""
    arg = given.call.args[0]
    return arg.at if isinstance(arg, Selector) else 0


def _of_counter(given: Given, windows: Windows) -> tuple[Floats, Bools]:
    values, present = _extrapolated(given, windows, counter=True)
    for labels, row in zip(windows.labels, np.any(present, axis=1, keepdims=True), strict=True):
        name = value_of(labels, NAME)
        if row and name and not name.endswith(_COUNTER_ENDINGS):
            text = f'metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "{name}"'
            given.query.notes.inform(text, _place(given))
    return values, present


def _instant(given: Given, windows: Windows) -> tuple[Floats, Bools]:
    """From the last two samples only."""
    value, before = picked(windows, windows.last - 1), picked(windows, windows.last - 2)
    seconds = (_moments(windows, windows.last - 1) - _moments(windows, windows.last - 2)) / 1000
    found = value - before
    if given.call.name == "irate":
        found = np.where(value < before, value, found) / seconds
    return found, windows.counts > 1


FUNCTIONS: dict[str, Ranged] = {
    "rate": _of_counter,
    "increase": _of_counter,
    "delta": lambda given, windows: _extrapolated(given, windows, counter=False),
    "irate": _instant,
    "idelta": _instant,
}
