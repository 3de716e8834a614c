"""Three services of one shop that know nothing of obsctl, for tests that draft all of them at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAMES = ("counter", "oven", "courier")


@contextmanager
def open_bakery(folder: Path, otlp: int, ports: tuple[int, int]) -> Iterator[None]:
    """All three: ``counter`` and ``oven`` answer on these ports, ``courier`` takes what lies in a folder."""
    spool = folder / "spool"
    spool.mkdir()
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{otlp}",
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "COUNTER_PORT": str(ports[0]),
        "OVEN_PORT": str(ports[1]),
        "SPOOL": str(spool),
    }
    processes = []
    try:
        for name in NAMES:
            command = [sys.executable, str(Path(__file__).parent / "app.py")]
            with (folder / f"{name}.out").open("wb") as output:
                own = {**os.environ, **env, "OTEL_SERVICE_NAME": name}
                processes.append(subprocess.Popen(command, env=own, stdout=output, stderr=output))
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait(10)
