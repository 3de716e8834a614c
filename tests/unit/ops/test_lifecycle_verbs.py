"""up, down, restart, logs and status where nothing runs, or where only a plan is asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from obsctl.errors import StartError, UsageError
from obsctl.events import silent
from obsctl.ops.down import down
from obsctl.ops.home import Home
from obsctl.ops.logs import logs
from obsctl.ops.restart import known, restart
from obsctl.ops.session import open_session
from obsctl.ops.status import NOTHING, sentence, status
from obsctl.ops.up import own, plan
from obsctl.runtime.base import Observed
from obsctl.runtime.state import Recorded, State, StateFile


def test_a_plan_names_each_step_with_its_cause_and_changes_nothing(folder: Path) -> None:
    result = plan(folder, runtime="embedded", port_offset=None)
    steps = [step["name"] for step in result.data["plan"]]
    assert steps == list(open_session(folder, runtime="embedded").target.desired.ports)
    assert {(step["kind"], step["cause"]) for step in result.data["plan"]} == {("start", "not running")}
    assert result.data["files"] == []
    assert result.notes[0] == "runtime: embedded, as --runtime says"
    assert list(folder.iterdir()) == []


def test_services_that_obsctl_only_observes_are_not_its_own(folder: Path) -> None:
    (folder / "contract.yaml").write_text("version: 1\nservice: shop\ncomponents: [web]\n")
    (folder / "obsctl.yaml").write_text(
        "version: 1\nname: shop\nservices:\n"
        "- {name: shop, contract: contract.yaml, components: [{name: web, url: 'http://127.0.0.1:5000'}]}\n"
    )
    session = open_session(folder, runtime="embedded")
    target = session.target.desired.ports
    assert "web" not in target
    assert own(session).all == ()


def test_down_where_nothing_was_started_is_fine(folder: Path) -> None:
    result = down(folder, volumes=True, emit=silent)
    assert (result.exit_status, result.notes) == (0, ("nothing to stop: no stack was started here",))


def test_down_of_a_stack_whose_processes_are_gone_forgets_it(folder: Path) -> None:
    StateFile(folder / ".obsctl").write(State("embedded", processes=(Recorded("api", 2**22 + 1, 1.0, "x"),)))
    result = down(folder, volumes=False, emit=silent)
    assert result.notes == ("nothing was running; data is kept; `obsctl down --volumes` removes it",)
    assert StateFile(folder / ".obsctl").read() == State()


def test_restart_needs_a_stack_that_runs(folder: Path) -> None:
    with pytest.raises(StartError, match="no stack is running"):
        restart(folder, [], timeout=1, emit=silent)


def test_names_of_components_are_checked_with_a_suggestion() -> None:
    assert known([], ["api", "worker"]) == ["api", "worker"]
    assert known(["worker"], ["api", "worker"]) == ["worker"]
    with pytest.raises(UsageError, match="no component 'workr'") as caught:
        known(["workr"], ["api", "worker"])
    assert caught.value.hint == "did you mean 'worker'?"


def test_logs_can_be_read_after_the_stack_has_ended(folder: Path) -> None:
    with pytest.raises(StartError, match="nothing has run in"):
        logs(folder, [], follow=False, tail=5, cancelled=lambda: True)
    (folder / ".obsctl/logs").mkdir(parents=True)
    (folder / ".obsctl/logs/api.log").write_text("one\ntwo\nthree\n")
    lines = logs(folder, ["api"], follow=False, tail=2, cancelled=lambda: True)
    assert [(line.source, line.line) for line in lines] == [("api", "two"), ("api", "three")]


def test_status_says_that_nothing_runs(folder: Path) -> None:
    result = status(folder)
    assert (result.exit_status, result.notes) == (1, (NOTHING,))
    assert result.data == {"runtime": None, "processes": [], "endpoints": []}


def test_status_names_a_process_that_is_dead(folder: Path) -> None:
    dead, alive = Recorded("api", 2**22 + 1, 1.0, "x"), Recorded("worker", os.getpid(), 1.0, "x")
    StateFile(folder / ".obsctl").write(State("embedded", processes=(dead, alive)))
    result = status(folder)
    assert result.exit_status == 1
    assert {p["name"]: p["state"] for p in result.data["processes"]} == {"api": "dead", "worker": "dead"}
    assert result.notes[0].startswith("dead: api, worker; `obsctl up` starts what is missing")


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ({"db": "paused", "api": "running"}, "paused: db; `obsctl up` lets it go on"),
        ({"db": "paused", "api": "dead"}, "dead: api; `obsctl up` starts what is missing"),
    ],
)
def test_status_tells_what_is_paused_from_what_has_ended(states: dict[str, Any], said: str) -> None:
    observed = [Observed(name, state, "x") for name, state in states.items()]
    assert sentence(observed, []).startswith(said)


class Frozen:
    """A runtime whose containers are all paused."""

    home, foreign = Path("/nowhere/.obsctl"), False

    def observe(self, *, memory: bool) -> tuple[Observed, ...]:
        return (Observed("db", "paused", "x"),)


def test_what_needs_a_running_stack_says_that_it_is_paused() -> None:
    site: Any = type("Site", (), {"runtime": Frozen()})()
    with pytest.raises(StartError, match="nothing of the stack runs; paused: db") as caught:
        Home(site).running()
    assert "obsctl up" in caught.value.hint
