"""``up``, ``down`` and what may happen in between: twice, at once, killed, interrupted, in the way of somebody else."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from dataclasses import replace

import psutil
import pytest

from obsctl.wait import Deadline, until
from tests.e2e.conftest import Folder

pytestmark = pytest.mark.e2e
COMPONENTS = {"backend", "redis", "api", "worker", "ai"}


def strays(folder: Folder) -> list[int]:
    """Every process that belongs to this folder's stack, recorded or not."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("OBSCTL_STACK", "").startswith(str(folder.path)):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


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


def test_a_taken_port_is_named_and_nothing_is_left(folder: Folder) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 9090 + folder.offset))
        taken.listen()
        done = folder.up()
    assert done.status == 3
    assert f"port {9090 + folder.offset} (prometheus) is taken by pid {os.getpid()}" in done.err
    assert "--port-offset" in done.err
    assert strays(folder) == []


def test_two_at_once_give_one_stack_and_one_message(folder: Folder) -> None:
    both = [folder.popen("up", "--port-offset", str(folder.offset)) for _ in range(2)]
    ended = [(*process.communicate(timeout=60), process.returncode) for process in both]
    assert [status for _, _, status in ended] == [0, 0], ended
    waited = [err for _, err, _ in ended if "is working on this stack" in err]
    assert len(waited) == 1
    assert sum("already running, nothing to do" in out for out, _, _ in ended) == 1
    assert sorted(strays(folder)) == sorted(folder.pids().values())
    assert set(folder.pids()) == COMPONENTS


def interrupt_at(folder: Folder, lines: int, number: int) -> subprocess.Popen[str]:
    """An ``up`` that gets a signal once it has said so many lines."""
    process = folder.popen("up", "--port-offset", str(folder.offset))
    assert process.stderr is not None
    for _ in range(lines):
        process.stderr.readline()
    process.send_signal(number)
    process.communicate(timeout=30)
    return process


@pytest.mark.parametrize("lines", [0, 2, 4, 8])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_anywhere_leaves_nothing(folder: Folder, lines: int, number: int) -> None:
    process = interrupt_at(folder, lines, number)
    assert process.returncode in (130, -number)
    assert strays(folder) == []
    assert folder.run("status").status == 1


def whole(folder: Folder) -> bool:
    return set(folder.pids()) == COMPONENTS and sorted(strays(folder)) == sorted(folder.pids().values())


def test_neither_a_closed_pipe_nor_ctrl_c_in_a_restart_leaves_half_a_stack(folder: Folder) -> None:
    shell = f"{' '.join(folder.command)} up --port-offset {folder.offset} 2>&1 | head -1"
    subprocess.run(["sh", "-c", shell], cwd=folder.path, capture_output=True, timeout=60, check=True)
    assert whole(folder)
    process = folder.popen("restart")
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert whole(folder)
    shutil.rmtree(folder.path / ".obsctl")
    told = folder.run("status")
    assert told.status == 1
    assert "left over" in told.out
    assert "left over" in folder.run("verify").err


def test_a_move_to_ports_that_are_taken_changes_nothing_and_an_interrupted_one_leaves_nothing(folder: Folder) -> None:
    assert folder.up().status == 0
    before = folder.pids()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = folder.run("up", "--port-offset", str(port - 9090))
    assert done.status == 3
    assert f"{port} (prometheus)" in done.err
    assert folder.pids() == before
    process = folder.popen("up", "--port-offset", str(folder.offset + 1))
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("+"):
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert strays(folder) == []
    assert folder.run("status").out.startswith("nothing is running here")


def test_an_observed_service_is_not_waited_for_and_a_full_disk_does_not_keep_a_stack_running(folder: Folder) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
        web = f"{{name: web, url: 'http://127.0.0.1:{unused.getsockname()[1]}', ready: /healthz}}"
        step = "{id: read, method: GET, route: /}"
        (folder.path / "contract.yaml").write_text("version: 1\nservice: shop\ncomponents: [web]\n")
        spec = f"services:\n  - {{name: shop, contract: contract.yaml, components: [{web}], drive: [{step}]}}\n"
        (folder.path / "obsctl.yaml").write_text(f"version: 1\n{spec}")
        started = folder.up("--json")
        assert (started.status, started.data["started"]) == (0, ["backend"]), started
        assert started.data["not_ready"] == ["web"]
        assert "web" in folder.run("status", "--json").envelope["notes"][0]
    full = replace(folder, command=("sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *folder.command))
    refused = full.run("up", "--port-offset", str(folder.offset + 1))
    assert refused.status == 3
    assert "cannot write to" in refused.err
    assert full.ok("down").out.startswith("stopped backend")
    assert strays(folder) == []


def test_an_up_that_was_killed_half_way_is_cleaned_up_by_the_next(folder: Folder) -> None:
    process = interrupt_at(folder, 3, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert folder.up().status == 0
    assert sorted(strays(folder)) == sorted(folder.pids().values())
    folder.ok("down")
    assert strays(folder) == []


def test_a_component_that_cannot_start_shows_its_last_lines(folder: Folder) -> None:
    folder.env["PYTHONPATH"] = str(folder.path)
    (folder.path / "sitecustomize.py").write_text(
        "import os, sys\nif os.environ.get('OTEL_SERVICE_NAME') == 'ai':\n    sys.exit('the disk is on fire')\n"
    )
    done = folder.up()
    assert done.status == 3
    assert "ai ended while starting" in done.err
    assert "the disk is on fire" in done.err
    assert strays(folder) == []


def test_restart_replaces_only_what_is_named(folder: Folder) -> None:
    assert folder.up().status == 0
    before = folder.pids()
    done = folder.ok("restart", "worker", "--json")
    assert done.data["restarted"] == ["worker"]
    after = folder.pids()
    assert {n for n in COMPONENTS if before[n] != after[n]} == {"worker"}
    wrong = folder.run("restart", "wroker")
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


def test_down_keeps_data_and_volumes_removes_it(folder: Folder) -> None:
    assert folder.up().status == 0
    verified = folder.run("verify", "--json", "--only", "traces")
    trace_id = verified.data["trace_id"]
    folder.ok("down")
    assert strays(folder) == []
    assert folder.up().status == 0
    assert trace_id in folder.ok("trace", trace_id, "--json").out
    folder.ok("down", "--volumes")
    assert list((folder.path / ".obsctl" / "data").iterdir()) == []
    assert folder.up().status == 0
    gone = folder.run("trace", trace_id)
    assert gone.status == 1
    assert "looked" in gone.err


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


def test_logs_follow_and_end_with_ctrl_c_and_a_closed_pipe(folder: Folder) -> None:
    assert folder.up().status == 0
    assert "api" in folder.ok("logs", "-n", "5").out
    process = folder.popen("logs", "api", "-f", "-n", "0", "--json")
    folder.run("verify", "--only", "readiness")
    assert process.stdout is not None
    line = json.loads(process.stdout.readline())
    assert line["component"] == "api"
    assert line["fields"]["service"] == "api"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in err
    shell = f"{' '.join(folder.command)} logs -n 200 | head -1"
    piped = subprocess.run(
        ["sh", "-c", shell], cwd=folder.path, capture_output=True, text=True, timeout=30, check=False
    )
    assert (piped.returncode, piped.stderr) == (0, "")


def test_a_damaged_state_file_has_a_way_out(folder: Folder) -> None:
    assert folder.up().status == 0
    (folder.path / ".obsctl" / "state.json").write_text("{")
    done = folder.run("status")
    assert done.status == 3
    assert "cannot be read" in done.err
    folder.ok("down")
    assert strays(folder) == []


def test_processes_are_found_even_when_the_state_folder_was_removed(folder: Folder) -> None:
    for repair in ("up", "down"):
        assert folder.up().status == 0
        shutil.rmtree(folder.path / ".obsctl")
        assert len(strays(folder)) == len(COMPONENTS)
        assert (folder.up() if repair == "up" else folder.run("down")).status == 0
        assert sorted(strays(folder)) == sorted(folder.pids().values())
        folder.ok("down")
        assert strays(folder) == []
