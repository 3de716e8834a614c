from __future__ import annotations

from pathlib import Path

import pytest

from obsctl.errors import StartError
from obsctl.ops.promtool import run_rule_tests
from obsctl.render.desired import File

pytestmark = pytest.mark.usefixtures("starts_programs")

RULES, TESTS = [File("rules/shop.yaml", "groups: []\n")], [File("rules/shop.test.yaml", "tests: []\n")]
SCRIPT = """#!/bin/sh
[ "$1" = check ] && [ -f "$3" ] && exit 0
echo "  FAILED:
    $3: got nothing"
exit 1
"""


def tool(folder: Path, text: str = SCRIPT) -> str:
    path = folder / "promtool"
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_what_promtool_rejects_is_a_finding_at_the_file_that_the_user_has(tmp_path: Path) -> None:
    (finding,) = run_rule_tests(tool(tmp_path), RULES, TESTS, "out")
    assert finding.rule.id == "rule-tests.failed"
    assert finding.place.file == "out/rules/shop.test.yaml"
    assert finding.message == "promtool test rules: FAILED: shop.test.yaml: got nothing"


def test_what_promtool_accepts_is_no_finding(tmp_path: Path) -> None:
    assert run_rule_tests(tool(tmp_path, "#!/bin/sh\nexit 0\n"), RULES, TESTS, "out") == ()


def test_a_tool_that_says_nothing_is_quoted_by_its_exit_status(tmp_path: Path) -> None:
    (finding,) = run_rule_tests(tool(tmp_path, "#!/bin/sh\nexit 7\n"), RULES, (), "out")
    assert finding.message == "promtool check rules: exit status 7"


def test_a_tool_that_cannot_be_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="could not be run"):
        run_rule_tests(str(tmp_path / "promtool"), RULES, TESTS, "out")
