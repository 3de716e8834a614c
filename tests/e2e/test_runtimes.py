"""Which runtime a stack gets, and that it stays there."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import COMPONENTS, NO_ENGINE, Folder

pytestmark = pytest.mark.e2e


def test_without_an_engine_auto_says_why_and_docker_says_what_was_tried_and_writes_nothing(folder: Folder) -> None:
    planned = json.loads(folder.ok("up", "--plan", "--json").out)["data"]
    assert planned["runtime"] == {"name": "embedded", "reason": "embedded, by auto: no container engine answers"}
    done = folder.run("up", "--runtime", "docker")
    assert done.status == 3
    assert f"{NO_ENGINE} (DOCKER_HOST): not there" in done.err
    assert "--runtime embedded" in done.err
    assert not (folder.path / "deploy").exists()


def test_a_plan_names_each_step_with_its_cause_and_does_none(folder: Folder) -> None:
    offset = ("--port-offset", str(folder.offset))
    planned = json.loads(folder.ok("up", "--plan", "--json", *offset).out)["data"]["plan"]
    assert {(step["kind"], step["name"], step["cause"]) for step in planned} == {
        ("start", name, "not running") for name in COMPONENTS
    }
    assert folder.run("status").status == 1
    assert folder.up().status == 0
    assert folder.ok("up", "--plan").out.strip().endswith("nothing to do")
    (folder.path / "obsctl.yaml").write_text("version: 1\nretention: {age: 2h}\n")
    changed = json.loads(folder.ok("up", "--plan", "--json").out)["data"]["plan"]
    assert [(s["kind"], s["name"], s["cause"]) for s in changed] == [
        ("replace", "backend", "its configuration changed")
    ]


def test_a_running_stack_stays_on_its_runtime(folder: Folder) -> None:
    assert folder.up().status == 0
    done = folder.run("up", "--runtime", "docker")
    assert done.status == 3
    assert "the stack runs on the embedded runtime, and --runtime says docker" in done.err
    assert "obsctl down" in done.err
    (folder.path / "obsctl.yaml").write_text("version: 1\nruntime: docker\n")
    assert "obsctl.yaml says docker" in folder.run("up").err
    folder.ok("status")
    folder.ok("restart", "ai")
    folder.ok("down")
