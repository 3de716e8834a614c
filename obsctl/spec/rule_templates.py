"""Templates of recording rules and alerts, with what their tests feed them: ``templates/rules/*.yaml``.

Expressions name metrics by their registry name, ``@{http.requests}``; rendering puts the Prometheus name there.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from obsctl import assets
from obsctl.errors import Place
from obsctl.schema.findings import Findings, shown_path
from obsctl.schema.records import RecordType, key, place, record
from obsctl.schema.scalars import FLAG, NUMBER, PLAIN, PROSE, TEXT, duration, text_like
from obsctl.schema.source import SourceCursor
from obsctl.schema.text import nearest, quoted
from obsctl.schema.types import ListOf, MapOf, choice
from obsctl.spec.contract_load import family_names
from obsctl.spec.scalars import NAME
from obsctl.spec.yaml_source import read_record

_ALERT_NAME = text_like(r"[A-Z][A-Za-z0-9]{2,60}", "a name such as TargetDown")


@record("a test's input")
class Input:
    """A series that a test feeds to an alert.

    A counter's rise in a minute, or a level, in quiet times and in times of trouble; ``gone`` means that the series is
    not there in times of trouble.
    """

    series: str = key(TEXT, "The series.")
    quiet: float = key(NUMBER, "Its rise in a minute (or its level) while all is well.")
    firing: float = key(NUMBER, "The same in times of trouble.", default=0.0)
    level: bool = key(FLAG, "Whether the numbers are levels.", default=False)
    gone: bool = key(FLAG, "Whether the series is not there in times of trouble.", default=False)


@record("a test")
class AlertTest:
    """What makes an alert fire, the labels it then has, and how ``{{ $value … }}`` reads in its annotations."""

    inputs: tuple[Input, ...] = key(ListOf(RecordType(Input), empty=False), "What it is fed.")
    labels: Mapping[str, str] = key(MapOf(PLAIN), "Labels that come from the series.", default={})
    value: str = key(TEXT, "How the value reads in annotations.", default="")


@record("an alert")
class AlertTemplate:
    """An alert. ``wait`` is how long its expression must hold, in seconds; ``severity`` is ``page`` or ``ticket``."""

    name: str = key(_ALERT_NAME, "Its name.", name="alert")
    severity: str = key(choice("page", "ticket"), "Whether somebody has to get up.")
    wait: float = key(duration("1s", "1d"), "How long it must hold.", name="for")
    expr: str = key(PROSE, "When it fires.")
    summary: str = key(PROSE, "One line.")
    description: str = key(PROSE, "What is going on, with numbers.")
    test: AlertTest = key(RecordType(AlertTest), "What makes it fire.")
    place: Place = place(default=Place(""))


@record("a recording rule")
class RecordingTemplate:
    """A recording rule."""

    record: str = key(TEXT, "Its name.")
    expr: str = key(TEXT, "What it records.")
    place: Place = place(default=Place(""))


@record("the rules")
class RuleTemplate:
    """One file. It is for contracts that use all of ``families``."""

    families: tuple[str, ...] = key(ListOf(NAME), "Families that it needs.")
    recordings: tuple[RecordingTemplate, ...] = key(
        ListOf(RecordType(RecordingTemplate)), "Recording rules.", default=(), name="recording"
    )
    alerts: tuple[AlertTemplate, ...] = key(ListOf(RecordType(AlertTemplate)), "Alerts.", default=())
    name: str = ""


def rule_templates() -> Mapping[str, RuleTemplate]:
    """The templates that ship, by name. Raises SpecError."""
    return _templates_in(assets.templates() / "rules")


@functools.cache
def _templates_in(folder: Path) -> Mapping[str, RuleTemplate]:
    return {path.stem: load_rule_template(path) for path in sorted(folder.glob("*.yaml"))}


def load_rule_template(path: Path) -> RuleTemplate:
    """The template of a file. Raises SpecError."""
    findings = Findings(shown_path(path))
    template, cursor = read_record(path, RecordType(RuleTemplate), findings)
    check_families(template.families, cursor, findings)
    findings.raise_any()
    return replace(template, name=path.stem)


def check_families(families: Sequence[str], cursor: SourceCursor, findings: Findings) -> None:
    """The families of a template are those that ship."""
    known = family_names()
    for i, family in enumerate(families):
        if family not in known:
            message = f"unknown family {quoted(family)}{nearest(family, known)}"
            findings.add(cursor.spot("families", i), message, f"Families: {', '.join(known)}.")
