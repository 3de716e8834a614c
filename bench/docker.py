"""``up`` and ``down`` of the whole stack of containers, beside ``docker compose`` on the same file, in turns.

Both work on what the other has made, so the runs with nothing to do are on one and the same stack of ten containers:
the sample service with its stores, and the four that are in every stack. A cold ``up`` starts from images that are
there and nothing else; obsctl's ends when every part answers, Compose's when those few with a health check are healthy;
``cold_until_answering`` has both end when every part answers, and every ``down`` begins there.
Seconds of the clock and of the processor: on a busy machine the first rise less for a program that waits much, as
Compose does. Needs ``OBSCTL_TEST_ENGINE`` with the images of ``tests.e2e``, and Compose on the path.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from obsctl.clients.ready import is_ready
from obsctl.endpoints import Endpoints
from obsctl.render.desired import STATE_FOLDER
from obsctl.runtime.state import StateFile
from obsctl.wait import Deadline, until
from tests.e2e.engine import VARIABLE

_SPEC = """version: 1
name: obsctl-bench
runtime: docker
containers: {dashboards: false, alerting: false, shipper: none}
"""
_OBSCTL = (sys.executable, "-m", "obsctl")
_OFFSET = "20000"
_SECONDS = 600


@dataclass
class _Race:
    """Seconds by verb, of each of the two: of the clock, and of the processor."""

    folder: Path
    compose: str
    seconds: dict[tuple[str, str], list[tuple[float, float]]] = field(default_factory=dict)

    def run(self, verb: str, who: str, *arguments: str) -> None:
        program = _OBSCTL if who == "obsctl" else (self.compose, "-f", "deploy/compose.yaml")
        begun, used = time.perf_counter(), _used()
        done = subprocess.run(
            [*program, *arguments], cwd=self.folder, env={**os.environ, "DOCKER_HOST": os.environ[VARIABLE]},
            capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{who} {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        self.seconds.setdefault((verb, who), []).append((time.perf_counter() - begun, _used() - used))

    def obsctl(self, verb: str, *arguments: str) -> None:
        self.run(verb, "obsctl", *arguments)

    def other(self, verb: str, *arguments: str) -> None:
        self.run(verb, "compose", *arguments)

    def answering(self, endpoints: Endpoints) -> None:
        """Wait until every part answers, and count that for Compose, which does not."""
        begun = time.perf_counter()
        until(lambda: all(map(is_ready, endpoints)), Deadline.after(_SECONDS))
        seconds, used = self.seconds["cold_up", "compose"][-1]
        whole = seconds + time.perf_counter() - begun
        self.seconds.setdefault(("cold_until_answering", "compose"), []).append((whole, used))

    def figures(self) -> Mapping[str, object]:
        """Medians in seconds; ``x`` is how many times longer obsctl takes."""
        found: dict[str, object] = {}
        self.seconds["cold_until_answering", "obsctl"] = self.seconds["cold_up", "obsctl"]
        for verb in ("nothing_to_do", "cold_up", "cold_until_answering", "down"):
            for kind, name in enumerate(("", "_cpu")):
                mine, theirs = (self._median(verb, who, kind) for who in ("obsctl", "compose"))
                found |= {f"{verb}{name}_s": round(mine, 2), f"{verb}{name}_compose_s": round(theirs, 2)}
                found |= {} if name else {f"{verb}_x": round(mine / theirs, 2)}
        return found

    def _median(self, verb: str, who: str, kind: int) -> float:
        return statistics.median(seconds[kind] for seconds in self.seconds[verb, who])


def beside_compose(runs: int = 3, idle: int = 5) -> Mapping[str, object]:
    """Medians of ``runs`` cold starts and ends, and of ``idle`` times as many with nothing to do."""
    compose = shutil.which("docker-compose")
    if not compose or not os.environ.get(VARIABLE):
        return {"skipped": f"needs docker-compose on the path, and an engine in {VARIABLE}"}
    with tempfile.TemporaryDirectory() as folder:
        race = _Race(Path(folder), compose)
        (race.folder / "obsctl.yaml").write_text(_SPEC)
        race.obsctl("first", "up", "--port-offset", _OFFSET)  # makes the files, and the sample's image
        endpoints = StateFile(race.folder / STATE_FOLDER).read().endpoints
        try:
            for _ in range(runs):
                _round(race, idle, endpoints)
        finally:
            race.obsctl("last", "down", "--volumes")
    return race.figures()


def _round(race: _Race, idle: int, endpoints: Endpoints) -> None:
    for _ in range(idle):
        race.obsctl("nothing_to_do", "up")
        race.other("nothing_to_do", "up", "-d", "--wait")
    race.obsctl("down", "down", "--volumes")
    race.other("cold_up", "up", "-d", "--wait")
    race.answering(endpoints)
    race.other("down", "down", "--volumes")
    race.obsctl("cold_up", "up", "--port-offset", _OFFSET)


def _used() -> float:
    """Seconds of the processor that programs started here have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
