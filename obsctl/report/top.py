"""``obsctl top`` for people: one frame as plain text, or a screen that is refreshed until ``q``."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from obsctl.errors import ObsctlError
from obsctl.overview.frame import Frame
from obsctl.report.console import console
from obsctl.report.top_draw import NARROWEST, board, footer, help_lines, paper, said_lines, title
from obsctl.report.top_rows import TopList, lists
from obsctl.report.top_state import TopState, TopView, place_of, press
from obsctl.report.waterfall_canvas import Canvas, Line

if TYPE_CHECKING:
    from rich.text import Text

    from obsctl.report.top_terminal import TopTerminal
    from obsctl.trace.model import TraceTree

PAPER_WIDTH = 100
"""Columns where there is no terminal to ask."""

_PATIENCE = 60.0
"""Seconds between looks at nothing: answers and keys wake the screen."""


def show_once(frame: Frame, *, width: int | None = None) -> None:
    """Print one frame on stdout, in colour where that is a terminal that wants it."""
    canvas = Canvas(max(NARROWEST, width or PAPER_WIDTH), not _can_draw(), {})
    if not sys.stdout.isatty():
        for line in paper(frame, canvas):
            sys.stdout.write("".join(text for text, _ in line).rstrip() + "\n")
        return
    out = console(sys.stdout)
    canvas = Canvas(max(NARROWEST, width or out.width), canvas.ascii, {})
    for line in paper(frame, canvas):
        out.print(_text(line), soft_wrap=True)


def run(read: Callable[[], Frame], trace: Callable[[str], TraceTree], every: float) -> None:
    """Show frames until the user quits; ``read`` and ``trace`` are called in threads, and may raise ObsctlError."""
    from obsctl.report.top_terminal import top_terminal

    with top_terminal() as terminal:
        _Screen(terminal, read, trace, every).run()


@dataclass(frozen=True)
class _Read:
    """What came of a look: a frame, or why there is none."""

    frame: Frame | None = None
    problem: str = ""


@dataclass(frozen=True)
class _Traced:
    """The same of a trace."""

    trace_id: str
    tree: TraceTree | None = None
    problem: str = ""


class _Screen:
    """The terminal, what was read, and the state that the keys have made."""

    def __init__(
        self,
        terminal: TopTerminal,
        read: Callable[[], Frame],
        trace: Callable[[str], TraceTree],
        every: float,
    ) -> None:
        self._terminal = terminal
        self._read = read
        self._trace = trace
        self._every = every
        self._out = console(sys.stdout)
        self._ascii = not _can_draw()
        self._state = TopState()
        self._news: SimpleQueue[_Read | _Traced] = SimpleQueue()
        self._again = threading.Event()
        self._latest = _Read(problem="looking ...")
        self._lists: tuple[TopList, ...] = ()
        self._traced = _Traced("")
        self._drawing: tuple[str, int, list[Text]] = ("", 0, [])

    def run(self) -> None:
        """Until ``q``."""
        threading.Thread(target=self._look, daemon=True, name="obsctl top").start()
        pending: list[str] = []
        while not self._state.ended:
            width, height = self._terminal.size()
            canvas = Canvas(max(NARROWEST, width), self._ascii, {})
            shown = [one.filtered(self._state.words) for one in self._lists]
            lines = self._trace_lines(canvas) if self._state.trace_id else []
            view = TopView.of(shown, len(lines), height - 2)
            self._settle(view)
            self._terminal.show(self._screen(shown, lines, canvas, height))
            try:
                pending = self._pressed(pending or self._terminal.keys(_PATIENCE), view)
            except EOFError:
                return
            self._hear()

    def _settle(self, view: TopView) -> None:
        """The cursor stands on a row where there is one."""
        if view.rows:
            at = place_of(self._state, view)
            name, row = view.rows[at]
            self._state = replace(self._state, place=(name, row.key), at=at)

    def _pressed(self, keys: list[str], view: TopView) -> list[str]:
        """Takes keys; gives back those that move in what is not drawn yet."""
        for number, key in enumerate(keys, 1):
            before = self._state
            self._state = press(before, key, view)
            if self._state.refresh != before.refresh:
                self._again.set()
            if self._state.trace_id and self._state.trace_id != before.trace_id:
                self._open(self._state.trace_id)
            if (self._state.trace_id, self._state.words) != (before.trace_id, before.words):
                return keys[number:]
        return []

    def _open(self, trace_id: str) -> None:
        self._traced = _Traced(trace_id, problem="looking for the trace ...")
        threading.Thread(target=self._fetch, args=(trace_id,), daemon=True, name="obsctl trace").start()

    def _hear(self) -> None:
        while True:
            try:
                news = self._news.get_nowait()
            except Empty:
                return
            if isinstance(news, _Read):
                self._latest = news
                self._lists = lists(news.frame) if news.frame else ()
            elif news.trace_id == self._state.trace_id:
                self._traced = news

    def _look(self) -> None:
        while True:
            self._again.clear()
            try:
                self._tell(_Read(self._read()))
            except ObsctlError as error:
                self._tell(_Read(problem=_sentence(error)))
            except Exception as error:  # noqa: BLE001 - a thread: a bug of ours is said on the screen
                self._tell(_Read(problem=f"obsctl itself failed: {type(error).__name__}: {error}"))
            self._again.wait(self._every)

    def _fetch(self, trace_id: str) -> None:
        try:
            self._tell(_Traced(trace_id, self._trace(trace_id)))
        except ObsctlError as error:
            self._tell(_Traced(trace_id, problem=_sentence(error)))
        except Exception as error:  # noqa: BLE001 - as above
            self._tell(_Traced(trace_id, problem=f"obsctl itself failed: {type(error).__name__}: {error}"))

    def _tell(self, news: _Read | _Traced) -> None:
        self._news.put(news)
        self._terminal.wake()

    def _screen(self, shown: list[TopList], trace: list[Text], canvas: Canvas, height: int) -> list[str]:
        """Every line of the screen, styled."""
        room = max(0, height - 2)
        body: list[Line] | list[Text]
        if self._state.help:
            body = help_lines()
        elif self._state.trace_id:
            body = trace[self._state.scroll :]
        elif self._latest.frame is None:
            body = said_lines([(self._latest.problem, "")], canvas)
        else:
            body = board(shown, self._state, canvas, room)
        lines: list[Line | Text] = [self._title(canvas), *body[:room]]
        lines += [[]] * (height - 1 - len(lines))
        lines.append(footer(self._state, canvas))
        return [
            self._styled(line if not isinstance(line, list) else _text(canvas.cut(line))) for line in lines[:height]
        ]

    def _title(self, canvas: Canvas) -> Line:
        frame = self._latest.frame
        return title(frame, canvas) if frame else [("obsctl top", "dim")]

    def _trace_lines(self, canvas: Canvas) -> list[Text]:
        """The waterfall, drawn anew where it or the width is another."""
        tree = self._traced.tree
        if tree is None:
            return list(map(_text, said_lines([(self._traced.problem, "")], canvas)))
        if self._drawing[:2] != (tree.trace_id, canvas.width):
            from obsctl.report.waterfall import waterfall

            drawn = waterfall(tree, width=canvas.width, colour=True, ascii=self._ascii)
            self._drawing = (tree.trace_id, canvas.width, list(drawn.split("\n", allow_blank=True)))
        return self._drawing[2]

    def _styled(self, line: Text) -> str:
        with self._out.capture() as captured:
            self._out.print(line, end="", soft_wrap=True)
        return captured.get()


def _sentence(error: ObsctlError) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message


def _text(line: Line) -> Text:
    from rich.text import Text

    return Text.assemble(*line, no_wrap=True, overflow="crop")


def _can_draw() -> bool:
    from obsctl.report.waterfall import can_draw

    return can_draw(sys.stdout.encoding)
