"""Templates of alerts are read as Prometheus reads them; promtool is the judge, of ours and of random ones."""

from __future__ import annotations

import json
import random
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from obsctl.embedded.query.gotemplate.builtins import BUILTINS
from obsctl.embedded.rules.functions import FUNCTIONS
from obsctl.languages.gotemplate.alert_templates import ALERT_FUNCTIONS, GO_FUNCTIONS
from obsctl.languages.gotemplate.syntax import TemplateError
from obsctl.lint.alert_templates import read_alert_template, shown_labels
from tests.conformance import products

FILE = Path(__file__).resolve().parents[2] / "scripts" / "lint" / "alert_templates.yaml"
CASES: list[dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf8"))

TOKENS = (
    *("{{", "}}", "{{-", " -}}", " ", "if", "else", "end", "range", "with", "$labels", ".Labels", ".", ".x", "$value"),
    *("$", "=", "|", "(", ")", ",", '"a"', "`b`", "'c'", "'cc'", '"\\q"', "1", "1.5", "-3", "0x1F", "1e3", "nil"),
    *("true", "query", "first", "humanize", "nofunc", "/*", "*/", "text", "\n", "break", "continue", "define"),
    *("template", "block", '"t"', "$labels.job", '(query "up")', "| humanize", "==", "&", '"', "`", "'", "\\", "{"),
    *("}", "é", "08", "5x", '"a".b', "nil.x", "..", "-", "5.", "1_000", "else if"),
)
BEGINS = ("", "if ", "range ", "with ", "end", "else", "else if ", 'template "t" ', 'define "t"', "range $i, $v := ")


def random_template(choose: random.Random) -> str:
    """Tokens in any order, or actions that begin as actions do."""
    if choose.random() < 0.4:
        return "".join(choose.choice(TOKENS) + choose.choice(("", "", " ")) for _ in range(choose.randint(1, 8)))
    return "".join(
        choose.choice(("{{", "{{ ", "{{- "))
        + choose.choice(BEGINS)
        + " ".join(choose.choice(TOKENS[4:]) for _ in range(choose.randint(0, 4)))
        + choose.choice(("}}", " }}", " -}}", "}}t"))
        for _ in range(choose.randint(1, 4))
    )


def taken(text: str) -> bool:
    try:
        read_alert_template(text)
    except TemplateError:
        return False
    return True


def refused_by_promtool(texts: list[str], folder: Path) -> set[int]:
    """Which templates Prometheus refuses: it names every rule of the file."""
    rules = [{"alert": f"A{i}", "expr": "up", "annotations": {"a": text}} for i, text in enumerate(texts)]
    (folder / "rules.json").write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
    command = [products.promtool(), "check", "rules", "--lint=none", "rules.json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return {int(i) for i in re.findall(r'rule \d+, "A(\d+)": ', done.stdout + done.stderr)}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["text"]) for case in CASES])
def test_a_template(case: dict[str, Any]) -> None:
    assert taken(case["text"]) == case["takes"]
    if case["takes"]:
        assert list(shown_labels(read_alert_template(case["text"]))) == case["shows"]


@pytest.mark.usefixtures("starts_programs")
def test_promtool_says_the_same(tmp_path: Path) -> None:
    refused = refused_by_promtool([case["text"] for case in CASES], tmp_path)
    assert [case["text"] for i, case in enumerate(CASES) if (i in refused) == case["takes"]] == []


@pytest.mark.usefixtures("starts_programs")
def test_promtool_says_the_same_of_random_templates(tmp_path: Path) -> None:
    choose = random.Random(7)
    texts = [random_template(choose) for _ in range(2000)]
    refused = refused_by_promtool(texts, tmp_path)
    assert 0 < len(refused) < len(texts)
    assert [text for i, text in enumerate(texts) if (i in refused) == taken(text)] == []


def test_the_embedded_server_has_every_function() -> None:
    assert set(BUILTINS) == GO_FUNCTIONS
    assert set(FUNCTIONS) == ALERT_FUNCTIONS
