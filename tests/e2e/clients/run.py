"""Runs the clients against a stack, several at a time, and gathers what arrived of each."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from obsctl.wait import Deadline
from tests.e2e.clients.catalogue import Case, Client
from tests.e2e.clients.connections import Connections, sockets
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
KEPT = 0.6
"""A connection that is seen for this part of the pause, which is more than 5 s, was kept."""
_SECONDS = 180
_LOOK_SECONDS = 1.5


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
    with Connections(stack.ports).watched() as connections, ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(lambda client: run(client, stack, connections), clients)


def run(client: Client, stack: Stack, connections: Connections) -> Result:
    """Install, run and count one client."""
    try:
        folder = installed(client)
        kept = _send(client, folder, stack, connections)
    except (BuildError, subprocess.SubprocessError, ValueError) as error:
        return Result(client, fault=str(error))
    stored = {case: read_back(stack, case, 2 * COUNT) for case in client.cases}
    versions = sorted({each.version for each in stored.values()} - {""})
    return Result(client, stored, kept, _printed_version(client, folder) or ", ".join(versions))


def _send(client: Client, folder: Path, stack: Stack, connections: Connections) -> int:
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
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    own: set[str] = set()
    deadline = Deadline.after(_SECONDS)
    with process:
        while True:
            try:
                out, err = process.communicate(timeout=_LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                own |= sockets(process.pid)
                if deadline.passed:
                    os.killpg(process.pid, signal.SIGKILL)
    sent = json.loads(out.splitlines()[-1]) if process.returncode == 0 and out else None
    if sent != {case.service: 2 * COUNT for case in client.cases}:
        raise ValueError(f"{client.name} ended with {process.returncode} and sent {sent}: {err.strip()[-2000:]}")
    return connections.lasting(own, KEPT * PAUSE)


def _printed_version(client: Client, folder: Path) -> str:
    if not client.version:
        return ""
    done = subprocess.run(
        argv(client.version, folder, client.program), cwd=folder, capture_output=True, text=True, check=True
    )
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else ""
