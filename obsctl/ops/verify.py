"""``verify``: drive requests, then hold every backend to what was driven."""

from __future__ import annotations

import contextlib
import difflib
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from obsctl.checks import CHECKS
from obsctl.checks.base import Context, Signal, Verification
from obsctl.checks.run import run_checks, select
from obsctl.checks.scrapes import await_scrape
from obsctl.clients.grafana import GrafanaClient
from obsctl.clients.logql import LogqlClient
from obsctl.clients.promql import PromqlClient
from obsctl.clients.traces import traces_client
from obsctl.endpoints import Endpoints, Role
from obsctl.errors import UsageError
from obsctl.events import Emit, Event
from obsctl.ops.last_run import remember, telling
from obsctl.ops.promised import promised_dashboards, promised_rules
from obsctl.ops.session import Session, located, open_session
from obsctl.probes import Run
from obsctl.spec.stack import Service, Stack
from obsctl.traffic.drive import drive
from obsctl.wait import Deadline

ROUNDS = 3
"""How often the drive is repeated: enough for a count to be wrong by one in either direction."""


def verify(
    folder: Path,
    *,
    service: str | None,
    only: Sequence[str],
    skip: Sequence[str],
    timeout: float,
    emit: Emit,
    cancelled: threading.Event | None = None,
) -> Verification:
    """Run the selected checks against the running stack. ``timeout``: seconds that each signal may take to arrive.

    Once ``cancelled`` is set nothing is waited for any more: each check that still runs takes a last look.
    """
    session = open_session(folder)
    select(CHECKS, only, skip)
    asked = _service(session.stack, service)
    endpoints = session.running()
    chosen = located(asked, endpoints)
    with _alone(session, emit):
        begun = time.monotonic()

        def seen(since: float) -> bool:
            backend = endpoints.first(Role.METRICS)
            return backend is not None and await_scrape(
                chosen, PromqlClient(backend.url), session.stack.scrape_interval, since
            )

        scraped = seen(0.0)  # of a stack that has only just started: a count must be seen before it rises

        def seen_again() -> None:
            if scraped:
                seen(time.time())

        run = drive(chosen, rounds=ROUNDS, deadline=Deadline.after(timeout), await_scrape=seen_again)
        emit(Event("noted", f"{len(run.requests)} requests driven", f"run {run.id}"))
        trace_id = telling(run, chosen.contract)
        _remember(session, run, trace_id, emit)
        contexts = _look_at(session.stack, chosen, endpoints, run, partial(Deadline.after, timeout, cancelled))
        outcomes = run_checks(CHECKS, contexts, emit, only=only, skip=skip)
        return Verification(chosen.name, run, outcomes, time.monotonic() - begun, trace_id)


def _alone(session: Session, emit: Emit) -> contextlib.AbstractContextManager[None]:
    """Two at once would count each other's requests. Somebody else's stack can be looked at, but not locked."""
    home = session.runtime.home
    if home.exists() and not os.access(home, os.W_OK):
        return contextlib.nullcontext()
    return session.lock("verify", emit, file="verify.lock")


def _remember(session: Session, run: Run, trace_id: str, emit: Emit) -> None:
    try:
        remember(session.runtime.home, run, trace_id)
    except OSError as error:
        emit(Event("noted", "trace last", f"will not know this run: {error.strerror}"))


def _service(stack: Stack, name: str | None) -> Service:
    if name is None:
        return stack.services[0]
    names = [s.name for s in stack.services]
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
        raise UsageError(f"the spec has no service {name!r}", hint=hint)
    return stack.services[names.index(name)]


def _look_at(
    stack: Stack, service: Service, endpoints: Endpoints, run: Run, deadline: Callable[[], Deadline]
) -> Callable[[Signal], Context]:
    """One context per signal, each with its own deadline, all with the same clients."""
    metrics, logs, traces = (endpoints.first(role) for role in (Role.METRICS, Role.LOGS, Role.TRACES))
    page = endpoints.first(Role.DASHBOARDS)
    shared = Context(
        service=service,
        endpoints=endpoints,
        run=run,
        deadline=deadline(),
        metrics=PromqlClient(metrics.url) if metrics else None,
        logs=LogqlClient(logs.url) if logs else None,
        traces=traces_client(traces) if traces else None,
        page=GrafanaClient(page.url) if page else None,
        scrape_interval=stack.scrape_interval,
        rules=promised_rules(service.contract),
        dashboards=promised_dashboards(stack, service, traces),
        trace_id=telling(run, service.contract),
    )
    return lambda _signal: replace(shared, deadline=deadline())
