"""Asks the backends of a stack for one frame of the overview. Each list is asked for by itself: one may fail alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from obsctl.clients.alerts import AlertsClient
from obsctl.clients.jaeger import JaegerClient
from obsctl.clients.promql import PromqlClient
from obsctl.clients.telemetry import TraceSummary, newest
from obsctl.clients.traces import TracesClient, traces_client
from obsctl.endpoints import Endpoints, Role
from obsctl.errors import BackendError, ObsctlError
from obsctl.overview.frame import (
    AlertState,
    CallFigures,
    Frame,
    Listed,
    RedSamples,
    ServiceFigures,
    alert_rows,
    call_rows,
    counted_calls,
    of_service,
    service_rows,
)
from obsctl.overview.queries import RequestCatalogue, RequestQueries, catalogue

T = TypeVar("T")

LATEST, LATEST_FAILED = 12, 8
"""Traces that are listed: the newest, and the newest that failed."""

_SHORTEST = 60
"""Seconds that a rate is taken over, at least."""


@dataclass(frozen=True)
class OverviewReaders:
    """Who is asked; None for what the stack does not have."""

    metrics: PromqlClient | None
    alerts: AlertsClient | None
    traces: TracesClient | None


@dataclass(frozen=True)
class OverviewScope:
    """What is asked for. ``known`` are the services that should be there; ``service`` limits it all to one."""

    stack: str
    runtime: str
    window: float
    known: tuple[str, ...] = ()
    service: str = ""


def readers_of(endpoints: Endpoints) -> OverviewReaders:
    """Clients for the endpoints of a stack."""
    metrics, alerts, traces = map(endpoints.first, (Role.METRICS, Role.ALERTS, Role.TRACES))
    return OverviewReaders(
        PromqlClient(metrics.url, access=metrics.access) if metrics else None,
        AlertsClient(alerts.url, access=alerts.access) if alerts else None,
        traces_client(traces) if traces else None,
    )


def read_frame(readers: OverviewReaders, scope: OverviewScope, now: float) -> Frame:
    """A frame that ends at ``now`` (epoch seconds). Never raises for a backend: the lists say what went wrong."""
    asked = _Asked(readers, scope, now)
    services, calls, alerts, traces = (
        _in_thread(lambda: _listed(asked.services)),
        _in_thread(lambda: _listed(asked.calls)),
        _in_thread(lambda: _listed(asked.alerts)),
        _in_thread(lambda: _listed(asked.traces)),
    )
    frame = Frame(scope.stack, scope.runtime, now, scope.window, services(), calls(), alerts(), traces())
    return of_service(frame, scope.service) if scope.service else frame


class _Asked:
    """The questions of one frame."""

    def __init__(self, readers: OverviewReaders, scope: OverviewScope, now: float) -> None:
        self._readers = readers
        self._scope = scope
        self._now = now
        self._catalogue: RequestCatalogue = catalogue()
        self._names_lock = threading.Lock()
        self._found: frozenset[str] | None = None

    def services(self) -> Listed[ServiceFigures]:
        """RED by service."""
        client = self._metrics()
        sources = self._catalogue.present(self._names(client))
        answers = [
            (source, self._answers(client, self._catalogue.of_requests(source, self._whole()))) for source in sources
        ]
        return Listed(tuple(service_rows(answers, self._scope.known)))

    def calls(self) -> Listed[CallFigures]:
        """RED by call; only how many there are, where just the trace store knows that."""
        client = self._metrics()
        names = self._names(client)
        if self._catalogue.graph_calls in names:
            rows = call_rows(self._answers(client, self._catalogue.of_graph(names, self._whole())))
            if rows:
                return Listed(tuple(rows))
        traces = self._readers.traces
        if not isinstance(traces, JaegerClient):
            return Listed()
        end, lookback = self._nanoseconds()
        counts = traces.dependencies(end, lookback)
        note = "counted by the trace store, without failures and durations" if counts else ""
        return Listed(tuple(counted_calls(counts, self._scope.window)), note=note)

    def alerts(self) -> Listed[AlertState]:
        """What the rules say, and what the alert manager says of it; one of the two may be away."""
        metrics, manager = self._readers.metrics, self._readers.alerts
        rules, no_rules = _tried(metrics.alert_rules) if metrics else ((), "this stack answers no metric queries")
        managed, no_manager = _tried(manager.alerts) if manager else ((), "")
        rows = tuple(alert_rows(rules, managed))
        problem = "; ".join(filter(None, (no_rules if metrics or not manager else "", no_manager)))
        return Listed(rows, problem, "" if problem else _watched(len(rows), len(rules)))

    def traces(self) -> Listed[TraceSummary]:
        """The newest traces, and the newest that failed."""
        client = self._readers.traces
        if client is None:
            return Listed(note="this stack stores no traces")
        end, lookback = self._nanoseconds()
        found = [
            client.latest(self._scope.service, failed=failed, start_ns=end - lookback, end_ns=end, limit=limit)
            for failed, limit in ((True, LATEST_FAILED), (False, LATEST))
        ]
        rows = newest((trace for one in found for trace in one.traces), LATEST + LATEST_FAILED)
        return Listed(rows, note="; ".join(dict.fromkeys(one.incomplete for one in found if one.incomplete)))

    def _metrics(self) -> PromqlClient:
        if self._readers.metrics is None:
            raise BackendError("this stack answers no metric queries")
        return self._readers.metrics

    def _names(self, client: PromqlClient) -> frozenset[str]:
        """Which of the metrics the stack has; asked once for two lists."""
        with self._names_lock:
            if self._found is None:
                match = [f'{{__name__=~"{"|".join(self._catalogue.names)}"}}']
                window = (self._now - self._scope.window, self._now)
                self._found = frozenset(client.label_values("__name__", match, *window))
            return self._found

    def _answers(self, client: PromqlClient, queries: RequestQueries) -> RedSamples:
        return RedSamples(*(client.instant(query, self._now) for query in (queries.rate, queries.failed, queries.p95)))

    def _whole(self) -> str:
        return f"{max(_SHORTEST, round(self._scope.window))}s"

    def _nanoseconds(self) -> tuple[int, int]:
        return round(self._now * 1e9), round(self._scope.window * 1e9)


def _watched(alerts: int, rules: int) -> str:
    if alerts:
        return ""
    return f"none fires; {rules:,} {'rule is' if rules == 1 else 'rules are'} watched" if rules else "no rule is loaded"


def _tried(ask: Callable[[], Sequence[T]]) -> tuple[Sequence[T], str]:
    try:
        return ask(), ""
    except ObsctlError as error:
        return (), error.message


def _listed(ask: Callable[[], Listed[T]]) -> Listed[T]:
    try:
        return ask()
    except ObsctlError as error:
        return Listed(problem=error.message)


def _in_thread(ask: Callable[[], T]) -> Callable[[], T]:
    """Begins to ask; the result waits for the answer. Nobody waits for the thread when the program ends."""
    answers: list[T] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(ask())
        except BaseException as error:  # noqa: BLE001 - raised again where the answer is wanted
            failures.append(error)

    thread = threading.Thread(target=work, daemon=True, name="obsctl top")
    thread.start()

    def wait() -> T:
        thread.join()
        if failures:
            raise failures[0]
        return answers[0]

    return wait
