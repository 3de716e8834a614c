"""What the overview says of a stack at one time, as values; and how answers of backends become them. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeAlias, TypeVar

from obsctl.clients.alerts import ManagedAlert
from obsctl.clients.promql import AlertRule
from obsctl.clients.telemetry import MetricSample, TraceSummary
from obsctl.overview.figures import health
from obsctl.overview.queries import RequestSource

T = TypeVar("T")

TraceRow: TypeAlias = TraceSummary
"""A trace as the overview lists it."""

STATES = ("firing", "pending", "silenced", "inhibited")
"""Of alerts, the worst first."""

_HEALTH = ("bad", "some", "good", "unknown")
_NAME = "alertname"


@dataclass(frozen=True)
class ServiceFigures:
    """What a service answers: requests per second, the share that failed, p95 in seconds. None where none is known."""

    name: str
    rate: float | None = None
    failed: float | None = None
    p95: float | None = None


@dataclass(frozen=True)
class CallFigures:
    """The same of requests from one service to another; ``kinds`` says what they are beside plain requests."""

    caller: str
    callee: str
    kinds: tuple[str, ...] = ()
    rate: float | None = None
    failed: float | None = None
    p95: float | None = None


@dataclass(frozen=True)
class AlertState:
    """An alert that is on: one of ``STATES``, and since when (epoch seconds, 0.0 where nobody says it)."""

    name: str
    state: str
    since: float
    labels: Mapping[str, str]
    summary: str = ""


@dataclass(frozen=True)
class Listed(Generic[T]):
    """One list of the overview. ``problem``: why it could not be looked at. ``note``: what to know about it."""

    rows: tuple[T, ...] = ()
    problem: str = ""
    note: str = ""


@dataclass(frozen=True)
class Frame:
    """The overview at one time (``at``, epoch seconds) over the ``window`` (seconds) before it."""

    stack: str
    runtime: str
    at: float
    window: float
    services: Listed[ServiceFigures] = Listed()
    calls: Listed[CallFigures] = Listed()
    alerts: Listed[AlertState] = Listed()
    traces: Listed[TraceRow] = Listed()

    @property
    def problems(self) -> tuple[str, ...]:
        """Why lists could not be looked at, each reason once."""
        lists = (self.services, self.calls, self.alerts, self.traces)
        return tuple(dict.fromkeys(one.problem for one in lists if one.problem))


@dataclass(frozen=True)
class RedSamples:
    """The answers to the three queries."""

    rate: Sequence[MetricSample]
    failed: Sequence[MetricSample]
    p95: Sequence[MetricSample]


def service_rows(answers: Iterable[tuple[RequestSource, RedSamples]], known: Iterable[str]) -> list[ServiceFigures]:
    """A row for each service: of the first source that counts it, and of those that are known and silent."""
    rows: dict[str, ServiceFigures] = {}
    for source, samples in answers:
        failed, p95 = _by(samples.failed, source.service), _by(samples.p95, source.service)
        for key, rate in _by(samples.rate, source.service).items():
            (name,) = key
            if name and name not in rows:
                rows[name] = ServiceFigures(name, rate, share(failed.get(key), rate), p95.get(key))
    for name in known:
        rows.setdefault(name, ServiceFigures(name))
    return sorted(rows.values(), key=_worst_service)


def call_rows(samples: RedSamples) -> list[CallFigures]:
    """A row for each pair of services; calls of several kinds between two are one."""
    labels = ("client", "server", "connection_type")
    failed, p95 = _by(samples.failed, *labels), _by(samples.p95, *labels)
    rows: dict[tuple[str, str], CallFigures] = {}
    for key, rate in _by(samples.rate, *labels).items():
        caller, callee, kind = key
        if caller and callee:
            kinds = (kind,) if kind else ()
            row = CallFigures(caller, callee, kinds, rate, share(failed.get(key), rate), p95.get(key))
            rows[caller, callee] = _joined(rows[caller, callee], row) if (caller, callee) in rows else row
    return sorted(rows.values(), key=_worst_call)


def counted_calls(counts: Mapping[tuple[str, str], int], seconds: float) -> list[CallFigures]:
    """Calls of which only the number is known."""
    rows = (CallFigures(*pair, rate=count / seconds) for pair, count in counts.items())
    return sorted(rows, key=_worst_call)


def alert_rows(rules: Iterable[AlertRule], managed: Iterable[ManagedAlert]) -> list[AlertState]:
    """Every alert that is on. A rule's alert is silenced or inhibited where the alert manager says so of it."""
    left: dict[str, list[ManagedAlert]] = {}
    for alert in managed:
        left.setdefault(alert.labels.get(_NAME, ""), []).append(alert)
    rows = []
    for rule in rules:
        for own in rule.alerts:
            same = left.get(own.labels.get(_NAME, rule.name), []) if own.state == "firing" else []
            found = next((one for one in same if own.labels.items() <= one.labels.items()), None)
            if found:  # the alert manager has what Prometheus adds on the way: its external labels
                same.remove(found)
            state, labels = (found.state, found.labels) if found else (own.state, own.labels)
            rows.append(AlertState(rule.name, state, own.since, labels, _summary(own.annotations)))
    for alert in (one for rest in left.values() for one in rest):
        name = alert.labels.get(_NAME, "(no name)")
        rows.append(AlertState(name, alert.state, alert.since, alert.labels, _summary(alert.annotations)))
    return sorted((row for row in rows if row.state in STATES), key=_worst_alert)


def share(failed: float | None, rate: float | None) -> float | None:
    """The share of failures; None where nothing was asked."""
    return min(1.0, (failed or 0.0) / rate) if rate else None


def of_service(frame: Frame, service: str) -> Frame:
    """What a frame says of one service: its figures, its calls, and alerts with a label that names it."""
    services = (row for row in frame.services.rows if row.name == service)
    calls = (row for row in frame.calls.rows if service in (row.caller, row.callee))
    alerts = (row for row in frame.alerts.rows if service in row.labels.values())
    return replace(
        frame,
        services=replace(frame.services, rows=tuple(services)),
        calls=replace(frame.calls, rows=tuple(calls)),
        alerts=replace(frame.alerts, rows=tuple(alerts)),
    )


def _by(samples: Iterable[MetricSample], *labels: str) -> dict[tuple[str, ...], float | None]:
    """Values by labels; the first of those with the same ones, and None for one that is no number."""
    found: dict[tuple[str, ...], float | None] = {}
    for sample in samples:
        key = tuple(sample.labels.get(label, "") for label in labels)
        found.setdefault(key, sample.value if math.isfinite(sample.value) else None)
    return found


def _joined(one: CallFigures, other: CallFigures) -> CallFigures:
    rate = (one.rate or 0.0) + (other.rate or 0.0)
    failures = sum((row.failed or 0.0) * (row.rate or 0.0) for row in (one, other))
    known = one.failed is not None or other.failed is not None
    slow = [row.p95 for row in (one, other) if row.p95 is not None]
    return replace(
        one,
        kinds=tuple(dict.fromkeys(one.kinds + other.kinds)),
        rate=rate,
        failed=failures / rate if rate and known else None,
        p95=max(slow, default=None),
    )


def _worst(failed: float | None, rate: float | None) -> tuple[int, float]:
    return _HEALTH.index(health(failed)), -(rate or 0.0)


def _worst_service(row: ServiceFigures) -> tuple[tuple[int, float], str]:
    return _worst(row.failed, row.rate), row.name


def _worst_call(row: CallFigures) -> tuple[tuple[int, float], str, str]:
    return _worst(row.failed, row.rate), row.caller, row.callee


def _worst_alert(row: AlertState) -> tuple[int, float, str, list[tuple[str, str]]]:
    return STATES.index(row.state), -row.since, row.name, sorted(row.labels.items())


def _summary(annotations: Mapping[str, str]) -> str:
    return annotations.get("summary") or annotations.get("description", "")
