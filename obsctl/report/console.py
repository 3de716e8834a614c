"""Progress and results for people: rich on a terminal, plain lines anywhere else."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from obsctl.events import Emit, Event
from obsctl.report.safe import safe
from obsctl.result import Result

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


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Rich would end the program with status 1, which means that a check failed."""
        raise BrokenPipeError


def console(stream: IO[str]) -> Console:
    """A console for a stream; without a terminal it writes plain text and folds nothing."""
    width = None if stream.isatty() else UNFOLDED
    return _Console(file=stream, highlight=False, soft_wrap=width is not None, width=width, emoji=False, markup=False)


def progress(*, quiet: bool = False) -> Emit:
    """Something that shows events on stderr, one line each. Nobody there to read them must not stop the work."""
    if quiet:
        return lambda _event: None
    out = console(sys.stderr)

    def emit(event: Event) -> None:
        mark, style = MARKS[event.kind]
        line = Text.assemble(
            (mark, style), " ", safe(event.subject), ("  " if event.detail else ""), (safe(event.detail), "dim")
        )
        if event.seconds is not None:
            line.append(f"  {event.seconds:.1f} s", style="dim")
        with contextlib.suppress(OSError):
            out.print(line)

    return emit


@contextlib.contextmanager
def watching(*, quiet: bool = False) -> Iterator[Emit]:
    """For a verb that ends in a table of its own: on a terminal one line that moves, elsewhere only what is noted."""
    out, lines = console(sys.stderr), progress(quiet=quiet)
    if quiet or not out.is_terminal:
        yield lambda event: lines(event) if event.kind == "noted" else None
        return
    done = 0
    with out.status("driving requests") as status:

        def emit(event: Event) -> None:
            nonlocal done
            done += event.kind != "noted"
            told = f"{done} check{'s' * (done != 1)} done, the last {safe(event.subject)}"
            status.update(told if done else safe(event.subject))

        yield emit


def show(result: Result) -> None:
    """A result on stdout, its problems on stderr."""
    out, err = console(sys.stdout), console(sys.stderr)
    for name, columns in TABLES.get(result.command, {}).items():
        rows = result.data.get(name) or []
        if rows:
            out.print(_table(rows, columns), crop=False)
    for note in result.notes:
        out.print(Text(safe(note, newlines=True)))
    for problem in result.problems:
        err.print(Text.assemble(("error: ", "bold red"), safe(problem.message, newlines=True)))
        if problem.hint:
            err.print(Text.assemble(("hint:  ", "bold"), safe(problem.hint, newlines=True)))


TABLES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "up": {"endpoints": ("name", "url")},
    "status": {
        "processes": ("name", "state", "pid", "uptime_seconds", "memory_bytes"),
        "endpoints": ("name", "url", "ready", "why"),
    },
    "check": {"rules": ("id", "severity", "finds")},
    "doctor": {"findings": ("status", "subject", "detail")},
}
"""Which lists of a result's data are shown as tables, and with which columns."""

FOLDED = frozenset({"why", "detail", "finds"})
"""Columns of sentences: folded where the terminal is narrow, and left out where there is nothing to say."""

STYLES: Mapping[str, str] = {
    "running": "green",
    "ready": "green",
    "ok": "green",
    "dead": "red",
    "no": "red",
    "problem": "red",
    "warning": "yellow",
}


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=len(columns) > 2)
    columns = [c for c in columns if c not in FOLDED or any(row.get(c) for row in rows)]
    for column in columns:
        title = column.removesuffix("_seconds").removesuffix("_bytes").upper()
        table.add_column(title, overflow="fold", header_style="bold", no_wrap=column not in FOLDED)
    for row in rows:
        cells = [_cell(column, row.get(column)) for column in columns]
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in cells))
    return table


def _cell(column: str, value: Any) -> str:
    if value is None:
        return "-"
    if column == "ready":
        return "ready" if value else "no"
    if column.endswith("_bytes"):
        return f"{value / 1024**2:.0f} MiB"
    if column.endswith("_seconds"):
        return duration(value)
    return safe(str(value))


def duration(seconds: float) -> str:
    """Seconds for people: ``42s``, ``3m05s``, ``2h10m``."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m{rest:02d}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02d}m"
