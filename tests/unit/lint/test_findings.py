"""Each case of ``tests/scripts/lint`` has exactly the findings that it lists, and every kind of finding has a case."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from obsctl.errors import SpecError
from obsctl.lint.catalogue import RULES
from obsctl.lint.contracts import contract_findings
from obsctl.lint.dashboards import dashboard_findings
from obsctl.lint.finding import Finding
from obsctl.lint.promql import read
from obsctl.lint.recorded import with_recorded
from obsctl.lint.rules import rule_findings, syntax_findings
from obsctl.lint.scrape import scrape_findings
from obsctl.lint.series import Known, known_series
from obsctl.spec.contract import Contract, Metric, MetricType
from obsctl.spec.load import load_contract
from obsctl.spec.rule_file import FileRule, parse_rule_file

CASES = Path(__file__).resolve().parents[2] / "scripts" / "lint"
ELSEWHERE = {"spec.invalid", "rule-tests.failed", "check.stale-suppression"}
"""Kinds that need a folder: see ``test_check.py``."""


def cases(name: str) -> list[Any]:
    found = yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf8"))
    return [pytest.param(case, id=str(case.get("name", case.get("expr")))) for case in found]


@cache
def contract() -> Contract:
    return load_contract(CASES / "contract.yaml")


@cache
def recorded() -> tuple[FileRule, ...]:
    return parse_rule_file((CASES / "recorded.yaml").read_text(encoding="utf8"), "recorded.yaml")


def known(rules: Iterable[FileRule] = ()) -> Known:
    found = known_series([contract()], external=["otelcol_*"], scrape_interval=15)
    return with_recorded(found, (*recorded(), *rules))


def ids(findings: Iterable[Finding]) -> list[str]:
    return sorted(finding.rule.id for finding in findings)


@pytest.mark.parametrize("case", cases("promql"))
def test_an_expression(case: dict[str, Any]) -> None:
    issues = read(case["expr"], known()).issues
    assert sorted(issue.id for issue in issues) == sorted(case["finds"]), issues


RULE = {"severity": "page"}
TOLD = {"summary": "A sentence.", "runbook_url": "https://example.com/it"}


def rule_text(case: dict[str, Any]) -> str:
    if "text" in case:
        return case["text"]
    rule = case.get("rule") or {"alert": "Trouble", "for": "5m", "labels": RULE, "annotations": TOLD, **case["alert"]}
    return json.dumps({"groups": [{"name": "web", "rules": [rule]}]})


@pytest.mark.parametrize("case", cases("rules"))
def test_a_rule_file(case: dict[str, Any]) -> None:
    try:
        rules = parse_rule_file(rule_text(case), "rules.yml")
        found = list(rule_findings(rules, known(rules)))
    except SpecError as error:
        found = list(syntax_findings(error))
    assert sorted(set(ids(found))) == sorted(case["finds"]), found
    assert all(finding.place.file == "rules.yml" for finding in found)


@pytest.mark.parametrize("case", cases("scrapes"))
def test_a_scrape(case: dict[str, Any]) -> None:
    found = list(scrape_findings(case["text"], "metrics.txt", contract().metrics))
    assert sorted(set(ids(found))) == sorted(case["finds"]), found


FINE = Metric("a_seconds", MetricType.HISTOGRAM, labels=("route",), buckets=(0.1, 0.5, 1.0), series_budget=60)


@pytest.mark.parametrize("case", cases("contracts"))
def test_a_contract(case: dict[str, Any]) -> None:
    change = {key: tuple(value) if isinstance(value, list) else value for key, value in case["change"].items()}
    made = Contract("shop", ("web",), metrics=(replace(FINE, **change),))
    assert ids(contract_findings(made)) == case["finds"]


def board(case: dict[str, Any]) -> str:
    target = {
        "refId": "A",
        "datasource": {"type": "prometheus", "uid": "metrics"},
        "expr": 'sum by (route) (rate(http_requests_total{job=~"$job"}[$__rate_interval]))',
        **case.get("target", {}),
    }
    panel = {
        "id": 1,
        "type": "timeseries",
        "title": "Requests",
        "description": "How many there are.",
        "fieldConfig": {"defaults": {"unit": "reqps"}},
        "targets": [target],
        **case.get("panel", {}),
    }
    variable = {"name": "job", "type": "query", "query": "label_values(up, job)", "refresh": 2, "multi": True}
    variables = [{**variable, **case.get("variable", {})}]
    whole = {"uid": "a", "title": "A", "editable": False, "panels": [panel], "templating": {"list": variables}}
    return json.dumps({**whole, **case.get("board", {})}, indent=1)


@pytest.mark.parametrize("case", cases("dashboards"))
def test_a_dashboard(case: dict[str, Any]) -> None:
    found = list(dashboard_findings(case.get("text") or board(case), "a.json", known()))
    assert ids(found) == sorted(case["finds"]), found


def test_a_finding_of_a_panel_has_the_line_of_its_query() -> None:
    text = board({"target": {"expr": "sum(rate(queue_depth[$__rate_interval]))"}})
    (found,) = (f for f in dashboard_findings(text, "a.json", known()) if f.rule.id == "promql.rate-on-gauge")
    assert '"expr"' in text.splitlines()[found.place.line - 1]


def test_a_finding_of_a_rule_has_the_line_of_its_expression() -> None:
    text = "groups:\n- name: a\n  rules:\n  - record: a:b:c\n    expr: rate(queue_depth[5m])\n"
    (found,) = rule_findings(parse_rule_file(text, "r.yml"), known())
    assert (found.rule.id, found.place.line, found.target) == ("promql.rate-on-gauge", 5, "a:b:c")


def test_every_kind_of_finding_has_a_case_in_which_nothing_else_is_found() -> None:
    alone = {
        case["finds"][0]
        for name in ("promql", "rules", "scrapes", "contracts", "dashboards")
        for case in yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf8"))
        if len(case["finds"]) == 1
    }
    assert alone == {rule.id for rule in RULES} - ELSEWHERE


def test_long_chains_of_rules_are_followed() -> None:
    text = (
        "groups:\n- name: a\n  rules:\n  - {record: 'a:0:x', expr: 'sum by (route) (rate(http_requests_total[5m]))'}\n"
    )
    text += "".join(f"  - {{record: 'a:{n}:x', expr: 'a:{n - 1}:x + a:{n - 1}:x'}}\n" for n in range(1, 2000))
    rules = parse_rule_file(text, "r.yml")
    shape = read("a:1999:x", with_recorded(known(), reversed(rules))).shape
    assert shape.labels == {"route"}


def test_long_and_deep_expressions_are_read() -> None:
    assert read("+".join(["up"] * 500), known()).issues == ()
    assert read("abs(" * 90 + "up" + ")" * 90, known()).issues == ()
    assert [i.id for i in read("(" * 9000 + "up" + ")" * 9000, known()).issues] == ["promql.syntax"]


LONG = 50_000
HOSTILE = {
    "quotes": 'a{b="' * LONG,
    "labels without an end": "a{" + 'b="",' * LONG,
    "spaces": "a" + " " * LONG + "x",
    "spaces after the number": "a 1" + " " * LONG + "x",
    "digits": "a " + "1" * LONG + "x",
    "templates": "{{ " * LONG,
    "brackets": "[ " * LONG,
    "calls": "rate(x" * LONG,
    "quoted calls": 'rate("' * LONG,
}
"""Texts that cost hours where a pattern is tried again at every place. Each takes milliseconds."""


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_costs_no_more_than_a_long_one(text: str) -> None:
    assert list(scrape_findings(text, "x"))
    found_everywhere(text)


WORDS = st.lists(
    st.sampled_from(
        [*'(){}[],"=~!#:\\\n \t', "# TYPE ", "# HELP ", "a", "le", "sum", "by", "rate", "5m", "1", "NaN", "up", " or "]
    ),
    max_size=60,
).map("".join)


def found_in_rules(text: str) -> list[Finding]:
    try:
        return list(rule_findings(parse_rule_file(text, "x"), known()))
    except SpecError as error:
        return list(syntax_findings(error))


def found_everywhere(text: str) -> None:
    read(text, known())
    list(scrape_findings(text, "x", contract().metrics))
    list(dashboard_findings(text, "x", known()))
    for target in ({"expr": text}, {"expr": text, "datasource": {"type": "loki", "uid": "logs"}}):
        hostile = {"target": target, "variable": {"query": f"label_values({text}, job)"}}
        list(dashboard_findings(board(hostile), "x", known()))
    found_in_rules(text)
    rule = {"alert": "A", "expr": text or "up", "annotations": {"summary": text}}
    found_in_rules(json.dumps({"groups": [{"name": "a", "rules": [rule]}]}))


@given(WORDS | st.text())
def test_nothing_is_raised_whatever_the_text(text: str) -> None:
    found_everywhere(text)
