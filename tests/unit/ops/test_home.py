"""The stack of a folder as it was started: which runtime has it, and what is said where none does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from obsctl.endpoints import Dialect, Endpoint, Endpoints, Role
from obsctl.errors import StartError
from obsctl.events import Event, silent
from obsctl.ops.down import down
from obsctl.ops.home import SITES, ContainerSite, Home, ProcessSite, leftover, open_home
from obsctl.ops.session import open_session
from obsctl.ops.status import status
from obsctl.result import Result
from obsctl.runtime.docker.runtime import DockerRuntime
from obsctl.runtime.state import State, StateFile
from obsctl.spec.load import load_stack

DECLARED = Endpoints((Endpoint("metrics", Role.METRICS, "http://127.0.0.1:9090", Dialect.PROMQL, ""),))


def recorded(folder: Path, state: State) -> None:
    StateFile(folder / ".obsctl").write(state)


def test_a_folder_without_a_record_has_processes_that_do_not_run(folder: Path) -> None:
    home = open_home(folder)
    assert (home.runtime.name, home.runtime.home, home.endpoints.all) == ("embedded", folder / ".obsctl", ())
    assert not home.runtime.is_there()
    assert leftover(home.runtime) == ""
    with pytest.raises(StartError, match="no stack is running") as caught:
        home.running()
    assert caught.value.hint == "start it with `obsctl up`"


def test_a_recorded_stack_of_containers_keeps_the_name_it_was_started_with(folder: Path) -> None:
    recorded(folder, State("docker", stack="before", engine="unix:///x"))
    runtime = open_home(folder).runtime
    assert isinstance(runtime, DockerRuntime)
    assert (runtime.stack, runtime.root) == ("before", folder / "deploy")


@pytest.mark.parametrize("runtime", ["embedded", "of a later version"])
def test_other_records_are_of_processes(folder: Path, runtime: str) -> None:
    recorded(folder, State(runtime))
    assert open_home(folder).runtime.name == "embedded"


def test_a_damaged_record_does_not_keep_a_stack_from_being_ended(folder: Path) -> None:
    (folder / ".obsctl").mkdir()
    (folder / ".obsctl/state.json").write_text("{")
    assert open_home(folder).runtime.name == "embedded"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="is not a folder"):
        open_home(tmp_path / "nowhere")


def test_what_was_applied_last_comes_before_what_is_declared(folder: Path) -> None:
    assert Home(ProcessSite.of(folder), DECLARED).endpoints == DECLARED
    applied = Endpoints((Endpoint("logs", Role.LOGS, "http://127.0.0.1:3100", Dialect.LOGQL, ""),))
    recorded(folder, State("embedded", endpoints=applied))
    assert Home(ProcessSite.of(folder), DECLARED).endpoints == applied


def test_a_second_command_is_told_who_has_the_lock(folder: Path) -> None:
    events: list[Event] = []
    home = open_home(folder)
    with home.lock("up", events.append), home.lock("down", events.append, file="other"):
        assert "`obsctl up` (pid" in (folder / ".obsctl/lock").read_text()
    assert events == []


def test_containers_come_before_processes_and_need_an_engine(folder: Path) -> None:
    assert list(SITES) == ["docker", "embedded", "remote"]  # in which nothing is ever started
    stack = load_stack(folder)
    containers = ContainerSite.of(folder, stack.name).suitability(stack)
    assert (containers.suits, containers.reason) == (False, "no container engine answers")
    assert ProcessSite.of(folder).suitability(stack).suits


@pytest.mark.parametrize("verb", [status, lambda folder: down(folder, volumes=False, emit=silent)])
def test_where_the_spec_wants_containers_and_no_engine_answers_nothing_is_guessed(
    folder: Path, verb: Callable[[Path], Result]
) -> None:
    (folder / "obsctl.yaml").write_text("version: 1\nruntime: docker\n")
    with pytest.raises(StartError, match=r"obsctl\.yaml says docker, but no container engine answers") as caught:
        verb(folder)
    assert caught.value.exit_status == 3
    assert "DOCKER_HOST" in caught.value.hint
    # without such a spec, and with a stack that is recorded, the answer is known
    (folder / "obsctl.yaml").write_text("version: 1\n")
    assert "nothing" in verb(folder).notes[0]
    (folder / "obsctl.yaml").write_text("version: 1\nruntime: docker\n")
    recorded(folder, State("embedded"))
    assert "nothing" in verb(folder).notes[0]


def test_other_verbs_find_another_runtime_without_that_engine(folder: Path) -> None:
    (folder / "obsctl.yaml").write_text("version: 1\nruntime: docker\n")
    assert open_session(folder, runtime="embedded", starting=True).runtime.name == "embedded"
