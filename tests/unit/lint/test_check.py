"""The verb: what it looks at, what it says, how it ends."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from obsctl.cli.app import run
from obsctl.errors import Place, StartError
from obsctl.lint.catalogue import BY_ID, RULES
from obsctl.lint.finding import Finding, Inspection, Look, LookVerdict, Severity
from obsctl.ops import promtool
from obsctl.ops.check import CheckOptions, check
from obsctl.render.desired import File
from obsctl.render.rulefiles import rule_files, rule_test_files
from obsctl.report.inspection import github_lines
from obsctl.spec.load import load_stack
from tests.unit.lint.regenerate import DOC, doc_text
from tests.unit.render.test_compose_validators import tool

BAD_RULE = "groups:\n- name: web\n  rules:\n  - record: a:b:c\n    expr: rate(jobs_processing[5m])\n"
SPEC = """\
version: 1
services:
  - {name: shop, contract: contract.yaml, components: [{name: web, url: "http://127.0.0.1:1"}]}
"""
CONTRACT = """\
version: 1
service: shop
components: [web, worker]
metrics:
  - name: jobs.processing
    instrument: gauge
    unit: "1"
    brief: Jobs at work.
    attributes: [{ref: type}]
    annotations: {obsctl: {prometheus: {name: jobs_processing, type: gauge}, series_budget: 5}}
"""
QUICK = CheckOptions(rule_tests=False)
METRICS = "# HELP a A.\n# TYPE a gauge\na 1\n"


def shop(folder: Path, *check_lines: str) -> Path:
    (folder / "contract.yaml").write_text(CONTRACT, encoding="utf8")
    lines = ["check:", *(f"  {line}" for line in check_lines)] if check_lines else []
    (folder / "obsctl.yaml").write_text(SPEC + "".join(f"{line}\n" for line in lines), encoding="utf8")
    return folder


def found(result: Inspection) -> list[str]:
    return sorted(finding.rule.id for finding in result.findings)


def look(result: Inspection, subject: str) -> Look:
    return next(k for k in result.looks if k.subject.startswith(subject))


def test_what_ships_has_no_finding(tmp_path: Path) -> None:
    result = check(tmp_path, QUICK)
    assert result.findings == ()
    passed = [k.subject for k in result.looks if k.verdict is LookVerdict.PASS]
    assert passed == ["spec", "rules", "dashboards"]


def test_what_is_made_from_a_contract_of_ones_own_has_no_finding(tmp_path: Path) -> None:
    assert found(check(shop(tmp_path), QUICK)) == []


def test_a_mistake_in_the_spec_has_its_line_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "obsctl.yaml").write_text("version: 1\nport: 1\nruntime: x\n", encoding="utf8")
    assert run(["check", "-C", str(tmp_path), "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert [(f["id"], f["line"]) for f in told["data"]["findings"]] == [("spec.invalid", 2), ("spec.invalid", 3)]
    assert (told["schema"], told["exit_status"], told["ok"]) == ("obsctl.result/1", 2, False)


def test_rules_of_the_spec_and_of_an_option_are_looked_at(tmp_path: Path) -> None:
    shop(tmp_path, "rules: [alerts/*.yml]")
    (tmp_path / "alerts").mkdir()
    (tmp_path / "alerts" / "a.yml").write_text(BAD_RULE, encoding="utf8")
    (tmp_path / "b.yml").write_text(BAD_RULE.replace("a:b:c", "a:b:d"), encoding="utf8")
    result = check(tmp_path, replace(QUICK, rules=[str(tmp_path / "b.yml")]))
    places = [(f.place.file, f.place.line) for f in result.findings if f.rule.id == "promql.rate-on-gauge"]
    assert places == [(str(tmp_path / "alerts" / "a.yml"), 5), (str(tmp_path / "b.yml"), 5)]
    assert (result.exit_status, look(result, "rules").verdict) == (1, LookVerdict.FAIL)


def test_rendered_files_that_a_glob_finds_count_once(tmp_path: Path) -> None:
    shop(tmp_path, "rules: ['deploy/*/rules/*.yml']", "dashboards: ['deploy/**/*.json']")
    assert run(["render", "-C", str(tmp_path)]) == 0
    assert found(check(tmp_path, QUICK)) == []


@pytest.mark.parametrize("option", ["--rules", "--dashboards", "--scrape"])
def test_a_glob_that_finds_nothing_is_a_mistake(
    tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", "-C", str(tmp_path), option, str(tmp_path / "no*.yml")]) == 2
    assert "no*.yml: there is no such file" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--fail-on", "much"], ["--format", "xml"]])
def test_options_that_cannot_be_right(tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "-C", str(tmp_path), *options]) == 2
    assert "is none of" in capsys.readouterr().err


RATE = "{id: promql.rate-on-gauge, target: 'a:*', reason: It only rises.}"


def test_a_suppression_covers_what_it_names_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop(tmp_path, "rules: [r.yml]", f"suppress: [{RATE}]")
    (tmp_path / "r.yml").write_text(BAD_RULE, encoding="utf8")
    result = check(tmp_path, QUICK)
    assert found(result) == []
    assert [(a.finding.rule.id, a.reason) for a in result.accepted] == [("promql.rate-on-gauge", "It only rises.")]
    run(["check", "-C", str(tmp_path), "--no-rule-tests"])
    assert "suppressed: promql.rate-on-gauge on a:b:c: It only rises." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("suppression", "says"),
    [
        (RATE, "nothing is found any more"),
        ("{id: promql.rate-on-gage, target: '*', reason: x}", 'did you mean "promql.rate-on-gauge"?'),
        ("{id: spec.invalid, target: '*', reason: x}", "cannot be suppressed"),
    ],
)
def test_a_suppression_that_nothing_needs_is_a_finding(tmp_path: Path, suppression: str, says: str) -> None:
    result = check(shop(tmp_path, f"suppress: [{suppression}]"), QUICK)
    (stale,) = (f for f in result.findings if f.rule.id == "check.stale-suppression")
    assert says in stale.message
    assert (stale.place.line, look(result, "suppressions").verdict) == (5, LookVerdict.FAIL)


def test_a_suppression_of_scrapes_is_stale_only_where_a_scrape_is_looked_at(tmp_path: Path) -> None:
    shop(tmp_path, "suppress: [{id: scrape.help, target: b, reason: x}]")
    assert found(check(tmp_path, QUICK)) == []
    (tmp_path / "m.txt").write_text(METRICS, encoding="utf8")
    assert found(check(tmp_path, replace(QUICK, scrapes=[str(tmp_path / "m.txt")]))) == ["check.stale-suppression"]


def test_a_suppression_without_a_reason_is_a_mistake(tmp_path: Path) -> None:
    result = check(shop(tmp_path, "suppress: [{id: scrape.help, target: b, reason: ' '}]"), QUICK)
    assert result.findings[0].message.startswith("check.suppress[0].reason: expected a sentence")


def test_metrics_and_labels_of_others_are_taken_as_they_come(tmp_path: Path) -> None:
    shop(tmp_path, "rules: [r.yml]", "external: [node_*]", "labels: [cluster]")
    expr = "node_load1 > on (cluster) group_left () sum by (cluster) (rate(traces_spanmetrics_calls_total[5m]))"
    (tmp_path / "r.yml").write_text(BAD_RULE.replace("rate(jobs_processing[5m])", expr), encoding="utf8")
    assert found(check(tmp_path, QUICK)) == []


@pytest.mark.parametrize(("fail_on", "status"), [("error", 0), ("warning", 1), ("info", 1)])
def test_the_least_severity_that_fails_is_chosen(tmp_path: Path, fail_on: str, status: int) -> None:
    (tmp_path / "m.txt").write_text("# TYPE a gauge\na 1\n", encoding="utf8")
    arguments = ["check", "-C", str(shop(tmp_path)), "--no-rule-tests", "--scrape", str(tmp_path / "m.txt")]
    assert run([*arguments, "--fail-on", fail_on]) == status


def test_a_scrape_comes_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a x\n")))
    assert found(check(shop(tmp_path), replace(QUICK, scrapes=["-"]))) == ["scrape.syntax"]


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = METRICS.replace("# HELP a A.\n", "").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: Any) -> None:
        pass


@pytest.fixture
def page() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_scrape_is_fetched(tmp_path: Path, page: str) -> None:
    result = check(shop(tmp_path), replace(QUICK, scrapes=[f"{page}/metrics"]))
    assert [(f.rule.id, f.place.file) for f in result.findings] == [("scrape.help", f"{page}/metrics")]


OWN = """\
version: 1
services:
  - name: shop
    contract: contract.yaml
    components:
      - {{name: web, url: "{up}"}}
      - {{name: worker, url: "{down}"}}
"""


def test_live_reads_every_component_and_says_which_do_not_answer(tmp_path: Path, page: str) -> None:
    with HTTPServer(("127.0.0.1", 0), Page) as other:  # bound and closed again: nobody answers there
        down = f"http://127.0.0.1:{other.server_port}"
    (tmp_path / "obsctl.yaml").write_text(OWN.format(up=page, down=down), encoding="utf8")
    (tmp_path / "contract.yaml").write_text(CONTRACT, encoding="utf8")
    result = check(tmp_path, replace(QUICK, live=True, fail_on="error"))
    assert found(result) == ["scrape.help"]
    silent = look(result, f"scrape of {down}")
    assert (silent.verdict, result.exit_status) == (LookVerdict.ERROR, 3)
    assert "refused the connection" in silent.detail


def test_a_page_that_does_not_answer_costs_no_other_finding_and_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with HTTPServer(("127.0.0.1", 0), Page) as other:
        port = other.server_port
    (tmp_path / "m.txt").write_text("a x\n", encoding="utf8")
    pages = ["--scrape", f"http://me:secret@127.0.0.1:{port}/metrics?token=secret", "--scrape", str(tmp_path / "m.txt")]
    assert run(["check", "-C", str(shop(tmp_path)), "--no-rule-tests", *pages]) == 1
    told = "".join(capsys.readouterr())
    assert "scrape.syntax" in told
    assert f"scrape of http://127.0.0.1:{port}/metrics" in told
    assert "secret" not in told


def test_scrapes_of_the_spec_are_looked_at(tmp_path: Path) -> None:
    home = tmp_path / "with [brackets]"
    home.mkdir()
    shop(home, "scrape: ['m[1].txt', '[[]2].txt']")
    for name in ("m1.txt", "[2].txt"):
        (home / name).write_text("a x\n", encoding="utf8")
    assert found(check(home, QUICK)) == ["scrape.syntax", "scrape.syntax"]


# -- rule tests


def test_rule_tests_that_were_not_run_are_skipped_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    seen = look(check(shop(tmp_path), CheckOptions()), "rule tests")
    assert (seen.verdict, seen.detail) == (LookVerdict.SKIP, "not run: promtool is not installed")


def http_rules() -> tuple[list[File], list[File]]:
    stack = load_stack(Path("/"))
    made = (rule_files(stack, "p/rules"), rule_test_files(stack, "p/rules"))
    rules, tests = ([f for f in files if "matching.http" in f.path] for files in made)
    return rules, tests


@pytest.mark.usefixtures("starts_programs")
def test_the_real_promtool_runs_rules_and_tests() -> None:
    rules, tests = http_rules()
    assert promtool.run_rule_tests(tool("promtool"), rules, tests, "deploy") == ()


@pytest.mark.usefixtures("starts_programs")
def test_a_rule_that_fails_its_test_is_a_finding() -> None:
    rules, tests = http_rules()
    broken = [replace(f, text=f.text.replace(") > 0.05", ") > 5")) for f in rules]
    (one,) = promtool.run_rule_tests(tool("promtool"), broken, tests, "deploy")
    assert (one.rule.id, one.place.file) == ("rule-tests.failed", f"deploy/{tests[0].path}")
    assert "HttpErrorRateHigh" in one.message


@pytest.mark.usefixtures("starts_programs")
def test_a_rule_that_promtool_refuses_is_a_finding() -> None:
    rules, _ = http_rules()
    broken = [replace(f, text=f.text.replace("sum by", "sum bye")) for f in rules]
    (one,) = promtool.run_rule_tests(tool("promtool"), broken, [], "deploy")
    assert (one.rule.id, one.place.file) == ("rule-tests.failed", f"deploy/{rules[0].path}")


@pytest.mark.usefixtures("starts_programs")
def test_a_promtool_that_cannot_be_run_is_an_error_and_no_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "promtool"
    broken.write_text("#!/no/such/interpreter\n", encoding="utf8")
    broken.chmod(0o755)
    with pytest.raises(StartError):
        promtool.run_rule_tests(str(broken), http_rules()[0], [], "deploy")
    monkeypatch.setenv("PATH", str(tmp_path))
    result = check(shop(tmp_path), replace(QUICK, rule_tests=True))
    assert (look(result, "rule tests").verdict, result.exit_status) == (LookVerdict.ERROR, 3)


# -- what it says


def test_annotations_are_escaped() -> None:
    finding = Finding(BY_ID["promql.syntax"], Place("a,b:c.yml", 3), "x", "50% of\n::error::\x1b[0m")
    (line,) = github_lines(Inspection((), (finding,)))
    assert line.startswith("::error file=a%2Cb%3Ac.yml,line=3,title=promql.syntax::x: 50%25 of%0A::error::\\x1b[0m (")


def test_severities_have_their_words_on_github() -> None:
    findings = tuple(
        Finding(next(r for r in RULES if r.severity is severity), Place("a"), "x", "y") for severity in Severity
    )
    assert [line.split()[0] for line in github_lines(Inspection((), findings))] == ["::error", "::warning", "::notice"]


def test_every_kind_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--list", "--json"]) == 0
    assert [rule["id"] for rule in json.loads(capsys.readouterr().out)["data"]["rules"]] == [r.id for r in RULES]


def test_the_page_is_current() -> None:
    text = DOC.read_text(encoding="utf8")
    assert text == doc_text(text), "python -m tests.unit.lint.regenerate"
    assert all(f"| `{rule.id}` |" in text for rule in RULES)
