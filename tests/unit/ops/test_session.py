"""What a verb begins with: the spec, and the runtime that its stack runs on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from obsctl.endpoints import Dialect, Endpoint, Endpoints, Role
from obsctl.errors import UsageError
from obsctl.ops.session import located, open_session
from obsctl.runtime.state import State, StateFile


def test_auto_takes_processes_where_no_engine_answers_and_says_so(folder: Path) -> None:
    session = open_session(folder)
    assert session.runtime.name == "embedded"
    assert session.reason == "embedded, by auto: no container engine answers"


def test_the_command_line_comes_before_the_spec(folder: Path) -> None:
    (folder / "obsctl.yaml").write_text("version: 1\nname: shop\nruntime: embedded\n")
    assert open_session(folder).reason == "embedded, as obsctl.yaml says"
    session = open_session(folder, runtime="docker")
    assert (session.runtime.name, session.reason) == ("docker", "docker, as --runtime says")


def test_ports_stay_where_the_stack_was_started_unless_the_user_moves_them(folder: Path) -> None:
    base = open_session(folder).stack.ports
    StateFile(folder / ".obsctl").write(State("embedded", port_offset=700))
    assert open_session(folder).stack.ports == {key: port + 700 for key, port in base.items()}
    assert open_session(folder, port_offset=5).stack.ports == {key: port + 5 for key, port in base.items()}


def test_an_offset_that_leaves_no_valid_port_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="a port offset of 60000 leaves no valid port"):
        open_session(folder, port_offset=60_000)


def test_components_are_looked_for_where_they_really_run(folder: Path) -> None:
    (service,) = open_session(folder).stack.services
    moved = Endpoint("api", Role.SERVICE, "http://10.0.0.1:8000", Dialect.HTTP, "")
    urls = {c.name: c.url for c in located(service, Endpoints((moved,))).components}
    assert urls == {c.name: c.url for c in service.components} | {"api": "http://10.0.0.1:8000"}
    assert located(service, Endpoints()) == replace(service)
