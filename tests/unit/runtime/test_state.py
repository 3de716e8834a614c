"""The state folder: what is written is read back, damage is a sentence, one command works at a time."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from obsctl.endpoints import Dialect, Endpoint, Endpoints, Feature, Role
from obsctl.errors import StartError
from obsctl.runtime.state import Recorded, State, StateFile


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    file = StateFile(tmp_path / ".obsctl")
    assert file.read() == State()
    url = "http://127.0.0.1:9090"
    endpoint = Endpoint(
        "metrics", Role.METRICS, url, Dialect.PROMQL, f"{url}/-/ready", without=(Feature.EXEMPLARS,), lag=2.5
    )
    state = State("embedded", False, 100, (Recorded("api", 42, 1.5, "abc"),), Endpoints((endpoint,)))
    file.write(state)
    assert file.read() == state
    file.forget()
    assert file.read() == State()


def test_the_folder_hides_itself_from_git(tmp_path: Path) -> None:
    StateFile(tmp_path / ".obsctl").write(State())
    assert "\n*\n" in (tmp_path / ".obsctl" / ".gitignore").read_text()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": "obsctl.state/99"}', "\x00", '{"schema": 1}'])
def test_a_damaged_file_is_a_sentence_with_a_way_out(tmp_path: Path, text: str) -> None:
    file = StateFile(tmp_path)
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(StartError, match=r"state\.json cannot be read") as caught:
        file.read()
    assert "remove" in caught.value.hint


def _hold(home: Path, ready: object, done: object) -> None:
    with StateFile(home).lock("up", patience=1, waiting=lambda _holder: None):
        ready.set()  # type: ignore[attr-defined]
        done.wait(10)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("starts_programs")
def test_a_second_command_is_told_who_it_waits_for(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(tmp_path, ready, done))
    holder.start()
    told: list[str] = []
    try:
        assert ready.wait(20)
        with (
            pytest.raises(StartError, match="is still working on this stack"),
            StateFile(tmp_path).lock("down", patience=0.2, waiting=told.append),
        ):
            pass
    finally:
        done.set()
        holder.join(10)
    assert told == [f"`obsctl up` (pid {holder.pid})"]
    with StateFile(tmp_path).lock("down", patience=0.2, waiting=told.append):
        assert len(told) == 1


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="cannot write to"):
        StateFile(tmp_path / "file" / ".obsctl").write(State())


def test_where_nothing_can_be_kept_there_is_no_state(tmp_path: Path) -> None:
    (tmp_path / ".obsctl").write_text("a file")
    assert StateFile(tmp_path / ".obsctl").read() == State()


def test_a_lock_of_another_purpose_is_another_lock(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    told: list[str] = []
    with (
        file.lock("up", patience=0, waiting=told.append),
        file.lock("verify", patience=0, waiting=told.append, file="verify.lock"),
        pytest.raises(StartError, match=r"`obsctl up` \(pid \d+\) is still working"),
        file.lock("down", patience=0, waiting=told.append),
    ):
        pass
    assert told == []
