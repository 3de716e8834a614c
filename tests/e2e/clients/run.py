"""Runs the clients against a stack, several at a time, and gathers what arrived of each."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.e2e.clients.catalogue import Case, Client
from tests.e2e.clients.install import argv, installed
from tests.e2e.clients.readback import Stored, read_back
from tests.e2e.clients.stack import Stack
from tests.e2e.images.sources import REPOSITORY, BuildError

COUNT = 100
"""Records of each signal in each half."""
PAUSE = 10.0
"""Seconds between the halves: twice the 5 s after which Node.js' and uvicorn's servers close an idle connection. A
minute, as metrics are flushed, would be as long for every run of the tests."""
AT_ONCE = 5
KEPT = 0.8
"""A connection that is seen for this part of the pause was kept: looks come late on a machine with much to do."""
_SECONDS = 180
_LOOK = 0.25


@dataclass(frozen=True)
class Result:
    """How a client fared: what arrived of each case, and connections that lasted through the pause.

    ``fault`` is what the client itself said went wrong; then nothing was counted.
    """

    client: Client
    stored: dict[Case, Stored] = field(default_factory=dict)
    connections: int = 0
    version: str = ""
    fault: str = ""


def run_all(clients: Sequence[Client], stack: Stack) -> Iterator[Result]:
    """Install and run them, in their order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(lambda client: run(client, stack), clients)


def run(client: Client, stack: Stack) -> Result:
    """Install, run and count one client."""
    try:
        folder = installed(client)
        kept = _send(client, folder, stack)
    except (BuildError, subprocess.SubprocessError, ValueError) as error:
        return Result(client, fault=str(error))
    stored = {case: read_back(stack, case, 2 * COUNT) for case in client.cases}
    versions = sorted({each.version for each in stored.values()} - {""})
    return Result(client, stored, kept, _printed_version(client, folder) or ", ".join(versions))


def _send(client: Client, folder: Path, stack: Stack) -> int:
    """Run its program; how many connections lasted through the pause. Raises ``ValueError``."""
    settings = {
        "MATRIX_CASES": " ".join(map(str, client.cases)),
        "MATRIX_COUNT": str(COUNT),
        "MATRIX_PAUSE": f"{PAUSE:g}",
        "MATRIX_PROGRAM": str(client.program or ""),
        "PYTHONPATH": str(REPOSITORY) if client.command[0] == "python" else "",
    }
    process = subprocess.Popen(
        argv(client.command, folder), cwd=folder, env={**os.environ, **stack.env, **settings}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with process, _watched(process.pid, stack.ports) as seconds:
        try:
            out, err = process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    sent = json.loads(out.splitlines()[-1]) if process.returncode == 0 and out else None
    if sent != {case.service: 2 * COUNT for case in client.cases}:
        raise ValueError(f"{client.name} ended with {process.returncode} and sent {sent}: {err.strip()[-2000:]}")
    return sum(lasted >= KEPT * PAUSE for lasted in seconds.values())


@contextmanager
def _watched(pid: int, ports: frozenset[int]) -> Iterator[dict[int, float]]:
    """The connections of a process and its children to some ports: own port -> seconds that it was seen."""
    seconds: dict[int, float] = {}
    since: dict[int, float] = {}
    done = threading.Event()

    def look() -> None:
        while not done.wait(_LOOK):
            now = time.monotonic()
            for port in _connections(pid, ports):
                seconds[port] = now - since.setdefault(port, now)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seconds
    finally:
        done.set()
        watcher.join()


def _connections(pid: int, ports: frozenset[int]) -> set[int]:
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.Error:
        return set()
    return {port for process in processes for port in _own_ports(process, ports)}


def _own_ports(process: psutil.Process, ports: frozenset[int]) -> list[int]:
    try:
        found = process.net_connections("tcp")
    except psutil.Error:
        return []  # it ended meanwhile
    open_ = [each for each in found if each.status == psutil.CONN_ESTABLISHED and each.raddr]
    return [each.laddr.port for each in open_ if each.raddr.port in ports]


def _printed_version(client: Client, folder: Path) -> str:
    if not client.version:
        return ""
    done = subprocess.run(
        argv(client.version, folder, client.program), cwd=folder, capture_output=True, text=True, check=True
    )
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else ""
