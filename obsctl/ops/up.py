"""``up``: make the stack run, and wait until every role answers."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

from obsctl.clients.ready import is_ready, readiness
from obsctl.endpoints import Endpoint, Endpoints, Role
from obsctl.errors import StartError
from obsctl.events import Emit, Event
from obsctl.ops.session import Session, open_session
from obsctl.render.desired import OUTPUT, TOKEN_FILE
from obsctl.result import Result
from obsctl.spec.stack import is_loopback
from obsctl.wait import Deadline

NEXT = (
    "obsctl verify        prove that metrics, traces and logs work",
    "obsctl trace last    see one request across all of it",
    "obsctl status        what runs, and whether it is ready",
    "obsctl down          stop it; data is kept",
)
_PROBES = 16
_LOOK_EVERY = 0.5
"""Seconds between two looks at whether what was started still runs."""


def up(folder: Path, *, runtime: str | None, port_offset: int | None, timeout: float, emit: Emit) -> Result:
    """Start what is missing, replace what changed, keep the rest; then wait for readiness."""
    begun = time.monotonic()
    session = open_session(folder, runtime=runtime, port_offset=port_offset, starting=True)
    emit(Event("noted", "runtime", session.reason))
    with session.lock("up", emit):
        session.runtime.require()
        session.target.write_files(emit)
        started = session.target.apply(emit)
        try:
            wait_ready(session, timeout, emit)
        except BaseException:
            session.runtime.undo(started, emit)
            raise
    return _result(session, started, time.monotonic() - begun)


def plan(folder: Path, *, runtime: str | None, port_offset: int | None) -> Result:
    """What ``up`` would do, each step with its cause. Changes nothing."""
    session = open_session(folder, runtime=runtime, port_offset=port_offset, starting=True)
    changed = session.target.file_changes()
    steps = [step for step in session.target.plan() if step.kind != "keep"]
    data = {
        "runtime": {"name": session.runtime.name, "reason": session.reason},
        "files": [{"path": f"{OUTPUT}/{change.path}", "state": change.state} for change in changed],
        "plan": [asdict(step) for step in steps],
    }
    written = (f"write {len(changed)} file{'s' * (len(changed) != 1)} in {OUTPUT}/",) if changed else ()
    notes = (f"runtime: {session.reason}", *written, *map(str, steps))
    return Result("up", data, notes if steps or changed else (*notes, "nothing to do"))


def own(session: Session) -> Endpoints:
    """The endpoints that obsctl answers for, where they are.

    Services that it only observes are started by somebody else, maybe later: they may need a backend to send to. The
    same goes for an alert manager that is not ours.
    """
    started = session.target.desired.ports
    listening = {port for ports in started.values() for port in ports.values()}
    return Endpoints(tuple(e for e in session.endpoints if e.name in started or _answers(e, listening)))


def _answers(endpoint: Endpoint, listening: Collection[int]) -> bool:
    return endpoint.role is not Role.SERVICE and urlsplit(endpoint.url).port in listening


def _result(session: Session, started: Sequence[str], seconds: float) -> Result:
    ours, endpoints = own(session), session.endpoints
    absent = [e.name for e in endpoints if e not in ours.all and not is_ready(e)]
    data = {
        "runtime": {"name": session.runtime.name, "reason": session.reason},
        "started": list(started),
        "seconds": round(seconds, 3),
        "endpoints": [{"name": e.name, "role": e.role.value, "url": e.url} for e in endpoints],
        "not_ready": absent,
    }
    done = f"started {', '.join(started)}" if started else "already running, nothing to do"
    missing = [f"not ready: {', '.join(absent)}; obsctl observes this, and does not start it"] if absent else []
    return Result("up", data, (f"ready in {seconds:.1f} s: {done}", *missing, *filter(None, [exposed(session)]), *NEXT))


def exposed(session: Session) -> str:
    """A warning where other machines reach the stack; "" where none does."""
    stack, name = session.stack, session.runtime.name
    if is_loopback(stack.bind):
        return ""
    reach = f"`bind: {stack.bind}` lets other machines in"
    if name != "embedded":
        return f"{reach}, without authentication: put a proxy with TLS in front"
    token = stack.access.token or f"{session.runtime.home / TOKEN_FILE}"
    sample = "; the sample's own ports ask for none" if any(service.run for service in stack.services) else ""
    return f"{reach}: whoever sends the bearer token of {token} reads and writes everything, unencrypted{sample}"


def wait_ready(session: Session, timeout: float, emit: Emit) -> None:
    """Ask all probes, concurrently, until each has answered; StartError with the reason when one does not."""
    begun, looked, deadline = time.monotonic(), 0.0, Deadline.after(timeout)
    left = list(own(session))
    with ThreadPoolExecutor(max_workers=_PROBES) as pool:
        while left:
            answers = list(zip(left, pool.map(is_ready, left), strict=True))
            for endpoint in (e for e, ready in answers if ready):
                emit(Event("ready", endpoint.name, endpoint.url, time.monotonic() - begun))
            left = [endpoint for endpoint, ready in answers if not ready]
            if left:
                if time.monotonic() - looked > _LOOK_EVERY:
                    _require_alive(session)
                    looked = time.monotonic()
                _require_time(left, deadline, timeout)
                deadline.pause(0.03)


def _require_alive(session: Session) -> None:
    dead = [o.name for o in session.runtime.observe(memory=False) if o.state == "dead"]
    if dead:
        tail = "".join(f"\n    {line}" for line in session.runtime.exit_log(dead[0], 5))
        hint = f"all of its output: `obsctl logs {dead[0]}`"
        raise StartError(f"{dead[0]} ended while starting; its last lines:{tail}", hint=hint)


def _require_time(left: Sequence[Endpoint], deadline: Deadline, timeout: float) -> None:
    if deadline.passed:
        listed = "; ".join(
            f"{answer.name}: {answer.why or 'it has answered only now'}" for answer in map(readiness, left)
        )
        hint = "give it more time with --timeout, or look at `obsctl logs`"
        raise StartError(f"not ready after {timeout:g} s: {listed}", hint=hint)
