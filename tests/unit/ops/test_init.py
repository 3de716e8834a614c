from __future__ import annotations

from pathlib import Path

import pytest

from obsctl.errors import StartError, UsageError
from obsctl.ops.init import DraftSources, init
from obsctl.spec.load import load_stack


def test_an_empty_folder_gets_a_spec_and_a_contract_that_load(tmp_path: Path) -> None:
    result = init(tmp_path / "shop", force=False)
    assert result.data["written"] == [str(tmp_path / "shop" / name) for name in ("obsctl.yaml", "contract.yaml")]
    assert load_stack(tmp_path / "shop").services


def test_what_is_there_is_kept_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "contract.yaml").write_text("mine")
    with pytest.raises(UsageError, match=r"contract\.yaml exists already"):
        init(tmp_path, force=False)
    assert (tmp_path / "contract.yaml").read_text() == "mine"
    assert not (tmp_path / "obsctl.yaml").exists()
    init(tmp_path, force=True)
    assert (tmp_path / "contract.yaml").read_text() != "mine"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="cannot write to"):
        init(tmp_path / "file" / "shop", force=False)


def test_a_service_needs_a_name_that_a_contract_can_have(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--service: expected lower-case letters"):
        init(tmp_path, force=False, sources=DraftSources("http://127.0.0.1:1/metrics", service="My Shop"))
