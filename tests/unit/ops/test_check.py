"""The verb's own part; ``tests/unit/lint`` has what it finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from obsctl.errors import UsageError
from obsctl.lint.catalogue import RULES
from obsctl.ops.check import CheckOptions, catalogue, check


def test_the_catalogue_lists_every_kind_of_finding() -> None:
    rows = catalogue().data["rules"]
    assert isinstance(rows, list)
    assert [row["id"] for row in rows] == [rule.id for rule in RULES]


def test_an_unknown_severity_is_refused_before_the_spec_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--fail-on 'fatal' is none of"):
        check(tmp_path / "nowhere", CheckOptions(fail_on="fatal"))
