"""Prometheus rule files, read for what is in them: rules with their lines. Whose they are does not matter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from obsctl.errors import Place
from obsctl.spec.findings import Findings
from obsctl.spec.kinds import Key, Leaf, ListOf, MapOf, Parsed, Record, Unfit
from obsctl.spec.leaves import NAME, duration_seconds, whole
from obsctl.spec.yaml_source import Node, parse_yaml


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


def _scalar(node: Node) -> str:
    """Any scalar as it is written: rule files are read by YAML readers of every kind."""
    if isinstance(node.value, tuple | Mapping) or not node.text:
        raise Unfit
    return node.text


def _label_value(node: Node) -> str:
    return "" if node.value is None or node.value == "" else _scalar(node)


def _duration(node: Node) -> float:
    text = _scalar(node)
    seconds = duration_seconds(text)
    if not seconds and not re.fullmatch(r"0(ms|[smhdwy])?", text):
        raise Unfit
    return seconds


_TEXT = Leaf("text", _scalar)
_VALUES = MapOf(Leaf("text", _label_value))
_WAIT = Leaf("a duration such as 5m", _duration)
_EXPR = Leaf("a PromQL expression", _scalar)
_WHAT = {"alert": "an alert", "record": "a recording rule"}


def _check_rule(rule: Parsed, findings: Findings) -> None:
    given = [kind for kind in _WHAT if rule.given(kind)]
    if len(given) != 1:
        message = "a rule is an alert or a recording rule, and this is " + ("both" if given else "neither")
        findings.add(rule.spot(), message, "Write either `alert:` or `record:`.")
    for key in ("for", "keep_firing_for", "annotations"):
        if given == ["record"] and rule.given(key):
            findings.add(rule.spot(key), "only an alert can have this, not a recording rule", "Remove the key.")


_RULE = Record(
    "a rule",
    (
        Key("record", _TEXT, "Name of the series.", ""),
        Key("alert", _TEXT, "Name of the alert.", ""),
        Key("expr", _EXPR, "PromQL.", required=True),
        Key("for", _WAIT, "How long it must hold.", 0.0),
        Key("keep_firing_for", _WAIT, "How long it goes on firing.", 0.0),
        Key("labels", _VALUES, "Labels to set.", {}),
        Key("annotations", _VALUES, "What to tell.", {}),
    ),
    check=_check_rule,
)
_GROUP = Record(
    "a group",
    (
        Key("name", _TEXT, "Its name.", required=True),
        Key("interval", _WAIT, "How often its rules are evaluated.", 0.0),
        Key("limit", whole(0, 2**31), "Most series of a rule."),
        Key("query_offset", _WAIT, "How far back rules look.", 0.0),
        Key("labels", _VALUES, "Labels of all its rules.", {}),
        Key("partial_response_strategy", NAME, "For distributed evaluators."),
        Key("rules", ListOf(_RULE, "a list of rules"), "Its rules.", ()),
    ),
)
_FILE = Record("a rule file", (Key("groups", ListOf(_GROUP, "a list of groups"), "Groups of rules.", required=True),))


def _rules(node: Node, file: str) -> tuple[FileRule, ...]:
    findings = Findings(file)
    try:
        parsed = _FILE.read(node, "", findings)
    except Unfit:
        findings.add(Parsed({}, node, "").spot(), "expected `groups:` at the top", "Is it a Prometheus rule file?")
        findings.raise_any()
        raise
    _check_groups(parsed, findings)
    findings.raise_any()
    return tuple(_group_rules(parsed, file))


def _check_groups(parsed: Parsed, findings: Findings) -> None:
    seen: set[str] = set()
    for group in parsed["groups"] or ():
        if group["name"] in seen:
            findings.add(group.spot("name"), f"there is a group {group['name']!r} already", "Give it another name.")
        seen.add(group["name"])


def _group_rules(parsed: Parsed, file: str) -> Iterator[FileRule]:
    for group in parsed["groups"]:
        for rule in group["rules"]:
            kind: Literal["alert", "record"] = "alert" if rule["alert"] else "record"
            yield FileRule(
                kind=kind,
                name=rule[kind],
                expr=rule["expr"],
                wait=rule["for"],
                labels={**group["labels"], **rule["labels"]},
                annotations=rule["annotations"],
                group=group["name"],
                place=Place(file, rule.node.line),
                expr_place=Place(file, rule.spot("expr").line),
            )
