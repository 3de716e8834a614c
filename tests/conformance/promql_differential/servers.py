"""Who is asked: a real Prometheus, and the embedded server. Both are addresses; both take the same remote writes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from obsctl.wait import Deadline, until
from tests.conformance.promql_differential.dataset import Series
from tests.conformance.promql_differential.remote_write import HEADERS, requests
from tests.e2e.images.build import program

VARIABLE = "OBSCTL_PROMETHEUS"
HINT = f"`python -m tests.e2e.images.build --binaries prometheus` makes one; or name one in {VARIABLE}"
PATIENCE = 30.0


def binary() -> Path | None:
    """Prometheus 3: what the environment names, the one that was made for the tests, or the one on the path."""
    found = os.environ.get(VARIABLE) or program("prometheus", "prometheus") or shutil.which("prometheus")
    if not found:
        return None
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=True, timeout=PATIENCE)
    return None if "version 2." in told.stdout + told.stderr else Path(found)


@contextmanager
def prometheus(folder: Path) -> Iterator[str]:
    """A Prometheus without data that takes remote writes; gives its address."""
    (folder / "prometheus.yml").write_text("global: {evaluation_interval: 1m}\n")
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    command = [
        *(str(binary()), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver", "--log.level=error"),
        "--enable-feature=promql-experimental-functions",  # limitk and limit_ratio
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        assert until(lambda: _ready(address), Deadline.after(PATIENCE)), "Prometheus did not start"
        yield address
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/-/ready", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def load(address: str, series: Sequence[Series]) -> None:
    """Write samples to a server."""
    with httpx.Client(trust_env=False, timeout=PATIENCE) as session:
        for body in requests(series):
            answer = session.post(f"{address}/api/v1/write", content=body, headers=HEADERS)
            assert answer.status_code in (200, 204), answer.text
