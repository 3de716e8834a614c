"""The notation of series in Prometheus' test scripts: labels, values with repetition, numbers, durations.

Source: the README of ``promql/promqltest`` and the documentation of ``promtool test rules``.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from tests.conformance.promql_differential.dataset import STALE

NAME = "__name__"
Labels = tuple[tuple[str, str], ...]
"""Pairs of label name and value, in order, the name of the metric among them."""

Value = float | None
"""A sample; None where there is none."""

_UNITS_MS = {
    "ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000,
}  # fmt: skip
_DURATION = re.compile(r"(\d+)(ms|[smhdwy])")
_NUMBER = r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[iI][nN][fF]|[nN][aA][nN])"
_ITEM = re.compile(
    rf"(?P<base>{_NUMBER}|_|stale)(?:(?P<step>[-+]{_NUMBER.removeprefix('[-+]?')}))?(?:x(?P<times>\d+))?"
)
_QUOTED = r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)"""
_METRIC = re.compile(
    r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:.]*)?\s*(?:\{(?!\{)(?P<labels>(?:" + _QUOTED + r"|[^}\"'`])*)\})?"
)
_PAIR = re.compile(rf"\s*(?P<name>[a-zA-Z_][a-zA-Z0-9_.]*|{_QUOTED})\s*(?:=\s*(?P<value>{_QUOTED}))?\s*(?:,|$)")
_HISTOGRAM = re.compile(r"\{\{.*?\}\}")


class NotationError(ValueError):
    """A line that is not in the notation."""


@dataclass(frozen=True)
class Described:
    """One line: a series and its values, step after step. ``native`` when some of them are native histograms."""

    labels: Labels
    values: tuple[Value, ...]
    native: bool = False


def described(line: str) -> Described:
    """``metric{a="b"} 1 2+3x4 _ stale``."""
    if line.startswith("{{"):
        return Described((), (), native=True)
    found = _METRIC.match(line)
    if not found or not found[0].strip():
        raise NotationError(f"no series: {line}")
    labels = _labels(found["name"], found["labels"] or "")
    rest = line[found.end() :].strip()
    if _HISTOGRAM.search(rest):
        return Described(labels, (), native=True)
    return Described(labels, tuple(value for item in rest.split() for value in _values(item)))


def _labels(name: str | None, inside: str) -> Labels:
    pairs = {NAME: name} if name else {}
    position = 0
    while inside[position:].strip():
        found = _PAIR.match(inside, position)
        if not found:
            raise NotationError(f"no labels: {inside}")
        key = unquoted(found["name"]) if found["name"][0] in "\"'`" else found["name"]
        pairs |= {NAME: key} if found["value"] is None else {key: unquoted(found["value"])}
        position = found.end()
    return tuple(sorted((key, value) for key, value in pairs.items() if value))


def unquoted(text: str) -> str:
    """A string of Go, in one of its three kinds of quotes."""
    inside = text[1:-1]
    if text[0] == "`":
        return inside
    if text[0] == "'":
        inside = inside.replace("\\'", "'").replace('"', '\\"')
    loaded: str = json.loads(f'"{inside}"'.replace("\t", "\\t"))
    return loaded


def _values(item: str) -> Iterator[Value]:
    found = _ITEM.fullmatch(item)
    if not found:
        raise NotationError(f"no value: {item}")
    times = int(found["times"] or 0)
    if found["base"] == "_":
        yield from [None] * max(times, 1)
    elif found["base"] == "stale":
        yield from [STALE] * (times + 1)
    else:
        value, step = float(found["base"]), float(found["step"] or 0)
        for _ in range(times + 1):
            yield value
            value += step


def number(text: str) -> float | None:
    """A line that is a number and nothing else."""
    try:
        return float(int(text, 0))
    except ValueError:
        return float(text) if re.fullmatch(_NUMBER, text) else None


def duration_ms(text: str) -> int:
    """``1h30m``, or ``0``."""
    if text == "0":
        return 0
    if not re.fullmatch(rf"(?:{_DURATION.pattern})+", text):
        raise NotationError(f"no duration: {text}")
    return sum(int(count) * _UNITS_MS[unit] for count, unit in _DURATION.findall(text))


def almost_equal(first: float, second: float) -> bool:
    """Whether two values differ by less than a millionth of their sum: the scripts' own measure."""
    stale = (is_stale(first), is_stale(second))
    if any(stale) or (math.isnan(first) and math.isnan(second)):
        return all(stale) or not any(stale)
    if first == second:
        return True
    if math.isinf(first) or math.isinf(second) or math.isnan(first) or math.isnan(second):
        return False
    together = abs(first) + abs(second)
    if 0 in (first, second) or together < _LEAST:
        return abs(first - second) < _EPSILON * _LEAST
    return abs(first - second) / min(together, _MOST) < _EPSILON


_EPSILON = 1e-6
_LEAST = 2.0**-1022
_MOST = 1.7976931348623157e308


def is_stale(value: float) -> bool:
    """Whether a value is the marker that ends a series."""
    return struct.pack("<d", value) == struct.pack("<d", STALE)
