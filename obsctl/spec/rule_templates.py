"""Templates of recording rules and alerts, with what their tests feed them: ``templates/rules/*.yaml``.

Expressions name metrics by their registry name, ``@{http.requests}``; rendering puts the Prometheus name there.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from obsctl import assets
from obsctl.errors import Place
from obsctl.spec.contract_load import family_names, read_record
from obsctl.spec.findings import Findings, shown_path
from obsctl.spec.kinds import Key, ListOf, MapOf, Parsed, Record
from obsctl.spec.leaves import FLAG, NAME, NUMBER, PLAIN, TEXT, choice, duration, text_like
from obsctl.spec.words import nearest, quoted


@dataclass(frozen=True)
class Input:
    """A series that a test feeds to an alert.

    A counter's rise in a minute, or a level, in quiet times and in times of trouble; ``gone`` means that the series is
    not there in times of trouble.
    """

    series: str
    quiet: float
    firing: float
    level: bool = False
    gone: bool = False


@dataclass(frozen=True)
class AlertTest:
    """What makes an alert fire, the labels it then has, and how ``{{ $value … }}`` reads in its annotations."""

    inputs: tuple[Input, ...]
    labels: Mapping[str, str]
    value: str = ""


@dataclass(frozen=True)
class AlertTemplate:
    """An alert. ``wait`` is how long its expression must hold, in seconds; ``severity`` is ``page`` or ``ticket``."""

    name: str
    severity: str
    wait: float
    expr: str
    summary: str
    description: str
    test: AlertTest
    place: Place


@dataclass(frozen=True)
class Recording:
    """A recording rule."""

    record: str
    expr: str
    place: Place


@dataclass(frozen=True)
class RuleTemplate:
    """One file. It is for contracts that use all of ``families``."""

    name: str
    families: tuple[str, ...]
    recordings: tuple[Recording, ...]
    alerts: tuple[AlertTemplate, ...]


_INPUT = Record(
    "a test's input",
    (
        Key("series", TEXT, "The series.", required=True),
        Key("quiet", NUMBER, "Its rise in a minute (or its level) while all is well.", required=True),
        Key("firing", NUMBER, "The same in times of trouble.", 0.0),
        Key("level", FLAG, "Whether the numbers are levels.", False),
        Key("gone", FLAG, "Whether the series is not there in times of trouble.", False),
    ),
)
_TEST = Record(
    "a test",
    (
        Key("inputs", ListOf(_INPUT, empty=False), "What it is fed.", required=True),
        Key("labels", MapOf(PLAIN), "Labels that come from the series.", {}),
        Key("value", TEXT, "How the value reads in annotations.", ""),
    ),
)
_ALERT = Record(
    "an alert",
    (
        Key("alert", text_like(r"[A-Z][A-Za-z0-9]{2,60}", "a name such as TargetDown"), "Its name.", required=True),
        Key("severity", choice("page", "ticket"), "Whether somebody has to get up.", required=True),
        Key("for", duration("1s", "1d"), "How long it must hold.", required=True),
        Key("expr", TEXT, "When it fires.", required=True),
        Key("summary", TEXT, "One line.", required=True),
        Key("description", TEXT, "What is going on, with numbers.", required=True),
        Key("test", _TEST, "What makes it fire.", required=True),
    ),
)
_RECORDING = Record(
    "a recording rule",
    (Key("record", TEXT, "Its name.", required=True), Key("expr", TEXT, "What it records.", required=True)),
)
_FILE = Record(
    "the rules",
    (
        Key("families", ListOf(NAME), "Families that it needs.", required=True),
        Key("recording", ListOf(_RECORDING), "Recording rules.", ()),
        Key("alerts", ListOf(_ALERT), "Alerts.", ()),
    ),
)


@functools.cache
def rule_templates() -> Mapping[str, RuleTemplate]:
    """The templates that ship, by name. Raises SpecError."""
    return {path.stem: load_rule_template(path) for path in sorted((assets.templates() / "rules").glob("*.yaml"))}


def load_rule_template(path: Path) -> RuleTemplate:
    """The template of a file. Raises SpecError."""
    findings = Findings(shown_path(path))
    parsed = read_record(path, _FILE, findings)
    for i, family in enumerate(parsed["families"]):
        if family not in family_names():
            message = f"unknown family {quoted(family)}{nearest(family, family_names())}"
            findings.add(parsed.spot("families", i), message, f"Families: {', '.join(family_names())}.")
    findings.raise_any()
    recordings = (Recording(r["record"], r["expr"], Place(findings.file, r.node.line)) for r in parsed["recording"])
    alerts = (_alert(alert, findings.file) for alert in parsed["alerts"])
    return RuleTemplate(path.stem, parsed["families"], tuple(recordings), tuple(alerts))


def _alert(alert: Parsed, file: str) -> AlertTemplate:
    test = alert["test"]
    inputs = tuple(Input(**entry.values) for entry in test["inputs"])
    return AlertTemplate(
        name=alert["alert"],
        severity=alert["severity"],
        wait=alert["for"],
        expr=alert["expr"].strip(),
        summary=alert["summary"].strip(),
        description=alert["description"].strip(),
        test=AlertTest(inputs, test["labels"], test["value"]),
        place=Place(file, alert.node.line),
    )
