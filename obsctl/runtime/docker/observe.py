"""Containers as the user sees them: what runs, how it is, and whether it goes on ending."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from obsctl.errors import StartError
from obsctl.runtime.base import Observed
from obsctl.runtime.docker import compose_labels
from obsctl.runtime.docker.engine import Engine
from obsctl.runtime.docker.faults import engine_faults
from obsctl.runtime.docker.inventory import RUNNING, ListedContainer
from obsctl.runtime.docker.logs import nanoseconds
from obsctl.runtime.docker.task_graph import TaskGraph

LOOPING = 2
"""Restarts after which a container that has only just started counts as one that goes on ending."""

_JUST = 15.0


def observe(engine: Engine, containers: Sequence[ListedContainer], *, memory: bool) -> tuple[Observed, ...]:
    """All of them as they are now; ``memory`` asks the engine for what each uses, too."""
    by_ident = {c.ident: c for c in containers}
    found: dict[str, Observed] = {}

    def look(ident: str) -> None:
        with contextlib.suppress(StartError):  # gone since it was listed
            with engine_faults("cannot look at a container"):
                raw = engine.client.inspect_container(ident)
                used = _memory(engine.client, ident) if memory and by_ident[ident].state == RUNNING else 0
            found[ident] = _observed(by_ident[ident], raw, used)

    TaskGraph(dict.fromkeys(by_ident, ()), look, threading.Event()).run()
    return tuple(found[c.ident] for c in containers if c.ident in found)


def _observed(seen: ListedContainer, raw: Mapping[str, Any], memory: int) -> Observed:
    state = raw.get("State") or {}
    restarts = int(raw.get("RestartCount") or 0)
    started = nanoseconds(str(state.get("StartedAt", ""))) / 1e9
    return Observed(
        name=seen.name,
        state=_alive(seen.state, restarts, started),
        fingerprint=seen.labels.get(compose_labels.FINGERPRINT, ""),
        pid=int(state.get("Pid") or 0),
        started_at=started,
        memory=memory,
        image=str((raw.get("Config") or {}).get("Image", seen.image)),
        health=str((state.get("Health") or {}).get("Status", "")),
        restarts=restarts,
        detail=seen.status,
    )


def _alive(state: str, restarts: int, started: float) -> Literal["running", "dead"]:
    """A container that its engine starts again and again is not running, whatever it is at this moment."""
    looping = restarts >= LOOPING and (state == "restarting" or time.time() - started < _JUST)
    return "running" if state in (RUNNING, "restarting") and not looping else "dead"


def _memory(api: Any, ident: str) -> int:
    """What it uses without the file cache, as ``docker stats`` shows it, in bytes."""
    stats = api.stats(ident, stream=False, one_shot=True).get("memory_stats") or {}
    detail = stats.get("stats") or {}
    cache = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    return max(0, int(stats.get("usage") or 0) - int(cache))
