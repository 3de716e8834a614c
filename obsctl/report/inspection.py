"""The outcome of a check: lines for people, workflow commands for GitHub, data for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping

from rich.text import Text

from obsctl.errors import UsageError
from obsctl.lint.finding import Finding, Inspection, LookVerdict, Severity
from obsctl.report import json as as_json
from obsctl.report.console import console
from obsctl.report.safe import safe
from obsctl.result import Result

_MARKS = {
    LookVerdict.PASS: ("✓ pass ", "green"),
    LookVerdict.FAIL: ("✗ FAIL ", "bold red"),
    LookVerdict.SKIP: ("- skip ", "dim"),
    LookVerdict.ERROR: ("! ERROR", "bold yellow"),
}
_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
"""GitHub's words."""


def require_format(name: str) -> str:
    """The format's name, or a UsageError that lists what there is."""
    if name not in _SHOWN:
        raise UsageError(f"--format {name!r} is none of {', '.join(_SHOWN)}", hint="leave it out for text")
    return name


def show(result: Inspection, chosen: str) -> None:
    """Print it on stdout."""
    _SHOWN[chosen](result)


def envelope(result: Inspection) -> Result:
    """The verb's result."""
    data: dict[str, object] = {
        "fail_on": str(result.fail_on),
        "counts": {str(severity): result.count(severity) for severity in Severity},
        "looks": [{"subject": k.subject, "status": str(k.verdict), "detail": k.detail} for k in result.looks],
        "findings": [_data(finding) for finding in result.findings],
        "suppressed": [{**_data(a.finding), "reason": a.reason} for a in result.accepted],
    }
    return Result("check", data, exit_status=result.exit_status)


def _data(finding: Finding) -> dict[str, object]:
    return {
        "id": finding.rule.id,
        "severity": str(finding.rule.severity),
        "file": finding.place.file,
        "line": finding.place.line or None,
        "target": finding.target,
        "message": finding.message,
        "hint": finding.advice,
    }


def _text(result: Inspection) -> None:
    out = console(sys.stdout)
    for finding in result.findings:
        out.print(_headline(finding))
        out.print(Text(f"    {safe(finding.advice)}", style="dim"))
    if result.findings:
        out.print()
    width = max((len(look.subject) for look in result.looks), default=0)
    for look in result.looks:
        mark, style = _MARKS[look.verdict]
        out.print(Text.assemble((mark, style), f" {safe(look.subject):<{width}}  {safe(look.detail)}"))
    for accepted in result.accepted:
        note = f"suppressed: {accepted.finding.rule.id} on {accepted.finding.target}: {accepted.reason}"
        out.print(Text(safe(note), style="dim"))
    out.print(Text(f"\n{_total(result)}", style="bold red" if result.exit_status else "bold green"))


def _headline(finding: Finding) -> Text:
    """Place, severity, id, what it is about unless the message or the place says so, and the message."""
    severity, target = finding.rule.severity, finding.target
    is_repeated = target == finding.place.file or target in finding.message
    about = "" if is_repeated else f"{safe(target)}: "
    return Text.assemble(
        *((safe(finding.place), "bold"), ": ", (str(severity), _STYLES[severity])),
        f" {finding.rule.id}  {about}{safe(finding.message)}",
    )


def _total(result: Inspection) -> str:
    words = ((Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "suggestion"))
    counts = [f"{n} {word}{'s' * (n != 1)}" for severity, word in words if (n := result.count(severity))]
    accepted = [f"{len(result.accepted)} suppressed"] if result.accepted else []
    return ", ".join([*counts, *accepted]) or "nothing found"


def _github(result: Inspection) -> None:
    for line in github_lines(result):
        sys.stdout.write(line + "\n")


def github_lines(result: Inspection) -> Iterator[str]:
    """One workflow command a finding: GitHub shows them beside the lines of a pull request."""
    for finding in result.findings:
        place = finding.place
        where = {"file": place.file, **({"line": str(place.line)} if place.line else {}), "title": finding.rule.id}
        properties = ",".join(f"{key}={_property(value)}" for key, value in where.items())
        message = f"{finding.target}: {finding.message} ({finding.advice})"
        yield f"::{_LEVELS[finding.rule.severity]} {properties}::{_message(message)}"


def _message(text: str) -> str:
    return safe(text, newlines=True).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


_SHOWN: Mapping[str, Callable[[Inspection], None]] = {
    "text": _text,
    "json": lambda result: as_json.show(envelope(result)),
    "github": _github,
}
