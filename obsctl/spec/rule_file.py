"""Prometheus rule files, read for what is in them: rules with their lines. Whose they are does not matter.

What is taken and what is refused follows Prometheus' ``rulefmt`` (github.com/prometheus/prometheus, 3.14): a key or a
section without a value is left out, any scalar is a text, names are UTF-8, and only the first YAML document counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from obsctl.errors import Place, SpecError
from obsctl.schema.findings import Findings
from obsctl.schema.records import RecordType, key, record
from obsctl.schema.scalars import duration_seconds
from obsctl.schema.source import SourceCursor, SourceNode
from obsctl.schema.types import AlreadyReported, ListOf, MapOf, ScalarType, ValidationError
from obsctl.spec.yaml_source import YamlDialect, parse_yaml
from obsctl.spec.yaml_syntax import control_character


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


GO_YAML = YamlDialect(max_nodes=2_000_000, merge_keys=True, core_tags=True, first_document=True, empty=True)
"""What Go's YAML package takes, which Prometheus reads rule files with."""


def parse_rule_file(text: str, file: str) -> tuple[FileRule, ...]:
    """The rules of a file, in order; ``file`` is how places name it. Raises SpecError with every mistake.

    Bytes that are not UTF-8 stand in ``text`` as lone surrogates.
    """
    found = control_character(text.removeprefix("\ufeff"))
    if found is not None:
        broken = "\ud800" <= text[found] <= "\udfff"
        what = "not UTF-8 text" if broken else f"control character U+{ord(text[found]):04X}"
        raise SpecError(what, place=Place(file, text.count("\n", 0, found) + 1), hint="Save the file as UTF-8 text.")
    return _rules(parse_yaml(text, file, GO_YAML), file)


def _scalar(node: SourceNode) -> str:
    """Any scalar as it is written: Go's YAML package reads it into a string. Null is the empty one."""
    if isinstance(node.value, tuple | Mapping):
        raise ValidationError
    return "" if node.value is None else node.text


def _limit(node: SourceNode) -> str:
    """A bare number as it is written; Go's YAML package drops what is behind the point."""
    number = isinstance(node.value, int | float) and not isinstance(node.value, bool)
    if not number and not (
        node.ambiguous and re.fullmatch(r"[-+]?(0([xX][\da-fA-F_]+|[0-7_]+)|[1-9][\d_]+)", node.text)
    ):
        raise ValidationError
    return node.text


def _duration(node: SourceNode) -> float:
    text = _scalar(node)
    seconds = duration_seconds(text)
    if not seconds and not re.fullmatch(_NO_TIME, text, re.ASCII):
        raise ValidationError
    if seconds >= _LONGEST:
        raise ValidationError("longer than 292 years, which no Prometheus can count")
    return seconds


_NO_TIME = r"0|(?=0)(0+y)?(0+w)?(0+d)?(0+h)?(0+m)?(0+s)?(0+ms)?"
_LONGEST = 2**63 / 1e9
_TEXT = ScalarType("text", _scalar)
_LABELS = MapOf(_TEXT, names=r"(?s)(?!__name__\Z).+", naming="the name of a label")
_ANNOTATIONS = MapOf(_TEXT, names=r"(?s).+")
_WAIT = ScalarType("a duration such as 5m", _duration)
_EXPR = ScalarType("a PromQL expression", _scalar)


@record("a rule", kw_only=True)
class _RuleEntry:
    """A rule as the file has it."""

    record: str = key(_TEXT, "Name of the series.", default="")
    alert: str = key(_TEXT, "Name of the alert.", default="")
    expr: str = key(_EXPR, "PromQL.", default="")
    wait: float = key(_WAIT, "How long it must hold.", default=0.0, name="for")
    keep_firing_for: float = key(_WAIT, "How long it goes on firing.", default=0.0)
    labels: Mapping[str, str] = key(_LABELS, "Labels to set.", default={})
    annotations: Mapping[str, str] = key(_ANNOTATIONS, "What to tell.", default={})

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """An alert or a recording rule, with its own keys only, and an expression."""
        if bool(self.record) == bool(self.alert):
            message = "a rule is an alert or a recording rule, and this is " + ("both" if self.record else "neither")
            findings.add(cursor.spot(), message, "Write either `alert:` or `record:`.")
        if not self.expr:
            findings.add(cursor.spot("expr"), "the rule has no expression", "Add `expr:`.")
        if self.record:
            self._check_recording(cursor, findings)

    def _check_recording(self, cursor: SourceCursor, findings: Findings) -> None:
        own = {"for": self.wait, "keep_firing_for": self.keep_firing_for, "annotations": self.annotations}
        for name in (name for name, value in own.items() if value):
            message = "only an alert can have this, not a recording rule"
            findings.add(cursor.spot(name), message, "Remove the key.")
        if re.search(r"[{}]", self.record):
            findings.add(cursor.spot("record"), "braces in the name of a series", "Put labels under `labels:`.")


@record("a group")
class _GroupEntry:
    """Rules that are evaluated together."""

    name: str = key(_TEXT, "Its name.", default="")
    interval: float = key(_WAIT, "How often its rules are evaluated.", default=0.0)
    limit: str = key(ScalarType("a whole number", _limit), "Most series of a rule.", default="0")
    query_offset: float = key(_WAIT, "How far back rules look.", default=0.0)
    labels: Mapping[str, str] = key(_LABELS, "Labels of all its rules.", default={})
    rules: tuple[_RuleEntry, ...] = key(ListOf(RecordType(_RuleEntry), "a list of rules"), "Its rules.", default=())

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """A group has a name."""
        if not self.name:
            findings.add(cursor.spot("name"), "the group has no name", "Add `name:`.")


@record("a rule file")
class _RuleFile:
    """The whole file."""

    groups: tuple[_GroupEntry, ...] = key(ListOf(RecordType(_GroupEntry), "a list of groups"), "Groups.", default=())

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """Groups have names of their own."""
        names: set[str] = set()
        for group, at in cursor.each("groups", self.groups):
            if group.name in names:
                findings.add(at.spot("name"), f"there is a group {group.name!r} already", "Give it another name.")
            names.add(group.name)


class _RuleFindings(Findings):
    """Mistakes of a rule file, in which a key without a value counts as left out."""

    null_is_absent = True


def _rules(node: SourceNode, file: str) -> tuple[FileRule, ...]:
    if node.value is None:
        return ()
    findings, cursor = _RuleFindings(file), SourceCursor(_without_null_items(node))
    try:
        return tuple(_group_rules(RecordType(_RuleFile).read(cursor, findings), cursor, file))
    except ValidationError:
        findings.add(cursor.spot(), "expected `groups:` at the top", "Is it a Prometheus rule file?")
        findings.raise_any()
        raise
    except AlreadyReported:
        findings.raise_any()
        raise


def _without_null_items(node: SourceNode) -> SourceNode:
    """Go's YAML package leaves out the items of lists that are null."""
    if isinstance(node.value, tuple):
        items = tuple(_without_null_items(item) for item in node.items if item.value is not None)
        return replace(node, value=items)
    if isinstance(node.value, Mapping):
        return replace(node, value={name: _without_null_items(item) for name, item in node.entries.items()})
    return node


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
