"""``status``: what runs, whether it answers, and what is left of the error budgets."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from obsctl.clients.indexing import IndexLag, index_lags
from obsctl.clients.losses import reported_losses
from obsctl.clients.ready import Readiness, readiness
from obsctl.endpoints import Endpoint, Endpoints, Role
from obsctl.errors import ObsctlError
from obsctl.ops.budgets import budgets
from obsctl.ops.home import RESUME, leftover, open_home
from obsctl.ops.log_files import unmatched_logs
from obsctl.result import Result
from obsctl.runtime.base import Observed, StackRuntime
from obsctl.spec.load import load_stack

_MOST_LOSSES = 8
NOTHING = "nothing is running here; start a stack with `obsctl up`"


def status(folder: Path) -> Result:
    """Every process and every endpoint as they are now; exit 1 unless all of them are well."""
    home = open_home(folder)
    home.require_seen()
    runtime, endpoints = home.runtime, home.endpoints
    observed = runtime.observe()
    there = bool(observed) or runtime.foreign
    answers = _ask(endpoints)
    data: dict[str, object] = {
        "runtime": runtime.name if there else None,
        "processes": [_process(o) for o in observed],
        "endpoints": [_endpoint(e, a) for e, a in zip(endpoints, answers, strict=True)],
    }
    lags: list[IndexLag] = []
    if there:
        data["budgets"] = _budgets(runtime, endpoints, answers)
        lags = [] if runtime.supervised else _index_lags(endpoints)
        data["indexing"] = [{"signal": lag.signal, "records": lag.records, "seconds": lag.seconds} for lag in lags]
    state = sentence(observed, answers) if there else NOTHING + leftover(runtime)
    unmatched = unmatched_logs(runtime.home.parent) if there else ()
    lost = reported_losses(endpoints) if there and not runtime.supervised else []
    data |= {"losses": lost} if there else {}
    notes = (state, *lost[:_MOST_LOSSES], *(lag.note for lag in lags if lag.note), *unmatched)
    return Result("status", data, notes, exit_status=0 if there and _well(observed, answers) else 1)


def _index_lags(endpoints: Endpoints) -> list[IndexLag]:
    store = endpoints.first(Role.TRACES) or endpoints.first(Role.LOGS)
    return index_lags(store) if store else []


def _budgets(runtime: StackRuntime, endpoints: Endpoints, answers: Sequence[Readiness]) -> list[dict[str, object]]:
    """What is left of the budgets of this folder's contracts; a spec that is wrong now must not hide what runs."""
    folder = runtime.home.parent
    metrics = endpoints.first(Role.METRICS)
    try:
        slos = [slo for service in load_stack(folder).services for slo in service.contract.slos]
    except ObsctlError:
        return []
    if not metrics:
        return []
    trouble = next((f"{a.name} is not ready" for a in answers if a.name == metrics.name and not a.ready), "")
    return budgets(slos, metrics, trouble, recorded_only=runtime.foreign)


def _ask(endpoints: Endpoints) -> list[Readiness]:
    if not endpoints.all:
        return []
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(readiness, endpoints))


def _well(observed: Sequence[Observed], answers: Sequence[Readiness]) -> bool:
    return all(o.state == "running" for o in observed) and all(a.ready for a in answers)


def sentence(observed: Sequence[Observed], answers: Sequence[Readiness]) -> str:
    """What is the matter, the worst first, with what to do about it."""
    dead = [o.name for o in observed if o.state == "dead"]
    paused = [o.name for o in observed if o.state == "paused"]
    unready = [a.name for a in answers if not a.ready]
    if dead:
        return f"dead: {', '.join(dead)}; `obsctl up` starts what is missing, `obsctl logs {dead[0]}` says why it ended"
    if paused:
        return f"paused: {', '.join(paused)}; {RESUME}"
    if unready:
        return f"{'running, but ' if observed else ''}not ready: {', '.join(unready)}"
    return "everything runs and is ready" if observed else "everything answers"


def _process(observed: Observed) -> dict[str, object]:
    running = observed.state == "running"
    return {
        "name": observed.name,
        "state": observed.state,
        "pid": observed.pid if running else None,
        "uptime_seconds": round(max(0.0, time.time() - observed.started_at), 1) if running else None,
        "memory_bytes": observed.memory if running else None,
        "image": observed.image or None,
        "health": observed.health or None,
        "restarts": observed.restarts if observed.image else None,
        "detail": observed.detail or None,
    }


def _endpoint(endpoint: Endpoint, answer: Readiness) -> dict[str, object]:
    return {
        "name": endpoint.name,
        "role": endpoint.role.value,
        "url": endpoint.url,
        "ready": answer.ready,
        "why": answer.why,
    }
