"""A verification as a table for people: one line a check, evidence under what is not green."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from obsctl.checks.base import CheckStatus, Outcome, StackVerification, Verification
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


def show(result: StackVerification, *, evidence: bool) -> None:
    """Print it on stdout. ``evidence`` shows what was seen for the green checks, too."""
    print_to(console(sys.stdout), result, evidence=evidence)


def render(result: StackVerification, *, evidence: bool) -> str:
    """The same as plain text."""
    text = io.StringIO()
    print_to(console(text), result, evidence=evidence)
    return text.getvalue()


def print_to(out: Console, result: StackVerification, *, evidence: bool) -> None:
    """Print it on a console: folded beside their heads on a terminal, a line each anywhere else."""
    width = max((len(o.check) for o in result.outcomes), default=0)
    for service in result.services:
        if heading := _heading(service, alone=len(result.services) == 1):
            out.print(heading)
        _print_service(out, service, width, evidence=evidence)
    out.print(_total(result))


def _heading(service: Verification, *, alone: bool) -> Text | None:
    """Which service it is, where there are others, and how it was looked at, where nothing was sent to it."""
    if alone and not service.how:
        return None
    return Text.assemble((safe(service.service), "bold"), (f"  {safe(service.how)}" if service.how else "", "dim"))


def _print_service(out: Console, service: Verification, width: int, *, evidence: bool) -> None:
    for outcome in (o for o in service.outcomes if o.chosen and not o.cause):
        folded = service.folded_under(outcome.check)
        for head, body in _lines(outcome, width, folded, evidence=evidence):
            out.print(_hanging(head, body, out.width) if out.is_terminal else head + body)
    if service.lag:
        head, body = Text.assemble(INDENT, ("lag   ", "dim")), Text(f"sent to queryable: {service.lag}")
        out.print(_hanging(head, body, out.width) if out.is_terminal else head + body)


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


def _total(result: StackVerification) -> Text:
    parts = [f"{result.count(status)} {word}" for status, word in WORDS.items() if result.count(status)]
    style = "bold green" if result.passed else "bold red"
    sent = sum(len(s.run.requests) for s in result.services if not s.run.passive)
    services = f"{len(result.services)} services, " if len(result.services) > 1 else ""
    return Text(
        f"\n{', '.join(parts) or 'nothing was checked'}; {services}{sent} requests driven, {result.seconds:.1f} s",
        style=style,
    )
