"""``obsctl trace`` for people: one request drawn across everything that it touched.

``waterfall`` gives rich text, ``render_plain`` the same without colour. Both take what telemetry says as hostile: all
of it goes through ``safe``, and the drawing is bounded in width by the terminal and in length by ``limit``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from rich.text import Text

from obsctl.report import waterfall_sections as sections
from obsctl.report.console import console
from obsctl.report.waterfall_canvas import Canvas, Line, Scale, axis, bar, service_colours
from obsctl.report.waterfall_plan import plan
from obsctl.report.waterfall_rows import NoteRow, SpanRow, rows
from obsctl.trace.export import to_json
from obsctl.trace.model import TraceTree

LIMIT = 200
PIPE_WIDTH = 120
"""Columns where there is no terminal to ask."""
MIN_WIDTH = 40
NO_BARS, NO_SELF = 72, 60
"""Below these widths bars are left out, then self times."""

_FIGURE = 8
_MIN_TREE = 18
_MARKED = ("orphan", "cycle", "duplicate")


def show(
    tree: TraceTree,
    *,
    width: int | None = None,
    logs: str = "all",
    limit: int = LIMIT,
    ascii: bool = False,  # noqa: A002
) -> None:
    """Print the drawing on stdout, in colour where that is a terminal that wants it."""
    out = console(sys.stdout)
    cells = width or (out.width if out.is_terminal else PIPE_WIDTH)
    coloured = out.is_terminal and not out.no_color
    plain = ascii or not can_draw(sys.stdout.encoding)
    out.print(waterfall(tree, width=cells, colour=coloured, ascii=plain, limit=limit, logs=logs), soft_wrap=True)


def show_json(tree: TraceTree) -> None:
    """Print the assembled tree as one JSON object on stdout."""
    sys.stdout.write(json.dumps(to_json(tree), indent=2) + "\n")


def waterfall(
    tree: TraceTree,
    *,
    width: int,
    colour: bool,
    ascii: bool = False,  # noqa: A002 - what the option is called
    limit: int = LIMIT,
    logs: str = "all",
) -> Text:
    """The drawing as one rich text with newlines, no line wider than ``width`` cells (at least 40).

    ``limit`` bounds the rows of spans. ``logs`` is ``none``, ``all`` (INFO and above) or the lowest level to show.
    """
    canvas = Canvas(max(MIN_WIDTH, width), ascii, service_colours(tree.services))
    text = Text(no_wrap=True, overflow="crop")
    for number, line in enumerate(_lines(tree, canvas, limit, logs)):
        if number:
            text.append("\n")
        for piece, style in canvas.cut(line):
            text.append(piece, style if colour and style else None)
    return text


def render_plain(tree: TraceTree, width: int) -> str:
    """The drawing as text without any escape sequence."""
    return waterfall(tree, width=width, colour=False).plain


def _lines(tree: TraceTree, canvas: Canvas, limit: int, logs: str) -> Iterator[Line]:
    yield from sections.header(tree, canvas)
    yield []
    yield from _drawing(tree, canvas, limit, logs)
    for section in (
        sections.critical(tree, canvas),
        sections.gaps(tree, canvas),
        sections.errors(tree, canvas),
        sections.unattached_logs(tree, canvas, logs),
    ):
        for number, line in enumerate(section):
            if not number:
                yield []
            yield line


def _drawing(tree: TraceTree, canvas: Canvas, limit: int, logs: str) -> Iterator[Line]:
    """Column titles with the time axis, the rows, what was left out, and the legend."""
    decided = plan(tree, max(1, limit))
    drawn = list(rows(tree, decided, canvas, logs))
    columns = _Columns(tree, canvas, [row for row in drawn if isinstance(row, SpanRow)])
    yield columns.title()
    for row in drawn:
        yield columns.span(row) if isinstance(row, SpanRow) else columns.note(row)
    if decided.left_out:
        text = f"  {canvas.glyphs.ellipsis} {decided.left_out:,} more spans, not drawn; draw more with --limit"
        yield [(text, "yellow")]
    yield from columns.legend()


class _Columns:
    """The widths of the columns, and how each kind of row fills them."""

    def __init__(self, tree: TraceTree, canvas: Canvas, drawn: list[SpanRow]) -> None:
        self.canvas = canvas
        self.critical: dict[int, list[tuple[int, int]]] = {}
        for segment in tree.critical:
            if not segment.waiting:
                self.critical.setdefault(segment.node, []).append((segment.start_ns, segment.end_ns))
        names = [len(canvas.text(row.node.span.service, 40)) for row in drawn]
        self.service = min(max([7, *names]), 10 if canvas.width < 100 else 16)
        self.self_time = _FIGURE if canvas.width >= NO_SELF else 0
        rest = canvas.width - 2 - 1 - self.service - _FIGURE - self.self_time
        wanted = max([_MIN_TREE, *(2 * len(row.rail) + len(row.node.span.name) + 6 for row in drawn)])
        bars = canvas.width >= NO_BARS
        self.tree = min(wanted, (rest - 2) * 11 // 20) if bars else rest
        self.scale = Scale(tree.start_ns, tree.end_ns, rest - 2 - self.tree) if bars else None

    def title(self) -> Line:
        """Names of the columns, and the time axis."""
        own = f"{'SELF':>{self.self_time}}" if self.self_time else ""
        names = f"  {'SPAN':<{self.tree}} {'SERVICE':<{self.service}}{'DUR':>{_FIGURE}}{own}"
        return [(names, "bold"), (f"  {axis(self.scale, self.canvas)}" if self.scale else "", "dim")]

    def span(self, row: SpanRow) -> Line:
        """Mark, tree, service, figures and bar of one row."""
        canvas, span = self.canvas, row.node.span
        colour = canvas.colour(span.service)
        times = f" {canvas.glyphs.times}{len(row.members)}" if len(row.members) > 1 else ""
        hidden = f" +{row.hidden:,}{canvas.glyphs.ellipsis}" if row.hidden else ""
        room = self.tree - len(times) - len(hidden)
        prefix = self._prefix(row, room)
        name = canvas.text(span.name) or "(no name)"
        label = canvas.fit(name, max(1, room - len(prefix))).rstrip() + times + hidden
        mark, style = self._mark(row)
        own = f"{canvas.duration(row.self_ns):>{self.self_time}}" if self.self_time else ""
        return [
            (f"{mark} ", style),
            (prefix, "dim"),
            (canvas.fit(label, self.tree - len(prefix)) + " ", style),
            (canvas.fit(canvas.text(span.service, 40) or "-", self.service), colour),
            (f"{canvas.duration(row.duration_ns):>{_FIGURE}}", ""),
            (own, "dim"),
            *self._bar(row, colour),
        ]

    def note(self, row: NoteRow) -> Line:
        """What is said below a span, over all columns that are left."""
        levels = self._levels(row.rail)
        glyphs = self.canvas.glyphs
        prefix = "".join(glyphs.pipe if more else glyphs.blank for more in (*levels, row.connected))
        return [("  ", ""), (prefix, "dim"), (row.text, row.style)]

    def legend(self) -> Iterator[Line]:
        """What the glyphs of bars mean."""
        if self.scale:
            g = self.canvas.glyphs
            yield [(f"  {g.full} on the critical path  {g.part} off it  {g.least} under one cell", "dim")]

    def _levels(self, rail: tuple[bool, ...]) -> tuple[bool, ...]:
        return rail[-max(1, (self.tree - _MIN_TREE) // 2 + 1) :]

    def _prefix(self, row: SpanRow, room: int) -> str:
        if not row.rail:
            return ""
        glyphs = self.canvas.glyphs
        levels = self._levels(row.rail)
        lines = "".join(glyphs.pipe if more else glyphs.blank for more in levels[:-1])
        if row.node.depth > len(levels):
            lines = f"{glyphs.deep}{row.node.depth}".ljust(len(lines))
        prefix = lines + (glyphs.branch if levels[-1] else glyphs.last)
        return prefix if len(prefix) < room else prefix[-3:]

    def _mark(self, row: SpanRow) -> tuple[str, str]:
        if row.node.failed:
            return self.canvas.glyphs.error, "red"
        place = row.node.place
        return (getattr(self.canvas.glyphs, place), "yellow") if place in _MARKED else (" ", "")

    def _bar(self, row: SpanRow, colour: str) -> Line:
        if self.scale is None:
            return []
        spans = [(n.span.start_ns, n.span.end_ns) for n in row.members]
        critical = [part for n in row.members for part in self.critical.get(n.index, ())]
        cells = bar(self.scale, spans, critical, self.canvas.glyphs)
        style = "red" if row.node.failed else colour
        line = "".join(cells.get(i, " ") for i in range(max(cells) + 1))
        return [("  ", ""), (line, style)]


def can_draw(encoding: str | None) -> bool:
    """Whether an encoding has the glyphs."""
    try:
        "█▒▏├─└│✖◆⌁".encode(encoding or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True
