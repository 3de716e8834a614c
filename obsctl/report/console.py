"""Progress and results for people: rich on a terminal, plain lines anywhere else.

Rich is loaded where there is a terminal only: that takes longer than most verbs need to have something to say.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Protocol

from rich.cells import cell_len

from obsctl.events import Emit, Event
from obsctl.report.safe import safe
from obsctl.result import Result

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

UNFOLDED = 10_000
"""Columns of an output that is not a terminal."""

MARKS: Mapping[str, tuple[str, str]] = {
    "started": ("+", "cyan"),
    "ready": ("✓", "green"),
    "stopped": ("-", "yellow"),
    "checked": ("·", "dim"),
    "noted": ("·", "dim"),
    "failed": ("✗", "red"),
}
ENDS = ("ready", "failed", "stopped")
"""Kinds of events after which there is no more progress of their subject."""


Part = tuple[str, str]
"""A text and its style."""


def console(stream: IO[str]) -> Console:
    """A console for a stream; without a terminal it writes plain text and folds nothing."""
    from rich.console import Console

    class OwnConsole(Console):
        def on_broken_pipe(self) -> None:
            """Rich would end the program with status 1, which means that a check failed."""
            raise BrokenPipeError

    width = None if stream.isatty() else UNFOLDED
    return OwnConsole(file=stream, highlight=False, soft_wrap=width is not None, width=width, emoji=False, markup=False)


class Writer(Protocol):
    """Somewhere to write to, with the means that it has."""

    def line(self, *parts: Part) -> None:
        """One line, or more where a text has line breaks."""

    def table(self, titles: Mapping[str, str], rows: Sequence[Sequence[str]]) -> None:
        """``titles``: column -> its title. ``rows``: the cells, made safe."""


class _Plain:
    """A file, a pipe: nothing is folded, nothing coloured."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def line(self, *parts: Part) -> None:
        self._stream.write("".join(text for text, _ in parts) + "\n")
        self._stream.flush()

    def table(self, titles: Mapping[str, str], rows: Sequence[Sequence[str]]) -> None:
        shown = [tuple(titles.values()), *rows] if len(titles) > 2 else rows
        widths = [max(map(cell_len, column)) for column in zip(*shown, strict=True)]
        for row in shown:
            cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
            self.line(("  ".join(cells).rstrip(), ""))


class _Styled:
    """A terminal."""

    def __init__(self, out: Console) -> None:
        self.out = out

    def line(self, *parts: Part) -> None:
        from rich.text import Text

        self.out.print(Text.assemble(*parts))

    def table(self, titles: Mapping[str, str], rows: Sequence[Sequence[str]]) -> None:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=len(titles) > 2)
        for column, title in titles.items():
            table.add_column(title, overflow="fold", header_style="bold", no_wrap=column not in FOLDED)
        for row in rows:
            table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
        self.out.print(table, crop=False)


def writer(stream: IO[str]) -> Writer:
    """What fits the stream. Somebody who asks for colours gets them anywhere."""
    styled = stream.isatty() or any(os.environ.get(name) for name in ("FORCE_COLOR", "TTY_COMPATIBLE"))
    return _Styled(console(stream)) if styled else _Plain(stream)


class Bars:
    """One bar for each subject that tells how far it is, all in one display at the end of a terminal, if there is one.

    The lines of other events have to go through the same console, which writes them above the bars.
    """

    def __init__(self, out: Console | None) -> None:
        self._out = out
        self._tasks: dict[str, TaskID] = {}
        self._display: Progress | None = None

    def take(self, event: Event) -> None:
        """Show progress; once nothing goes on any more, the display is gone."""
        if event.kind == "progress" and self._out:
            self._show(self._out, event)
        elif event.kind in ENDS and self._display and event.subject in self._tasks:
            self._display.remove_task(self._tasks.pop(event.subject))
            if not self._tasks:
                self.close()

    def _show(self, out: Console, event: Event) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        if self._display is None:
            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[detail]}", style="dim"))
            self._display = Progress(*columns, console=out, transient=True)
            self._display.start()
            atexit.register(self.close)  # an error on the way must not leave the cursor hidden
        if event.subject not in self._tasks:
            self._tasks[event.subject] = self._display.add_task(safe(event.subject), detail="")
        total = event.total or None
        self._display.update(self._tasks[event.subject], completed=event.done, total=total, detail=safe(event.detail))

    def close(self) -> None:
        """Take the display away."""
        if self._display:
            self._display.stop()
            self._display = None
            self._tasks.clear()


def progress(*, quiet: bool = False) -> Emit:
    """Something that shows events on stderr, one line each. Nobody there to read them must not stop the work."""
    if quiet:
        return lambda _event: None
    out = writer(sys.stderr)
    bars = Bars(out.out if isinstance(out, _Styled) and out.out.is_terminal else None)

    def emit(event: Event) -> None:
        bars.take(event)
        if event.kind == "progress":
            return
        took = "" if event.seconds is None else f"  {event.seconds:.1f} s"
        detail = f"  {safe(event.detail)}" if event.detail else ""
        with contextlib.suppress(OSError):
            out.line(MARKS[event.kind], (f" {safe(event.subject)}", ""), (f"{detail}{took}", "dim"))

    return emit


@contextlib.contextmanager
def watching(*, quiet: bool = False) -> Iterator[Emit]:
    """For a verb that ends in a table of its own: on a terminal one line that moves, elsewhere only what is noted."""
    lines = progress(quiet=quiet)
    if quiet or not sys.stderr.isatty():
        yield lambda event: lines(event) if event.kind == "noted" else None
        return
    done = 0
    with console(sys.stderr).status("driving requests") as status:

        def emit(event: Event) -> None:
            nonlocal done
            done += event.kind != "noted"
            detail = f"{done} check{'s' * (done != 1)} done, the last {safe(event.subject)}"
            status.update(detail if done else safe(event.subject))

        yield emit


def show(result: Result) -> None:
    """A result on stdout, its problems on stderr."""
    out, err = writer(sys.stdout), writer(sys.stderr)
    for name, columns in TABLES.get(result.command, {}).items():
        rows = result.data.get(name)
        if rows and isinstance(rows, list | tuple):
            _table(out, rows, columns)
    for note in result.notes:
        out.line((safe(note, newlines=True), ""))
    for problem in result.problems:
        err.line(("error: ", "bold red"), (safe(problem.message, newlines=True), ""))
        if problem.hint:
            err.line(("hint:  ", "bold"), (safe(problem.hint, newlines=True), ""))


TABLES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "up": {"endpoints": ("name", "url")},
    "status": {
        "processes": ("name", "state", "health", "restarts", "pid", "uptime_seconds", "memory_bytes", "image"),
        "endpoints": ("name", "url", "ready", "why"),
        "budgets": ("service", "slo", "objective_ratio", "budget_left_ratio", "burn_rate", "why"),
    },
    "check": {"rules": ("id", "severity", "finds")},
    "doctor": {"findings": ("status", "subject", "detail")},
}
"""Which lists of a result's data are shown as tables, and with which columns."""

FOLDED = frozenset({"why", "detail", "image", "finds"})
"""Columns that are folded where the terminal is narrow."""

OPTIONAL = frozenset({"why", "detail", "image", "health", "restarts"})
"""Columns that are left out where there is nothing to say in any row."""

STYLES: Mapping[str, str] = {
    "running": "green",
    "healthy": "green",
    "unhealthy": "red",
    "ready": "green",
    "ok": "green",
    "dead": "red",
    "paused": "yellow",
    "no": "red",
    "problem": "red",
    "warning": "yellow",
}


def _table(out: Writer, rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> None:
    columns = [c for c in columns if c not in OPTIONAL or any(row.get(c) not in (None, "") for row in rows)]
    out.table({c: _title(c) for c in columns}, [[_cell(c, row.get(c)) for c in columns] for row in rows])


def _title(column: str) -> str:
    return column.removesuffix("_seconds").removesuffix("_bytes").removesuffix("_ratio").replace("_", " ").upper()


def _cell(column: str, value: object) -> str:
    if value is None:
        return "-"
    if column == "ready":
        return "ready" if value else "no"
    if isinstance(value, int | float):
        if column.endswith("_bytes"):
            return f"{value / 1024**2:.0f} MiB"
        if column.endswith("_seconds"):
            return duration(value)
        if column.endswith("_ratio"):
            return f"{value * 100:.4g} %"
    return safe(str(value))


def duration(seconds: float) -> str:
    """Seconds for people: ``42s``, ``3m05s``, ``2h10m``."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m{rest:02d}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02d}m"
