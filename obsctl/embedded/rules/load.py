"""Rule files -> rules. They are Prometheus' rule files in JSON, which is YAML: ``promtool`` reads the same files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from obsctl.embedded.rules.model import AlertingRule, Recording, Rule, RuleGroup
from obsctl.embedded.rules.templates import AlertTextTemplate
from obsctl.errors import UsageError
from obsctl.languages.errors import QueryError
from obsctl.languages.promql.parse import canonical, parse
from obsctl.languages.promql.tree import Expr
from obsctl.schema.findings import Findings
from obsctl.schema.json_document import DURATION_MS, NON_EMPTY, STRING_MAP, read_json
from obsctl.schema.records import RecordType, key, record
from obsctl.schema.scalars import whole
from obsctl.schema.source import SourceCursor, SourceNode, Spot
from obsctl.schema.types import ListOf, MapOf, ScalarType, ValidationError, read_or_report

_LEAST_MS = 100
_MOST_MS = 86_400_000
_HINT = "Rule files are rendered by obsctl: mend the contract, or the file in its place, and run `obsctl up` again."


@dataclass(frozen=True)
class _RuleExpr:
    """An expression, as it is printed and as a tree."""

    text: str
    tree: Expr


def _expr(node: SourceNode) -> _RuleExpr:
    text = NON_EMPTY.parse(node)
    try:
        tree = parse(text)
    except (ValueError, QueryError) as error:
        raise ValidationError(f": {error}") from error
    if tree.kind not in ("vector", "scalar"):
        raise ValidationError(": a rule's expression must be an instant vector or a scalar")
    return _RuleExpr(canonical(text), tree)


def _scalar(node: SourceNode) -> str:
    """Any scalar as it is written, as Go's YAML package reads it into a string. Null is the empty one."""
    if isinstance(node.value, tuple | Mapping):
        raise ValidationError
    return "" if node.value is None else node.text


def _metric_name(node: SourceNode) -> str:
    name = _scalar(node)
    if "{" in name or "}" in name:
        raise ValidationError(f": {name!r} is not a metric name")
    return name


def _interval(node: SourceNode) -> int:
    interval = DURATION_MS.parse(node)
    if not _LEAST_MS <= interval <= _MOST_MS:
        raise ValidationError("must be from 100ms to 1d")
    return interval


def _labels(node: SourceNode) -> Mapping[str, str]:
    if not isinstance(node.value, Mapping):
        raise ValidationError
    for name in node.entries:
        if not name or name == "__name__":
            raise ValidationError(f": {name!r} cannot be the name of a label here")
    return {name: _scalar(value) for name, value in node.entries.items()}


def _template(node: SourceNode) -> AlertTextTemplate:
    try:
        return AlertTextTemplate(_scalar(node))
    except (ValueError, QueryError) as error:
        raise ValidationError(f": {error}") from error


_EXPR = ScalarType(NON_EMPTY.expected, _expr)
_METRIC_NAME = ScalarType(NON_EMPTY.expected, _metric_name)
_INTERVAL = ScalarType(NON_EMPTY.expected, _interval)
_LABELS = ScalarType(STRING_MAP.expected, _labels)
_TEXT = ScalarType("a string", _scalar)
_TEMPLATES = MapOf(ScalarType("a string", _template), STRING_MAP.expected, r"(?s).+")


def _check_templates(cursor: SourceCursor, findings: Findings) -> None:
    """Labels of an alert are templates."""
    if cursor.given("labels") and cursor.at("labels").node.entries:
        read_or_report(_TEMPLATES, cursor.at("labels"), findings)


@record("a rule", kw_only=True)
class _RuleEntry:
    """A rule as the file has it; times in milliseconds."""

    record: str = key(_METRIC_NAME, "Name of the series that it records.", default="")
    alert: str = key(_TEXT, "Name of the alert.", default="")
    expr: _RuleExpr = key(_EXPR, "PromQL: an instant vector or a scalar.")
    hold_ms: int = key(DURATION_MS, "How long it must hold.", default=0, name="for")
    keep_ms: int = key(DURATION_MS, "How long it goes on firing.", default=0, name="keep_firing_for")
    labels: Mapping[str, str] = key(_LABELS, "Labels to set; templates, for an alert.", default={})
    annotations: Mapping[str, AlertTextTemplate] = key(_TEMPLATES, "Annotations of the alert; templates.", default={})

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """An alert or a recording rule, with its own keys only; labels of an alert are templates."""
        if bool(self.record) == bool(self.alert):
            message = f"or {cursor.path}.alert: a rule has one of them, and not both"
            findings.add(Spot(0, f"{cursor.path}.record"), message)
        elif self.record:
            own = {"for": self.hold_ms, "keep_firing_for": self.keep_ms, "annotations": self.annotations}
            for name in (name for name, value in own.items() if value):
                findings.unknown(cursor, "a rule", name, ("expr", "labels", "record"))
        else:
            _check_templates(cursor, findings)


@record("a group")
class _GroupEntry:
    """Rules that are evaluated together, at one time."""

    name: str = key(NON_EMPTY, "Its name.")
    rules: tuple[_RuleEntry, ...] = key(
        ListOf(RecordType(_RuleEntry)), "Its rules, in the order of evaluation.", default=()
    )
    interval: int | None = key(_INTERVAL, "How often they are evaluated.", default=None, shown="the server's")
    labels: Mapping[str, str] = key(_LABELS, "Labels of all its rules.", default={})
    limit: int = key(whole(0, 1_000_000), "Most series of a rule; 0 for no limit.", default=0)
    query_offset: int = key(DURATION_MS, "How far back its rules look.", default=0)

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """Labels that alerts get are templates."""
        if any(rule.alert for rule in self.rules):
            _check_templates(cursor, findings)


@record("a rule file")
class _RuleFile:
    """The whole file."""

    groups: tuple[_GroupEntry, ...] = key(ListOf(RecordType(_GroupEntry)), "Groups of rules.", default=())

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """Groups have names of their own."""
        names = [group.name for group in self.groups]
        for i, name in enumerate(names):
            if name in names[:i]:
                findings.add(cursor.spot("groups", i, "name"), f": group {name!r} is there already")


def load(paths: Sequence[Path], interval_ms: int) -> tuple[RuleGroup, ...]:
    """The groups of all files. ``interval_ms`` is for groups that name none.

    Raises:
        UsageError: with the file, the way to the mistake in it, and what is wrong.
    """
    return tuple(group for path in paths for group in _file(path, interval_ms))


def _file(path: Path, interval_ms: int) -> list[RuleGroup]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the rules {path}: {error}", hint=_HINT) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}", hint=_HINT) from error
    return groups(document, str(path), interval_ms)


def groups(document: object, file: str, interval_ms: int) -> list[RuleGroup]:
    """The groups of a rule file's content."""
    try:
        entries = read_json(document, RecordType(_RuleFile)).groups
    except UsageError as error:
        raise UsageError(f"{file}: {error.message}", hint=_HINT) from error
    return [_group(entry, file, interval_ms) for entry in entries]


def _group(entry: _GroupEntry, file: str, interval_ms: int) -> RuleGroup:
    return RuleGroup(
        file=file,
        name=entry.name,
        interval_ms=interval_ms if entry.interval is None else entry.interval,
        rules=tuple(_rule(rule, entry.labels) for rule in entry.rules),
        limit=entry.limit,
        offset_ms=entry.query_offset,
    )


def _rule(entry: _RuleEntry, common: Mapping[str, str]) -> Rule:
    labels = {**common, **entry.labels}
    if entry.record:
        return Recording(entry.record, entry.expr.text, entry.expr.tree, labels)
    return AlertingRule(
        name=entry.alert,
        query=entry.expr.text,
        expr=entry.expr.tree,
        hold_ms=entry.hold_ms,
        keep_ms=entry.keep_ms,
        labels={name: AlertTextTemplate(text) for name, text in labels.items()},
        annotations=entry.annotations,
    )
