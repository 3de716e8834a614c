"""Where the pages are served, and what keeps them from it. That they are: tests/unit/ui and the end-to-end tests."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from obsctl.endpoints import Dialect, Endpoint, Endpoints, Role
from obsctl.errors import MissingPartError, NotFoundError, StartError
from obsctl.ops import ui as verb
from obsctl.ops.ui import Opening, ui
from obsctl.ops.ui_source import FolderSource
from obsctl.result import Result
from tests.unit.ui.upstream import StackOf


@pytest.fixture
def said() -> list[Result]:
    return []


@pytest.fixture
def opening(said: list[Result]) -> Opening:
    return Opening(said.append, lambda _verification: {})


@pytest.fixture
def shows(monkeypatch: pytest.MonkeyPatch) -> Callable[[Endpoints], None]:
    def show(endpoints: Endpoints) -> None:
        source = StackOf("http://127.0.0.1:1")
        source.shown = replace(source.shown, endpoints=endpoints)
        monkeypatch.setattr(verb, "FolderSource", lambda *_: source)

    return show


def test_without_a_stack_there_is_nothing_to_show(tmp_path: Path, opening: Opening) -> None:
    with pytest.raises(StartError, match="no stack is running") as caught:
        ui(tmp_path, opening)
    assert "obsctl up" in caught.value.hint


def test_a_stack_that_serves_its_pages_itself_is_opened_there(
    tmp_path: Path, opening: Opening, said: list[Result], shows: Callable[[Endpoints], None]
) -> None:
    shows(Endpoints((Endpoint("ui", Role.UI, "http://localhost:3000", Dialect.HTTP),)))
    opened: list[str] = []
    ui(tmp_path, replace(opening, browse=opened.append))
    assert opened == ["http://localhost:3000"]
    assert said == [
        Result("ui", {"url": "http://localhost:3000"}, ("ui  http://localhost:3000  (served by the stack itself)",))
    ]


def test_an_installation_without_the_extra_says_what_to_install(
    tmp_path: Path, opening: Opening, shows: Callable[[Endpoints], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    shows(Endpoints())
    monkeypatch.delitem(sys.modules, "obsctl.ui.serve", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingPartError) as caught:
        ui(tmp_path, opening)
    assert (caught.value.message, caught.value.exit_status) == (
        "the web UI is not installed (no uvicorn): pip install 'obsctl[ui]'",
        3,
    )


def test_a_port_that_is_taken_is_named_and_the_first_free_one_is_found(
    tmp_path: Path, opening: Opening, shows: Callable[[Endpoints], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    shows(Endpoints())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"port {port} of 127.0.0.1 cannot be used"):
            ui(tmp_path, replace(opening, port=port))
        monkeypatch.setattr(verb, "FIRST_PORT", port)
        with verb.free_listener(None) as listener:
            assert listener.getsockname()[1] != port


def test_the_page_about_an_alert_is_the_users_own_or_ours(tmp_path: Path) -> None:
    source = FolderSource(tmp_path, lambda _verification: {})
    assert source.runbook("TargetDown").startswith("# TargetDown")
    (tmp_path / "docs" / "runbooks").mkdir(parents=True)
    (tmp_path / "docs" / "runbooks" / "TargetDown.md").write_text("# Ours")
    (tmp_path / "secret.md").write_text("no runbook")
    assert source.runbook("TargetDown") == "# Ours"
    for name in ("Nothing", "../../secret", "", "a\x00b", "x" * 5000):
        with pytest.raises(NotFoundError):
            source.runbook(name)
