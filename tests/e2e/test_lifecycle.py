"""``up``, ``down`` and what may happen in between: again, after a kill, with another spec, as JSON, through a pipe."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable

import pytest

from obsctl.wait import Deadline, until
from tests.e2e.conftest import COMPONENTS, Folder

pytestmark = pytest.mark.e2e


def soon(probe: Callable[[], object]) -> bool:
    return bool(until(probe, Deadline.after(15)))


def test_up_twice_changes_nothing(folder: Folder) -> None:
    first = folder.up("--json")
    assert first.status == 0, first
    assert set(first.data["started"]) == COMPONENTS
    pids = folder.pids()
    second = folder.ok("up", "--json")  # the offset is remembered
    assert second.data["started"] == []
    assert folder.pids() == pids
    assert (folder.path / ".obsctl" / ".gitignore").exists()


def test_after_kill_9_status_tells_and_up_repairs(folder: Folder) -> None:
    assert folder.up().status == 0
    for name in sorted(COMPONENTS):
        before = folder.pids()
        os.kill(before[name], signal.SIGKILL)
        assert soon(lambda name=name: name not in folder.pids())
        told = folder.run("status", "--json")
        assert told.status == 1
        assert [p["name"] for p in told.data["processes"] if p["state"] == "dead"] == [name]
        assert f"dead: {name}" in told.envelope["notes"][0]
        repaired = folder.ok("up", "--json")
        assert repaired.data["started"] == [name]
        after = folder.pids()
        assert set(after) == COMPONENTS
        assert {n: p for n, p in after.items() if n != name} == {n: p for n, p in before.items() if n != name}
    folder.ok("status")


def test_restart_replaces_only_what_is_named(stack: Folder) -> None:
    before = stack.pids()
    done = stack.ok("restart", "worker", "--json")
    assert done.data["restarted"] == ["worker"]
    after = stack.pids()
    assert {n for n in COMPONENTS if before[n] != after[n]} == {"worker"}
    wrong = stack.run("restart", "wroker")
    assert wrong.status == 2
    assert "did you mean 'worker'?" in wrong.err


def test_a_changed_spec_replaces_only_what_it_touches(folder: Folder) -> None:
    folder.ok("init")
    assert folder.up().status == 0
    before = folder.pids()
    spec = folder.path / "obsctl.yaml"
    spec.write_text(spec.read_text().replace("scrape_interval: 2s", "scrape_interval: 1s"))
    assert folder.ok("up", "--json").data["started"] == ["backend"]
    after = folder.pids()
    assert {n for n in COMPONENTS if before[n] != after[n]} == {"backend"}


def test_without_a_stack_every_verb_says_what_to_do(folder: Folder) -> None:
    assert folder.run("status").status == 1
    for verb in (("verify",), ("trace", "last"), ("logs",), ("restart",)):
        done = folder.run(*verb)
        assert done.status == 3, (verb, done)
        assert "obsctl up" in done.err
        assert "Traceback" not in done.err
    assert folder.ok("down").out.startswith("nothing to stop")


def test_every_verb_speaks_json(folder: Folder) -> None:
    assert folder.up().status == 0
    for arguments in (
        ("status",),
        ("doctor",),
        ("verify",),
        ("trace", "last"),
        ("restart", "ai"),
        ("down",),
        ("nonsense",),
    ):
        done = folder.run(*arguments, "--json")
        value = json.loads(done.out)
        assert value["schema"].startswith("obsctl."), arguments
        assert done.out.count("\n") == 1


def test_logs_follow_and_end_with_ctrl_c_and_a_closed_pipe(stack: Folder) -> None:
    assert "api" in stack.ok("logs", "-n", "5").out
    process = stack.popen("logs", "api", "-f", "-n", "0", "--json")
    stack.run("verify", "--only", "readiness")
    assert process.stdout is not None
    line = json.loads(process.stdout.readline())
    assert line["component"] == "api"
    assert line["fields"]["service"] == "api"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in err
    shell = f"{' '.join(stack.command)} logs -n 200 | head -1"
    piped = subprocess.run(["sh", "-c", shell], cwd=stack.path, capture_output=True, text=True, timeout=30, check=False)
    assert (piped.returncode, piped.stderr) == (0, "")
