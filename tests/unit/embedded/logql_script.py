"""Test scripts for LogQL engines: lines to push, queries, and what they answer. Nothing in them knows an engine.

A block begins at the margin; what belongs to it is indented, and it ends with an empty line or the next block:

- ``stream {a="b"}``: lines of a stream, each ``TIME LINE`` or ``TIME [x="y"] LINE`` with structured metadata.
- ``lines [forward|backward] [limit N] [from TIME to TIME] QUERY``: expected: ``TIME {labels} LINE``, in order.
- ``instant TIME QUERY``: expected: ``{labels} VALUE`` in any order (after ``ordered``: in this one), or a number.
- ``range START END STEP QUERY``: expected are ``{labels} VALUE VALUE …``, ``_`` for a step without one.
- ``error QUERY``: a part of the error, of a query over the range; ``error instant QUERY`` of an instant query.
- ``clear``: forget all streams. Lines that begin with ``#`` are comments.

Times are offsets from ``BASE`` in seconds. In expected lines and in lines to push, ``\\n``, ``\\t`` and ``\\e`` are a
newline, a tabulator and an escape; any other backslash stands for itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

BASE = 1_754_000_000
"""2025-07-31T22:13:20Z."""

SECOND = 10**9
SPAN = 3_600
"""Seconds after ``BASE`` that ``lines`` looks at, unless it says otherwise."""

Ask = Callable[[str, Mapping[str, Any]], httpx.Response]
"""A GET of a path under ``/loki/api/v1``."""
Push = Callable[[Mapping[str, Any]], None]

_LABEL = re.compile(r'\s*([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"\s*(?:,|\Z)')
_PAIR = r'[a-zA-Z_]\w*="(?:[^"\\]|\\.)*"'
_LABELS = r'(?:[^}"]|"(?:[^"\\]|\\.)*")*'
_PUSHED = re.compile(rf"(-?[\d.]+)\s+(?:\[({_PAIR}(?:,\s*{_PAIR})*)\]\s?)?(.*)")
_LINE = re.compile(rf"(-?[\d.]+)\s+\{{({_LABELS})\}}\s?(.*)")
_SERIES = re.compile(rf"\{{({_LABELS})\}}\s+(.*)")
_LINES = re.compile(r"lines(?: (forward|backward))?(?: limit (\d+))?(?: from (\S+) to (\S+))? (.*)")
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\e": "\x1b"}


@dataclass(frozen=True)
class Server:
    """A server without lines."""

    push: Push
    ask: Ask


@dataclass
class Script:
    """Runs a script, a block at a time."""

    text: str
    fresh: Callable[[], Server]
    cases: int = field(default=0, init=False)

    def failures(self) -> Iterator[str]:
        """What is not as expected."""
        server = self.fresh()
        for number, head, body in _blocks(self.text):
            word, _, rest = head.partition(" ")
            if word == "clear":
                server = self.fresh()
            elif word == "stream":
                server.push({"streams": [{"stream": labels_of(rest[1:-1]), "values": [_pushed(one) for one in body]}]})
            else:
                self.cases += 1
                yield from (f"line {number}: {head}: {problem}" for problem in _CHECKS[word](server, head, body))


def _blocks(text: str) -> Iterator[tuple[int, str, list[str]]]:
    block: tuple[int, str, list[str]] | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith("#"):
            continue
        if block and line.startswith((" ", "\t")):
            block[2].append(line.strip())
            continue
        if block:
            yield block
        block = (number, line, []) if line.strip() else None
    if block:
        yield block


def _unescaped(text: str) -> str:
    return re.sub(r"\\[nte]", lambda found: _ESCAPES[found[0]], text)


def labels_of(text: str) -> dict[str, str]:
    """``a="b", c="d"``."""
    found = {name: _unescaped(re.sub(r'\\(["\\])', r"\1", value)) for name, value in _LABEL.findall(text)}
    assert bool(found) == bool(text.strip()), text
    return found


def _ns(text: str) -> str:
    return str(BASE * SECOND + round(float(text) * SECOND))


def _pushed(line: str) -> list[Any]:
    found = _PUSHED.fullmatch(line)
    assert found, line
    moment, metadata, text = found.groups()
    return [_ns(moment), _unescaped(text), *([labels_of(metadata)] if metadata else [])]


def _answered(answer: httpx.Response) -> Any:
    return answer.json()["data"] if answer.status_code == 200 else f"failed: {answer.status_code} {answer.text}"


def _check_lines(server: Server, head: str, body: Sequence[str]) -> Iterator[str]:
    found = _LINES.fullmatch(head)
    assert found, head
    direction, limit, start, end, query = found.groups()
    params = {
        "query": query,
        "direction": direction or "forward",
        "limit": limit or "1000",
        "start": _ns(start or "0"),
        "end": _ns(end or str(SPAN)),
    }
    data = _answered(server.ask("query_range", params))
    if isinstance(data, str):
        yield data
        return
    got = [
        (moment, sorted(stream["stream"].items()), line)
        for stream in data["result"]
        for moment, line in stream["values"]
    ]
    wanted = [_expected_line(one) for one in body]
    order = (direction or "forward") == "backward"
    got.sort(key=lambda one: int(one[0]), reverse=order)
    if got != wanted:
        yield f"gives {got}, not {wanted}"


def _expected_line(text: str) -> tuple[str, list[tuple[str, str]], str]:
    found = _LINE.fullmatch(text)
    assert found, text
    return _ns(found[1]), sorted(labels_of(found[2]).items()), _unescaped(found[3])


def _check_instant(server: Server, head: str, body: Sequence[str]) -> Iterator[str]:
    _, at, query = head.split(" ", 2)
    data = _answered(server.ask("query", {"query": query, "time": _ns(at)}))
    if isinstance(data, str):
        yield data
    elif data["resultType"] == "scalar":
        if not _close([data["result"][1]], list(body)):
            yield f"gives {data['result'][1]}"
    else:
        assert data["resultType"] == "vector"
        got = [(sorted(one["metric"].items()), [one["value"][1]]) for one in data["result"]]
        yield from _differences(got, [_expected_series(one) for one in body if one != "ordered"], "ordered" in body)


def _check_range(server: Server, head: str, body: Sequence[str]) -> Iterator[str]:
    _, start, end, step, query = head.split(" ", 4)
    params = {"query": query, "start": _ns(start), "end": _ns(end), "step": step}
    data = _answered(server.ask("query_range", params))
    if isinstance(data, str):
        yield data
        return
    assert data["resultType"] == "matrix"
    times = [BASE + float(start) + n * float(step) for n in range(int((float(end) - float(start)) / float(step)) + 1)]
    got = []
    for one in data["result"]:
        values = dict(one["values"])
        got.append((sorted(one["metric"].items()), [values.get(time, "_") for time in times]))
    yield from _differences(got, [_expected_series(one) for one in body], ordered=False)


Row = tuple[list[tuple[str, str]], list[str]]


def _expected_series(text: str) -> Row:
    found = _SERIES.fullmatch(text)
    assert found, text
    return sorted(labels_of(found[1]).items()), found[2].split()


def _differences(got: list[Row], wanted: list[Row], ordered: bool) -> Iterator[str]:
    if not ordered:
        got, wanted = sorted(got), sorted(wanted)
    same = [labels for labels, _ in got] == [labels for labels, _ in wanted]
    if not same or not all(_close(a, b) for (_, a), (_, b) in zip(got, wanted, strict=True)):
        yield f"gives {got}, not {wanted}"


def _close(got: Sequence[str], wanted: Sequence[str]) -> bool:
    return len(got) == len(wanted) and all(map(_same, got, wanted))


def _same(got: str, wanted: str) -> bool:
    if "_" in (got, wanted) or "NaN" in (got, wanted):
        return got == wanted
    return math.isclose(float(got), float(wanted), rel_tol=1e-9, abs_tol=1e-12)


def _check_error(server: Server, head: str, body: Sequence[str]) -> Iterator[str]:
    query = head.removeprefix("error ")
    params: dict[str, Any] = {"query": query.removeprefix("instant ")}
    if query.startswith("instant "):
        answer = server.ask("query", {**params, "time": _ns("60")})
    else:
        answer = server.ask("query_range", {**params, "start": _ns("0"), "end": _ns(str(SPAN))})
    kind = answer.headers["content-type"]
    if answer.status_code != 400 or not kind.startswith("text/plain"):
        yield f"is no error: {answer.status_code} {kind} {answer.text[:200]}"
    yield from (f"says {answer.text!r}" for part in body if part not in answer.text)


_CHECKS = {"lines": _check_lines, "instant": _check_instant, "range": _check_range, "error": _check_error}
