"""A verification as Markdown, for a pull request or a CI summary."""

from __future__ import annotations

from obsctl.checks.base import CheckStatus, Outcome, Verification
from obsctl.report.safe import safe

ICONS = {CheckStatus.PASS: "✅", CheckStatus.FAIL: "❌", CheckStatus.SKIP: "⏭️", CheckStatus.ERROR: "⚠️"}


def markdown(result: Verification) -> str:
    """A headline, a table of all checks, and the evidence of those that are not green."""
    counts = ", ".join(f"{result.count(s)} {word}" for s, word in WORDS.items() if result.count(s))
    lines = [f"## obsctl verify: {_cell(result.service)}", "", f"{counts}, in {result.seconds:.1f} s", ""]
    lines += ["| | check | what was seen |", "|---|---|---|"]
    lines += [_row(o) for o in result.outcomes]
    for outcome in result.outcomes:
        if outcome.verdict.status in (CheckStatus.FAIL, CheckStatus.ERROR):
            lines += _details(outcome)
    return "\n".join(lines) + "\n"


WORDS = {
    CheckStatus.PASS: "passed",
    CheckStatus.FAIL: "failed",
    CheckStatus.ERROR: "could not be looked at",
    CheckStatus.SKIP: "skipped",
}


def _row(outcome: Outcome) -> str:
    return f"| {ICONS[outcome.verdict.status]} | `{outcome.check}` | {_cell(outcome.verdict.summary)} |"


def _cell(text: str) -> str:
    return safe(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _details(outcome: Outcome) -> list[str]:
    lines = ["", f"### {ICONS[outcome.verdict.status]} {outcome.check}", "", _cell(outcome.verdict.summary)]
    if outcome.verdict.hint:
        lines += ["", f"**Next:** {_cell(outcome.verdict.hint)}"]
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
