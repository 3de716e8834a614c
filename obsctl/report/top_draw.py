"""Draws ``obsctl top``: the lists on a screen of so many lines, or one after another on paper. Pure."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.cells import cell_len

from obsctl.overview.frame import Frame
from obsctl.report.top_rows import TopList, lists
from obsctl.report.top_state import TopState
from obsctl.report.waterfall_canvas import Canvas, Line

NARROWEST = 20
TWO_COLUMNS = 120
"""Cells from which on the lists stand in two columns."""

LONGEST_SENTENCE = 400
"""Characters."""

PAPER_ROWS = 20
"""Rows of each list where there is no screen to scroll."""

HELP = (
    ("j k, arrows", "move"),
    ("Tab", "go to the next list"),
    ("PgUp PgDn, g G", "move by a screen; to the first row, to the last one"),
    ("Enter", "open the trace under the cursor"),
    ("Esc", "back to the lists; in the lists, take the filter away"),
    ("/", "show only rows that have these words; `failed` finds failed traces"),
    ("r", "look again now"),
    ("q, Ctrl-C", "quit"),
)


def paper(frame: Frame, canvas: Canvas) -> Iterator[Line]:
    """One frame from top to bottom, with at most ``PAPER_ROWS`` of each list."""
    yield canvas.cut(title(frame, canvas))
    for one in lists(frame):
        yield []
        yield canvas.cut(_heading(one, canvas, _count(one)))
        yield from (canvas.cut(row.draw(canvas)) for row in one.rows[:PAPER_ROWS])
        if left := len(one.rows) - PAPER_ROWS:
            yield from [canvas.cut([(f"{canvas.glyphs.ellipsis} {left:,} more", "dim")])] if left > 0 else ()
        yield from said_lines(one.said, canvas)


def said_lines(said: Line, canvas: Canvas) -> list[Line]:
    """Sentences, each folded to the width."""
    return [
        canvas.cut([(line, style)])
        for text, style in said
        for line in textwrap.wrap(canvas.text(text, LONGEST_SENTENCE), canvas.width)
    ]


def title(frame: Frame, canvas: Canvas, note: str = "") -> Line:
    """Which stack, over which time, as of when."""
    dot = f" {canvas.glyphs.dot} "
    at = time.strftime("%H:%M:%S", time.localtime(frame.at))
    rest = dot.join((canvas.text(frame.runtime), f"last {_span(frame.window)}", at, *filter(None, (note,))))
    return [("obsctl top ", "dim"), (canvas.text(frame.stack, 40), "bold"), (f"  {rest}", "dim")]


def board(shown: Sequence[TopList], state: TopState, canvas: Canvas, height: int) -> list[Line]:
    """The lists in so many lines; the one under the cursor is scrolled to it."""
    if canvas.width < TWO_COLUMNS:
        return _column(shown, state, canvas, height)
    left, right = replace(canvas, width=(canvas.width - 3) // 2), replace(canvas, width=canvas.width // 2 - 1)
    pairs = zip(_column(shown[:2], state, left, height), _column(shown[2:], state, right, height), strict=True)
    bar = "|" if canvas.ascii else "│"
    return [[*_padded(one, left.width), (f" {bar} ", "dim"), *other] for one, other in pairs]


def help_lines() -> list[Line]:
    """What the keys do."""
    return [[("Keys", "bold")], [], *([(f"  {keys:<16}", "bold"), (text, "")] for keys, text in HELP)]


def footer(state: TopState, canvas: Canvas) -> Line:
    """The keys that matter here, or the filter while it is typed."""
    if state.typing:
        return [("/", "bold"), (canvas.text(state.words), ""), (" ", "reverse"), ("  Enter keeps, Esc clears", "dim")]
    if state.trace_id:
        return [("Esc back  j/k scroll  q quit  ? help", "dim")]
    words = f"filter: {canvas.text(state.words)} (Esc clears)  " if state.words else ""
    return [(words, "yellow"), ("Enter open  / filter  Tab next list  q quit  ? help", "dim")]


def shares(wants: Sequence[int], room: int) -> list[int]:
    """Lines for each of those that want so many: all of them where they fit, else what fair shares leave."""
    given = [0] * len(wants)
    while room > 0 and (hungry := [i for i, want in enumerate(wants) if given[i] < want]):
        share = max(1, room // len(hungry))
        for i in hungry:
            more = min(share, wants[i] - given[i], room)
            given[i] += more
            room -= more
    return given


def _column(shown: Sequence[TopList], state: TopState, canvas: Canvas, height: int) -> list[Line]:
    """Lists below each other; only the one with the cursor where there is no room for all."""
    room = height - 2 * len(shown) + 1
    if room < 2 * len(shown):
        own = [one for one in shown if one.name == state.place[0]]
        shown = own or shown[:1]
        room = height - 2 * len(shown) + 1
    said = [said_lines(one.said, canvas) for one in shown]
    wants = [len(one.rows) + len(sentences) for one, sentences in zip(shown, said, strict=True)]
    lines: list[Line] = []
    for one, sentences, given in zip(shown, said, shares(wants, room), strict=True):
        lines += [*([[]] if lines else []), *_drawn(one, sentences, state, canvas, given)]
    return (lines + [[]] * height)[: max(0, height)]


def _drawn(one: TopList, said: list[Line], state: TopState, canvas: Canvas, given: int) -> Iterator[Line]:
    """A list in its heading and so many lines."""
    said = said[: max(0, given - min(1, len(one.rows)))]
    room = given - len(said)
    here = next((i for i, row in enumerate(one.rows) if (one.name, row.key) == state.place), None)
    first = min(max(0, (here or 0) - room // 2), max(0, len(one.rows) - room))
    rows = one.rows[first : first + room]
    count = _count(one)
    if len(rows) < len(one.rows):
        count = f"{first + 1:,}-{first + len(rows):,} of {len(one.rows):,}"
    yield canvas.cut(_heading(one, canvas, count))
    for number, row in enumerate(rows, first):
        line = canvas.cut(row.draw(canvas))
        yield _marked(line, canvas.width) if number == here else line
    yield from said


def _count(one: TopList) -> str:
    """How many rows there are, "" where nobody could be asked."""
    if one.total is None:
        return ""
    return f"{len(one.rows):,}" if len(one.rows) == one.total else f"{len(one.rows):,} of {one.total:,}"


def _heading(one: TopList, canvas: Canvas, count: str) -> Line:
    columns = one.columns
    name = one.name.upper()
    room = canvas.width - len(columns) - len(name)
    return [(name, "bold cyan"), (canvas.fit(f"  {count}", max(0, room)), "dim"), (columns, "dim")]


def _marked(line: Line, width: int) -> Line:
    return [(text, "reverse") for text, _ in _padded(line, width)]


def _padded(line: Line, width: int) -> Line:
    """A line that fills the width."""
    missing = width - sum(cell_len(text) for text, _ in line)
    return [*line, (" " * missing, "")] if missing > 0 else line


def _span(seconds: float) -> str:
    for size, name in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)}{name}"
    return f"{seconds:g}s"
