"""Test scripts for PromQL engines, in the language of Prometheus' own (``promtool``'s unit tests use its series, too).

``load STEP`` adds series, ``clear`` removes all, ``eval instant at TIME QUERY`` and ``eval range from START to END
step STEP QUERY`` ask; what follows them, up to an empty line, are expected series, or ``expect`` lines: ``fail``,
``ordered``, ``warn``, ``info``, ``no_warn``, ``no_info``, ``string "…"``. Lines that begin with ``#`` are comments.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from obsctl.embedded.query.promql import engine
from obsctl.embedded.query.vectors.annotations import Notes
from obsctl.embedded.query.vectors.values import RangeVector, Scalar, Steps, StringValue, Value, Vector
from obsctl.languages.errors import QueryError
from obsctl.languages.labels import Labels
from obsctl.languages.promql.parse import parse
from obsctl.languages.units import prom_duration_ms
from tests.unit.embedded.promql_store import SeriesStore

STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
Points = dict[int, float]

_SERIES = re.compile(
    r"(?P<name>[a-zA-Z_:][\w:]*)?\s*(?:\{(?P<labels>(?:[^}\"'`]|\"(?:\\.|[^\"\\])*\"|'[^']*'|`[^`]*`)*)\})?\s*(?P<points>.*)"
)
_LABEL = re.compile(r"""\s*("(?:\\.|[^"\\])*"|[\w.]+)(?:\s*=\s*("(?:\\.|[^"\\])*"|'[^']*'|`[^`]*`))?\s*(?:,|\Z)""")
_NUMBER = r"(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI]nf|[nN]a[nN])"
_POINTS = re.compile(rf"(?P<first>_|stale|[+-]?{_NUMBER})(?P<step>[+-]{_NUMBER})?(?:x(?P<times>\d+))?")
_INSTANT = re.compile(r"eval(?:_(\w+))?\s+instant\s+(?:at\s+)?(\S+)\s+(.*)")
_RANGE = re.compile(r"eval(?:_(\w+))?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.*)")


class UnsupportedError(Exception):
    """A script uses what this runner, or the engine, does not have."""


@dataclass(frozen=True)
class Evaluation:
    """A question with what is expected: label sets with their values, or lines of ``expect``."""

    line: int
    query: str
    steps: Steps
    instant: bool
    expects: tuple[str, ...]
    results: tuple[tuple[str, str], ...]


@dataclass
class Script:
    """Runs a script, a command at a time."""

    text: str
    tolerance: float = 1e-9
    data: dict[Labels, Points] = field(default_factory=dict)

    def evaluations(self) -> Iterator[tuple[Evaluation, SeriesStore]]:
        """Every question, with the data to ask it of."""
        for number, block in _blocks(self.text):
            command = block[0]
            if command == "clear":
                self.data.clear()
            elif command.startswith("load"):
                self._load(command, block[1:])
            else:
                store = SeriesStore.of((dict(labels), points) for labels, points in self.data.items())
                yield _evaluation(number, block), store

    def _load(self, command: str, lines: Sequence[str]) -> None:
        step = prom_duration_ms(command.split()[1])
        for line in lines:
            labels, points = series(line)
            known = self.data.setdefault(labels, {})
            known |= {index * step: value for index, value in enumerate(points) if value is not None}

    def failures(self) -> Iterator[str]:
        """What is not as expected."""
        for evaluation, store in self.evaluations():
            yield from (
                f"line {evaluation.line}: {evaluation.query}: {p}" for p in problems(evaluation, store, self.tolerance)
            )


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    block: list[str] = []
    for number, raw in enumerate([*text.split("\n"), ""], start=1):
        line = raw.strip()
        line = "" if line.startswith("#") else line
        if block and (not line or re.match(r"(?:load\w*|eval\w*)\s|clear\Z", line)):
            yield number - len(block), block
            block = []
        if line:
            block.append(line)


def series(line: str) -> tuple[Labels, list[float | None]]:
    """A label set, and its points; None where there is none."""
    found = _SERIES.fullmatch(line)
    assert found, line
    if "{{" in found["points"]:
        raise UnsupportedError("native histograms")
    return labels_of(found["name"] or "", found["labels"] or ""), list(points_of(found["points"]))


def labels_of(name: str, text: str) -> Labels:
    pairs = {"__name__": name} if name else {}
    for key, value in _LABEL.findall(text):
        if not value:
            pairs["__name__"] = _unquoted(key)
        else:
            pairs[_unquoted(key) if key.startswith('"') else key] = _unquoted(value)
    return tuple(sorted((key, value) for key, value in pairs.items() if value))


def _unquoted(text: str) -> str:
    if text[0] != '"':
        return text[1:-1]
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), text[1:-1])


def points_of(text: str) -> Iterator[float | None]:
    """``1 2+3x2 _ stale``: 1, 2, 5, 8, nothing, a staleness marker."""
    for token in text.split():
        found = _POINTS.fullmatch(token)
        assert found, token
        times = int(found["times"] or 0)
        if found["first"] == "_":
            yield from [None] * max(times, 1)
        elif found["first"] == "stale":
            yield from [STALE] * (times + 1 if found["times"] else 1)
        else:
            value, step = number(found["first"]), number(found["step"] or "0")
            for _ in range(times + 1):
                yield value
                value += step


def number(text: str) -> float:
    if re.fullmatch(r"[+-]?0x[0-9a-fA-F]+", text):
        return float(int(text, 16))
    return float(text)


def _evaluation(line: int, block: Sequence[str]) -> Evaluation:
    head = block[0]
    expects = [one.removeprefix("expect ") for one in block[1:] if one.startswith("expect ")]
    results = tuple(one for one in block[1:] if not one.startswith(("expect ", "expected_")))
    if found := _INSTANT.match(head):
        kind, at, query = found.groups()
        steps = Steps.one(_moment(at))
    else:
        found = _RANGE.match(head)
        assert found, head
        kind, start, end, step, query = found.groups()
        steps = Steps(_moment(start), _moment(end), prom_duration_ms(step))
    if kind:
        expects.append(kind)
    split = [_result(one) for one in results]
    return Evaluation(line, query, steps, bool(_INSTANT.match(head)), tuple(expects), tuple(split))


def _result(line: str) -> tuple[str, str]:
    if _POINTS.fullmatch(line):
        return "", line
    found = _SERIES.fullmatch(line)
    assert found, line
    return line[: found.start("points")].strip(), found["points"].strip()


def _moment(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    bare = text.lstrip("-")
    return sign * (int(float(bare) * 1000) if re.fullmatch(r"[\d.]+", bare) else prom_duration_ms(bare))


def problems(evaluation: Evaluation, store: SeriesStore, tolerance: float) -> Iterator[str]:
    """What differs from what is expected of one question."""
    notes = Notes()
    fails = any(one.split()[0] == "fail" for one in evaluation.expects)
    try:
        value = _asked(evaluation, store, notes)
    except QueryError as error:
        yield from _failed(evaluation, str(error), fails=fails)
        return
    if fails:
        yield f"did not fail, but is {_shown(value)}"
        return
    yield from _noted(evaluation, *notes.told(evaluation.query))
    yield from _different(evaluation, value, tolerance)


def _asked(evaluation: Evaluation, store: SeriesStore, notes: Notes) -> Value:
    expr = parse(evaluation.query)
    if evaluation.instant:
        return engine.instant(store, expr, evaluation.steps.start, notes=notes)
    return engine.over_steps(store, expr, evaluation.steps, notes=notes)


def _failed(evaluation: Evaluation, error: str, *, fails: bool) -> Iterator[str]:
    if not fails:
        yield f"failed: {error}"
    for one in evaluation.expects:
        if one.startswith("fail msg:") and one.removeprefix("fail msg:").strip() not in error:
            yield f"failed with {error!r}"


def _noted(evaluation: Evaluation, warnings: list[str], infos: list[str]) -> Iterator[str]:
    for kind, notes in (("warn", warnings), ("info", infos)):
        wanted = [one for one in evaluation.expects if re.match(rf"{kind}\b", one)]
        if f"no_{kind}" in evaluation.expects and notes:
            yield f"says {notes}"
        if wanted and not notes:
            yield f"has no {kind}"
        for one in wanted:
            text = one.partition("msg:")[2].strip()
            if text and not any(text in note for note in notes):
                yield f"says {notes}, not {text!r}"


def _different(evaluation: Evaluation, value: Value, tolerance: float) -> Iterator[str]:
    if isinstance(value, StringValue):
        wanted = next(one for one in evaluation.expects if one.startswith("string "))
        if _unquoted(wanted.removeprefix("string ").strip()) != value.value:
            yield f"is {value.value!r}"
        return
    if isinstance(value, RangeVector):
        raise UnsupportedError("range vectors")
    steps = evaluation.steps.times.tolist()
    got = _rows(value, steps)
    want = [(labels_of(*_cut(labels)), dict(_times(points, steps))) for labels, points in evaluation.results]
    if "ordered" in evaluation.expects and [labels for labels, _ in got] != [labels for labels, _ in want]:
        yield f"in order is {[labels for labels, _ in got]}"
    mine, theirs = dict(got), dict(want)
    if mine.keys() != theirs.keys():
        yield f"has {sorted(mine.keys() - theirs.keys())} and lacks {sorted(theirs.keys() - mine.keys())}"
    for labels in mine.keys() & theirs.keys():
        if not _same(mine[labels], theirs[labels], tolerance):
            yield f"{labels} is {mine[labels]}, not {theirs[labels]}"


def _cut(text: str) -> tuple[str, str]:
    found = _SERIES.fullmatch(text)
    assert found
    return found["name"] or "", found["labels"] or ""


def _times(points: str, steps: Sequence[int]) -> Iterator[tuple[int, float]]:
    values = list(points_of(points))
    if len(values) > len(steps):
        raise AssertionError(f"{len(values)} values for {len(steps)} steps")
    yield from ((time, value) for time, value in zip(steps, values, strict=False) if value is not None)


def _rows(value: Vector | Scalar, steps: Sequence[int]) -> list[tuple[Labels, Points]]:
    if isinstance(value, Scalar):
        return [((), dict(zip(steps, value.values.tolist(), strict=True)))]
    rows = zip(value.labels, value.values.tolist(), value.present.tolist(), strict=True)
    return [
        (labels, {t: v for t, v, here in zip(steps, row, there, strict=True) if here}) for labels, row, there in rows
    ]


def _same(mine: Points, theirs: Points, tolerance: float) -> bool:
    return mine.keys() == theirs.keys() and all(_close(mine[time], theirs[time], tolerance) for time in mine)


def _close(a: float, b: float, tolerance: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return math.isclose(a, b, rel_tol=tolerance, abs_tol=1e-12)


def _shown(value: Value) -> str:
    return str(_rows(value, [0])) if isinstance(value, Vector | Scalar) and value.values.shape[-1] == 1 else "a result"
