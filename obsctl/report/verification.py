"""A verification as a table for people: one line a check, evidence under what is not green."""

from __future__ import annotations

import io
import sys

from rich.console import Console
from rich.text import Text

from obsctl.checks.base import Outcome, Status, Verification
from obsctl.report.console import console
from obsctl.report.markdown import WORDS
from obsctl.report.safe import safe

MARKS = {
    Status.PASS: ("✓ pass ", "green"),
    Status.FAIL: ("✗ FAIL ", "bold red"),
    Status.SKIP: ("- skip ", "dim"),
    Status.ERROR: ("! ERROR", "bold yellow"),
}


def show(result: Verification, *, evidence: bool) -> None:
    """Print it on stdout. ``evidence`` shows what was seen for the green checks, too."""
    _print(console(sys.stdout), result, evidence=evidence)


def render(result: Verification, *, evidence: bool) -> str:
    """The same as plain text."""
    text = io.StringIO()
    _print(console(text), result, evidence=evidence)
    return text.getvalue()


def _print(out: Console, result: Verification, *, evidence: bool) -> None:
    width = max((len(o.check) for o in result.outcomes), default=0)
    for outcome in (o for o in result.outcomes if o.chosen):
        for line in _lines(outcome, width, evidence=evidence):
            out.print(line)
    out.print(_total(result))


def _lines(outcome: Outcome, width: int, *, evidence: bool) -> list[Text]:
    verdict = outcome.verdict
    mark, style = MARKS[verdict.status]
    head = Text.assemble((mark, style), " ", f"{outcome.check:<{width}}", "  ", safe(verdict.summary))
    head.append(f"  {outcome.seconds:.1f}s", style="dim")
    lines = [head]
    bad = verdict.status in (Status.FAIL, Status.ERROR)
    if bad or evidence:
        for look in verdict.evidence:
            lines.append(Text.assemble("          ", ("asked ", "dim"), safe(look.query)))
            lines.append(Text.assemble("          ", ("saw   ", "dim"), safe(look.answer)))
    if bad and verdict.hint:
        lines.append(Text.assemble("          ", ("next  ", "bold"), safe(verdict.hint)))
    return lines


def _total(result: Verification) -> Text:
    parts = [f"{result.count(status)} {word}" for status, word in WORDS.items() if result.count(status)]
    style = "bold green" if result.passed else "bold red"
    sent = len(result.run.requests)
    return Text(
        f"\n{', '.join(parts) or 'nothing was checked'}; {sent} requests driven, {result.seconds:.1f} s", style=style
    )
