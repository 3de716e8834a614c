"""Which receiver is notified of which alerts, what is grouped, and what is inhibited: an Alertmanager configuration.

``alerting_config`` reads it; here routes have what they inherit, and say which way an alert takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from obsctl.embedded.alerting_config import AlertingConfig, Receiver, RouteConfig
from obsctl.languages.labels import Matcher, matches_all

T = TypeVar("T")

ALL = "..."
"""In ``group_by``: all labels."""


@dataclass(frozen=True)
class Route:
    """A node of the routing tree: alerts that match go to ``receiver``, or on to ``routes``. Times in milliseconds."""

    receiver: str
    group_by: tuple[str, ...] = ()
    group_wait: int = 30_000
    group_interval: int = 300_000
    repeat_interval: int = 14_400_000
    matchers: tuple[Matcher, ...] = ()
    continue_: bool = False
    routes: tuple[Route, ...] = ()

    def of(self, labels: Mapping[str, str]) -> list[Route]:
        """The routes that an alert matches, in order."""
        if not matches_all(self.matchers, labels):
            return []
        found: list[Route] = []
        for route in self.routes:
            matching = route.of(labels)
            found += matching
            if matching and not route.continue_:
                break
        return found or [self]

    def group(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The labels that all alerts of one group share."""
        if ALL in self.group_by:
            return dict(labels)
        return {name: labels[name] for name in sorted(self.group_by) if name in labels}


@dataclass(frozen=True)
class Inhibition:
    """While an alert matches ``source``, those that match ``target`` and share its ``equal`` labels are inhibited."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]

    def shared(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """The values that both alerts must have alike; a missing label is the empty one."""
        return tuple(labels.get(name, "") for name in self.equal)

    def inhibits(self, source: Mapping[str, str], target: Mapping[str, str]) -> bool:
        """Whether ``source`` inhibits ``target``. Alerts that match both sides never inhibit each other."""
        if not matches_all(self.target, target) or not matches_all(self.source, source):
            return False
        if matches_all(self.source, target) and matches_all(self.target, source):
            return False
        return self.shared(target) == self.shared(source)


@dataclass(frozen=True)
class Routing:
    """All of it. ``original`` is the configuration as text."""

    route: Route
    inhibitions: tuple[Inhibition, ...]
    receivers: tuple[Receiver, ...]
    original: str = ""


NOBODY = Routing(Route("nobody"), (), (Receiver("nobody"),), "")


def routing(config: AlertingConfig | None) -> Routing:
    """The routing of a configuration; without one nobody is notified."""
    if config is None:
        return NOBODY
    inhibitions = tuple(Inhibition(rule.source, rule.target, rule.equal) for rule in config.inhibitions)
    return Routing(_route(config.route, Route("")), inhibitions, config.receivers, config.original)


def _route(config: RouteConfig, parent: Route) -> Route:
    """A route and those below it, with what the configuration leaves to their parents."""
    own = Route(
        receiver=_own(config.receiver, parent.receiver),
        group_by=_own(config.group_by, parent.group_by),
        group_wait=_own(config.group_wait, parent.group_wait),
        group_interval=_own(config.group_interval, parent.group_interval),
        repeat_interval=_own(config.repeat_interval, parent.repeat_interval),
        matchers=config.matchers,
        continue_=config.continue_,
    )
    return replace(own, routes=tuple(_route(route, own) for route in config.routes))


def _own(value: T | None, inherited: T) -> T:
    return inherited if value is None else value
