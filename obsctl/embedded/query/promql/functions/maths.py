"""Functions of one number: roots, logarithms, angles, rounding, clamping."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from obsctl.embedded.query.promql.context import Given, Plain
from obsctl.embedded.query.vectors.labels import without_metadata
from obsctl.embedded.query.vectors.values import Floats, Scalar, Vector

_PER_LN10 = 0.43429448190325182765
_PER_LN2 = 1.44269504088896340736
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_HALF_ROOT = 0.70710678118654752440
_L = (
    *(6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01),
    *(1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01),
)
_FRACTION, _HALF = (1 << 52) - 1, 1022 << 52


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
    """Go's ``math.Log`` to the last bit, as it is on amd64 (FreeBSD's ``e_log.c``).

    A subnormal m * 2^-1074 is read as (2^52 + m) * 2^-1075 there.
    """
    found = _log_of_bits(np.ascontiguousarray(values).view(np.int64))
    with np.errstate(all="ignore"):
        return np.where((values > 0) & (values < np.inf), found, np.log(values))


def _log_of_bits(bits: npt.NDArray[np.int64]) -> Floats:
    """The logarithm of positive numbers, of their bits: of what it gives for others nothing is used."""
    fraction = ((bits & _FRACTION) | _HALF).view(np.float64)
    exponent = ((bits >> 52) & 0x7FF).astype(np.float64) - 1022.0
    small = fraction < _HALF_ROOT
    f = np.where(small, fraction * 2.0, fraction) - 1.0
    k = np.where(small, exponent - 1.0, exponent)
    s = f / (2.0 + f)
    s2 = s * s
    s4 = s2 * s2
    odd = s2 * (_L[0] + s4 * (_L[2] + s4 * (_L[4] + s4 * _L[6])))
    even = s4 * (_L[1] + s4 * (_L[3] + s4 * _L[5]))
    half = 0.5 * f * f
    found: Floats = k * _LN2_HIGH - ((half - (s * (half + (odd + even)) + k * _LN2_LOW)) - f)
    return found


def _log2(values: Floats) -> Floats:
    """Go's ``math.Log2``: exact for powers of two."""
    fraction, exponent = np.frexp(values)
    return np.where(fraction == 0.5, exponent - 1.0, _ln(fraction) * _PER_LN2 + exponent)


def _log10(values: Floats) -> Floats:
    """Go's ``math.Log10``."""
    return _ln(values) * _PER_LN10


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
    "log2": _log2,
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
