"""``verify``: send probe requests, then compare what every backend stores with what was sent."""

from __future__ import annotations

import contextlib
import difflib
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from obsctl.backends import DATA_SOURCES
from obsctl.checks import CHECKS
from obsctl.checks._lags import measured_lags
from obsctl.checks._poller import RunCache
from obsctl.checks._pushed import push_interval
from obsctl.checks.base import (
    Context,
    DashboardsContext,
    ExpectedRule,
    LogsContext,
    MetricsContext,
    Outcome,
    Signal,
    StackVerification,
    TracesContext,
    Verification,
    passively,
)
from obsctl.checks.run import fold, run_checks, select
from obsctl.checks.scrapes import await_scrape, pushed_baseline
from obsctl.clients.grafana import GrafanaClient
from obsctl.clients.logql import LogqlClient
from obsctl.clients.promql import PromqlClient
from obsctl.clients.traces import traces_client
from obsctl.dashboards.model import Dashboard
from obsctl.endpoints import Dialect, Endpoint, Endpoints, Role
from obsctl.errors import BackendError, UsageError
from obsctl.events import Emit, Event
from obsctl.languages.units import seconds_or_duration_ms
from obsctl.ops.hop_evidence import HopFinder
from obsctl.ops.independent import batches
from obsctl.ops.last_run import most_representative_trace, remember
from obsctl.ops.log_files import unmatched_of
from obsctl.ops.proxies import proxy_notes
from obsctl.ops.session import Session, located, open_session
from obsctl.ops.verify_runs import KeptAs, keep
from obsctl.probes import ProbeRun
from obsctl.render.dashboards import stack_dashboards
from obsctl.render.rulegroups import Alert
from obsctl.render.rules import service_rules, stack_rules
from obsctl.spec.contract import Contract
from obsctl.spec.stack import Service, Stack
from obsctl.traffic.send import read_metrics_page, send_probes
from obsctl.traffic.watch import watch_traffic
from obsctl.wait import Deadline

T = TypeVar("T")

Judged = Callable[[str, Outcome], None]
"""Is told the name of a service and what a check said of it."""

AT_ONCE = 6
"""Services that are verified at the same time: each runs some thirty checks, and asks the same backends."""

ROUNDS = 3
"""How often the steps are sent: enough for a count to be wrong by one in either direction."""

PUSHES = 2
"""Intervals of a component that pushes its metrics which a check may wait for."""

_RULE_CHAIN = 4
"""The longest chain of rules that read one another's results: error ratio, that of the period, burn rate, budget."""


WINDOW = 60.0
"""Seconds back that a service without requests to drive is looked at."""

LONGEST_WINDOW = 86_400.0


def verify(
    folder: Path,
    *,
    service: str | None,
    only: Sequence[str],
    skip: Sequence[str],
    timeout: float,
    emit: Emit,
    cancelled: threading.Event | None = None,
    window: float = WINDOW,
    judged: Judged | None = None,
    kept_as: KeptAs | None = None,
) -> StackVerification:
    """Run the selected checks against the running stack, for one service or (None) for every one of the spec.

    ``timeout``: seconds that each signal may take to arrive. ``window``: seconds back that a service without requests
    to drive is looked at. Services whose requests do not reach one another are verified at the same time. Once
    ``cancelled`` is set nothing is waited for any more: each check that still runs takes a last look. ``judged`` is
    told the service and the outcome of each check as it ends. The result is kept where ``kept_as``
    says how.
    """
    begun = time.monotonic()
    session = open_session(folder)
    select(CHECKS, only, skip)
    requested = _services(session.stack, service)
    endpoints = session.running()
    for one in requested:
        for note in (*unmatched_of(session.stack, (one,)), *proxy_notes((one,), os.environ)):
            emit(Event("noted", one.name, note))
    stop = cancelled or threading.Event()
    with _alone(session, emit):
        hops = HopFinder.begin(session, endpoints)
        verifier = _Verifier(session, endpoints, hops, only, skip, timeout, window, stop, judged)
        done = _verify_all(verifier, requested, emit)
        _remember(session, done, emit)
        result = StackVerification(done, time.monotonic() - begun)
        if kept_as:
            _keep(session, result, kept_as, emit)
    return result


def window_seconds(text: str) -> float:
    """A window as options give it (``60s``, ``5m``, ``90``), in seconds. Raises UsageError."""
    try:
        seconds = seconds_or_duration_ms(text) / 1000
    except ValueError:
        seconds = 0.0
    if not 1.0 <= seconds <= LONGEST_WINDOW:
        raise UsageError(f"--window {text!r} is no time from 1s to 1d", hint="such as 60s or 5m")
    return seconds


def _verify_all(verifier: _Verifier, services: Sequence[Service], emit: Emit) -> tuple[Verification, ...]:
    """The verification of each service, in their order."""
    done: dict[str, Verification] = {}
    for batch in batches(services):
        emits = [_named(one.name, emit) if len(services) > 1 else emit for one in batch]
        with ThreadPoolExecutor(max_workers=min(len(batch), AT_ONCE)) as pool:
            try:
                done.update((v.service, v) for v in pool.map(verifier.verify, batch, emits))
            except BaseException:
                verifier.cancelled.set()  # what still runs ends soon, so that the command can
                raise
    return tuple(done[one.name] for one in services)


def _named(service: str, emit: Emit) -> Emit:
    """Events of one of several services, named as that."""
    return lambda event: emit(replace(event, subject=f"{service}: {event.subject}"))


@dataclass(frozen=True)
class _Verifier:
    """What the verification of a service needs, whichever service it is."""

    session: Session
    endpoints: Endpoints
    hops: HopFinder
    only: Sequence[str]
    skip: Sequence[str]
    timeout: float
    window: float
    cancelled: threading.Event
    judged: Judged | None = None

    def verify(self, service: Service, emit: Emit) -> Verification:
        """Send its requests, or watch those of others, then look at what is stored of them."""
        begun = time.monotonic()
        chosen = located(service, self.endpoints)
        run = self._drive(chosen) if chosen.drive else self._watch(chosen)
        emit(Event("noted", _told(run), f"run {run.id}"))
        trace_id = most_representative_trace(run, chosen.contract)
        stack = self.session.stack
        interval = _asked(self.endpoints, chosen, push_interval) or 0.0
        seconds = patience(self.timeout, self.endpoints, stack) + PUSHES * interval

        def deadline(more: float = 0.0) -> Deadline:
            return Deadline.after(seconds + more, self.cancelled)

        make_context = _contexts(stack, chosen, self.endpoints, run, deadline)
        cache, told = RunCache(), partial(self._judged, chosen.name)
        judged = run_checks(CHECKS, make_context, emit, only=self.only, skip=self.skip, cache=cache, judged=told)
        outcomes = self.hops.explain(chosen, fold(judged))
        lags = () if run.passive else measured_lags(cache)
        return Verification(chosen.name, run, outcomes, time.monotonic() - begun, trace_id, lags)

    def _judged(self, service: str, outcome: Outcome) -> None:
        if self.judged:
            self.judged(service, outcome)

    def _drive(self, service: Service) -> ProbeRun:
        scraped = self._scraped_since(service, 0.0)  # of a stack that has only just started: seen before it rises

        def scraped_again() -> None:
            if scraped:
                self._scraped_since(service, time.time())

        pushed = _asked(self.endpoints, service, pushed_baseline) or {}
        folder = self.session.stack.folder
        run = send_probes(service, rounds=ROUNDS, deadline=self._deadline(), await_scrape=scraped_again, folder=folder)
        return replace(run, pushed=pushed)

    def _watch(self, service: Service) -> ProbeRun:
        traces = self.endpoints.first(Role.TRACES)
        client = traces_client(traces) if traces else None
        return watch_traffic(service, client, window=self.window, deadline=self._deadline())

    def _scraped_since(self, service: Service, since: float) -> bool:
        backend = self.endpoints.first(Role.METRICS)
        return backend is not None and await_scrape(
            service, PromqlClient(backend.url, access=backend.access), self.session.stack.scrape_interval, since
        )

    def _deadline(self) -> Deadline:
        return Deadline.after(self.timeout, self.cancelled)


def _told(run: ProbeRun) -> str:
    return passively(run) if run.passive else f"{len(run.requests)} requests driven"


def _alone(session: Session, emit: Emit) -> contextlib.AbstractContextManager[None]:
    """Two at once would count each other's requests. Somebody else's stack can be looked at, but not locked."""
    home = session.runtime.home
    if home.exists() and not os.access(home, os.W_OK):
        return contextlib.nullcontext()
    return session.lock("verify", emit, file="verify.lock")


def _asked(endpoints: Endpoints, service: Service, ask: Callable[[Service, PromqlClient], T]) -> T | None:
    """What the metrics backend says of what a service pushes; None where there is none, or it does not answer."""
    backend = endpoints.first(Role.METRICS)
    if backend is None or not service.contract.metrics:
        return None
    with contextlib.suppress(BackendError):
        return ask(service, PromqlClient(backend.url, access=backend.access))
    return None


def _remember(session: Session, done: Sequence[Verification], emit: Emit) -> None:
    """Keep the trace that ``obsctl trace last`` shows: the first there is, of services that were driven if any were."""
    traced = sorted((v for v in done if v.trace_id), key=lambda v: v.run.passive)
    if not traced:
        return
    try:
        remember(session.runtime.home, traced[0].run, traced[0].trace_id)
    except OSError as error:
        emit(Event("noted", "trace last", f"will not know this run: {error.strerror}"))


def _keep(session: Session, result: StackVerification, kept_as: KeptAs, emit: Emit) -> None:
    try:
        keep(session.runtime.home, result, kept_as)
    except OSError as error:
        emit(Event("noted", "earlier runs", f"will not have this one: {error.strerror}"))


def _services(stack: Stack, name: str | None) -> tuple[Service, ...]:
    if name is None:
        return stack.services
    names = [s.name for s in stack.services]
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
        raise UsageError(f"the spec has no service {name!r}", hint=hint)
    return (stack.services[names.index(name)],)


def patience(timeout: float, endpoints: Endpoints, stack: Stack) -> float:
    """Seconds that a check may wait.

    Where a rule finds what another one wrote with a lag only, each of the longest chain costs that and an evaluation.
    """
    metrics = endpoints.first(Role.METRICS)
    late = metrics.lag if metrics else 0.0
    return timeout + _RULE_CHAIN * (stack.scrape_interval + late) if late else timeout


def _contexts(
    stack: Stack, service: Service, endpoints: Endpoints, run: ProbeRun, deadline: Callable[[float], Deadline]
) -> Callable[[Signal], Context]:
    """One context per signal, each with its own deadline, all with the same clients.

    What a search must find may come later than what is found by its id.
    """
    metrics, logs, traces = (endpoints.first(role) for role in (Role.METRICS, Role.LOGS, Role.TRACES))
    page, interval = endpoints.first(Role.DASHBOARDS), stack.scrape_interval
    rules = expected_rules(service.contract) if stack.deployed else ()
    read_page = partial(read_metrics_page, service)
    shared = Context(
        service=service,
        endpoints=endpoints,
        run=run,
        deadline=deadline(0.0),
        metrics=MetricsContext(PromqlClient(metrics.url, access=metrics.access), interval, rules, read_page)
        if metrics
        else None,
        logs=LogsContext(LogqlClient(logs.url, access=logs.access)) if logs else None,
        traces=TracesContext(traces_client(traces)) if traces else None,
        dashboards=DashboardsContext(
            expected=expected_dashboards(stack, service, traces) if stack.deployed else (),
            page=GrafanaClient(page.url, access=page.access) if page else None,
            trace_id=most_representative_trace(run, service.contract),
            step=interval,
        ),
    )
    searched = traces.lag if traces else 0.0
    return lambda signal: replace(shared, deadline=deadline(searched if signal is Signal.PRIVACY else 0.0))


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
