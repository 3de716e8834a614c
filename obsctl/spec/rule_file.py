"""Prometheus rule files, read for what is in them: rules with their lines. Whose they are does not matter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from obsctl.errors import Place
from obsctl.schema.findings import Findings
from obsctl.schema.records import RecordType, key, record
from obsctl.schema.scalars import duration_seconds, whole
from obsctl.schema.source import SourceCursor, SourceNode
from obsctl.schema.types import AlreadyReported, ListOf, MapOf, ScalarType, ValidationError
from obsctl.spec.scalars import NAME
from obsctl.spec.yaml_source import parse_yaml


@dataclass(frozen=True)
class FileRule:
    """A rule as written. ``wait`` is its ``for`` in seconds; ``expr_place`` is where its expression begins."""

    kind: Literal["alert", "record"]
    name: str
    expr: str
    wait: float
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    group: str
    place: Place
    expr_place: Place


def parse_rule_file(text: str, file: str) -> tuple[FileRule, ...]:
    """The rules of a file, in order; ``file`` is how places name it. Raises SpecError with every mistake."""
    return _rules(parse_yaml(text, file), file)


def _scalar(node: SourceNode) -> str:
    """Any scalar as it is written: rule files are read by YAML readers of every kind."""
    if isinstance(node.value, tuple | Mapping) or not node.text:
        raise ValidationError
    return node.text


def _label_value(node: SourceNode) -> str:
    return "" if node.value is None or node.value == "" else _scalar(node)


def _duration(node: SourceNode) -> float:
    text = _scalar(node)
    seconds = duration_seconds(text)
    if not seconds and not re.fullmatch(r"0(ms|[smhdwy])?", text):
        raise ValidationError
    return seconds


_TEXT = ScalarType("text", _scalar)
_VALUES = MapOf(ScalarType("text", _label_value))
_WAIT = ScalarType("a duration such as 5m", _duration)
_EXPR = ScalarType("a PromQL expression", _scalar)
_WHAT = ("alert", "record")


@record("a rule", kw_only=True)
class _RuleEntry:
    """A rule as the file has it."""

    record: str = key(_TEXT, "Name of the series.", default="")
    alert: str = key(_TEXT, "Name of the alert.", default="")
    expr: str = key(_EXPR, "PromQL.")
    wait: float = key(_WAIT, "How long it must hold.", default=0.0, name="for")
    keep_firing_for: float = key(_WAIT, "How long it goes on firing.", default=0.0)
    labels: Mapping[str, str] = key(_VALUES, "Labels to set.", default={})
    annotations: Mapping[str, str] = key(_VALUES, "What to tell.", default={})

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """An alert or a recording rule, with its own keys only."""
        kinds = [kind for kind in _WHAT if cursor.given(kind)]
        if len(kinds) != 1:
            message = "a rule is an alert or a recording rule, and this is " + ("both" if kinds else "neither")
            findings.add(cursor.spot(), message, "Write either `alert:` or `record:`.")
        for name in ("for", "keep_firing_for", "annotations"):
            if kinds == ["record"] and cursor.given(name):
                message = "only an alert can have this, not a recording rule"
                findings.add(cursor.spot(name), message, "Remove the key.")


@record("a group")
class _GroupEntry:
    """Rules that are evaluated together."""

    name: str = key(_TEXT, "Its name.")
    interval: float = key(_WAIT, "How often its rules are evaluated.", default=0.0)
    limit: int | None = key(whole(0, 2**31), "Most series of a rule.", default=None)
    query_offset: float = key(_WAIT, "How far back rules look.", default=0.0)
    labels: Mapping[str, str] = key(_VALUES, "Labels of all its rules.", default={})
    partial_response_strategy: str | None = key(NAME, "For distributed evaluators.", default=None)
    rules: tuple[_RuleEntry, ...] = key(ListOf(RecordType(_RuleEntry), "a list of rules"), "Its rules.", default=())


@record("a rule file")
class _RuleFile:
    """The whole file."""

    groups: tuple[_GroupEntry, ...] = key(ListOf(RecordType(_GroupEntry), "a list of groups"), "Groups of rules.")

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """Groups have names of their own."""
        names: set[str] = set()
        for group, at in cursor.each("groups", self.groups):
            if group.name in names:
                findings.add(at.spot("name"), f"there is a group {group.name!r} already", "Give it another name.")
            names.add(group.name)


def _rules(node: SourceNode, file: str) -> tuple[FileRule, ...]:
    findings, cursor = Findings(file), SourceCursor(node)
    try:
        return tuple(_group_rules(RecordType(_RuleFile).read(cursor, findings), cursor, file))
    except ValidationError:
        findings.add(cursor.spot(), "expected `groups:` at the top", "Is it a Prometheus rule file?")
        findings.raise_any()
        raise
    except AlreadyReported:
        findings.raise_any()
        raise


def _group_rules(rules: _RuleFile, cursor: SourceCursor, file: str) -> Iterator[FileRule]:
    for group, group_at in cursor.each("groups", rules.groups):
        for rule, at in group_at.each("rules", group.rules):
            kind: Literal["alert", "record"] = "alert" if rule.alert else "record"
            yield FileRule(
                kind=kind,
                name=rule.alert or rule.record,
                expr=rule.expr,
                wait=rule.wait,
                labels={**group.labels, **rule.labels},
                annotations=rule.annotations,
                group=group.name,
                place=Place(file, at.spot().line),
                expr_place=Place(file, at.spot("expr").line),
            )
