"""Floats as Prometheus writes them into the labels ``le`` and ``quantile``."""

from __future__ import annotations

import math
from decimal import Decimal
from functools import lru_cache


@lru_cache(maxsize=4096)
def plain_number(value: float) -> str:
    """The same without exponents and without ``.0``: how Prometheus' OTLP receiver writes bounds and quantiles."""
    if not math.isfinite(value):
        return label_number(value)
    return format(Decimal(repr(value)).normalize(), "f") if value else "0"


@lru_cache(maxsize=4096)
def label_number(value: float) -> str:
    """Shortest decimal that reads back the same: ``0.25``, ``1.0``, ``1e+06``, ``+Inf``.

    Prometheus 3 brings these labels to the OpenMetrics form (Go's ``%g`` with the shortest digits, which turns to
    exponents below 1e-4 and from 1e6 on, plus ``.0`` for whole numbers), so ``le="1"`` and ``le="1.0"`` are one series.
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")
    if value == 0:
        return "0.0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    power = len(digits) + int(exponent) - 1
    minus = "-" if sign else ""
    if -4 <= power < 6:
        plain = format(Decimal(repr(abs(value))).normalize(), "f")
        return minus + (plain if "." in plain else f"{plain}.0")
    mantissa = f"{text[0]}.{text[1:]}" if len(text) > 1 else text
    return f"{minus}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
