"""Output of components as it comes: JSON lines made readable, everything else as it is."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from obsctl.events import LogText
from obsctl.json_types import JsonObject
from obsctl.report.console import console
from obsctl.report.json import dumps
from obsctl.report.safe import safe

COLOURS = ("cyan", "green", "magenta", "blue", "yellow", "bright_cyan")
LEVELS = {"error": "bold red", "critical": "bold red", "warning": "yellow", "warn": "yellow"}
_TAB = "\ue000"
"""Stands for a tab until it is printed: a character for private use, which ``safe`` leaves in no text."""

LEADING = ("timestamp", "level", "service", "message")


def show(lines: Iterable[LogText], *, json: bool) -> None:
    """Print each line, with its component in front; flushed, so that a pipe sees it at once."""
    out = console(sys.stdout)
    for text in lines:
        if json:
            sys.stdout.write(_object(text) + "\n")
        else:
            _print(out, _pretty(text))
        sys.stdout.flush()


def _print(out: Console, text: Text) -> None:
    """Print a line with its tabs. Rich would put blanks in their place, which is another text for whoever reads on."""
    with out.capture() as written:
        out.print(text)
    out.file.write(written.get().replace(_TAB, "\t"))


def _object(text: LogText) -> str:
    return dumps({"component": text.source, "line": text.line, "fields": fields(text.line)})


def fields(line: str) -> JsonObject | None:
    """The JSON object that a line is, or None."""
    if not line.startswith("{"):
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _pretty(text: LogText) -> Text:
    head = Text(f"{text.source:<8} ", style=COLOURS[sum(text.source.encode()) % len(COLOURS)])
    found = fields(text.line)
    if found is None or "message" not in found:
        return head.append(_shown(text.line), style="")
    level = str(found.get("level", ""))
    clock = str(found.get("timestamp", ""))[11:23]
    rest = "  ".join(f"{k}={v}" for k, v in found.items() if k not in LEADING and v not in ("", None))
    return Text.assemble(
        head,
        (safe(clock), "dim"),
        " ",
        (f"{safe(level):<7}", LEVELS.get(level.lower(), "")),
        " ",
        (_shown(str(found["message"])), ""),
        ("  " + _shown(rest), "dim"),
    )


def _shown(text: str) -> str:
    return safe(text, tabs=True).replace("\t", _TAB)
