"""Prometheus' test scripts: text -> what to load and what to ask, in order, between two ``clear``.

Source: the README of ``promql/promqltest`` in Prometheus' source. Older forms (``eval_fail``, ``eval_ordered``,
``expected_fail_message`` …) are read as the newer ones that say the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.conformance.promql_published.notation import (
    Described,
    Labels,
    NotationError,
    Value,
    described,
    duration_ms,
    number,
    unquoted,
)

_LOAD = re.compile(r"load(?P<nhcb>_with_nhcb)?\s+(?P<step>\S+)$")
_INSTANT = re.compile(r"eval(?:_(?P<mode>fail|warn|ordered|info))?\s+instant\s+at\s+(?P<at>\S+)\s+(?P<expr>.+)$")
_RANGE = re.compile(
    r"eval(?:_(?P<mode>fail|warn|info))?\s+range\s+from\s+(?P<start>\S+)\s+to\s+(?P<end>\S+)\s+step\s+(?P<step>\S+)"
    r"\s+(?P<expr>.+)$"
)
_EXPECT = re.compile(
    r"expect\s+(?P<kind>ordered|fail|warn|no_warn|info|no_info)(?:\s+(?P<how>regex|msg):(?P<text>.+))?$"
)
_EXPECT_RANGE = re.compile(r"expect range vector\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)$")
_EXPECT_STRING = re.compile(r"expect string\s+(.+)$")
_OLD_FAIL = re.compile(r"expected_fail_(?P<how>message|regexp)\s*(?P<text>.*)$")
ANYTHING = re.compile(".*", re.DOTALL)


@dataclass(frozen=True)
class Load:
    """Samples: series, and values by time in milliseconds. ``native`` are series of native histograms."""

    series: Sequence[tuple[Labels, Mapping[int, float]]]
    native: Sequence[Labels]
    start_times: bool = False


@dataclass(frozen=True)
class Eval:
    """A question and what to expect. Times are milliseconds; without ``step`` it is asked at ``start`` alone.

    ``series`` are expected values by labels, in order; ``scalar`` and ``text`` say that there is one number or string.
    ``notes`` are patterns by kind: fail, warn, info, and no_warn, no_info, ordered without any.
    """

    line: int
    expr: str
    start: int
    end: int
    step: int = 0
    grid: tuple[int, int] | None = None
    series: Mapping[Labels, tuple[Value, ...]] = field(default_factory=dict)
    scalar: float | None = None
    text: str | None = None
    notes: Mapping[str, tuple[re.Pattern[str], ...]] = field(default_factory=dict)
    native: bool = False


@dataclass(frozen=True)
class Segment:
    """What happens to one empty store."""

    commands: Sequence[Load | Eval]

    @property
    def evals(self) -> list[Eval]:
        """Its questions."""
        return [one for one in self.commands if isinstance(one, Eval)]


def segments(text: str) -> list[Segment]:
    """A script, cut at each ``clear``. ``NotationError`` names the line that cannot be read."""
    found: list[list[Load | Eval]] = [[]]
    for first, lines in _blocks(text):
        try:
            if lines[0].lower() == "clear":
                found.append([])
            elif lines[0].lower().startswith("load"):
                found[-1].append(_load(lines))
            else:
                found[-1].append(_eval(first, lines))
        except (NotationError, ValueError) as error:
            raise NotationError(f"line {first}: {error}") from error
    return [Segment(commands) for commands in found if any(isinstance(one, Eval) for one in commands)]


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Commands with the lines that belong to them, up to an empty line or a comment, and the number of the first."""
    lines = ["" if line.strip().startswith("#") else line.strip() for line in text.split("\n")]
    block: list[str] = []
    for number_, line in enumerate([*lines, ""], 1):
        if line and (not block or block[0].lower() != "clear"):
            block.append(line)
        elif block:
            yield number_ - len(block), block
            block = [line] if line else []


def _load(lines: Sequence[str]) -> Load:
    head = _LOAD.match(lines[0])
    if not head:
        raise NotationError(f"no load: {lines[0]}")
    step = duration_ms(head["step"])
    start_times = any(line.split()[0].endswith("@st") for line in lines[1:])
    rows = [described(line) for line in lines[1:] if not line.split()[0].endswith("@st")]
    native = [row.labels for row in rows if row.native]
    if head["nhcb"]:
        native += [_histogram_of(row.labels) for row in rows if not row.native]
    series = {row.labels: _timed(row, step) for row in rows if not row.native}  # of one named twice, the last counts
    return Load(list(series.items()), native, start_times)


def _timed(row: Described, step: int) -> dict[int, float]:
    return {place * step: value for place, value in enumerate(row.values) if value is not None}


def _histogram_of(labels: Labels) -> Labels:
    """The native histogram that is made of classic buckets."""
    pairs = {key: value for key, value in labels if key != "le"}
    pairs["__name__"] = re.sub("_(bucket|count|sum)$", "", pairs["__name__"])
    return tuple(sorted(pairs.items()))


def _eval(line: int, lines: Sequence[str]) -> Eval:
    if head := _INSTANT.match(lines[0]):
        at = duration_ms(head["at"])
        asked = Eval(line, head["expr"], at, at)
    elif head := _RANGE.match(lines[0]):
        asked = Eval(line, head["expr"], *(duration_ms(head[name]) for name in ("start", "end", "step")))
    else:
        raise NotationError(f"no command: {lines[0]}")
    if head["mode"]:
        asked = _noting(asked, head["mode"], ANYTHING)
    for expected in lines[1:]:
        asked = _expecting(asked, expected)
    return asked


def _expecting(asked: Eval, line: str) -> Eval:
    if found := _EXPECT_RANGE.match(line):
        start, end, step = map(duration_ms, found.groups())
        return replace(asked, start=end, end=end, grid=(start, step))
    if found := _EXPECT_STRING.match(line):
        return replace(asked, text=unquoted(found[1]))
    if found := _EXPECT.match(line):
        return _noting(asked, found["kind"], _pattern(found["how"], found["text"]))
    if found := _OLD_FAIL.match(line):
        return _noting(replace(asked, notes={}), "fail", _pattern(found["how"], found["text"]))
    if (value := number(line)) is not None:
        return replace(asked, scalar=value)
    row = described(line)
    return replace(asked, series={**asked.series, row.labels: row.values}, native=asked.native or row.native)


def _noting(asked: Eval, kind: str, pattern: re.Pattern[str]) -> Eval:
    return replace(asked, notes={**asked.notes, kind: (*asked.notes.get(kind, ()), pattern)})


def _pattern(how: str | None, text: str | None) -> re.Pattern[str]:
    """Go's expressions in the scripts mean the same to Python."""
    if how is None or text is None:
        return ANYTHING
    return re.compile(text.strip()) if how in ("regex", "regexp") else re.compile(f"^{re.escape(text.strip())}$")
