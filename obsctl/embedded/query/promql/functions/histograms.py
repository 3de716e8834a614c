"""Functions of classic histograms: series with a label ``le``, the upper bound of a bucket.

Native histograms cannot be stored, so the functions of those find nothing, as they do in a Prometheus without any.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from obsctl.embedded.query.promql.context import Given, Plain
from obsctl.embedded.query.vectors.aggregate import note_quantile
from obsctl.embedded.query.vectors.annotations import Forced
from obsctl.embedded.query.vectors.labels import METADATA, dropped, merged, value_of
from obsctl.embedded.query.vectors.values import Bools, Floats, Ints, Vector, no_series
from obsctl.languages.labels import Labels
from obsctl.languages.quoting import go_quoted

_BOUND = "le"
_TOLERANCE = 1e-12
"""Differences between buckets below this share come from rounding."""
_NORMAL = float(np.finfo(np.float64).tiny)
_LARGEST = float(np.finfo(np.float64).max)
_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf|infinity|nan)", re.ASCII | re.IGNORECASE)
_HEX = re.compile(r"[+-]?0[xX][0-9a-fA-F]+\.?[0-9a-fA-F]*[pP][+-]?\d+", re.ASCII)


@dataclass(frozen=True)
class _Cells:
    """Histograms with the same bounds: ``counts`` (B, N) of N cells, each of a row of the result at a step."""

    bounds: Floats
    counts: Floats
    rows: Ints
    steps: Ints


def _bound(text: str) -> float | None:
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        return float.fromhex(text) if _HEX.fullmatch(text) else None
    except OverflowError:
        return None


def _histograms(given: Given, index: int) -> tuple[list[Labels], list[_Cells]]:
    """The histograms of a vector: labels of each, and their cells, by bounds."""
    vector = given.vector(index)
    members: dict[Labels, list[tuple[float, int]]] = {}
    for row, labels in enumerate(vector.labels):
        text = value_of(labels, _BOUND)
        bound = _bound(text)
        if bound is not None:
            members.setdefault(dropped(labels, (_BOUND,)), []).append((bound, row))
        elif vector.present[row].any():
            problem = f'bucket label "le" is missing or has a malformed value of {go_quoted(text)}'
            given.query.notes.warn(problem, given.call.args[index].at)
    found: dict[tuple[float, ...], list[_Cells]] = {}
    for row, buckets in enumerate(members.values()):
        for cells in _patterns(vector, row, sorted(buckets)):
            found.setdefault(tuple(cells.bounds.tolist()), []).append(cells)
    return [dropped(labels, METADATA) for labels in members], [_joined(same) for same in found.values()]


def _patterns(vector: Vector, row: int, buckets: Sequence[tuple[float, int]]) -> Iterator[_Cells]:
    """The cells of one histogram, by which of its buckets are there; buckets with equal bounds are added up."""
    bounds = np.array([bound for bound, _ in buckets])
    rows = np.array([number for _, number in buckets])
    for there, steps in _presences(vector.present[rows]):
        here = bounds[there]
        begins = np.concatenate(([True], here[1:] != here[:-1]))
        counts = np.add.reduceat(vector.values[rows[there]][:, steps], np.nonzero(begins)[0], axis=0)
        yield _Cells(here[begins], counts, np.full(len(steps), row), steps)


def _presences(present: Bools) -> Iterator[tuple[Bools, Ints]]:
    """Each combination of rows that are present together, and the steps at which it is so."""
    if present.all():
        yield np.ones(len(present), dtype=np.bool_), np.arange(present.shape[-1])
        return
    patterns, of = np.unique(present, axis=1, return_inverse=True)
    for number, there in enumerate(patterns.T):
        if there.any():
            yield there, np.nonzero(of.reshape(-1) == number)[0]


def _joined(same: Sequence[_Cells]) -> _Cells:
    return _Cells(
        same[0].bounds,
        np.concatenate([cells.counts for cells in same], axis=1),
        np.concatenate([cells.rows for cells in same]),
        np.concatenate([cells.steps for cells in same]),
    )


def _collected(given: Given, index: int, function: Callable[[_Cells], Floats]) -> Vector:
    labels, every = _histograms(given, index)
    values = np.zeros((len(labels), given.query.steps.count))
    present = np.zeros(values.shape, dtype=np.bool_)
    for cells in every:
        values[cells.rows, cells.steps] = function(cells)
        present[cells.rows, cells.steps] = True
    return merged(Vector(labels, values, present).seen())


def _quantile(given: Given) -> Vector:
    wanted = given.scalar(0).values
    note_quantile(wanted, given.query.notes, given.call.args[0].at)
    return _collected(given, 1, lambda cells: _quantiles(given, cells, wanted[cells.steps]))


def _quantiles(given: Given, cells: _Cells, wanted: Floats) -> Floats:
    if cells.bounds[-1] == np.inf:
        valid = (wanted >= 0) & (wanted <= 1)
        counts = _monotonic(given, cells, valid)
        found = _interpolated(cells.bounds, counts, wanted)
    else:
        found = np.full(len(wanted), np.nan)
    found = np.where(wanted < 0, -np.inf, np.where(wanted > 1, np.inf, found))
    return np.where(np.isnan(wanted), np.nan, found)


def _interpolated(bounds: Floats, counts: Floats, wanted: Floats) -> Floats:
    """The value below which a share of the observations lies, spread evenly within a bucket."""
    if len(bounds) < 2:
        return np.full(len(wanted), np.nan)
    total = counts[-1]
    rank = wanted * total
    bucket = (~(counts[:-1] >= rank)).sum(axis=0)
    cell = np.arange(len(wanted))
    below = np.maximum(bucket - 1, 0)
    inner = bucket > 0
    start = np.where(inner, bounds[below], 0.0)
    before = np.where(inner, counts[below, cell], 0.0)
    end = bounds[bucket]
    found = start + (end - start) * ((rank - before) / (counts[bucket, cell] - before))
    found = np.where(~inner & (end <= 0), end, found)
    found = np.where(bucket == len(bounds) - 1, bounds[-2], found)
    return np.where(total == 0, np.nan, found)


def _monotonic(given: Given, cells: _Cells, noted: Bools) -> Floats:
    """Counts that never fall: small differences are ignored, larger ones too but with a note."""
    counts = cells.counts.copy()
    low = np.full(counts.shape[1], np.inf)
    high, difference = -low, np.zeros(counts.shape[1])
    before = counts[0]
    for bound, row in zip(cells.bounds[1:].tolist(), counts[1:], strict=True):
        same = _almost_equal(before, row)
        falls = ~same & (row < before) & noted
        low, high = np.where(falls, np.minimum(low, bound), low), np.where(falls, np.maximum(high, bound), high)
        difference = np.where(falls, np.maximum(difference, before - row), difference)
        row[...] = np.where(same | (row < before), before, row)
        before = row
    forced = np.isfinite(low) | (high > low) | (low == high)
    if forced.any():
        times = given.query.steps.times[cells.steps[forced]]
        bounds = (float(low[forced].min()), float(high[forced].max()))
        span = (int(times.min()), int(times.max()))
        most = float(difference[forced].max())
        given.query.notes.forced(Forced(given.call.args[1].at, span, bounds, most, int(forced.sum())))
    return counts


def _almost_equal(a: Floats, b: Floats) -> Bools:
    total, apart = np.abs(a) + np.abs(b), np.abs(a - b)
    tiny = (a == 0) | (b == 0) | (total < _NORMAL)
    near = np.where(tiny, apart < _TOLERANCE * _NORMAL, apart / np.minimum(total, _LARGEST) < _TOLERANCE)
    equal: Bools = near | (a == b) | (np.isnan(a) & np.isnan(b))
    return equal


def _fraction(given: Given) -> Vector:
    lower, upper = given.scalar(0).values, given.scalar(1).values

    def shares(cells: _Cells) -> Floats:
        low, high, total = lower[cells.steps], upper[cells.steps], cells.counts[-1]
        found = (_rank(cells, high) - _rank(cells, low)) / total
        known = (cells.bounds[-1] == np.inf) & (total != 0) & ~np.isnan(low) & ~np.isnan(high)
        return np.where(known, np.where(low >= high, 0.0, found), np.nan)

    return _collected(given, 2, shares)


def _rank(cells: _Cells, value: Floats) -> Floats:
    """How many observations lie below a value (N)."""
    total = cells.counts[-1]
    found, known = total.copy(), np.zeros(len(value), dtype=np.bool_)
    below = 0.0 if cells.bounds[0] > 0 else -np.inf
    before = np.zeros(len(value))
    for bound, row in zip(cells.bounds.tolist(), cells.counts, strict=True):
        inside = row if below == -np.inf else before + (row - before) * (value - below) / (bound - below)
        reached = ~known & (below >= value)
        within = ~known & (below < value) & (bound > value)
        found = np.where(reached, before, np.where(within, inside, found))
        known |= reached | within
        below, before = bound, row
    rank: Floats = np.minimum(found, total)
    return rank


def _nothing(given: Given) -> Vector:
    return no_series(given.query.steps.count)


FUNCTIONS: dict[str, Plain] = {
    "histogram_quantile": _quantile,
    "histogram_fraction": _fraction,
    **dict.fromkeys(
        ("histogram_avg", "histogram_count", "histogram_sum", "histogram_stddev", "histogram_stdvar"), _nothing
    ),
}
