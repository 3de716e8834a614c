"""What a check is, what it is given, and what it says.

Four verdicts: ``pass``, ``fail``, ``skip`` (not asked for, with the reason) and ``error`` (could not look). A check
never raises for something it saw; a ``BackendError`` that escapes it becomes ``error`` in the runner.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from obsctl.checks._poller import RunCache
from obsctl.clients.grafana import GrafanaClient
from obsctl.clients.logql import LogqlClient
from obsctl.clients.promql import PromqlClient
from obsctl.clients.traces import TracesClient
from obsctl.dashboards.model import Dashboard
from obsctl.endpoints import Endpoints
from obsctl.probes import ProbeRun
from obsctl.spec.contract import Contract
from obsctl.spec.stack import Component, Service
from obsctl.wait import Deadline

QUIET = 0.3
"""Seconds without a change after which what has arrived is complete."""


class CheckStatus(StrEnum):
    """The four verdicts."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    SKIP = "skip"
    ERROR = "error"


class Signal(StrEnum):
    """What a check looks at; each has its own deadline."""

    READINESS = "readiness"
    METRICS = "metrics"
    TRACES = "traces"
    TIME = "time"
    LOGS = "logs"
    CORRELATION = "correlation"
    PRIVACY = "privacy"
    SLO = "slo"
    RULES = "rules"
    DASHBOARDS = "dashboards"


@dataclass(frozen=True)
class Evidence:
    """One look: what was asked (a query or a URL), and what came back, shortened for people."""

    query: str
    answer: str


@dataclass(frozen=True)
class Verdict:
    """What a check says. ``summary`` is one sentence; ``hint`` is what to do next (empty on a pass).

    ``because`` names checks, the likeliest first: when one of them is red, that is why this one is, too.
    ``notes`` say what was unusual and is no fault, a sentence each.
    """

    status: CheckStatus
    summary: str
    evidence: tuple[Evidence, ...] = ()
    hint: str = ""
    because: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_red(self) -> bool:
        """Whether it failed or could not look."""
        return self.status in (CheckStatus.FAIL, CheckStatus.ERROR)


@dataclass(frozen=True)
class Outcome:
    """A verdict with its check and the time it took, in seconds. ``chosen``: not left out by options.

    ``cause`` is the red check under which this one is folded, "" for one that stands for itself.
    """

    check: str
    signal: Signal
    verdict: Verdict
    seconds: float = 0.0
    chosen: bool = True
    cause: str = ""


@dataclass(frozen=True)
class SignalLag:
    """How long telemetry of one signal took from when it was sent until a query found it, in seconds.

    ``p50`` and ``worst`` are of ``items`` that came; ``missing`` more never did. ``at_most``: the first look found them
    all, so the time is no longer than that. ``proven`` is the longest after which something was still not found.
    """

    signal: Signal
    p50: float = 0.0
    worst: float = 0.0
    items: int = 0
    missing: int = 0
    at_most: bool = False
    proven: float = 0.0

    def __str__(self) -> str:
        name = self.signal.value
        if not self.items:
            return f"{name} never came"
        lost = f", {self.missing} never came" if self.missing else ""
        if self.at_most:
            return f"{name} at most {self.worst:.2f} s{lost}"
        return f"{name} p50 {self.p50:.2f} s, worst {self.worst:.2f} s{lost}"


@dataclass(frozen=True)
class Verification:
    """Everything one ``verify`` came to. ``trace_id`` is the driven trace that crosses the most; times in seconds.

    ``lags`` are measured for each signal that was looked at; none of a run that sent nothing.
    """

    service: str
    run: ProbeRun
    outcomes: tuple[Outcome, ...]
    seconds: float
    trace_id: str = ""
    lags: tuple[SignalLag, ...] = ()

    def count(self, status: CheckStatus) -> int:
        """How many checks have this verdict."""
        return sum(o.verdict.status is status for o in self.outcomes)

    def folded_under(self, check: str) -> tuple[str, ...]:
        """The checks that could not be judged because of this one."""
        return tuple(o.check for o in self.outcomes if o.cause == check)

    @property
    def notes(self) -> tuple[tuple[str, str], ...]:
        """Each check that saw something unusual, with what it was."""
        return tuple((o.check, note) for o in self.outcomes for note in o.verdict.notes)

    @property
    def lag(self) -> str:
        """How late each signal was, in words; "" where that was not measured."""
        return "; ".join(map(str, self.lags))

    @property
    def passed(self) -> bool:
        """Whether at least one check passed and none failed or could not look."""
        return (
            bool(self.count(CheckStatus.PASS))
            and not self.count(CheckStatus.FAIL)
            and not self.count(CheckStatus.ERROR)
        )

    @property
    def exit_status(self) -> int:
        """0 all well; 1 something failed; 3 nothing failed, but something could not be looked at, or nothing was."""
        if self.count(CheckStatus.FAIL):
            return 1
        return 0 if self.passed else 3

    @property
    def how(self) -> str:
        """How the service was looked at, where that was not by requests of our own; else ""."""
        return passively(self.run) if self.run.passive else ""


def passively(run: ProbeRun) -> str:
    """What a report says of a service that has no requests to drive."""
    return f"no requests to drive: verified passively over the last {run.window:g} s"


@dataclass(frozen=True)
class StackVerification:
    """One ``verify``: a verification for each service that was looked at, in the order of the spec."""

    services: tuple[Verification, ...]
    seconds: float

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What every check said of every service."""
        return tuple(outcome for service in self.services for outcome in service.outcomes)

    def count(self, status: CheckStatus) -> int:
        """How many checks have this verdict, over all services."""
        return sum(service.count(status) for service in self.services)

    @property
    def passed(self) -> bool:
        """Whether every service passed."""
        return bool(self.services) and all(service.passed for service in self.services)

    @property
    def exit_status(self) -> int:
        """1 where a service failed, 3 where one could not be looked at, else 0."""
        statuses = {service.exit_status for service in self.services}
        return next((status for status in (1, 3) if status in statuses), 0 if statuses else 3)


@dataclass(frozen=True)
class ExpectedRule:
    """A rule that the metrics backend must have loaded: its group, ``recording`` or ``alerting``, and its name."""

    group: str
    kind: str
    name: str


@dataclass(frozen=True)
class MetricsContext:
    """The metrics backend: its client, the seconds between two scrapes, and the rules that it must have loaded.

    ``read_page`` reads the metrics page of a component itself, over a new connection; None where that is not done.
    """

    client: PromqlClient
    scrape_interval: float
    rules: tuple[ExpectedRule, ...] = ()
    read_page: Callable[[Component], str] | None = None


@dataclass(frozen=True)
class TracesContext:
    """The trace backend. A trace has arrived once it is complete and has not changed for ``quiet`` seconds."""

    client: TracesClient
    quiet: float = QUIET


@dataclass(frozen=True)
class LogsContext:
    """The log backend. The lines of a run have arrived once nothing new came for ``quiet`` seconds."""

    client: LogqlClient
    quiet: float = QUIET


@dataclass(frozen=True)
class DashboardsContext:
    """The dashboards that follow from the contract, and the page that shows them (None where the stack has none).

    ``trace_id`` is the value of the variable of that name; ``step`` the seconds between two points of a panel.
    """

    expected: tuple[Dashboard, ...] = ()
    page: GrafanaClient | None = None
    trace_id: str = ""
    step: float = 15.0


@dataclass(frozen=True)
class Context:
    """What a check looks at: the service, what was sent to it, and one value for each signal that the stack stores.

    A signal is None where the stack has no backend for it. ``cache`` holds what was fetched for this run, so that many
    checks cost one look; the runner gives every context the same one.
    """

    service: Service
    endpoints: Endpoints
    run: ProbeRun
    deadline: Deadline
    metrics: MetricsContext | None = None
    traces: TracesContext | None = None
    logs: LogsContext | None = None
    dashboards: DashboardsContext = DashboardsContext()
    cache: RunCache = field(default_factory=RunCache, compare=False)

    @property
    def contract(self) -> Contract:
        """The contract of the service under test."""
        return self.service.contract


class Check(Protocol):
    """One thing that is proven. ``id`` is ``signal.what``; its page is ``docs/checks/<id with - for .>.md``."""

    id: str
    signal: Signal
    title: str

    def run(self, context: Context) -> Verdict:
        """Look until the answer is final or the deadline passes."""
        ...
