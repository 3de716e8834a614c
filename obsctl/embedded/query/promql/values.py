"""What expressions evaluate to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from obsctl.embedded.signals import Labels
from obsctl.embedded.store.base import Points

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
        return (self.end - self.start) // self.step + 1

    @property
    def times(self) -> Ints:
        """All of them."""
        return self.start + np.arange(self.count, dtype=np.int64) * self.step


@dataclass(frozen=True)
class Vector:
    """An instant vector at every step: a row per series, a column per step; no value where ``present`` is false."""

    labels: Sequence[Labels]
    values: Floats
    present: Bools


@dataclass(frozen=True)
class RangeVector:
    """A range vector at one time: raw samples, staleness markers left out."""

    labels: Sequence[Labels]
    points: Sequence[Points]


@dataclass(frozen=True)
class Scalar:
    """A number at every step."""

    values: Floats


@dataclass(frozen=True)
class Text:
    """A string literal."""

    value: str


Value = Vector | RangeVector | Scalar | Text
