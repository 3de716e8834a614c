from __future__ import annotations

from pathlib import Path

import pytest

from obsctl.errors import BackendError, StartError, UsageError
from obsctl.ops import check_inputs
from obsctl.ops.check_inputs import ScrapeText, given_scrapes, read_text, user_files
from obsctl.spec.stack import Stack
from tests.unit.clients.canned import TEXT, Answer, serving


def test_globs_find_each_file_once_in_order(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yaml", "rules/c.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    found = user_files(["**/*.yaml", "a.*"], tmp_path, "--rules")
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a.yaml", "b.yaml", "rules/c.yaml"]


def test_a_glob_without_a_file_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--rules none\*: there is no such file"):
        list(user_files(["none*"], tmp_path, "--rules"))


def test_too_many_files_are_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_inputs, "MAX_FILES", 2)
    for number in range(3):
        (tmp_path / f"{number}.yaml").write_text("")
    with pytest.raises(UsageError, match="more than 2 files"):
        list(user_files(["*"], tmp_path, "--rules"))


def test_broken_bytes_are_replaced_and_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "page").write_bytes(b"\xef\xbb\xbfup 1 \xff\n")
    assert read_text(tmp_path / "page") == "up 1 \N{REPLACEMENT CHARACTER}\n"


def test_what_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StartError, match="gone cannot be read: no such file"):
        read_text(tmp_path / "gone")
    monkeypatch.setattr(check_inputs, "MAX_BYTES", 3)
    (tmp_path / "long").write_text("up 1")
    with pytest.raises(StartError, match="long is longer than"):
        read_text(tmp_path / "long")


def test_scrapes_come_from_files_and_pages_without_their_credentials(tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_text("up 1\n")
    with serving({"/metrics": Answer("up 2\n", headers=TEXT)}) as server:
        page = server.url.replace("http://", "http://me:secret@") + "/metrics?token=secret"
        file, answer = given_scrapes(Stack("shop", tmp_path, ()), [str(tmp_path / "page.txt"), page])
    assert isinstance(file[1], ScrapeText)
    assert file[1].text == "up 1\n"
    assert answer == (f"{server.url}/metrics", ScrapeText(f"{server.url}/metrics", "up 2\n", (), openmetrics=False))
    assert server.last.query == {"token": ["secret"]}


def test_a_page_that_does_not_answer_costs_only_itself(tmp_path: Path) -> None:
    ((name, error),) = given_scrapes(Stack("shop", tmp_path, ()), ["http://127.0.0.1:1/metrics"])
    assert name == "http://127.0.0.1:1/metrics"
    assert isinstance(error, BackendError)
