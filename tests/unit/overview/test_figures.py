"""Figures read as in the pages: ``ui/src/pages/overview/sources.test.ts`` holds those to the same file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from obsctl.overview import figures

READ = json.loads(Path(__file__).with_name("figures.json").read_text(encoding="utf8"))


@pytest.mark.parametrize("name", READ)
def test_figures_read_as_in_the_pages(name: str) -> None:
    text = getattr(figures, name)
    assert [text(value) for value, _ in READ[name]] == [text for _, text in READ[name]]


@pytest.mark.parametrize(("seconds", "text"), [(-5, "0s"), (59.9, "59s"), (3599, "59m"), (7200, "2h"), (1e6, "11d")])
def test_ages(seconds: float, text: str) -> None:
    assert figures.ago(seconds) == text


def test_health() -> None:
    assert [figures.health(x) for x in (None, 0, 0.01, 0.5)] == ["unknown", "good", "some", "bad"]
