"""``verify``: send probe requests, then compare what every backend stores with what was sent."""

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

from obsctl.backends import DATA_SOURCES
from obsctl.checks import CHECKS
from obsctl.checks.base import (
    Context,
    DashboardsContext,
    ExpectedRule,
    LogsContext,
    MetricsContext,
    Signal,
    TracesContext,
    Verification,
)
from obsctl.checks.run import fold, run_checks, select
from obsctl.checks.scrapes import await_scrape
from obsctl.clients.grafana import GrafanaClient
from obsctl.clients.logql import LogqlClient
from obsctl.clients.promql import PromqlClient
from obsctl.clients.traces import traces_client
from obsctl.dashboards.model import Dashboard
from obsctl.endpoints import Dialect, Endpoint, Endpoints, Role
from obsctl.errors import UsageError
from obsctl.events import Emit, Event
from obsctl.ops.last_run import most_representative_trace, remember
from obsctl.ops.log_files import unmatched_of
from obsctl.ops.proxies import proxy_notes
from obsctl.ops.session import Session, located, open_session
from obsctl.probes import ProbeRun
from obsctl.render.dashboards import stack_dashboards
from obsctl.render.rulegroups import Alert
from obsctl.render.rules import service_rules, stack_rules
from obsctl.spec.contract import Contract
from obsctl.spec.stack import Service, Stack
from obsctl.traffic.send import send_probes
from obsctl.wait import Deadline

ROUNDS = 3
"""How often the steps are sent: enough for a count to be wrong by one in either direction."""

_RULE_CHAIN = 4
"""The longest chain of rules that read one another's results: error ratio, that of the period, burn rate, budget."""


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
    requested = _service(session.stack, service)
    endpoints = session.running()
    chosen = located(requested, endpoints)
    for note in (*unmatched_of(session.stack, (requested,)), *proxy_notes((requested,), os.environ)):
        emit(Event("noted", requested.name, note))
    with _alone(session, emit):
        begun = time.monotonic()

        def scraped_since(since: float) -> bool:
            backend = endpoints.first(Role.METRICS)
            return backend is not None and await_scrape(
                chosen, PromqlClient(backend.url), session.stack.scrape_interval, since
            )

        scraped = scraped_since(0.0)  # of a stack that has only just started: a count must be seen before it rises

        def scraped_again() -> None:
            if scraped:
                scraped_since(time.time())

        run = send_probes(chosen, rounds=ROUNDS, deadline=Deadline.after(timeout), await_scrape=scraped_again)
        emit(Event("noted", f"{len(run.requests)} requests driven", f"run {run.id}"))
        trace_id = most_representative_trace(run, chosen.contract)
        _remember(session, run, trace_id, emit)
        deadline = partial(Deadline.after, patience(timeout, endpoints, session.stack), cancelled)
        make_context = _contexts(session.stack, chosen, endpoints, run, deadline)
        outcomes = fold(run_checks(CHECKS, make_context, emit, only=only, skip=skip))
        return Verification(chosen.name, run, outcomes, time.monotonic() - begun, trace_id)


def _alone(session: Session, emit: Emit) -> contextlib.AbstractContextManager[None]:
    """Two at once would count each other's requests. Somebody else's stack can be looked at, but not locked."""
    home = session.runtime.home
    if home.exists() and not os.access(home, os.W_OK):
        return contextlib.nullcontext()
    return session.lock("verify", emit, file="verify.lock")


def _remember(session: Session, run: ProbeRun, trace_id: str, emit: Emit) -> None:
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


def patience(timeout: float, endpoints: Endpoints, stack: Stack) -> float:
    """Seconds that a check may wait.

    Where a rule finds what another one wrote with a lag only, each of the longest chain costs that and an evaluation.
    """
    metrics = endpoints.first(Role.METRICS)
    late = metrics.lag if metrics else 0.0
    return timeout + _RULE_CHAIN * (stack.scrape_interval + late) if late else timeout


def _contexts(
    stack: Stack, service: Service, endpoints: Endpoints, run: ProbeRun, deadline: Callable[[], Deadline]
) -> Callable[[Signal], Context]:
    """One context per signal, each with its own deadline, all with the same clients."""
    metrics, logs, traces = (endpoints.first(role) for role in (Role.METRICS, Role.LOGS, Role.TRACES))
    page, interval = endpoints.first(Role.DASHBOARDS), stack.scrape_interval
    rules = expected_rules(service.contract)
    shared = Context(
        service=service,
        endpoints=endpoints,
        run=run,
        deadline=deadline(),
        metrics=MetricsContext(PromqlClient(metrics.url), interval, rules) if metrics else None,
        logs=LogsContext(LogqlClient(logs.url)) if logs else None,
        traces=TracesContext(traces_client(traces)) if traces else None,
        dashboards=DashboardsContext(
            expected=expected_dashboards(stack, service, traces),
            page=GrafanaClient(page.url) if page else None,
            trace_id=most_representative_trace(run, service.contract),
            step=interval,
        ),
    )
    return lambda _signal: replace(shared, deadline=deadline())


def expected_rules(contract: Contract) -> tuple[ExpectedRule, ...]:
    """Every rule of the contract, and those of the stack itself, as the metrics backend must know them."""
    groups = [group for rules in (stack_rules(), *service_rules(contract)) for group in rules.groups]
    return tuple(
        ExpectedRule(group.name, "alerting" if isinstance(rule, Alert) else "recording", rule.name)
        for group in groups
        for rule in group.rules
    )


def expected_dashboards(stack: Stack, service: Service, traces: Endpoint | None) -> tuple[Dashboard, ...]:
    """The dashboards of a stack that show one of its services. ``traces`` answers for traces."""
    dialect = traces.dialect if traces else Dialect.JAEGER
    return stack_dashboards(replace(stack, services=(service,)), DATA_SOURCES[dialect])
