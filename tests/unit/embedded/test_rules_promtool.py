"""The embedded server's rules behave as Prometheus' own: the same tests pass on both, and both say no to the same."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from obsctl.embedded.rules.load import groups
from obsctl.errors import UsageError
from tests.conformance import products
from tests.unit.embedded.rule_tests import Simulation, failures

GOLDEN = Path(__file__).parents[2] / "golden" / "common"
SCRIPTS = Path(__file__).parents[2] / "scripts" / "rules"
RENDERED = sorted((GOLDEN / "rule-tests").iterdir())
TEMPLATES = [line for line in (SCRIPTS / "templates.txt").read_text(encoding="utf8").splitlines() if line[:1] != "#"]


@pytest.fixture
def promtool(starts_programs: None) -> str:
    return products.promtool()


def ran(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("file", RENDERED, ids=lambda file: file.stem)
def test_every_rendered_test_passes(file: Path) -> None:
    """Promtool passes the same files in the tests of rendering. The pace keeps it short; waits are longer than it."""
    assert list(failures(file, pace=5)) == []


def test_a_rule_that_is_wrong_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "prometheus" / "rules", tmp_path / "prometheus" / "rules")
    shutil.copytree(GOLDEN / "rule-tests", tmp_path / "rule-tests")
    rules = tmp_path / "prometheus" / "rules" / "cv-job-matching.http.yml"
    rules.write_text(rules.read_text().replace("> 0.05", "> 0.5"))
    found = list(failures(tmp_path / "rule-tests" / "cv-job-matching.http.yml", pace=5))
    assert found
    assert all("HttpErrorRateHigh is []" in one for one in found)


def test_rules_mean_what_the_tests_say() -> None:
    assert list(failures(SCRIPTS / "semantics.tests.yml")) == []


def test_prometheus_passes_these_tests_too(promtool: str) -> None:
    done = ran(promtool, "test", "rules", "semantics.tests.yml", cwd=SCRIPTS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_templates_are_expanded_as_prometheus_does(promtool: str, tmp_path: Path) -> None:
    """What the embedded server makes of each template is what promtool is told to expect."""
    labels = {"job": "api", "instance": "web.example.com:80"}
    rules = [{"alert": f"T{i}", "expr": "busy", "annotations": {"told": text}} for i, text in enumerate(TEMPLATES)]
    document = {"groups": [{"name": "templates", "rules": rules}]}
    fruit = {"pear": "2", "fig": "3.5", "apple": "1234567"}
    test: dict[str, Any] = {
        "interval": "1m",
        "external_labels": {"region": "eu"},
        "input_series": [
            {"series": 'busy{job="api", instance="web.example.com:80"}', "values": "0.0123456"},
            *({"series": f'fruit{{name="{name}"}}', "values": value} for name, value in fruit.items()),
        ],
    }
    simulation = Simulation(test, [("rules.json", document)], 60_000)
    simulation.until(0)
    told = [simulation.firing(rule["alert"])[0][1] for rule in rules]
    assert len(told) > 40
    assert not [one for one in told if "<error" in one["told"]]
    looks = [
        {
            "eval_time": "0m",
            "alertname": rule["alert"],
            "exp_alerts": [{"exp_labels": labels, "exp_annotations": expanded}],
        }
        for rule, expanded in zip(rules, told, strict=True)
    ]
    tests = {"rule_files": ["rules.json"], "evaluation_interval": "1m", "tests": [{**test, "alert_rule_test": looks}]}
    (tmp_path / "rules.json").write_text(json.dumps(document))
    (tmp_path / "tests.json").write_text(json.dumps(tests))
    done = ran(promtool, "test", "rules", "tests.json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


GOOD: dict[str, Any] = {
    "groups": [
        {
            "name": "g",
            "interval": "10s",
            "limit": 5,
            "query_offset": "1s",
            "labels": {"team": "a"},
            "rules": [
                {"record": "job:up:sum", "expr": "sum by (job) (up)", "labels": {"zone": "x"}},
                {
                    "alert": "Down",
                    "expr": "up == 0",
                    "for": "1m",
                    "keep_firing_for": "2m",
                    "labels": {"severity": "page"},
                    "annotations": {"summary": "{{ $labels.job }}"},
                },
            ],
        }
    ]
}
BAD: list[tuple[str, Any, str]] = [
    ("groups", {}, "groups must be a list, not an object"),
    ("more", [], "unknown key more; known here: groups"),
    ("groups.0.name", "", "groups[0].name must be a non-empty string"),
    ("groups.0.intervall", "1m", "unknown key groups[0].intervall"),
    ("groups.0.interval", "soon", 'groups[0].interval: not a valid duration string: "soon"'),
    ("groups.0.limit", "many", 'groups[0].limit must be a whole number from 0 to 1000000, not "many"'),
    ("groups.0.labels", {"__name__": "x"}, "groups[0].labels: '__name__' cannot be the name of a label here"),
    ("groups.0.rules.0.record", "a-b{", "groups[0].rules[0].record: 'a-b{' is not a metric name"),
    ("groups.0.rules.0.alert", "Both", "groups[0].rules[0].record or groups[0].rules[0].alert: a rule has one of them"),
    ("groups.0.rules.0.for", "1m", "unknown key groups[0].rules[0].for"),
    ("groups.0.rules.0.annotations", {"a": "b"}, "unknown key groups[0].rules[0].annotations"),
    ("groups.0.rules.0.expr", "sum(", "groups[0].rules[0].expr: parse error:"),
    ("groups.0.rules.0.expr", "", "groups[0].rules[0].expr must be a non-empty string"),
    ("groups.0.rules.1.for", "-1m", 'groups[0].rules[1].for: not a valid duration string: "-1m"'),
    ("groups.0.rules.1.labels", {"__name__": "x"}, "groups[0].rules[1].labels: '__name__' cannot be the name"),
    ("groups.0.rules.1.annotations", {"a": "{{ if }}"}, "groups[0].rules[1].annotations.a: missing value for if"),
    ("groups.0.rules.1.annotations", {"a": "{{ $x }}"}, 'annotations.a: undefined variable "$x"'),
    ("groups.0.rules.1.annotations", {"a": "{{ foo }}"}, 'annotations.a: function "foo" not defined'),
    ("groups.0.rules.1.annotations", {"a": "{{ if true }}x"}, "annotations.a: unexpected EOF"),
    ("groups.0.rules.1.annotations", {"a": "{{ end }}"}, "annotations.a: unexpected {{end}}"),
    ("groups.0.rules.1.annotations", {"a": "{{ $value"}, "annotations.a: unclosed action"),
    ("groups.0.rules.1.annotations", {"a": '{{ "x }}'}, "annotations.a: unterminated quoted string"),
    ("groups.0.rules.1.annotations", {"a": "{{ (1 }}"}, "annotations.a: unclosed left paren"),
    ("groups.0.rules.1.annotations", {"a": "{{ break }}"}, "annotations.a: {{break}} outside {{range}}"),
    ("groups.0.rules.1.annotations", {"a": "{{ $value | 1 }}"}, "annotations.a: non executable command in pipeline"),
    ("groups.0.rules.1.annotations", {"a": "{{ if 1 }}{{ else }}{{ else }}{{ end }}"}, "annotations.a: "),
    ("groups.0.rules.1.annotations", {"a": "{{/* x }}"}, "annotations.a: "),
    ("groups.0.rules.1.labels", {"a": "{{ nope }}"}, 'labels.a: function "nope" not defined'),
]  # fmt: skip


EMPTY: list[tuple[str, Any]] = [
    ("groups", None),
    ("groups", []),
    ("groups.0.rules", None),
    ("groups.0.interval", None),
    ("groups.0.labels", None),
    ("groups.0.labels", {"team": None}),
    ("groups.0.rules.0.for", "0s"),
    ("groups.0.rules.0.annotations", {}),
    ("groups.0.rules.0.record", "größe.x"),
    ("groups.0.rules.0.alert", ""),
    ("groups.0.rules.1.record", None),
    ("groups.0.rules.1.for", None),
    ("groups.0.rules.1.labels", {"weight": 3, "paged": True}),
    ("groups.0.rules.1.annotations", {"summary": None}),
]
"""Sections that are empty, and values that are no strings."""


def broken(path: str, value: Any) -> Any:
    document = copy.deepcopy(GOOD)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = document
    for part in way:
        place = place[part]
    place[last] = value
    return document


def test_a_good_file_is_read() -> None:
    [group] = groups(GOOD, "r.json", 60_000)
    assert (group.key, group.interval_ms, group.limit, group.offset_ms) == ("r.json;g", 10_000, 5, 1_000)
    recording, alerting = group.rules
    assert recording.labels == {"team": "a", "zone": "x"}
    assert recording.query == "sum by (job) (up)"
    assert (alerting.hold_ms, alerting.keep_ms) == (60_000, 120_000)  # type: ignore[union-attr]
    assert {name: template.source for name, template in alerting.labels.items()} == {"team": "a", "severity": "page"}  # type: ignore[union-attr]


@pytest.mark.parametrize(("path", "value", "says"), BAD)
def test_a_broken_file_is_refused_with_its_place(path: str, value: Any, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        groups(broken(path, value), "/x/rules.json", 60_000)
    assert caught.value.message.startswith("/x/rules.json: ")
    assert says in caught.value.message
    assert "obsctl up" in caught.value.hint


def test_two_groups_of_one_name_are_refused() -> None:
    document = {"groups": GOOD["groups"] * 2}
    with pytest.raises(UsageError, match=r"groups\[1\].name: group 'g' is there already"):
        groups(document, "r.json", 60_000)


@pytest.mark.parametrize(("path", "value"), EMPTY)
def test_what_is_empty_counts_as_left_out(path: str, value: Any) -> None:
    groups(broken(path, value), "r.json", 60_000)


def test_a_file_may_be_empty() -> None:
    assert groups({}, "r.json", 60_000) == groups({"groups": None}, "r.json", 60_000) == []


def test_prometheus_takes_them_too(promtool: str, tmp_path: Path) -> None:
    for i, (path, value) in enumerate(EMPTY):
        (tmp_path / f"{i}.json").write_text(json.dumps(broken(path, value)))
    done = ran(promtool, "check", "rules", "--lint=none", *(f"{i}.json" for i in range(len(EMPTY))), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_refuses_them_too(promtool: str, tmp_path: Path) -> None:
    """And takes the good one; all in one call, which says of each file how it is."""
    documents = [GOOD, {"groups": GOOD["groups"] * 2}, *(broken(path, value) for path, value, _ in BAD)]
    files = [f"{i}.json" for i in range(len(documents))]
    for file, document in zip(files, documents, strict=True):
        (tmp_path / file).write_text(json.dumps(document))
    done = ran(promtool, "check", "rules", *files, cwd=tmp_path)
    output = done.stdout + done.stderr
    assert output.count("SUCCESS: ") == 1, output
    assert "Checking 0.json\n  SUCCESS: 2 rules found" in output
