"""What ``check`` reports: findings with id, severity, place and explanation; what was looked at; the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from obsctl.errors import Place


class Severity(StrEnum):
    """How much a finding matters: ``error`` is wrong, ``warning`` will bite, ``info`` could be better."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Rule:
    """A kind of finding. ``title`` completes "finds …"; ``hint`` is what to do, unless the finding knows better."""

    id: str
    severity: Severity
    title: str
    hint: str


@dataclass(frozen=True)
class Finding:
    """One thing that is not right. ``target`` is what it is about: a metric, alert, panel, rule or file."""

    rule: Rule
    place: Place
    target: str
    message: str
    hint: str = ""

    @property
    def advice(self) -> str:
        """What to do next."""
        return self.hint or self.rule.hint


class LookVerdict(StrEnum):
    """How a look at one thing ended; ``skip`` is not looked at, with the reason, and never a pass."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    SKIP = "skip"
    ERROR = "error"


@dataclass(frozen=True)
class Look:
    """One thing that was looked at, or why it was not."""

    subject: str
    verdict: LookVerdict
    detail: str


@dataclass(frozen=True)
class AcceptedFinding:
    """A finding that a suppression covers, and the reason that it gives."""

    finding: Finding
    reason: str


@dataclass(frozen=True)
class Inspection:
    """The outcome of a check. ``fail_on`` is the least severity that fails it."""

    looks: tuple[Look, ...]
    findings: tuple[Finding, ...]
    accepted: tuple[AcceptedFinding, ...] = ()
    fail_on: Severity = Severity.WARNING

    def count(self, severity: Severity) -> int:
        """How many findings are of that severity."""
        return sum(finding.rule.severity is severity for finding in self.findings)

    @property
    def exit_status(self) -> int:
        """2 when the spec itself is wrong, 1 when something else fails, 3 when something could not be looked at."""
        if any(finding.rule.id == "spec.invalid" for finding in self.findings):
            return 2
        if any(at_least(finding.rule.severity, self.fail_on) for finding in self.findings):
            return 1
        return 3 if any(look.verdict is LookVerdict.ERROR for look in self.looks) else 0


def at_least(severity: Severity, least: Severity) -> bool:
    """Whether a severity is that grave or graver."""
    order: Sequence[Severity] = tuple(Severity)
    return order.index(severity) <= order.index(least)
