"""Rule files as others publish them are taken or refused as a whole, as by promtool: syntax, PromQL, templates."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from obsctl.errors import SpecError
from obsctl.lint.finding import Severity
from obsctl.lint.rules import rule_findings
from obsctl.lint.series import Known
from obsctl.spec.rule_file import parse_rule_file
from tests.conformance import products
from tests.read_yaml import read_yaml

FILE = Path(__file__).resolve().parents[2] / "scripts" / "lint" / "rule_corpus.yaml"
CASES: list[dict[str, Any]] = read_yaml(FILE.read_text(encoding="utf8"))
ANYTHING = Known({}, external=("*",))
OURS = {"rules.duplicate"}
"""What ``obsctl check`` calls an error, and Prometheus no mistake of the file."""


def refusals(text: str) -> list[str]:
    """Why ``obsctl check`` does not take the file; each with its line."""
    try:
        rules = parse_rule_file(text, "r.yml")
    except SpecError as error:
        return [part.message for part in error.parts]
    found = [f for f in rule_findings(rules, ANYTHING) if f.rule.severity is Severity.ERROR and f.rule.id not in OURS]
    assert all(finding.place.line for finding in found)
    return [finding.message for finding in found]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_a_file_is_taken_or_refused(case: dict[str, Any]) -> None:
    assert (not (why := refusals(case["text"]))) == case["takes"], why


@pytest.mark.usefixtures("starts_programs")
def test_promtool_says_the_same(tmp_path: Path) -> None:
    """All in one call, which says of each file how it is."""
    files = [f"{number}.yml" for number in range(len(CASES))]
    for file, case in zip(files, CASES, strict=True):
        (tmp_path / file).write_text(case["text"], encoding="utf8")
    command = [products.promtool(), "check", "rules", "--lint=none", *files]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout + done.stderr
    refused = set(re.findall(r"^(\d+\.yml): ", said, re.MULTILINE))
    wrong = [case["name"] for file, case in zip(files, CASES, strict=True) if (file in refused) == case["takes"]]
    assert not wrong, said
