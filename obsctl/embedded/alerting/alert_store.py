"""The alerts of this server, and the status of each: active, silenced, or inhibited by another alert."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from obsctl.embedded.alerting.model import StoredAlert, fingerprint, merged
from obsctl.embedded.alerting.routing import Inhibition, Route, Routing
from obsctl.embedded.alerting.silences import Clock, Silences, now_ms
from obsctl.embedded.rules.status import Notice
from obsctl.languages.errors import QueryError
from obsctl.languages.labels import matches_all

RESOLVE_MS = 300_000
"""An alert that was posted without an end is resolved when it is not posted again for this long (Alertmanager's
``resolve_timeout``)."""

MOST = 10_000
_KEPT_MS = 1_800_000
"""How long a resolved alert is remembered."""


@dataclass(frozen=True)
class AlertStatus:
    """An alert, the routes that it matches, and the silences and alerts that suppress it (ids and fingerprints)."""

    alert: StoredAlert
    routes: tuple[Route, ...]
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]

    @property
    def suppressed(self) -> bool:
        """Whether no receiver is notified."""
        return bool(self.silenced_by or self.inhibited_by)


@dataclass(frozen=True)
class AlertGroup:
    """Alerts that go into one notification."""

    route: Route
    labels: Mapping[str, str]
    alerts: tuple[AlertStatus, ...]


_Sources = Mapping[tuple[str, ...], Sequence[tuple[str, Mapping[str, str]]]]


def _sources(rule: Inhibition, active: Mapping[str, Mapping[str, str]]) -> _Sources:
    """The alerts that may inhibit others, by the values of the ``equal`` labels."""
    sources: dict[tuple[str, ...], list[tuple[str, Mapping[str, str]]]] = {}
    for key, labels in active.items():
        if matches_all(rule.source, labels):
            sources.setdefault(rule.shared(labels), []).append((key, labels))
    return sources


class AlertStore:
    """All alerts. Any thread."""

    def __init__(self, routing: Routing, silences: Silences, clock: Clock = now_ms) -> None:
        self.routing = routing
        self.silences = silences
        self._clock = clock
        self._lock = threading.Lock()
        self._alerts: dict[str, StoredAlert] = {}

    def receive(self, notices: Sequence[Notice]) -> None:
        """Put the alerts of this server's own rules. ``QueryError`` when there are too many."""
        now = self._clock()
        self.put([StoredAlert(n.labels, n.annotations, n.starts_at, n.ends_at, now, n.generator_url) for n in notices])

    def put(self, alerts: Sequence[StoredAlert]) -> None:
        """Add alerts; each replaces or prolongs the one with its labels. ``QueryError`` when there are too many."""
        now = self._clock()
        with self._lock:
            self._forget(now)
            for alert in alerts:
                key = fingerprint(alert.labels)
                old = self._alerts.get(key)
                if old is None and len(self._alerts) >= MOST:
                    raise QueryError(f"there are {MOST} alerts, which is as many as this server keeps")
                self._alerts[key] = merged(old, alert, now) if old else alert

    def _forget(self, now: int) -> None:
        for key in [key for key, alert in self._alerts.items() if alert.ends_at < now - _KEPT_MS]:
            del self._alerts[key]

    def statuses(self, *, resolved: bool = False) -> list[AlertStatus]:
        """Alerts that have not ended (with ``resolved``: all), by fingerprint."""
        now = self._clock()
        with self._lock:
            alerts = sorted(self._alerts.items())
        active = {key: alert.labels for key, alert in alerts if not alert.resolved(now)}
        sources = [_sources(rule, active) for rule in self.routing.inhibitions]
        return [
            AlertStatus(
                alert,
                tuple(self.routing.route.of(alert.labels)),
                tuple(self.silences.muting(alert.labels)),
                tuple(self._inhibiting(key, alert.labels, sources)),
            )
            for key, alert in alerts
            if resolved or key in active
        ]

    def _inhibiting(self, key: str, labels: Mapping[str, str], sources: Sequence[_Sources]) -> Iterator[str]:
        """The fingerprints of the alerts that inhibit this one: the first of each rule."""
        for rule, by_shared in zip(self.routing.inhibitions, sources, strict=True):
            candidates = by_shared.get(rule.shared(labels), ())
            source = next((k for k, theirs in candidates if k != key and rule.inhibits(theirs, labels)), None)
            if source:
                yield source

    def groups(self, *, resolved: bool = False) -> list[AlertGroup]:
        """Alerts by route and by the labels they are grouped by."""
        members: dict[tuple[int, tuple[tuple[str, str], ...]], list[AlertStatus]] = {}
        routes: dict[int, Route] = {}
        for status in self.statuses(resolved=resolved):
            for route in status.routes:
                routes[id(route)] = route
                key = (id(route), tuple(route.group(status.alert.labels).items()))
                members.setdefault(key, []).append(status)
        groups = [AlertGroup(routes[number], dict(labels), tuple(some)) for (number, labels), some in members.items()]
        return sorted(groups, key=lambda group: (len(group.labels), sorted(group.labels.items()), group.route.receiver))
