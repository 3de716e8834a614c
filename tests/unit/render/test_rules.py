"""Rules and their tests, as they follow from a contract: SLO numbers, names that change, pages, promtool's own word."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from obsctl import assets
from obsctl.errors import SpecError
from obsctl.render.rule_tests import QUIET, TROUBLE, promtool_value
from obsctl.render.rulefiles import rule_files, rule_test_files
from obsctl.render.rulegroups import file_value
from obsctl.render.rules import service_rules, stack_rules
from obsctl.render.slo_rules import BURN_WINDOWS, WINDOWS, slo_groups
from obsctl.render.yaml_text import yaml_text
from obsctl.spec.contract import Contract
from obsctl.spec.contract_load import load_family
from obsctl.spec.load import load_contract, load_stack
from obsctl.spec.presets import preset_names
from obsctl.spec.rule_templates import rule_templates
from obsctl.spec.slo import Slo, SloMatcher, SloSelector
from tests.read_yaml import read_yaml
from tests.unit.render.stacks import COMMON
from tests.unit.render.test_compose_validators import checked, tool

ROOT = Path(__file__).resolve().parents[3]
SLOTH = {
    30: {"page": [("5m", "1h", 14.4), ("30m", "6h", 6)], "ticket": [("2h", "1d", 3), ("6h", "3d", 1)]},
    28: {
        "page": [("5m", "1h", 13.44), ("30m", "6h", 5.6000000000000005)],
        "ticket": [("2h", "1d", 2.8000000000000003), ("6h", "3d", 0.9333333333333333)],
    },
}
"""Windows and factors that Sloth publishes for an objective over so many days."""

PAGES = sorted(path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md"))


def slo(days: int = 30, **changed: Any) -> Slo:
    bad = SloSelector("requests_total", (SloMatcher("code", "=~", "5.."),))
    total = SloSelector("requests_total")
    made = Slo("requests-availability", "myservice", Decimal("0.999"), days, bad, total)
    return replace(made, **changed)


def sample() -> Contract:
    return load_contract(assets.sample_contract())


def with_every_family() -> Contract:
    """The sample, as if it had the metrics of the other families that have rules, too."""
    more = ("rpc", "messaging")
    metrics = [m for name in more for m in load_family(assets.templates() / "families" / f"{name}.yaml")]
    return replace(sample(), families=(*sample().families, *more), metrics=(*sample().metrics, *metrics))


def alerts() -> Iterator[dict[str, Any]]:
    for rules in (stack_rules(), *service_rules(with_every_family())):
        yield from (r.value() for g in rules.groups for r in g.rules if "alert" in r.value())


@pytest.mark.parametrize("days", SLOTH)
def test_alerts_have_the_windows_and_factors_of_sloth(days: int) -> None:
    for alert in (rule.value() for rule in slo_groups(slo(days))[2].rules):
        wanted = SLOTH[days][alert["labels"]["sloth_severity"]]
        found = re.findall(r"ratio_rate(\w+)\{[^}]*\} > \(([0-9.]+) \* ([0-9.]+)\)", alert["expr"])
        windows = [(a[0], b[0]) for a, b in zip(found[::2], found[1::2], strict=True)]
        assert windows == [(short, long) for short, long, _ in wanted]
        limits = [factor * 0.001 for _, _, factor in wanted for _ in range(2)]
        assert [float(factor) * float(budget) for _, factor, budget in found] == pytest.approx(limits, rel=1e-12)
        assert "for" not in alert


@pytest.mark.parametrize(("days", "period"), [(30, "30d"), (28, "4w")])
def test_recording_rules_are_those_of_sloth(days: int, period: str) -> None:
    ratios, meta, _ = slo_groups(slo(days))
    names = [f"slo:sli_error:ratio_rate{w}" for w in ("5m", "30m", "1h", "2h", "6h", "1d", "3d", period)]
    values = [rule.value() for rule in (*ratios.rules, *meta.rules)]
    ids = {
        "sloth_id": "myservice-requests-availability",
        "sloth_service": "myservice",
        "sloth_slo": "requests-availability",
    }
    assert [v["record"] for v in values[:8]] == names
    assert [v["labels"]["sloth_window"] for v in values[:8]] == [*WINDOWS, period]
    assert [v["record"] for v in values[8:]] == [
        "slo:objective:ratio",
        "slo:error_budget:ratio",
        "slo:time_period:days",
        "slo:current_burn_rate:ratio",
        "slo:period_burn_rate:ratio",
        "slo:period_error_budget_remaining:ratio",
        "sloth_slo_info",
    ]
    assert all(v["labels"].items() >= ids.items() for v in values)
    constants = [float(re.fullmatch(r"vector\((.*)\)", v["expr"])[1]) for v in values[8:11]]
    assert constants == pytest.approx([0.999, 0.001, days], abs=1e-15)
    assert [g.name for g in slo_groups(slo())] == [
        f"sloth-slo-{part}-myservice-requests-availability" for part in ("sli-recordings", "meta-recordings", "alerts")
    ]


def test_a_whole_bound_matches_both_ways_of_writing_it() -> None:
    part = SloSelector("d_bucket", (SloMatcher("le", "=", "1"),))
    text = slo_groups(slo(part=part, total=SloSelector("d_count"), good=True))[0].rules[0].value()["expr"]
    assert 'le=~"1([.]0)?"' in text


@pytest.fixture
def other_templates(tmp_path: Path) -> Iterator[Path]:
    """A copy of the templates, which may be changed."""
    copy = tmp_path / "templates"
    shutil.copytree(assets.templates(), copy)
    with assets.templates_from(copy):
        yield copy


def rendered_rules() -> str:
    stack = load_stack(Path("/"))
    return "".join(
        f.text for f in (*rule_files(stack, "prometheus/rules"), *rule_test_files(stack, "prometheus/rules"))
    )


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_renamed_metric_changes_rules_and_tests_alike(other_templates: Path) -> None:
    before = rendered_rules()
    change(other_templates / "families" / "http.yaml", "name: http_requests_total", "name: http_answers_total")
    after = rendered_rules()
    assert before.count("http_requests") == after.count("http_answers") > 20
    assert "http_requests" not in after
    assert after == before.replace("http_requests", "http_answers")
    assert sample().metric("http_answers_total")


def test_a_rule_on_a_metric_that_is_gone_is_refused(other_templates: Path) -> None:
    change(other_templates / "families" / "jobs.yaml", "name: jobs.dead_letters", "name: jobs.lost")
    with pytest.raises(SpecError, match=r'jobs\.yaml:\d+: there is no metric "jobs\.dead_letters"'):
        rendered_rules()


def test_a_rule_on_a_label_that_is_gone_is_refused(other_templates: Path) -> None:
    change(other_templates / "families" / "http.yaml", "ref: status", "ref: code")
    change(other_templates / "families" / "http.yaml", "status: status", "code: status")
    change(other_templates / "families" / "http.yaml", "key: status", "key: code")
    change(other_templates / "slos" / "http-errors.yaml", "{status=", "{code=")
    with pytest.raises(SpecError, match=r'metric "http\.requests" has no label "status"'):
        rendered_rules()


def test_a_contract_of_its_own_gets_alerts_without_code(tmp_path: Path) -> None:
    (tmp_path / "contract.yaml").write_text(
        "version: 1\nservice: shop\ncomponents: [web]\n"
        'metrics: [{name: orders, instrument: counter, unit: "{order}", attributes: [{ref: kind}]}]\n'
        "slos: [slo/*.yaml]\n",
        encoding="utf-8",
    )
    (tmp_path / "slo").mkdir()
    text = (assets.templates() / "slos" / "http-errors.yaml").read_text(encoding="utf-8")
    text = text.replace('@{http.requests}{status=~"5.."}', 'orders_total{kind="lost"}').replace(
        "@{http.requests}", "@{orders}"
    )
    (tmp_path / "slo" / "orders.yaml").write_text(text, encoding="utf-8")
    made = list(service_rules(load_contract(tmp_path / "contract.yaml")))
    assert [rules.name for rules in made] == ["metric", "slo-http-errors"]
    assert 'absent(orders_total{service_namespace="shop"})' in made[0].groups[0].rules[0].expr


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    assert sorted({alert["alert"] for alert in alerts()}) == PAGES
    for alert in alerts():
        assert alert["annotations"]["runbook_url"] == f"docs/runbooks/{alert['alert']}.md"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_to_do_first_and_when_it_is_over(page: str) -> None:
    text = (ROOT / "docs" / "runbooks" / f"{page}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {page}\n")
    assert re.search(r"^## (First five minutes|What to look at)$", text, re.MULTILINE)
    assert "## Done when\n" in text
    known = {m.name for m in sample().metrics}
    mentioned = set(re.findall(r"\b(?:http|jobs|ai|process)_\w+_(?:total|seconds|depth)\b", text))
    assert mentioned <= known


def test_every_alert_says_what_it_is() -> None:
    for alert in alerts():
        assert alert["labels"]["severity"] in BURN_WINDOWS
        assert alert["annotations"]["summary"]
        assert alert["annotations"]["description"]


def test_every_alert_is_tested_quiet_firing_resolved_and_without_traffic() -> None:
    stack = load_stack(Path("/"))
    stack = replace(stack, services=(replace(stack.services[0], contract=with_every_family()),))
    wanted = {alert["alert"] for alert in alerts() if "sloth_slo" not in alert["labels"]}
    wanted |= {f"SLO {made.id}" for made in sample().slos}
    names = {test["name"] for f in rule_test_files(stack, "r") for test in read_yaml(f.text)["tests"]}
    assert {f"{name}: {case}" for name in wanted for case in ("quiet", "firing", "resolved", "no traffic")} <= names


def test_trouble_lasts_longer_than_any_wait() -> None:
    waits = [alert.wait for template in rule_templates().values() for alert in template.alerts]
    assert max(waits) / 60 < min(QUIET, TROUBLE)


@pytest.mark.parametrize("text", ["a", 'say "no"', "two\nlines", "two\n  in\n", "", "ü: # x", "{}", "- a", "yes", "1"])
def test_what_is_written_is_read_back(text: str) -> None:
    value = {"a": text, "list": [text, {"b": text, "c": []}, [1, 2.5]], "none": {}}
    wanted = text.removesuffix("\n") if "\n" in text else text
    told = read_yaml(yaml_text(value, "one\ntwo"))
    assert told == {"a": wanted, "list": [wanted, {"b": wanted, "c": []}, [1, 2.5]], "none": {}}


@pytest.mark.usefixtures("starts_programs")
def test_promtool_takes_every_rule() -> None:
    rules = sorted(str(p) for p in (COMMON / "prometheus" / "rules").iterdir())
    told = checked(tool("promtool"), "check", "rules", *rules, cwd=COMMON)
    assert told.count("SUCCESS") == len(rules) == 7


@pytest.mark.usefixtures("starts_programs")
@pytest.mark.parametrize(("days", "objective"), [(28, "0.999"), (30, "0.9"), (28, "0.5")])
def test_promtool_passes_the_tests_of_other_objectives(tmp_path: Path, days: int, objective: str) -> None:
    """Where the objective is low, no page is possible, and the tests say so."""
    made = slo(days, objective=Decimal(objective))
    (tmp_path / "rules.yml").write_text(yaml_text(file_value(slo_groups(made)), "rules"))
    (tmp_path / "tests.yml").write_text(yaml_text(promtool_value(slo_groups(made), made, "rules.yml"), "tests"))
    checked(tool("promtool"), "test", "rules", "tests.yml", cwd=tmp_path)


@pytest.mark.usefixtures("starts_programs")
@pytest.mark.parametrize(
    ("part", "good"),
    [
        (SloMatcher("code", "!~", "5.."), True),
        (SloMatcher("code", "=~", "[45].."), False),
        (SloMatcher("code", "!=", "500"), True),
    ],
)
def test_promtool_passes_the_tests_of_other_selectors(tmp_path: Path, part: SloMatcher, good: bool) -> None:
    made = slo(part=SloSelector("requests_total", (part,)), good=good, title="{{ x", description="{{ $labels.y")
    (tmp_path / "rules.yml").write_text(yaml_text(file_value(slo_groups(made)), "rules"))
    (tmp_path / "tests.yml").write_text(yaml_text(promtool_value(slo_groups(made), made, "rules.yml"), "tests"))
    checked(tool("promtool"), "test", "rules", "tests.yml", cwd=tmp_path)


@pytest.mark.usefixtures("starts_programs")
@pytest.mark.parametrize("name", sorted(p.name for p in (COMMON / "rule-tests").iterdir()))
def test_promtool_passes_every_test(name: str) -> None:
    checked(tool("promtool"), "test", "rules", name, cwd=COMMON / "rule-tests")


@pytest.mark.usefixtures("starts_programs")
def test_promtool_passes_the_tests_of_families_that_the_sample_lacks(tmp_path: Path) -> None:
    stack = load_stack(Path("/"))
    stack = replace(stack, services=(replace(stack.services[0], contract=with_every_family()),))
    for file in (*rule_files(stack, "rules"), *rule_test_files(stack, "rules")):
        (tmp_path / file.path).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / file.path).write_text(file.text)
    for name in ("rpc", "messaging"):
        (tests,) = (file.path for file in rule_test_files(stack, "rules") if f".{name}." in file.path)
        checked(tool("promtool"), "test", "rules", Path(tests).name, cwd=(tmp_path / tests).parent)


@pytest.mark.usefixtures("starts_programs")
@pytest.mark.parametrize("preset", preset_names())
def test_promtool_passes_the_tests_of_slos_every_time(preset: str, tmp_path: Path) -> None:
    """Twenty runs, since promtool takes groups in an order of its own, another each time, unless it is given one."""
    made = slo()
    (tmp_path / "rules.yml").write_text(yaml_text(file_value(slo_groups(made)), "rules"))
    value = promtool_value(slo_groups(made), made, "rules.yml")
    firing = [test for test in value["tests"] if test["name"].endswith(": firing")]
    (tmp_path / "tests.yml").write_text(yaml_text({**value, "tests": firing * 20}, "tests"))
    checked(tool("promtool", preset), "test", "rules", "tests.yml", cwd=tmp_path)


def test_groups_are_evaluated_in_the_order_of_their_file() -> None:
    stack = load_stack(Path("/"))
    tests = [read_yaml(file.text) for file in rule_test_files(stack, "r")]
    rules = [read_yaml(file.text) for file in rule_files(stack, "r")]
    assert [t["group_eval_order"] for t in tests] == [[g["name"] for g in r["groups"]] for r in rules]
    assert max(len(t["group_eval_order"]) for t in tests) == 3


@pytest.mark.usefixtures("starts_programs")
def test_promtool_notices_a_rule_that_is_wrong(tmp_path: Path) -> None:
    shutil.copytree(COMMON / "prometheus" / "rules", tmp_path / "prometheus" / "rules")
    shutil.copytree(COMMON / "rule-tests", tmp_path / "rule-tests")
    change(tmp_path / "prometheus" / "rules" / "cv-job-matching.http.yml", "> 0.05", "> 0.5")
    command = [tool("promtool"), "test", "rules", "cv-job-matching.http.yml"]
    done = subprocess.run(command, cwd=tmp_path / "rule-tests", capture_output=True, timeout=60, check=False)
    assert done.returncode != 0
