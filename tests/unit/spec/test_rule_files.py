"""Rule files are taken and refused as Prometheus does: by our reader, and by promtool, which is the judge."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from obsctl.errors import SpecError
from obsctl.spec.rule_file import parse_rule_file
from tests.conformance import products

FILES = Path(__file__).resolve().parents[2] / "scripts" / "lint" / "rule_files.yaml"
CASES: list[dict[str, Any]] = yaml.safe_load(FILES.read_text(encoding="utf8"))


@pytest.mark.parametrize("case", [pytest.param(case, id=str(case["name"])) for case in CASES])
def test_a_rule_file_is_taken_or_refused_with_its_line(case: dict[str, Any]) -> None:
    if case["takes"]:
        parse_rule_file(case["text"], "r.yml")
        return
    with pytest.raises(SpecError) as caught:
        parse_rule_file(case["text"], "r.yml")
    assert all(part.place and part.place.line for part in caught.value.parts)


@pytest.mark.usefixtures("starts_programs")
def test_promtool_says_the_same(tmp_path: Path) -> None:
    """All in one call, which says of each file how it is."""
    for i, case in enumerate(CASES):
        (tmp_path / f"{i}.yml").write_bytes(case["text"].encode())
    files = [f"{i}.yml" for i in range(len(CASES))]
    command = [products.promtool(), "check", "rules", "--lint=none", *files]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    refused = {int(i) for i in re.findall(r"^(\d+)\.yml: ", done.stdout + done.stderr, re.MULTILINE)}
    wrong = [case["name"] for i, case in enumerate(CASES) if (i in refused) == case["takes"]]
    assert not wrong, done.stdout + done.stderr


def test_bytes_that_are_not_utf8_are_named_with_their_line() -> None:
    with pytest.raises(SpecError, match="not UTF-8") as caught:
        parse_rule_file(b"groups:\n# gr\xfc\xdfe\n".decode("utf8", "surrogateescape"), "r.yml")
    assert caught.value.place
    assert caught.value.place.line == 2


def test_merged_keys_come_after_the_own_ones_and_have_the_lines_of_their_anchor() -> None:
    text = """groups:
- name: shop
  rules:
  - &base
    alert: Down
    expr: up == 0
    labels: {severity: page}
  - <<: [*base, {for: 5m, alert: Never}]
    labels: {team: a}
  - {alert: Late, <<: *base, for: 1h}
"""
    first, second, third = parse_rule_file(text, "r.yml")
    assert (second.name, second.expr, second.labels, second.wait) == ("Down", "up == 0", {"team": "a"}, 300)
    assert (third.name, third.labels, third.wait) == ("Late", {"severity": "page"}, 3600)
    assert (first.place.line, second.place.line, second.expr_place.line, third.expr_place.line) == (4, 8, 6, 6)


def test_a_file_of_thousands_of_rules_is_read() -> None:
    rule = "  - {record: 'a:b:c', expr: vector(1), labels: {a: b, c: d, e: f}}\n"
    assert len(parse_rule_file("groups:\n- name: a\n  rules:\n" + rule * 4000, "r.yml")) == 4000
