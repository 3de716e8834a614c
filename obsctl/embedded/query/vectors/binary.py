"""Binary operators with a scalar on at least one side, and what all of them do to two numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from obsctl.embedded.query.vectors.labels import without_metadata
from obsctl.embedded.query.vectors.values import Bools, Floats, Scalar, Vector
from obsctl.languages.promql.tree import Matching


class BinaryOperator(Protocol):
    """A binary operator of PromQL's or LogQL's tree."""

    @property
    def op(self) -> str:
        """Its symbol or word, in lower case."""
        ...

    @property
    def returns_bool(self) -> bool:
        """Whether a comparison returns 0 or 1 instead of filtering."""
        ...

    @property
    def matching(self) -> Matching:
        """How two vectors are joined."""
        ...


ARITHMETIC: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
}
COMPARISON: dict[str, Callable[[Floats, Floats], Bools]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}
SETS = frozenset(("and", "or", "unless"))


def applied(expr: BinaryOperator, left: Floats, right: Floats, kept: Floats) -> tuple[Floats, Bools | None]:
    """The result for pairs of numbers, and which of them pass a comparison (None: all).

    ``kept`` is the result of a comparison that holds and does not return a bool.
    """
    if expr.op in ARITHMETIC:
        return ARITHMETIC[expr.op](left, right), None
    holds = COMPARISON[expr.op](left, right)
    return (holds.astype(np.float64), None) if expr.returns_bool else (kept, holds)


def scalars(expr: BinaryOperator, left: Scalar, right: Scalar) -> Scalar:
    """Two scalars; a comparison is 0 or 1."""
    if expr.op in ARITHMETIC:
        return Scalar(ARITHMETIC[expr.op](left.values, right.values))
    return Scalar(COMPARISON[expr.op](left.values, right.values).astype(np.float64))


def with_scalar(expr: BinaryOperator, vector: Vector, scalar: Scalar, *, vector_is_left: bool) -> Vector:
    """A vector and a scalar. A comparison keeps the vector's values, on whichever side it stands."""
    other = np.broadcast_to(scalar.values, vector.values.shape)
    left, right = (vector.values, other) if vector_is_left else (other, vector.values)
    values, holds = applied(expr, left, right, vector.values)
    present = vector.present if holds is None else vector.present & holds
    found = Vector(vector.labels, values, present)
    return without_metadata(found) if expr.op in ARITHMETIC or expr.returns_bool else found
