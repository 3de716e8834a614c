"""Functions of one number: roots, logarithms, angles, rounding, clamping."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from obsctl.embedded.query.promql.context import Given, Plain
from obsctl.embedded.query.vectors.labels import without_metadata
from obsctl.embedded.query.vectors.values import Floats, Scalar, Vector


def _each(function: Callable[[Floats], Floats], given: Given) -> Vector:
    vector = given.vector(0)
    return without_metadata(Vector(vector.labels, function(vector.values), vector.present))


def _sign(values: Floats) -> Floats:
    return np.where(np.isnan(values) | (values == 0), values, np.sign(values))


def _round(given: Given) -> Vector:
    """To the nearest multiple, halves up. The inverse is used as Prometheus does, which loses less."""
    nearest = given.scalar(1).values if len(given.args) > 1 else np.ones(given.query.steps.count)
    inverse = 1.0 / nearest
    return _each(lambda values: np.floor(values * inverse + 0.5) / inverse, given)


def _clamp(given: Given) -> Vector:
    low, high = _bounds(given)
    found = _each(lambda values: np.maximum(low, np.minimum(high, values)), given)
    return Vector(found.labels, found.values, found.present & ~(high < low))


def _bounds(given: Given) -> tuple[Floats, Floats]:
    endless = np.full(given.query.steps.count, np.inf)
    match given.call.name:
        case "clamp_min":
            return given.scalar(1).values, endless
        case "clamp_max":
            return -endless, given.scalar(1).values
        case _:
            return given.scalar(1).values, given.scalar(2).values


_OF_ONE_NUMBER: dict[str, Callable[[Floats], Floats]] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "floor": np.floor,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "ln": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "rad": lambda values: values * np.pi / 180,
    "deg": lambda values: values * 180 / np.pi,
    "sgn": _sign,
}
FUNCTIONS: dict[str, Plain] = {
    **{name: partial(_each, function) for name, function in _OF_ONE_NUMBER.items()},
    "round": _round,
    "clamp": _clamp,
    "clamp_min": _clamp,
    "clamp_max": _clamp,
    "pi": lambda given: Scalar(np.full(given.query.steps.count, np.pi)),
}
