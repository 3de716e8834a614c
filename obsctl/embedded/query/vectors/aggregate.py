"""Aggregations that give one series per group: ``sum``, ``avg``, ``min`` and so on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from obsctl.embedded.query.vectors import sums
from obsctl.embedded.query.vectors.annotations import Notes
from obsctl.embedded.query.vectors.labels import NAME, dropped, kept, merged, numbered, replaced, valid_name
from obsctl.embedded.query.vectors.values import Bools, Floats, Ints, Scalar, Vector
from obsctl.languages.errors import ExecutionError
from obsctl.languages.labels import Labels
from obsctl.languages.numbers import format_plain, go_float
from obsctl.languages.quoting import go_quoted


class LabelGrouping(Protocol):
    """How an aggregation groups series: ``by`` some labels, or ``without`` them. A node of PromQL's or LogQL's tree."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that it names."""
        ...

    @property
    def without(self) -> bool:
        """Whether the groups keep all labels but those."""
        ...


_EXACT = 2.0**53
_FEW = 50
"""When there are fewer sums than that, they are made one by one."""


@dataclass(frozen=True)
class _By:
    labels: tuple[str, ...]
    without: bool = False


@dataclass(frozen=True)
class Groups:
    """The rows of a vector in order of their group: group g is ``[starts[g]:starts[g + 1]]`` of ``order``."""

    labels: Sequence[Labels]
    order: Ints
    starts: Ints
    values: Floats
    present: Bools

    @property
    def sizes(self) -> Ints:
        """How many rows a group has (G)."""
        return np.diff(np.append(self.starts, len(self.order)))

    @property
    def few(self) -> bool:
        """Whether groups are better taken one by one, as lists of numbers."""
        return len(self.starts) * len(self.values[0]) < _FEW

    @property
    def all_exact(self) -> bool:
        """Whether no sum of any of the values is rounded: all are integers, and not large."""
        values = self.values[self.present]
        if not np.isfinite(values).all():
            return False
        largest = float(np.abs(values).max(initial=0.0)) * len(self.order)
        return largest < _EXACT and bool((values == np.trunc(values)).all())

    def members(self, group: int, step: int) -> list[float]:
        """The values of a group at a step."""
        rows = slice(int(self.starts[group]), int(self.starts[group] + self.sizes[group]))
        found: list[float] = self.values[rows, step][self.present[rows, step]].tolist()
        return found

    def each(self, function: Callable[[list[float]], float]) -> Floats:
        """A function of the values of each group that has any at a step."""
        found = np.zeros((len(self.starts), self.values.shape[1]))
        for group, step in np.ndindex(found.shape):
            values = self.members(group, step)
            if values:
                found[group, step] = function(values)
        return found

    @property
    def counts(self) -> Ints:
        """How many values a group has at a step (G, T)."""
        return np.add.reduceat(self.present.astype(np.int64), self.starts, axis=0)


def key(by: LabelGrouping) -> Callable[[Labels], Labels]:
    """The labels of the group that a series belongs to."""
    names = frozenset(by.labels)
    if by.without:
        return lambda labels: dropped(labels, names | {NAME})
    return lambda labels: kept(labels, names)


def grouped(by: LabelGrouping, vector: Vector) -> Groups:
    """A vector cut into groups, in order of appearance. It has at least one series."""
    of = key(by)
    is_one = not by.labels and not by.without
    numbers, labels = numbered([()] if is_one else [of(one) for one in vector.labels])
    numbers = np.repeat(numbers, len(vector.labels)) if is_one else numbers
    order = np.argsort(numbers, kind="stable")
    starts = np.searchsorted(numbers[order], np.arange(len(labels)))
    return Groups(labels, order, starts, vector.values[order], vector.present[order])


def simple(op: str, by: LabelGrouping, vector: Vector) -> Vector:
    """Aggregations without a parameter."""
    if not vector.labels:
        return vector
    groups = grouped(by, vector)
    counts = groups.counts
    return Vector(groups.labels, _SIMPLE[op](groups, counts), counts > 0).seen()


def _sum(groups: Groups, _counts: Ints) -> Floats:
    if groups.all_exact:
        # The sum of a group is never minus zero.
        return np.add.reduceat(np.where(groups.present, groups.values, 0.0), groups.starts, axis=0) + 0.0
    if groups.few:
        return groups.each(lambda values: sum(sums.total(values)))
    running = _running(groups)
    return np.where(np.isinf(running.sum), running.sum, running.sum + running.lost)


def _avg(groups: Groups, counts: Ints) -> Floats:
    if groups.all_exact:
        return _sum(groups, counts) / counts
    if groups.few:
        return groups.each(sums.mean)
    running = _running(groups)
    found: Floats = running.sum / counts + running.lost / counts
    # Only a sum can overflow, not a mean: where it did, the mean is had in another way.
    for group, step in zip(*np.nonzero(np.isinf(running.sum)), strict=True):
        found[group, step] = sums.mean(groups.members(group, step))
    return found


def _running(groups: Groups) -> sums.KahanSums:
    """Sums of all groups at all steps, shaped (G, T)."""
    order = np.argsort(-groups.sizes, kind="stable")
    steps = groups.values.shape[1]
    running = sums.KahanSums(len(order) * steps)
    masked = np.where(groups.present, groups.values, 0.0)
    for rows in sums.columns(groups.starts[order], groups.sizes[order]):
        running.add(masked[rows].reshape(-1))
    back = np.argsort(order)
    running.sum = running.sum.reshape(-1, steps)[back]
    running.lost = running.lost.reshape(-1, steps)[back]
    return running


def _least(groups: Groups, _counts: Ints) -> Floats:
    return np.fmin.reduceat(np.where(groups.present, groups.values, np.nan), groups.starts, axis=0)


def _most(groups: Groups, _counts: Ints) -> Floats:
    return np.fmax.reduceat(np.where(groups.present, groups.values, np.nan), groups.starts, axis=0)


def _variance(groups: Groups, counts: Ints) -> Floats:
    """Of the population, by Welford's method."""
    if groups.few:
        return groups.each(sums.squares) / counts
    order = np.argsort(-groups.sizes, kind="stable")
    shape = (len(order), groups.values.shape[1])
    seen, mean, squares = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for rows in sums.columns(groups.starts[order], groups.sizes[order]):
        size, here, values = len(rows), groups.present[rows], groups.values[rows]
        seen[:size] += here
        apart = values - mean[:size]
        step = np.where(seen[:size] > 1, apart / seen[:size], apart)
        mean[:size] = np.where(here, mean[:size] + step, mean[:size])
        first = np.where(np.isfinite(values), 0.0, np.nan)
        more = np.where(seen[:size] > 1, apart * (values - mean[:size]), first)
        squares[:size] += np.where(here, more, 0.0)
    return squares[np.argsort(order)] / counts


_SIMPLE: dict[str, Callable[[Groups, Ints], Floats]] = {
    "sum": _sum,
    "avg": _avg,
    "min": _least,
    "max": _most,
    "count": lambda _, counts: counts.astype(np.float64),
    "group": lambda _, counts: np.ones(counts.shape),
    "stdvar": _variance,
    "stddev": lambda groups, counts: np.sqrt(_variance(groups, counts)),
}


def quantile(by: LabelGrouping, vector: Vector, wanted: Scalar, notes: Notes, at: int) -> Vector:
    """The φ-quantile of each group, interpolated between neighbours."""
    low, high = wanted.values.min(), wanted.values.max()  # NaN when any is
    extremes = np.array([max(high, 0.5), min(low, 0.5)]) if low <= high else np.array([np.nan])
    note_quantile(extremes, notes, at)
    if not vector.labels:
        return vector
    groups = grouped(by, vector)
    counts = groups.counts
    values = np.zeros(counts.shape)
    ends = np.append(groups.starts[1:], len(groups.order))
    for group, (start, end) in enumerate(zip(groups.starts.tolist(), ends.tolist(), strict=True)):
        values[group] = quantiles(wanted.values, groups.values[start:end].T, groups.present[start:end].T)
    return Vector(groups.labels, values, counts > 0).seen()


def quantiles(wanted: Floats, values: Floats, present: Bools) -> Floats:
    """The quantile ``wanted`` (N) of each row of values (N, K); NaN counts as less than any number."""
    nans = (np.isnan(values) & present).sum(axis=1)
    counts = present.sum(axis=1)
    ordered = np.sort(np.where(present, np.where(np.isnan(values), -np.inf, values), np.inf), axis=1)
    rank = wanted * (counts - 1)
    whole = np.floor(np.where(np.isfinite(rank), rank, 0.0))
    lower = np.clip(whole, 0, None).astype(np.int64)
    lower = np.minimum(lower, np.maximum(counts - 1, 0))
    upper = np.minimum(np.maximum(counts - 1, 0), lower + 1)
    weight = rank - whole
    rows = np.arange(len(values))
    low = np.where(lower < nans, np.nan, ordered[rows, lower])
    high = np.where(upper < nans, np.nan, ordered[rows, upper])
    found = low * (1 - weight) + high * weight
    found = np.where(wanted < 0, -np.inf, np.where(wanted > 1, np.inf, found))
    return np.where(np.isnan(wanted), np.nan, found)


def note_quantile(wanted: Floats, notes: Notes, at: int) -> None:
    """Warn of each quantile that is none."""
    for value in np.unique(wanted[~((wanted >= 0) & (wanted <= 1))]).tolist():
        notes.warn(f"quantile value should be between 0 and 1, got {go_float(value)}", at)


def count_values(by: LabelGrouping, vector: Vector, label: str) -> Vector:
    """How often each value occurs in a group; the value becomes a label."""
    if not valid_name(label):
        raise ExecutionError(f"invalid label name {go_quoted(label)}")
    of = key(by if by.without else _By((*by.labels, label)))
    rows, columns = np.nonzero(vector.present)
    values = vector.values[rows, columns].tolist()
    names = [
        of(replaced(vector.labels[row], label, format_plain(value)))
        for row, value in zip(rows.tolist(), values, strict=True)
    ]
    numbers, labels = numbered(names)
    counts = np.zeros((len(labels), vector.values.shape[1]))
    np.add.at(counts, (numbers, columns), 1.0)
    return merged(Vector(labels, counts, counts > 0))
