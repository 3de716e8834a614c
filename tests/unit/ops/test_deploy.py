"""The files of a stack of containers on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from obsctl.errors import StartError
from obsctl.ops.deploy import composed, deployment
from obsctl.spec.load import load_stack


def test_what_is_written_is_as_rendered_and_secrets_are_made_once(folder: Path) -> None:
    made = composed(load_stack(folder))
    before = deployment(folder / "deploy", made)
    assert before.pending.keys() == {f.path for f in made.files} | set(made.secrets.values())
    assert before.write() == tuple(made.secrets.values())
    after = deployment(folder / "deploy", made)
    assert {change.state for change in after.changes} == {"same"}
    assert (after.pending, after.write()) == ({}, ())
    assert all((folder / "deploy" / f.path).read_text() == f.text for f in made.files)


def test_an_edited_file_is_kept_until_it_is_forced(folder: Path) -> None:
    made, root = composed(load_stack(folder)), folder / "deploy"
    deployment(root, made).write()
    rendered = (root / "compose.yaml").read_text()
    (root / "compose.yaml").write_text("name: mine\n")
    kept = deployment(root, made)
    assert [change.path for change in kept.kept] == ["compose.yaml"]
    kept.write()
    assert (root / "compose.yaml").read_text() == "name: mine\n"
    deployment(root, made, force=True).write()
    assert (root / "compose.yaml").read_text() == rendered


def test_a_folder_that_cannot_be_made_is_a_sentence(folder: Path) -> None:
    (folder / "deploy").write_text("a file")
    with pytest.raises(StartError, match="cannot write to"):
        deployment(folder / "deploy", composed(load_stack(folder))).write()
