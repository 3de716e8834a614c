"""The scripts of ``tests/scripts/promql``: what answers must be, from the documented semantics of PromQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.embedded.promql_script import Script

SCRIPTS = sorted((Path(__file__).parents[2] / "scripts" / "promql").glob("*.test"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script(path):
    assert list(Script(path.read_text(encoding="utf8")).failures()) == []


def test_there_are_scripts_and_they_can_fail():
    assert len(SCRIPTS) > 10
    script = (
        "load 1m\n a 1 2\n\neval instant at 1m a\n a 3\n\neval instant at 0 sum(\n\neval instant at 0 a\n expect fail\n"
    )
    assert [problem.split(":")[0] for problem in Script(script).failures()] == ["line 4", "line 7", "line 9"]
