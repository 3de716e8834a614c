"""What is kept of runs of ``verify``."""

from __future__ import annotations

from pathlib import Path

import pytest

from obsctl.checks.base import StackVerification
from obsctl.errors import NotFoundError
from obsctl.ops.verify_runs import FOLDER, KEPT, KeptAs, keep, kept, load, new_run_id

NOTHING = StackVerification((), 1.5)


def test_a_run_is_kept_with_its_document_and_its_summary(tmp_path: Path) -> None:
    ident = new_run_id()
    keep(tmp_path, NOTHING, KeptAs(lambda _result: {"services": [{"service": "a\nb"}], "seconds": 1.5}, ident))
    [summary] = kept(tmp_path)
    assert summary["id"] == ident
    assert summary["verdict"] == "error"
    assert summary["counts"] == {"pass": 0, "fail": 0, "skip": 0, "error": 0}
    assert load(tmp_path, ident) == {**summary, "services": [{"service": "a\nb"}]}
    assert (tmp_path / FOLDER / f"{ident}.json").stat().st_mode & 0o077 == 0


def test_the_oldest_go_first_and_the_newest_is_first(tmp_path: Path) -> None:
    idents = [f"20261130T1200{number:02}-aaaaaa" for number in range(KEPT + 3)]
    for ident in idents:
        keep(tmp_path, NOTHING, KeptAs(lambda _result: {}, ident))
    assert [run["id"] for run in kept(tmp_path)] == idents[:2:-1]


@pytest.mark.parametrize("text", ["", "[]\n{}\n", "{\n", '{"id": 5}\n'])
def test_a_damaged_file_costs_no_other_run(tmp_path: Path, text: str) -> None:
    keep(tmp_path, NOTHING, KeptAs(lambda _result: {}, "20261130T120000-aaaaaa"))
    (tmp_path / FOLDER / "20261130T130000-bbbbbb.json").write_text(text)
    assert "20261130T120000-aaaaaa" in [run.get("id") for run in kept(tmp_path)]
    with pytest.raises(NotFoundError):
        load(tmp_path, "20261130T130000-bbbbbb")


@pytest.mark.parametrize("ident", ["../../secret", "20261130T120000-ffffff", ""])
def test_only_what_is_listed_is_read(tmp_path: Path, ident: str) -> None:
    (tmp_path / "secret.json").write_text("{}\n{}\n")
    keep(tmp_path, NOTHING, KeptAs(lambda _result: {}, "20261130T120000-aaaaaa"))
    with pytest.raises(NotFoundError):
        load(tmp_path, ident)
