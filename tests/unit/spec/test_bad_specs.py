"""Every case of ``tests/bad_specs``: one of the good files spoiled, and the exact words that must come back.

A case is ``file`` (which one is replaced), ``text`` (by what; ``latin1`` writes it in that encoding), and the expected
``says`` and ``hint``. There ``<families>`` and ``<products>`` stand for the names of all of them, and
``<options of traces>`` for what a spec may choose.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from obsctl.errors import SpecError
from obsctl.spec.load import family_names, load_family, load_stack
from obsctl.spec.presets import product_names, role_options
from tests.unit.spec.good import BAD_SPECS, write

CASES = sorted(p for p in BAD_SPECS.glob("*/*.yaml") if p.parent.name != "good")


def expected(words: str) -> str:
    """What a case expects, with the names of today."""
    words = words.replace("<families>", ", ".join(family_names())).replace("<products>", ", ".join(product_names()))
    return re.sub(r"<options of (\w+)>", lambda option: " or ".join(_but_last(role_options()[option[1]])), words)


def _but_last(names: Sequence[str]) -> tuple[str, str]:
    return ", ".join(names[:-1]), names[-1]


@pytest.mark.parametrize("case", CASES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_bad_spec_is_told_in_words(case, tmp_path, monkeypatch):
    told = yaml.safe_load(case.read_text(encoding="utf-8"))
    encoding = "latin-1" if told.get("latin1") else "utf-8"
    write(tmp_path, **{told["file"].removesuffix(".yaml"): told["text"].encode(encoding)})
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SpecError) as caught:
        load_family(Path("family.yaml")) if told["file"] == "family.yaml" else load_stack(Path())

    assert (caught.value.message, caught.value.hint) == (expected(told["says"]), expected(told["hint"]))
    assert caught.value.exit_status == 2


def test_there_are_enough_cases_of_each_kind():
    groups = [case.parent.name for case in CASES]
    assert {group: groups.count(group) >= 5 for group in groups} == dict.fromkeys(
        ("contract", "family", "stack", "syntax"), True
    )
    assert len(CASES) >= 50


def test_the_files_that_the_cases_spoil_are_good(tmp_path, monkeypatch):
    monkeypatch.chdir(write(tmp_path))
    assert [service.name for service in load_stack(Path()).services] == ["shop"]
    assert [metric.name for metric in load_family(Path("family.yaml"))] == ["cart_items_total"]
