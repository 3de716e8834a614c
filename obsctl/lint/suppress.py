"""Findings that the spec accepts, each with a reason; a suppression that nothing needs is a finding itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from obsctl.lint.catalogue import BY_ID
from obsctl.lint.finding import AcceptedFinding, Finding
from obsctl.schema.text import nearest, quoted
from obsctl.spec.stack import Suppression

NEVER = frozenset(("spec.invalid", "check.stale-suppression", "rule-tests.failed"))
"""What cannot be accepted."""


def suppressed(
    findings: Iterable[Finding], suppressions: Sequence[Suppression], *, skipped: Sequence[str] = ()
) -> tuple[tuple[Finding, ...], tuple[AcceptedFinding, ...], tuple[Finding, ...]]:
    """The findings that are left, those that are accepted, and one for each stale suppression.

    ``skipped`` are the beginnings of ids that were not looked for (``scrape.``): what suppresses those is not stale.
    """
    left: list[Finding] = []
    accepted: list[AcceptedFinding] = []
    needed: set[Suppression] = set()
    for finding in findings:
        found = [s for s in suppressions if _covers(s, finding)]
        needed.update(found)
        if found:
            accepted.append(AcceptedFinding(finding, found[0].reason))
        else:
            left.append(finding)
    unneeded = (s for s in suppressions if s not in needed and not s.id.startswith(tuple(skipped)))
    return tuple(left), tuple(accepted), tuple(_stale(s) for s in unneeded)


def _covers(suppression: Suppression, finding: Finding) -> bool:
    if finding.rule.id in NEVER or not fnmatchcase(finding.rule.id, suppression.id):
        return False
    return any(fnmatchcase(what, suppression.target) for what in (finding.target, finding.place.file))


def _stale(suppression: Suppression) -> Finding:
    known = [id_ for id_ in BY_ID if fnmatchcase(id_, suppression.id)]
    if not known:
        message = f"no finding has the id {quoted(suppression.id)}{nearest(suppression.id, BY_ID)}"
    elif set(known) <= NEVER:
        message = f"{quoted(suppression.id)} cannot be suppressed"
    else:
        message = f"nothing is found any more for {quoted(suppression.id)} on {quoted(suppression.target)}"
    return Finding(BY_ID["check.stale-suppression"], suppression.place, suppression.id, message)
