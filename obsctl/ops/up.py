"""``up``: make the stack run, and wait until every role answers."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from obsctl.clients.ready import Readiness, readiness
from obsctl.endpoints import Endpoint, Endpoints, Role
from obsctl.errors import StartError
from obsctl.events import Emit, Event
from obsctl.ops.session import Session, open_session
from obsctl.render.desired import Desired
from obsctl.result import Result
from obsctl.wait import Deadline

NEXT = (
    "obsctl verify        prove that metrics, traces and logs work",
    "obsctl trace last    see one request across all of it",
    "obsctl status        what runs, and whether it is ready",
    "obsctl down          stop it; data is kept",
)


def up(folder: Path, *, runtime: str | None, port_offset: int | None, timeout: float, emit: Emit) -> Result:
    """Start what is missing, replace what changed, keep the rest; then wait for readiness."""
    begun = time.monotonic()
    session = open_session(folder, runtime=runtime, port_offset=port_offset)
    emit(Event("noted", "runtime", session.reason))
    with session.lock("up", emit):
        desired = session.desired
        started = session.runtime.apply(desired, emit)
        try:
            wait_ready(session, own(desired), timeout, emit)
        except BaseException:
            session.runtime.undo(started, emit)
            raise
    return _result(session, desired, started, time.monotonic() - begun)


def own(desired: Desired) -> Endpoints:
    """The endpoints that obsctl answers for.

    Services that it only observes are started by somebody else, maybe later: they may need a backend to send to.
    """
    started = {p.name for p in desired.processes}
    return Endpoints(tuple(e for e in desired.endpoints if e.role is not Role.SERVICE or e.name in started))


def _result(session: Session, desired: Desired, started: tuple[str, ...], seconds: float) -> Result:
    ours = own(desired)
    endpoints = desired.endpoints
    absent = [e.name for e in endpoints if e not in ours.all and not readiness(e).ready]
    data = {
        "runtime": {"name": session.runtime.name, "reason": session.reason},
        "started": list(started),
        "seconds": round(seconds, 3),
        "endpoints": [{"name": e.name, "role": e.role.value, "url": e.url} for e in endpoints],
        "not_ready": absent,
    }
    done = f"started {', '.join(started)}" if started else "already running, nothing to do"
    missing = [f"not ready: {', '.join(absent)}; obsctl observes this, and does not start it"] if absent else []
    return Result("up", data, (f"ready in {seconds:.1f} s: {done}", *missing, *NEXT))


@dataclass
class _Waiting:
    """Which endpoints have not answered yet, and why not."""

    left: dict[str, Endpoint]
    why: dict[str, str] = field(default_factory=dict)


def wait_ready(session: Session, endpoints: Endpoints, timeout: float, emit: Emit) -> None:
    """Ask all probes, concurrently, until each has answered; StartError with the reason when one does not."""
    begun, deadline = time.monotonic(), Deadline.after(timeout)
    waiting = _Waiting({e.name: e for e in endpoints})
    with ThreadPoolExecutor(max_workers=8) as pool:
        while waiting.left:
            answers = pool.map(readiness, list(waiting.left.values()))
            _take(waiting, list(answers), time.monotonic() - begun, emit)
            if waiting.left:
                _require_alive(session)
                _require_time(waiting, deadline, timeout)
                deadline.pause(0.03)


def _take(waiting: _Waiting, answers: list[Readiness], seconds: float, emit: Emit) -> None:
    for answer in answers:
        if answer.ready:
            endpoint = waiting.left.pop(answer.name)
            emit(Event("ready", endpoint.name, endpoint.url, seconds))
        else:
            waiting.why[answer.name] = answer.why


def _require_alive(session: Session) -> None:
    dead = [o.name for o in session.runtime.observe() if o.state == "dead"]
    if dead:
        said = session.runtime.last_words(dead[0], 5)
        tail = "".join(f"\n    {line}" for line in said)
        hint = f"all of its output: `obsctl logs {dead[0]}`"
        raise StartError(f"{dead[0]} ended while starting; its last lines:{tail}", hint=hint)


def _require_time(waiting: _Waiting, deadline: Deadline, timeout: float) -> None:
    if deadline.passed:
        listed = "; ".join(f"{name}: {waiting.why.get(name, 'no answer')}" for name in waiting.left)
        hint = "give it more time with --timeout, or look at `obsctl logs`"
        raise StartError(f"not ready after {timeout:g} s: {listed}", hint=hint)
