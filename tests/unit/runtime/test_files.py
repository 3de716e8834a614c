"""A file is replaced whole, or not at all; a log's last lines are whole lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsctl.runtime.processes import last_lines
from obsctl.runtime.state import replace_file


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    replace_file(path, "one")
    replace_file(path, "zwei ü")
    assert path.read_text(encoding="utf8") == "zwei ü"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_replaced_stays_and_leaves_nothing_beside(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        replace_file(tmp_path / "folder", "text")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_as_many_last_lines_as_were_asked_for(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    lines = [f"line {number} {'x' * 90}" for number in range(20_000)]
    log.write_text("\n".join(lines) + "\n")
    assert last_lines(log, 10_000) == lines[-10_000:]
    assert last_lines(log, 30_000) == lines
    assert last_lines(log, 0) == []
    assert last_lines(tmp_path / "none.log", 5) == []


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"])), max_size=8), st.data())
@settings(max_examples=50)
def test_lines_before_the_beginning_are_never_shown(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], data: st.DataObject
) -> None:
    log = tmp_path_factory.mktemp("logs") / "a.log"
    old = data.draw(st.integers(0, len(texts)))
    raw = [f"{text}\n".encode() for text in texts]
    log.write_bytes(b"".join(raw))
    begin = sum(map(len, raw[:old]))
    count = data.draw(st.integers(0, 9))
    assert last_lines(log, count, begin=begin) == (texts[old:][-count:] if count else [])
