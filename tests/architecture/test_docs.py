"""What the documents list is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from obsctl.cli.app import VERBS
from tests.architecture.test_imports import ROOMS

ROOT = Path(__file__).parents[2]


def rows(path: str, heading: str) -> list[list[str]]:
    """The cells of the first table after a heading."""
    text = (ROOT / path).read_text(encoding="utf8").split(heading, 1)[1]
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert table, f"no table after {heading!r} in {path}"
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table[0].splitlines()]
    return [[cell.strip() for cell in row] for row in cells[2:]]


def test_the_readme_lists_every_verb() -> None:
    listed = [re.match(r"`(\w+)", row[0])[1] for row in rows("README.md", "## Verbs")]
    assert sorted(listed) == sorted(verb.__name__ for verb in VERBS)


def test_the_architecture_page_holds_the_import_table() -> None:
    page = {}
    for name, _, allowed in rows("docs/architecture.md", "## Rooms"):
        room = name.strip("`/").removesuffix(".py")
        page[room] = set() if allowed == "\u2013" else set(allowed.split(", "))
    everything = {"everything above except report"}
    assert set(page) == set(ROOMS)
    for room, allowed in ROOMS.items():
        assert page[room] == (everything if room == "ops" else set(allowed)), room


def test_every_page_that_a_document_links_is_there() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links {target}"
