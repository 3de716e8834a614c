"""The shop's processes, for tests that observe them."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path


def start(name: str, port: int, stock: int, *, otlp: int, broken: Path, output: Path) -> subprocess.Popen[bytes]:
    """Start one that listens on ``port`` and sends its telemetry to the port ``otlp``."""
    env = {
        "OTEL_SERVICE_NAME": name,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{otlp}",
        "SHOP_PORT": str(port),
        "SHOP_STOCK": f"http://127.0.0.1:{stock}",
        "SHOP_BREAK": str(broken),
    }
    with output.open("wb") as log:
        command = [sys.executable, str(Path(__file__).parent / "app.py")]
        return subprocess.Popen(command, env={**os.environ, **env}, stdout=log, stderr=subprocess.STDOUT)


def stopped(process: subprocess.Popen[bytes]) -> None:
    """End one."""
    process.terminate()
    process.wait(10)


def answers(port: int) -> bool:
    """Whether one is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1) as reply:
            return reply.status == 200
    except (urllib.error.URLError, OSError):
        return False
