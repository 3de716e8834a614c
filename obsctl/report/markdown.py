"""A verification as Markdown, for a pull request or a CI summary."""

from __future__ import annotations

from collections.abc import Sequence

from obsctl.checks.base import CheckStatus, Outcome, StackVerification, Verification
from obsctl.report.safe import safe

ICONS = {CheckStatus.PASS: "✅", CheckStatus.FAIL: "❌", CheckStatus.SKIP: "⏭️", CheckStatus.ERROR: "⚠️"}


def markdown(result: StackVerification) -> str:
    """Each service with what was seen of it."""
    return "\n".join(_service(service) for service in result.services)


def _service(result: Verification) -> str:
    """A headline, a table of the findings, what was unusual, and the evidence of what is not green."""
    counts = ", ".join(f"{result.count(s)} {word}" for s, word in WORDS.items() if result.count(s))
    lines = [f"## obsctl verify: {_cell(result.service)}", "", f"{counts}, in {result.seconds:.1f} s", ""]
    lines += [_cell(result.how), ""] if result.how else []
    lines += ["| | check | what was seen |", "|---|---|---|"]
    lines += [_row(o) for o in result.outcomes if not o.cause]
    lines += ["", f"Sent to queryable: {result.lag}"] if result.lag else []
    if result.notes:
        lines += ["", "### Notes", "", *(f"- `{check}`: {_cell(note)}" for check, note in result.notes)]
    for outcome in result.outcomes:
        if outcome.verdict.is_red:
            lines += _details(outcome, result.folded_under(outcome.check))
    return "\n".join(lines) + "\n"


WORDS = {
    CheckStatus.PASS: "passed",
    CheckStatus.FAIL: "failed",
    CheckStatus.ERROR: "could not be looked at",
    CheckStatus.SKIP: "skipped",
}


def unjudged(folded: Sequence[str]) -> str:
    """What is said of the checks that one finding explains."""
    return f"{len(folded)} check{'s' * (len(folded) != 1)} could not be judged: {', '.join(folded)}"


def _row(outcome: Outcome) -> str:
    return f"| {ICONS[outcome.verdict.status]} | `{outcome.check}` | {_cell(outcome.verdict.summary)} |"


def _cell(text: str) -> str:
    return safe(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _details(outcome: Outcome, folded: Sequence[str]) -> list[str]:
    lines = ["", f"### {ICONS[outcome.verdict.status]} {outcome.check}", "", _cell(outcome.verdict.summary)]
    if outcome.verdict.hint:
        lines += ["", f"**Next:** {_cell(outcome.verdict.hint)}"]
    if folded:
        lines += ["", f"**Because of it:** {_cell(unjudged(folded))}"]
    for evidence in outcome.verdict.evidence:
        answer = safe(evidence.answer, newlines=True).replace("```", "'''")
        lines += [
            "",
            "```text",
            safe(evidence.query).replace("```", "'''"),
            *(f"  {line}" for line in answer.split("\n")),
            "```",
        ]
    return lines
