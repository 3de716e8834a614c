"""Whether two answers are the same: values to 1e-9, everything else exactly."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

RELATIVE = 1e-9
ABSOLUTE = 1e-12
"""For what is left when nearly equal numbers are subtracted."""

_POSITION = re.compile(r"(?:\d+:\d+: )?parse error: ")
_SAMPLES = re.compile(r"over -?\d+ samples")
_PAIR = re.compile(r"operation: \[(.*)\];many")
_ORDERED = re.compile(r"(?:sort|sort_desc)\(")
Answer = dict[str, Any]


def differences(query: str, theirs: Answer, ours: Answer) -> Iterator[str]:
    """What differs between Prometheus' answer and ours."""
    if theirs["status"] != ours["status"]:
        yield f"status: {_short(theirs)} / {_short(ours)}"
    elif theirs["status"] == "error":
        yield from _errors(theirs, ours)
    else:
        yield from _values(query, theirs["data"], ours["data"])
        for kind in ("warnings", "infos"):
            mine, other = (sorted(map(_noted, answer.get(kind, []))) for answer in (ours, theirs))
            if mine != other and not _cut_short(mine, other):
                yield f"{kind}: {other} / {mine}"


def _errors(theirs: Answer, ours: Answer) -> Iterator[str]:
    if theirs["errorType"] != ours["errorType"]:
        yield f"type: {_short(theirs)} / {_short(ours)}"
    if theirs["errorType"] == "execution" and _shape(theirs["error"]) != _shape(ours["error"]):
        yield f"text: {theirs['error']} / {ours['error']}"


def same_words(theirs: Answer, ours: Answer) -> bool:
    """Whether a refused query is refused in the same words, positions aside."""
    return _POSITION.sub("", theirs["error"]) == _POSITION.sub("", ours["error"])


def _shape(error: str) -> str:
    """An error without what depends on the order of series, which is not defined over a range."""
    return _PAIR.sub("operation: [..];many", re.sub(r"group \{.*?\} on", "group {..} on", error))


def _noted(text: str) -> str:
    """Prometheus counts what it has counted before once more at each step."""
    return _SAMPLES.sub("over .. samples", text)


def _cut_short(mine: list[str], other: list[str]) -> bool:
    """Whether there were more notes than are shown: which ones are is left to chance."""
    return len(mine) == len(other) and any("omitted" in text for text in (*mine, *other))


def _values(query: str, theirs: Answer, ours: Answer) -> Iterator[str]:
    if theirs["resultType"] != ours["resultType"]:
        yield f"type of result: {theirs['resultType']} / {ours['resultType']}"
        return
    if theirs["resultType"] in ("scalar", "string"):
        if not _same(theirs["result"], ours["result"]):
            yield f"{theirs['result']} / {ours['result']}"
        return
    other, mine = _by_labels(theirs), _by_labels(ours)
    if other.keys() != mine.keys():
        missing, extra = sorted(other.keys() - mine.keys()), sorted(mine.keys() - other.keys())
        yield f"series only theirs {missing[:3]}, only ours {extra[:3]}"
    if len(theirs["result"]) != len(ours["result"]):
        yield f"series: {len(theirs['result'])} / {len(ours['result'])}"
    for labels in sorted(other.keys() & mine.keys()):
        yield from (f"{labels}: {problem}" for problem in _points(other[labels], mine[labels]))
    if theirs["resultType"] == "vector" and _ORDERED.match(query) and not _same_order(theirs, ours):
        yield "order"
    if theirs["resultType"] == "matrix" and [*other] != [*mine]:
        yield "order"


def _by_labels(data: Answer) -> dict[tuple[tuple[str, str], ...], list[Any]]:
    values = "value" if data["resultType"] == "vector" else "values"
    return {
        tuple(sorted(one["metric"].items())): [one[values]] if values == "value" else one[values]
        for one in data["result"]
    }


def _points(theirs: list[Any], ours: list[Any]) -> Iterator[str]:
    if [time for time, _ in theirs] != [time for time, _ in ours]:
        yield f"times: {len(theirs)} {theirs[:2]} / {len(ours)} {ours[:2]}"
        return
    for left, right in zip(theirs, ours, strict=True):
        if not _same(left, right):
            yield f"{left} / {right}"
            return


def _same(left: list[Any], right: list[Any]) -> bool:
    """Whether two points are equal: their values to 1e-9, and in the same form when they are equal."""
    if left[0] != right[0]:
        return False
    if left[1] == right[1]:
        return True
    try:
        first, second = float(left[1]), float(right[1])
    except ValueError:
        return False
    if first == second:
        return first == 0  # minus zero
    return math.isclose(first, second, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def _same_order(theirs: Answer, ours: Answer) -> bool:
    """Whether values are in the same order; series with equal values may change places."""
    return all(_same(a["value"], b["value"]) for a, b in zip(theirs["result"], ours["result"], strict=True))


def _short(answer: Answer) -> str:
    return str(
        {key: str(value)[:160] for key, value in answer.items() if key in ("status", "error", "errorType", "data")}
    )
