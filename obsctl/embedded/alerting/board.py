"""The alerts that this server knows of, and how each is: told, silenced, or kept back by another one."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from obsctl.embedded.alerting.model import Known, fingerprint, merged
from obsctl.embedded.alerting.routing import Inhibition, Route, Routing
from obsctl.embedded.alerting.silences import Clock, Silences, now_ms
from obsctl.embedded.rules.status import Notice
from obsctl.languages.errors import QueryError
from obsctl.languages.labels import matches_all

RESOLVE_MS = 300_000
"""An alert of which nobody said when it ends is over when it was not heard of for this long."""

MOST = 10_000
_KEPT_MS = 1_800_000
"""How long a resolved alert is remembered."""


@dataclass(frozen=True)
class Shown:
    """An alert with what keeps it from being told, and the routes it takes."""

    alert: Known
    routes: tuple[Route, ...]
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]

    @property
    def suppressed(self) -> bool:
        """Whether nobody is told."""
        return bool(self.silenced_by or self.inhibited_by)


@dataclass(frozen=True)
class AlertGroup:
    """Alerts that are told together."""

    route: Route
    labels: Mapping[str, str]
    alerts: tuple[Shown, ...]


_Sources = Mapping[tuple[str, ...], Sequence[tuple[str, Mapping[str, str]]]]


def _sources(rule: Inhibition, active: Mapping[str, Mapping[str, str]]) -> _Sources:
    """The alerts that may keep others back, by the labels that both must share."""
    found: dict[tuple[str, ...], list[tuple[str, Mapping[str, str]]]] = {}
    for key, labels in active.items():
        if matches_all(rule.source, labels):
            found.setdefault(rule.shared(labels), []).append((key, labels))
    return found


class Board:
    """All alerts. Any thread."""

    def __init__(self, routing: Routing, silences: Silences, clock: Clock = now_ms) -> None:
        self.routing = routing
        self.silences = silences
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, Known] = {}

    def hear(self, notices: Sequence[Notice]) -> None:
        """Take what our own rules have to tell. Beyond the limit the rest is not heard."""
        now = self._clock()
        self.take([Known(n.labels, n.annotations, n.starts_at, n.ends_at, now, n.generator_url) for n in notices])

    def take(self, alerts: Sequence[Known]) -> None:
        """Take alerts, each in place of what was known of it. ``QueryError`` when there are too many."""
        now = self._clock()
        with self._lock:
            self._forget(now)
            for alert in alerts:
                key = fingerprint(alert.labels)
                old = self._known.get(key)
                if old is None and len(self._known) >= MOST:
                    raise QueryError(f"there are {MOST} alerts, which is as many as this server keeps")
                self._known[key] = merged(old, alert, now) if old else alert

    def _forget(self, now: int) -> None:
        for key in [key for key, alert in self._known.items() if alert.ends_at < now - _KEPT_MS]:
            del self._known[key]

    def shown(self, *, resolved: bool = False) -> list[Shown]:
        """Alerts that have not ended (with ``resolved``: all), by fingerprint."""
        now = self._clock()
        with self._lock:
            known = sorted(self._known.items())
        active = {key: alert.labels for key, alert in known if not alert.resolved(now)}
        sources = [_sources(rule, active) for rule in self.routing.inhibitions]
        return [
            Shown(
                alert,
                tuple(self.routing.route.of(alert.labels)),
                tuple(self.silences.muting(alert.labels)),
                tuple(self._inhibiting(key, alert.labels, sources)),
            )
            for key, alert in known
            if resolved or key in active
        ]

    def _inhibiting(self, key: str, labels: Mapping[str, str], sources: Sequence[_Sources]) -> Iterator[str]:
        """The fingerprints of the alerts that keep one back: the first of each rule."""
        for rule, found in zip(self.routing.inhibitions, sources, strict=True):
            alike = found.get(rule.shared(labels), ())
            source = next((k for k, theirs in alike if k != key and rule.holds(labels, theirs)), None)
            if source:
                yield source

    def groups(self, *, resolved: bool = False) -> list[AlertGroup]:
        """Alerts by route and by the labels they are grouped by."""
        found: dict[tuple[int, tuple[tuple[str, str], ...]], list[Shown]] = {}
        routes: dict[int, Route] = {}
        for shown in self.shown(resolved=resolved):
            for route in shown.routes:
                routes[id(route)] = route
                key = (id(route), tuple(route.group(shown.alert.labels).items()))
                found.setdefault(key, []).append(shown)
        made = [AlertGroup(routes[number], dict(labels), tuple(some)) for (number, labels), some in found.items()]
        return sorted(made, key=lambda group: (len(group.labels), sorted(group.labels.items()), group.route.receiver))
