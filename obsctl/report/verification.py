"""A verification as a table for people: one line a check, evidence under what is not green."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from obsctl.checks.base import CheckStatus, Outcome, Verification
from obsctl.report.console import console
from obsctl.report.markdown import WORDS, unjudged
from obsctl.report.safe import safe

MARKS = {
    CheckStatus.PASS: ("✓ pass ", "green"),
    CheckStatus.FAIL: ("✗ FAIL ", "bold red"),
    CheckStatus.SKIP: ("- skip ", "dim"),
    CheckStatus.ERROR: ("! ERROR", "bold yellow"),
}

INDENT = " " * 10
NARROWEST = 24
"""Columns that a folded text should have at least."""


def show(result: Verification, *, evidence: bool) -> None:
    """Print it on stdout. ``evidence`` shows what was seen for the green checks, too."""
    print_to(console(sys.stdout), result, evidence=evidence)


def render(result: Verification, *, evidence: bool) -> str:
    """The same as plain text."""
    text = io.StringIO()
    print_to(console(text), result, evidence=evidence)
    return text.getvalue()


def print_to(out: Console, result: Verification, *, evidence: bool) -> None:
    """Print it on a console: folded beside their heads on a terminal, a line each anywhere else."""
    width = max((len(o.check) for o in result.outcomes), default=0)
    for outcome in (o for o in result.outcomes if o.chosen and not o.cause):
        folded = result.folded_under(outcome.check)
        for head, body in _lines(outcome, width, folded, evidence=evidence):
            out.print(_hanging(head, body, out.width) if out.is_terminal else head + body)
    out.print(_total(result))


def _hanging(head: Text, body: Text, width: int) -> RenderableType:
    """The body folded beside its head; below it, a little indented, where the terminal is too narrow for that."""
    if width - len(head) < NARROWEST:
        return Group(head, Padding(body, (0, 0, 0, len(INDENT))))
    table = Table.grid()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(head, body)
    return table


def _lines(outcome: Outcome, width: int, folded: Sequence[str], *, evidence: bool) -> list[tuple[Text, Text]]:
    """Each line as what leads it, and what it says. ``folded``: the checks that this one explains."""
    verdict = outcome.verdict
    mark, style = MARKS[verdict.status]
    summary = Text.assemble(safe(verdict.summary), (f"  {outcome.seconds:.1f}s", "dim"))
    lines = [(Text.assemble((mark, style), " ", f"{outcome.check:<{width}}", "  "), summary)]
    said: list[tuple[str, str, str]] = []
    if verdict.is_red or evidence:
        for look in verdict.evidence:
            said += [("asked ", "dim", look.query), ("saw   ", "dim", look.answer)]
    said += [("note  ", "yellow", note) for note in verdict.notes]
    if verdict.is_red and verdict.hint:
        said.append(("next  ", "bold", verdict.hint))
    if folded:
        said.append(("folds ", "dim", unjudged(folded)))
    lines += [(Text.assemble(INDENT, (head, look)), Text(safe(body))) for head, look, body in said]
    return lines


def _total(result: Verification) -> Text:
    parts = [f"{result.count(status)} {word}" for status, word in WORDS.items() if result.count(status)]
    style = "bold green" if result.passed else "bold red"
    sent = len(result.run.requests)
    return Text(
        f"\n{', '.join(parts) or 'nothing was checked'}; {sent} requests driven, {result.seconds:.1f} s", style=style
    )
