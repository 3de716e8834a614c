"""Whole stacks of real processes, driven through the command line as a user would."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

COMPONENTS = {"backend", "redis", "api", "worker", "ai"}
NO_ENGINE = "unix:///nowhere/docker.sock"
"""What runs on this machine, and what its engine has, is not to decide what a test tests."""
PORTS = (3000, 3100, 3200, 4317, 4318, 6379, 8000, 8001, 8002, 9090, 9093, 12345, 13133, 16686)


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def envelope(self) -> dict[str, Any]:
        return json.loads(self.out)

    @property
    def data(self) -> dict[str, Any]:
        return self.envelope["data"]


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def free_offset() -> int:
    """A port offset at which every port of a stack is free now.

    All of them stay below 32768: above, any connection of any program may take one for its own end at any time.
    """
    offsets = [1_000 + 97 * step for step in range(155)]
    begin = os.getpid() % len(offsets)
    for offset in offsets[begin:] + offsets[:begin]:
        if all(_free(port + offset) for port in PORTS):
            return offset
    raise AssertionError("no free ports")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass
class Folder:
    """A folder of a user, with ``obsctl`` at hand."""

    path: Path
    offset: int
    command: tuple[str, ...] = (sys.executable, "-m", "obsctl")
    env: dict[str, str] = field(default_factory=lambda: {"DOCKER_HOST": NO_ENGINE})

    def popen(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.command, *arguments],
            cwd=self.path,
            env={**os.environ, **self.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )

    def run(self, *arguments: str, timeout: float = 60) -> Done:
        with self.popen(*arguments) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Done(process.returncode, out, err)

    def up(self, *arguments: str) -> Done:
        return self.run("up", "--port-offset", str(self.offset), *arguments)

    def ok(self, *arguments: str) -> Done:
        done = self.run(*arguments)
        assert done.status == 0, done
        return done

    def pids(self) -> dict[str, int]:
        """Name -> pid of what was started and still runs."""
        state = self.path / ".obsctl" / "state.json"
        recorded = json.loads(state.read_text())["processes"] if state.exists() else []
        return {p["name"]: p["pid"] for p in recorded if _alive(p["pid"])}


def stack_processes(folder: Folder) -> list[int]:
    """Every process that belongs to this folder's stack, recorded or not."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("OBSCTL_STACK", "").startswith(str(folder.path)):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """An empty folder; whatever runs in it is stopped at the end."""
    home = Folder(tmp_path, free_offset())
    yield home
    if (tmp_path / ".obsctl").exists() or stack_processes(home):
        home.run("down", "--volumes")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """A running stack, shared by the tests of a module that only look."""
    home = Folder(tmp_path_factory.mktemp("stack"), free_offset())
    done = home.up()
    assert done.status == 0, done
    yield home
    home.run("down", "--volumes")
