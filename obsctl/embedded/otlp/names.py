"""OTLP metric names as Prometheus names: the "UnderscoreEscapingWithSuffixes" strategy of Prometheus' OTLP receiver.

Source: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility", metric metadata.
"""

from __future__ import annotations

import re
from functools import lru_cache

_UNITS = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "TiBy": "tibibytes",
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "TBy": "terabytes",
    "m": "meters",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "g": "grams",
    "Cel": "celsius",
    "Hz": "hertz",
    "%": "percent",
}
_PER = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}
_NOT_IN_NAME = re.compile(r"[^a-zA-Z0-9:]+")


@lru_cache(maxsize=10_000)
def metric_name(name: str, unit: str, *, total: bool = False, gauge: bool = False) -> str:
    """The Prometheus name: escaped, with the unit and ``_total`` or ``_ratio`` behind it unless they are there.

    Args:
        name: OTLP name, for instance ``http.server.duration``.
        unit: UCUM unit, for instance ``ms``, ``By/s`` or ``{request}``.
        total: whether it is a monotonic sum.
        gauge: whether it is a gauge, for which the unit ``1`` means a ratio.
    """
    words = [word for word in _NOT_IN_NAME.split(name) if word]
    for suffix in unit_suffixes(unit):
        if suffix not in words:
            words.append(suffix)
    if total:
        words = [word for word in words if word != "total"] + ["total"]
    if gauge and unit == "1":
        words = [word for word in words if word != "ratio"] + ["ratio"]
    escaped = "_".join(words)
    return f"_{escaped}" if escaped[:1].isdigit() else escaped


def unit_suffixes(unit: str) -> list[str]:
    """Words for a UCUM unit; none for a part with an annotation and for the unit ``1``."""
    main, slash, per = unit.partition("/")
    words = [word for word in (_word(main.strip(), _UNITS),) if word]
    divisor = _word(per.strip(), _PER) if slash else ""
    return words + ([f"per_{divisor}"] if divisor else [])


def _word(unit: str, known: dict[str, str]) -> str:
    return "" if unit == "1" or "{" in unit or "}" in unit else _NOT_IN_NAME.sub("_", known.get(unit, unit)).strip("_")
