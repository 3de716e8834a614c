"""Functions of one number: roots, logarithms, angles, rounding, clamping."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from obsctl.embedded.query.promql.context import Given, Plain
from obsctl.embedded.query.vectors.labels import without_metadata
from obsctl.embedded.query.vectors.values import Floats, Scalar, Vector

_LEAST_NORMAL = 2.0**-1022
_LOG10_2 = 0.30102999566398119521


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


def _lesser(a: Floats, b: Floats) -> Floats:
    """Go's ``math.Min``: -Inf is the least of anything, of NaN too."""
    return np.where((a == -np.inf) | (b == -np.inf), -np.inf, np.minimum(a, b))


def _greater(a: Floats, b: Floats) -> Floats:
    """Go's ``math.Max``: +Inf is the greatest of anything, of NaN too."""
    return np.where((a == np.inf) | (b == np.inf), np.inf, np.maximum(a, b))


def _ln(values: Floats) -> Floats:
    """Go's ``math.Log`` as it is on amd64, where a subnormal m * 2^-1074 is read as (2^52 + m) * 2^-1075."""
    read_as = np.log1p(values / _LEAST_NORMAL) - 1023 * np.log(2.0)
    return np.where(_subnormal(values), read_as, np.log(values))


def _log10(values: Floats) -> Floats:
    """Go's ``math.Log10``, which is that of two in other units."""
    return np.where(_subnormal(values), _ln(values) / np.log(10.0), np.log2(values) * _LOG10_2)


def _subnormal(values: Floats) -> npt.NDArray[np.bool_]:
    return (values > 0) & (values < _LEAST_NORMAL)


def _clamp(given: Given) -> Vector:
    low, high = _bounds(given)
    found = _each(lambda values: _greater(low, _lesser(high, values)), given)
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
    "ln": _ln,
    "log2": np.log2,
    "log10": _log10,
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
