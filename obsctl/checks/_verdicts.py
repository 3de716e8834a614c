"""How verdicts are worded, so that all of them read alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from obsctl.checks.base import CheckStatus, Evidence, Verdict

SHOWN = 8
"""How many findings a verdict shows; the rest is counted."""


def passed(summary: str, evidence: Iterable[Evidence] = (), *, notes: Iterable[str] = ()) -> Verdict:
    """It holds; ``notes`` say what was unusual all the same."""
    return Verdict(CheckStatus.PASS, summary, tuple(evidence)[:SHOWN], notes=tuple(notes))


def failed(summary: str, evidence: Iterable[Evidence] = (), *, hint: str, because: Sequence[str] = ()) -> Verdict:
    """It does not hold; ``hint`` is the next step, ``because`` the checks that explain it when they are red."""
    return Verdict(CheckStatus.FAIL, summary, tuple(evidence)[:SHOWN], hint, tuple(because))


def skipped(reason: str) -> Verdict:
    """It was not asked for."""
    return Verdict(CheckStatus.SKIP, reason)


def could_not_look(
    summary: str, evidence: Iterable[Evidence] = (), *, hint: str, because: Sequence[str] = ()
) -> Verdict:
    """Neither good nor bad: there was no way to see."""
    return Verdict(CheckStatus.ERROR, summary, tuple(evidence)[:SHOWN], hint, tuple(because))


def short(text: str, limit: int = 300) -> str:
    """The text, cut in the middle of nowhere but never silently."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text):,} characters)"


def few(items: Iterable[str], limit: int = 4) -> str:
    """``a, b, c and 3 more``."""
    listed = list(items)
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + more


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 trace``, ``2 traces``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def summed(findings: Sequence[str]) -> str:
    """The first finding, and how many others there are."""
    return findings[0] + (f" (and {count(len(findings) - 1, 'more finding')})" if len(findings) > 1 else "")


def noted(notes: Iterable[str]) -> str:
    """What was left to other checks, as the tail of a summary."""
    kept = [note for note in notes if note]
    return f" ({'; '.join(kept)})" if kept else ""
