"""Interrupted, killed half-way, twice at once, no longer read: a whole stack is left, or nothing."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess

import pytest

from tests.e2e.conftest import COMPONENTS, Folder, stack_processes

pytestmark = pytest.mark.e2e


def interrupt_at(folder: Folder, lines: int, number: int) -> tuple[int, str]:
    """An ``up`` that gets a signal once it has said so many lines: its status, and what else it said."""
    process = folder.popen("up", "--port-offset", str(folder.offset))
    assert process.stderr is not None
    for _ in range(lines):
        process.stderr.readline()
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    return process.returncode, said


def before_our_code(status: int, said: str) -> bool:
    """Python's own start-up met the signal: it ends with a traceback and 1, and no program can change that."""
    return status == 1 and said.rstrip().endswith("KeyboardInterrupt") and "obsctl/__main__.py" not in said


@pytest.mark.parametrize("lines", [0, 2, 4, 8])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_anywhere_leaves_nothing(folder: Folder, lines: int, number: int) -> None:
    status, said = interrupt_at(folder, lines, number)
    assert status in (130, -number) or before_our_code(status, said), said
    assert stack_processes(folder) == []
    assert folder.run("status").status == 1


def whole(folder: Folder) -> bool:
    return set(folder.pids()) == COMPONENTS and sorted(stack_processes(folder)) == sorted(folder.pids().values())


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


def test_an_up_that_was_killed_half_way_is_cleaned_up_by_the_next(folder: Folder) -> None:
    status, _ = interrupt_at(folder, 3, signal.SIGKILL)
    assert status == -signal.SIGKILL
    assert folder.up().status == 0
    assert sorted(stack_processes(folder)) == sorted(folder.pids().values())
    folder.ok("down")
    assert stack_processes(folder) == []


def test_two_at_once_give_one_stack_and_one_message(folder: Folder) -> None:
    both = [folder.popen("up", "--port-offset", str(folder.offset)) for _ in range(2)]
    ended = [(*process.communicate(timeout=60), process.returncode) for process in both]
    assert [status for _, _, status in ended] == [0, 0], ended
    waited = [err for _, err, _ in ended if "is working on this stack" in err]
    assert len(waited) == 1
    assert sum("already running, nothing to do" in out for out, _, _ in ended) == 1
    assert sorted(stack_processes(folder)) == sorted(folder.pids().values())
    assert set(folder.pids()) == COMPONENTS


def test_a_move_to_ports_that_are_taken_changes_nothing_and_an_interrupted_one_leaves_nothing(folder: Folder) -> None:
    assert folder.up().status == 0
    before = folder.pids()
    port = 9090 + folder.offset + 2
    with socket.create_server(("127.0.0.1", port)):
        done = folder.run("up", "--port-offset", str(folder.offset + 2))
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
    assert stack_processes(folder) == []
    assert folder.run("status").out.startswith("nothing is running here")
