"""What expressions evaluate to. Shapes: S series, T steps. Times are milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from obsctl.embedded.store.base import Points
from obsctl.languages.labels import Labels

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Steps:
    """The times an expression is evaluated at: ``start``, ``start + step`` … up to ``end``. Milliseconds."""

    start: int
    end: int
    step: int

    @classmethod
    def one(cls, time: int) -> Steps:
        """A single evaluation time (an instant query)."""
        return cls(time, time, 1)

    @property
    def count(self) -> int:
        """How many there are."""
        return max((self.end - self.start) // self.step + 1, 0)

    @property
    def times(self) -> Ints:
        """All of them."""
        return self.start + np.arange(self.count, dtype=np.int64) * self.step


@dataclass(frozen=True)
class Vector:
    """An instant vector at every step: ``values`` (S, T); there is no value where ``present`` (S, T) is false."""

    labels: Sequence[Labels]
    values: Floats
    present: Bools

    def rows(self, index: Ints | Bools | Sequence[int] | slice) -> Vector:
        """Some of its series."""
        chosen = np.arange(len(self.labels))[index]
        return Vector([self.labels[i] for i in chosen.tolist()], self.values[index], self.present[index])

    @property
    def used(self) -> Bools:
        """Which series have a value at any step (S)."""
        found: Bools = np.logical_or.reduce(self.present, axis=1)
        return found

    def seen(self) -> Vector:
        """The series that have a value at any step."""
        used = self.used
        return self if used.all() else self.rows(used)


@dataclass(frozen=True)
class Windows:
    """A range vector at every step.

    ``times`` and ``values`` hold the samples of all series, one series after another and in time order. The window of
    series s at step t is ``[first[s, t]:last[s, t]]`` of them, and covers ``(starts[t], ends[t]]``. ``labels`` keep the
    metric name.
    """

    labels: Sequence[Labels]
    times: Ints
    values: Floats
    first: Ints
    last: Ints
    starts: Ints
    ends: Ints

    @property
    def counts(self) -> Ints:
        """How many samples each window has (S, T)."""
        return self.last - self.first


@dataclass(frozen=True)
class RangeVector:
    """A range vector at one time: raw samples, staleness markers left out."""

    labels: Sequence[Labels]
    points: Sequence[Points]


@dataclass(frozen=True)
class Scalar:
    """A number at every step (T)."""

    values: Floats


@dataclass(frozen=True)
class StringValue:
    """A string literal."""

    value: str


Value = Vector | RangeVector | Scalar | StringValue


def no_series(steps: int) -> Vector:
    """A vector without series."""
    return Vector([], np.zeros((0, steps)), np.zeros((0, steps), dtype=np.bool_))


def broadcast(value: Vector | Scalar, steps: int) -> Vector | Scalar:
    """A value of one step, at every step."""
    if isinstance(value, Scalar):
        return Scalar(np.repeat(value.values, steps))
    return Vector(value.labels, np.repeat(value.values, steps, axis=1), np.repeat(value.present, steps, axis=1))
