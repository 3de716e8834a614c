"""Numbers, durations and sizes, as queries spell them and as labels carry them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from obsctl.languages.logql.tree import Unit
from obsctl.languages.quoting import excerpt
from obsctl.languages.units import MS_NS, go_duration_ns, prom_duration_ms

_SIZE = re.compile(r"(\d[\d,]{0,30}(?:\.\d{0,30})?|\.\d{1,30})\s*([A-Za-z]{0,3})", re.ASCII)
_LITERAL_SIZE = re.compile(r"[\d.]+[BikKMGTP]+", re.ASCII)
_SIZE_UNITS: Mapping[str, int] = {
    "": 1,
    "b": 1,
    **{f"{prefix}{suffix}": 1000**power for power, prefix in enumerate("kmgtpe", 1) for suffix in ("", "b")},
    **{f"{prefix}i{suffix}": 1024**power for power, prefix in enumerate("kmgtpe", 1) for suffix in ("", "b")},
}
_NUMBER = re.compile(
    r"[+-]?(?:(?:\d[\d_]{0,400}\.?\d{0,400}|\.\d{1,400})(?:[eE][+-]?\d{1,4})?|inf(?:inity)?|nan)",
    re.ASCII | re.IGNORECASE,
)


def number(text: str) -> float:
    """A float as Go's ``ParseFloat`` reads it. ``ValueError`` for anything else."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"strconv.ParseFloat: parsing {excerpt(text)}: invalid syntax")
    return float(text)


def literal_bytes(text: str) -> float:
    """A size as a query may spell it: without a blank, and with ``k`` as the only small letter of its unit."""
    if not _LITERAL_SIZE.fullmatch(text):
        raise ValueError(f"{excerpt(text)} is no size")
    return size_bytes(text)


def duration_ns(text: str) -> int:
    """A duration of a query: Prometheus' form (``1d``), or Go's (``1.5h``). Nanoseconds."""
    try:
        return go_duration_ns(text)
    except ValueError:
        return prom_duration_ms(text) * MS_NS


def size_bytes(text: str) -> float:
    """``5 MiB``, ``3k``, ``1.5GB``: a size in bytes, the fraction cut off. ``ValueError`` for anything else."""
    found = _SIZE.fullmatch(text.strip())
    unit = _SIZE_UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise ValueError(f"unhandled size name or number: {excerpt(text)}")
    return float(math.floor(float(found[1].replace(",", "")) * unit))


READERS: Mapping[Unit, Callable[[str], float]] = {"number": number, "duration": go_duration_ns, "bytes": size_bytes}
"""How a label's value is read to be compared with a literal of each unit."""

_LITERALS: Mapping[str, tuple[Unit, Callable[[str], float]]] = {
    "NUMBER": ("number", number),
    "DURATION": ("duration", duration_ns),
    "BYTES": ("bytes", literal_bytes),
}


def literal(kind: str, text: str) -> tuple[Unit, float]:
    """The unit and value of a literal in a label filter, of the kind that its token has."""
    unit, read = _LITERALS[kind]
    return unit, read(text)
