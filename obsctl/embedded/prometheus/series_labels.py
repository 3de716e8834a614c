"""The labels of a series, however it arrives: their limits, and the spelling of numbers in ``le`` and ``quantile``.

The limits bound what one series takes in memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

from obsctl.languages.labels import Labels

MAX_LABELS = 128
MAX_NAME = 1_024
MAX_VALUE = 16_384
"""Characters of a label's name and value."""


def label_fault(names: Sequence[str], labels: Labels) -> str:
    """Why a series cannot be stored: ``names`` as they came, ``labels`` as they would be stored. Empty when it can."""
    if not any(name == "__name__" for name, _ in labels):
        return "series without a metric name"
    if len(set(names)) != len(names):
        return "series with a label given twice"
    if "" in names:
        return "series with a label without a name"
    if len(labels) > MAX_LABELS:
        return f"series with more than {MAX_LABELS} labels"
    if any(len(name) > MAX_NAME or len(value) > MAX_VALUE for name, value in labels):
        return f"series with a label of more than {MAX_NAME} characters, or a value of more than {MAX_VALUE}"
    return ""


@lru_cache(maxsize=4096)
def plain_number(value: float) -> str:
    """As ``label_number``, without exponents and ``.0``: how Prometheus' OTLP receiver writes bounds and quantiles."""
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
