"""The lists of ``obsctl top``: what stands in them, and how a row is drawn in so many cells. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from obsctl.overview.figures import NONE, ago, duration, health, percent, rate
from obsctl.overview.frame import AlertState, CallFigures, Frame, Listed, ServiceFigures, TraceRow
from obsctl.report.waterfall_canvas import Canvas, Line

T = TypeVar("T")

NAMES = 200
"""Characters of a name that are looked at, at most."""

_FIGURE = 10
_COLUMNS = f"{'RATE':>{_FIGURE}}{'FAILED':>{_FIGURE}}{'P95':>{_FIGURE}}"
_STATE, _AGE = 11, 6
_TIME, _DURATION, _SPANS = 9, 9, 6
_STYLES = {"bad": "red", "some": "yellow", "firing": "red", "pending": "yellow"}


@dataclass(frozen=True)
class TopRow:
    """A row: ``key`` tells it from the others of its list, ``words`` is what it is found by.

    ``trace_id`` is the trace that it opens, "" for none; ``draw`` fills the width of a canvas.
    """

    key: str
    words: str
    draw: Callable[[Canvas], Line]
    trace_id: str = ""


@dataclass(frozen=True)
class TopList:
    """A list with its title, the titles of its columns, and what is said instead of rows or below them.

    ``total`` counts its rows without a filter; None where they could not be asked for.
    """

    name: str
    columns: str
    rows: tuple[TopRow, ...]
    total: int | None
    said: Line

    def filtered(self, words: str) -> TopList:
        """The rows that have all of the words."""
        wanted = words.casefold().split()
        if not wanted:
            return self
        return replace(self, rows=tuple(row for row in self.rows if all(word in row.words for word in wanted)))


def lists(frame: Frame) -> tuple[TopList, ...]:
    """Services, calls, alerts and traces of a frame."""
    return (
        _list("Services", frame.services, _service, _COLUMNS),
        _list("Calls", frame.calls, _call, _COLUMNS),
        _list("Alerts", frame.alerts, partial(_alert, now=frame.at)),
        _list("Traces", frame.traces, _trace),
    )


def _list(name: str, found: Listed[T], row: Callable[[T], TopRow], columns: str = "") -> TopList:
    rows = tuple(map(row, found.rows))
    said = [(found.problem, "red")] if found.problem else []
    if found.note:
        said.append((found.note, "dim"))
    if not rows and not said:
        said.append(("none in this time", "dim"))
    return TopList(name, columns, rows, len(rows) if rows or not found.problem else None, said)


def _service(row: ServiceFigures) -> TopRow:
    def draw(canvas: Canvas) -> Line:
        return _figures(canvas, canvas.text(row.name, NAMES), row)

    return TopRow(row.name, _words(row.name), draw)


def _call(row: CallFigures) -> TopRow:
    def draw(canvas: Canvas) -> Line:
        return _figures(canvas, _pair(canvas, row, canvas.width - 3 * _FIGURE), row)

    key = f"{row.caller}\0{row.callee}"
    return TopRow(key, _words(row.caller, row.callee, *row.kinds), draw)


def _pair(canvas: Canvas, row: CallFigures, cells: int) -> str:
    """Caller and callee, each cut where both do not fit."""
    arrow = f" {canvas.glyphs.arrow} "
    caller, callee = canvas.text(row.caller, NAMES), canvas.text(row.callee, NAMES)
    kinds = f" ({', '.join(kind.replace('_', ' ') for kind in row.kinds)})" if row.kinds else ""
    half = max(4, (cells - len(arrow)) // 2)
    if len(caller) > half and len(caller) + len(callee) + len(arrow) > cells:
        caller = canvas.fit(caller, half).rstrip()
    return caller + arrow + callee + canvas.text(kinds, NAMES)


def _figures(canvas: Canvas, name: str, row: ServiceFigures | CallFigures) -> Line:
    style = _STYLES.get(health(row.failed), "")
    return [
        (canvas.fit(name, max(1, canvas.width - 3 * _FIGURE)), style),
        (_right(canvas, rate(row.rate)), ""),
        (_right(canvas, percent(row.failed)), style),
        (_right(canvas, duration(row.p95)), ""),
    ]


def _right(canvas: Canvas, figure: str, cells: int = _FIGURE) -> str:
    if canvas.ascii:
        figure = figure.replace("µs", canvas.glyphs.micro).replace(NONE, canvas.glyphs.dot)
    return f"{figure:>{cells}}"


def _alert(row: AlertState, now: float) -> TopRow:
    labels = [f"{name}={value}" for name, value in sorted(row.labels.items()) if name != "alertname"]

    def draw(canvas: Canvas) -> Line:
        style = _STYLES.get(row.state, "dim")
        since = ago(now - row.since) if row.since else ""
        return [
            (canvas.fit(canvas.text(row.state, NAMES), _STATE), style),
            (canvas.fit(since, _AGE), "dim"),
            (canvas.text(row.name, NAMES), "bold"),
            (f"  {canvas.text(row.summary or ' '.join(labels), NAMES)}", ""),
        ]

    key = "\0".join((row.name, *labels))
    return TopRow(key, _words(row.name, row.state, row.summary, *labels), draw)


def _trace(row: TraceRow) -> TopRow:
    def draw(canvas: Canvas) -> Line:
        failed = row.errors > 0
        root = f"{row.service}: {row.name or row.trace_id}" if row.service else f"root not arrived: {row.trace_id}"
        return [
            (f"{canvas.glyphs.error if failed else ' '} ", "red"),
            (canvas.fit(_clock(row.start_ns), _TIME), "dim"),
            (_right(canvas, duration(row.duration_ns / 1e9), _DURATION), ""),
            (f"{f'{row.spans:,}':>{_SPANS}}  ", "dim"),
            (canvas.text(root, NAMES), "red" if failed else ""),
        ]

    words = _words(row.service, row.name, row.trace_id, "failed error" if row.errors else "")
    return TopRow(row.trace_id, words, draw, row.trace_id)


def _clock(start_ns: int) -> str:
    try:
        return time.strftime("%H:%M:%S", time.localtime(start_ns // 10**9))
    except (ValueError, OverflowError, OSError):
        return "?"


def _words(*texts: str) -> str:
    return " ".join(text[:NAMES] for text in texts).casefold()
