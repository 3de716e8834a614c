"""Functions between vectors and scalars, and those that only put a vector in order."""

from __future__ import annotations

import numpy as np

from obsctl.embedded.query.promql.context import Given, Plain
from obsctl.embedded.query.vectors.labels import labels_of_absent, without_metadata
from obsctl.embedded.query.vectors.values import Bools, Scalar, Vector
from obsctl.languages.promql.tree import Expr, Selector


def _vector(given: Given) -> Vector:
    values = given.scalar(0).values[None, :]
    return Vector([()], values, np.ones(values.shape, dtype=np.bool_))


def _scalar(given: Given) -> Scalar:
    """The value of the only series; NaN where there is none, or more."""
    vector = given.vector(0)
    single = vector.present.sum(axis=0) == 1
    return Scalar(np.where(single, np.where(vector.present, vector.values, 0.0).sum(axis=0), np.nan))


def _sorted(given: Given) -> Vector:
    """In order of value, NaN last; only one step can be put in order."""
    vector = given.vector(0)
    if given.query.steps.count > 1:
        text = "sort is ineffective for range queries since results are always ordered by labels"
        given.query.notes.warn(text, given.call.at)
        return vector
    values = vector.values[:, 0]
    size = -values if given.call.name == "sort_desc" else values
    return vector.rows(np.lexsort((size, np.isnan(values))))


def _timestamp(given: Given) -> Vector:
    """The evaluation time; of a selector the engine takes the time of the sample instead."""
    vector = given.vector(0)
    times = np.broadcast_to(given.query.steps.times / 1000, vector.values.shape)
    return without_metadata(Vector(vector.labels, times, vector.present))


def _absent(given: Given) -> Vector:
    return absent(given.vector(0), given.call.args[0])


def absent(vector: Vector, expr: Expr) -> Vector:
    """1 at steps at which no series has a value, with the labels that the selector asks for."""
    missing: Bools = ~np.any(vector.present, axis=0, keepdims=True)
    labels = labels_of_absent(expr.matchers) if isinstance(expr, Selector) else ()
    return Vector([labels], np.ones(missing.shape), missing).seen()


FUNCTIONS: dict[str, Plain] = {
    "vector": _vector,
    "scalar": _scalar,
    "sort": _sorted,
    "sort_desc": _sorted,
    "timestamp": _timestamp,
    "absent": _absent,
}
