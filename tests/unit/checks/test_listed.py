"""A check is one module, one line in the tuple, one page; none can be forgotten."""

from __future__ import annotations

import pkgutil
from pathlib import Path

import pytest

import obsctl.checks
from obsctl.checks import CHECKS
from obsctl.checks.base import Check

DOCS = Path(__file__).parents[3] / "docs" / "checks"
HELPERS = {"base", "run", "scrapes"}


def modules() -> set[str]:
    found = {m.name for m in pkgutil.iter_modules(obsctl.checks.__path__)}
    return {name for name in found if not name.startswith("_")} - HELPERS


def page(check: Check) -> Path:
    return DOCS / f"{check.id.replace('.', '-')}.md"


def test_every_module_is_listed_under_its_own_name() -> None:
    assert {c.id.replace(".", "_") for c in CHECKS} == modules()
    assert [type(c).__module__.rpartition(".")[2] for c in CHECKS] == [c.id.replace(".", "_") for c in CHECKS]


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_an_id_is_its_signal_and_what(check: Check) -> None:
    signal, _, what = check.id.partition(".")
    assert signal == check.signal
    assert what
    assert check.title
    assert check.title == check.title.rstrip(".")


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_every_check_has_a_page_that_says_what_why_and_what_next(check: Check) -> None:
    text = page(check).read_text()
    assert text.startswith(f"# {check.id}\n")
    for heading in ("## What it proves", "## How", "## When it fails", "## Left to other checks"):
        assert heading in text, heading


def test_no_page_is_left_behind() -> None:
    assert {p.stem for p in DOCS.glob("*.md")} == {page(c).stem for c in CHECKS} | {"README"}


def test_the_overview_lists_every_check() -> None:
    text = (DOCS / "README.md").read_text()
    assert [c.id for c in CHECKS if f"[{c.id}]({page(c).name})" not in text] == []
