"""What the dialect suites run on: addresses of running servers, however they were started.

A suite knows addresses only. ``IMPLEMENTATIONS`` lists who can serve them; a runtime with the real products adds a
context manager of its own here, started with ``target`` as a scrape target of job ``conformance``.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from obsctl.wait import Deadline, until

PATIENCE = 20.0
ROLES = ("otlp_grpc", "otlp_http", "prometheus", "loki", "jaeger", "traceql")
READY = {"prometheus": "/-/ready", "loki": "/ready", "jaeger": "/api/services", "traceql": "/ready"}
JOB = "conformance"


@dataclass(frozen=True)
class Servers:
    """Base URLs, without a trailing slash, of servers that are ready."""

    otlp_http: str
    prometheus: str
    loki: str
    jaeger: str
    traceql: str


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on: all are held until all are known."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


@contextmanager
def embedded(target: str, folder: Path) -> Iterator[Servers]:
    """The embedded server as a process of its own, with its data in ``folder``."""
    addresses = {role: f"127.0.0.1:{port}" for role, port in zip(ROLES, free_ports(len(ROLES)), strict=True)}
    config = {
        "data_dir": str(folder / "data"),
        "listen": addresses,
        "scrape": {
            "interval_seconds": 0.2,
            "timeout_seconds": 2.0,
            "targets": [{"job": JOB, "url": target, "labels": {"zone": "test"}}],
        },
        "log_files": [],
        "log_fields": {"labels": [], "metadata": []},
        "scrub": {"attributes": [], "patterns": {}},
        "retention": {"age_seconds": 86_400, "size_bytes": 1 << 30},
        "limits": {"body_bytes": 1 << 24, "queue_items": 100_000},
    }
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    with (folder / "stderr").open("w+") as stderr:
        process = subprocess.Popen([sys.executable, "-m", "obsctl.embedded", "--config", str(path)], stderr=stderr)
        try:
            for role, probe in READY.items():
                until(lambda url=f"http://{addresses[role]}{probe}": _answers(url, process), Deadline.after(PATIENCE))
            assert process.poll() is None, (folder / "stderr").read_text()
            yield Servers(**{role: f"http://{addresses[role]}" for role in ROLES if role != "otlp_grpc"})
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Whether the server answers, or will never."""
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return process.poll() is not None


Implementation = Callable[[str, Path], AbstractContextManager[Servers]]
IMPLEMENTATIONS: tuple[Implementation, ...] = (embedded,)
