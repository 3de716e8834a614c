"""How long the verbs take as whole processes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.conftest import Folder, free_offset
from tests.e2e.ledger import DRIVE, Ledger

OBSCTL = (sys.executable, "-m", "obsctl")
OFFSET = "20000"


def help_time(runs: int = 11) -> dict[str, object]:
    """``obsctl --help``, seconds."""
    return _summary([_seconds("--help") for _ in range(runs)])


def up_time(runs: int = 5) -> dict[str, object]:
    """``obsctl up`` in an empty folder until every role answers, seconds; and with nothing to do."""
    cold, warm = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            try:
                cold.append(_seconds("up", "--port-offset", OFFSET, "--json", folder=folder))
                warm.append(_seconds("up", "--json", folder=folder))
            finally:
                _run("down", "--volumes", folder=folder)
    return {**_summary(cold), "nothing_to_do_median_s": round(statistics.median(warm), 3)}


def verify_time(runs: int = 5) -> dict[str, object]:
    """A full ``obsctl verify`` of the sample service, seconds, and how many checks it ran."""
    with running_stack() as stack:
        seconds = [_seconds("verify", "--json", folder=stack.folder) for _ in range(runs)]
        checks = json.loads(_run("verify", "--json", folder=stack.folder).stdout)["data"]["checks"]
    return {**_summary(seconds), "checks": len(checks)}


def second_verify_time(runs: int = 5) -> dict[str, object]:
    """``verify`` of the second service of a spec: seconds beyond driving it and the arrival of its slowest signal.

    A count is final once a second scrape confirms it, so one ``scrape_interval`` (2 s by default) is part of what its
    metrics need.
    """
    with _two_services() as folder:
        _seconds("verify", "--json", folder=folder)
        reports = [
            json.loads(_run("verify", "--service", "second", "--json", folder=folder).stdout) for _ in range(runs)
        ]
    if red := [c["id"] for r in reports for c in r["data"]["checks"] if c["status"] not in ("pass", "skip")]:
        raise SystemExit(f"verify of the second service is red: {', '.join(red)}")
    services = [report["data"]["services"][0] for report in reports]
    slowest = [max(lag["worst_seconds"] for lag in s["lag"].values()) for s in services]
    over = [s["seconds"] - s["driving_seconds"] - late for s, late in zip(services, slowest, strict=True)]
    return {
        "over_slowest_median_s": round(statistics.median(over), 3),
        "over_slowest_max_s": round(max(over), 3),
        "slowest_signal_median_s": round(statistics.median(slowest), 3),
        "verify_median_s": round(statistics.median(s["seconds"] for s in services), 3),
        "runs": runs,
    }


@contextmanager
def _two_services() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as closing:
        stack = Folder(Path(folder), free_offset())
        services = [Ledger(stack, name, place) for place, name in enumerate(("first", "second"))]
        spec = {"version": 1, "name": "books", "services": [service.service(DRIVE) for service in services]}
        (stack.path / "obsctl.yaml").write_text(json.dumps(spec))
        closing.callback(_run, "down", "--volumes", folder=folder)
        for service in services:
            service.start(closing)
        _run("up", "--port-offset", str(stack.offset), folder=folder)
        yield folder


@dataclass(frozen=True)
class RunningStack:
    """The sample's stack: its folder, and the URLs of its endpoints by name."""

    folder: str
    endpoints: Mapping[str, str]


@contextmanager
def running_stack() -> Iterator[RunningStack]:
    """A fresh stack with traffic of one ``verify``; its data is removed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            up = json.loads(_run("up", "--port-offset", OFFSET, "--json", folder=folder).stdout)
            _run("verify", folder=folder)
            yield RunningStack(folder, {e["name"]: e["url"] for e in up["data"]["endpoints"]})
        finally:
            _run("down", "--volumes", folder=folder)


def _run(*arguments: str, folder: str = ".") -> subprocess.CompletedProcess[str]:
    return subprocess.run([*OBSCTL, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def _seconds(*arguments: str, folder: str = ".") -> float:
    begun = time.perf_counter()
    done = _run(*arguments, folder=folder)
    if done.returncode:
        raise SystemExit(f"obsctl {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - begun


def _summary(seconds: list[float]) -> dict[str, object]:
    return {
        "median_s": round(statistics.median(seconds), 3),
        "min_s": round(min(seconds), 3),
        "max_s": round(max(seconds), 3),
        "runs": len(seconds),
    }
