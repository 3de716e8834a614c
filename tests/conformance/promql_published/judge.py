"""Whether the answers of the query API are what a script expects of an evaluation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.conformance.promql_published.notation import Labels, Value, almost_equal
from tests.conformance.promql_published.script import Eval

MINUTE = 60_000
_PREFIX = re.compile(r'^invalid parameter "query": ')
_POSITION = re.compile(r"^(?:\d+:\d+: )?(parse error: )?")
_PLACE = re.compile(r"(?:, from buckets .*)? \(\d+:\d+\)$|, from buckets .*$")
"""What an answer says of where and how often, and the scripts do not."""

_VARYING = re.compile(r"(?:start|end|range|step)\(\)")
"""What is something else over a range."""


class UnexpectedError(AssertionError):
    """What differs."""


def over_range(asked: Eval) -> bool:
    """Whether an evaluation at one time is to be asked over a range around it, too."""
    plain = asked.grid is None and asked.text is None and not _VARYING.search(asked.expr)
    return not asked.step and plain and "fail" not in asked.notes


def judge(asked: Eval, answer: Mapping[str, Any]) -> None:
    """The answer to the evaluation itself. ``UnexpectedError`` says what is wrong with it."""
    if "fail" in asked.notes:
        _failed(asked, answer)
        return
    _succeeded(answer)
    _noted(asked, "warn", answer.get("warnings", []))
    _noted(asked, "info", answer.get("infos", []))
    data = answer["data"]
    kind, result = data["resultType"], data["result"]
    if kind == "string":
        _check(asked.text == result[1], f"the text {result[1]!r}")
    elif kind == "scalar":
        _check(asked.scalar is not None and almost_equal(asked.scalar, float(result[1])), f"the number {result[1]}")
    elif kind == "vector":
        _check(asked.scalar is None, "a vector instead of a number")
        _vector(asked, [(_labels(one), one["value"]) for one in result])
    else:
        _matrix(asked, result)


def judge_middle(asked: Eval, answer: Mapping[str, Any]) -> None:
    """The answer over a range from a minute before to a minute after an instant evaluation: the same in the middle."""
    _succeeded(answer)
    rows = answer["data"]["result"]
    _in_order(rows)
    if "ordered" in asked.notes:
        return
    middle = [(_labels(row), point) for row in rows for point in row["values"] if round(point[0] * 1000) == asked.start]
    if asked.scalar is not None:
        _check(len(middle) == 1 and almost_equal(asked.scalar, float(middle[0][1][1])), f"{middle} over a range")
    else:
        _vector(asked, middle)


def _check(holds: bool, seen: str) -> None:
    if not holds:
        raise UnexpectedError(f"got {seen}")


def _succeeded(answer: Mapping[str, Any]) -> None:
    _check(answer["status"] == "success", f"the error {answer.get('error')}")


def _failed(asked: Eval, answer: Mapping[str, Any]) -> None:
    _check(answer["status"] == "error", "an answer instead of an error")
    text = _PREFIX.sub("", answer["error"])
    texts = (text, _POSITION.sub("", text))
    _check(any(asked.notes["fail"][0].search(one) for one in texts), f"the error {text}")


def _noted(asked: Eval, kind: str, notes: Sequence[str]) -> None:
    told = [_PLACE.sub("", one) for one in notes]
    if f"no_{kind}" in asked.notes:
        _check(not told, f"{kind}: {told}")
    patterns = asked.notes.get(kind, ())
    for pattern in patterns:
        _check(any(pattern.search(one) for one in told), f"{kind}: {told}, without {pattern.pattern}")
    if patterns:
        strange = [one for one in told if not any(pattern.search(one) for pattern in patterns)]
        _check(not strange, f"{kind}: {strange}, which is not expected")


def _labels(row: Mapping[str, Any]) -> Labels:
    return tuple(sorted(row["metric"].items()))


def _vector(asked: Eval, rows: Sequence[tuple[Labels, Sequence[Any]]]) -> None:
    _same_series(asked, [labels for labels, _ in rows])
    for labels, (_, text) in rows:
        [expected] = asked.series[labels][:1]
        same = expected is not None and almost_equal(expected, float(text))
        _check(same, f"{text} instead of {expected} for {dict(labels)}")
    if "ordered" in asked.notes:
        order = [labels for labels, _ in rows]
        _check(order == list(asked.series), f"the order {[dict(labels) for labels in order]}")


def _matrix(asked: Eval, rows: Sequence[Mapping[str, Any]]) -> None:
    _check(asked.scalar is None, "a matrix instead of a number")
    _check("ordered" not in asked.notes, "a matrix, which has no order")
    _in_order(rows)
    _same_series(asked, [_labels(row) for row in rows])
    start, step = asked.grid or (asked.start, asked.step)
    for row in rows:
        expected = list(_points(asked.series[_labels(row)], start, step))
        seen = [(round(time * 1000), float(text)) for time, text in row["values"]]
        same = len(seen) == len(expected) and all(
            time == at and almost_equal(one, other) for (time, one), (at, other) in zip(seen, expected, strict=True)
        )
        _check(same, f"{seen} instead of {expected} for {row['metric']}")


def _points(values: Sequence[Value], start: int, step: int) -> Iterator[tuple[int, float]]:
    for place, value in enumerate(values):
        if value is not None:
            yield start + place * step, value


def _same_series(asked: Eval, labels: Sequence[Labels]) -> None:
    for one in labels:
        _check(one in asked.series, f"the series {dict(one)}, which is not expected")
    for one in asked.series:
        _check(one in labels, f"no series {dict(one)}")
    _check(len(set(labels)) == len(labels), "a series twice")


def _in_order(rows: Sequence[Mapping[str, Any]]) -> None:
    labels = [_labels(row) for row in rows]
    _check(labels == sorted(labels), "a matrix that is not in order of labels")
