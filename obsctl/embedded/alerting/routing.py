"""Who is told of which alerts, what is told together, and what need not be told: an Alertmanager configuration.

It comes as JSON, with the keys of Alertmanager's file (prometheus.io/docs/alerting/latest/configuration).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from obsctl.embedded.alerting.matching import parse_matchers
from obsctl.embedded.keys import Keys
from obsctl.errors import UsageError
from obsctl.languages.errors import QueryError
from obsctl.languages.labels import Matcher, matches_all
from obsctl.languages.units import prom_duration_ms

ALL = "..."
"""In ``group_by``: all labels."""

_DEPTH = 20
_INHERITED = ("receiver", "group_by", "group_wait", "group_interval", "repeat_interval")


@dataclass(frozen=True)
class Route:
    """A node of the tree: alerts that match go to ``receiver``, or on to ``routes``. Times in milliseconds."""

    receiver: str
    group_by: tuple[str, ...] = ()
    group_wait: int = 30_000
    group_interval: int = 300_000
    repeat_interval: int = 14_400_000
    matchers: tuple[Matcher, ...] = ()
    goes_on: bool = False
    routes: tuple[Route, ...] = ()

    def of(self, labels: Mapping[str, str]) -> list[Route]:
        """The routes that an alert takes, in order."""
        if not matches_all(self.matchers, labels):
            return []
        found: list[Route] = []
        for route in self.routes:
            taken = route.of(labels)
            found += taken
            if taken and not route.goes_on:
                break
        return found or [self]

    def group(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The labels that alerts share which are told together."""
        if ALL in self.group_by:
            return dict(labels)
        return {name: labels[name] for name in sorted(self.group_by) if name in labels}


@dataclass(frozen=True)
class Inhibition:
    """While an alert matches ``source``, those that match ``target`` and have the ``equal`` labels are not told."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]

    def shared(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """The values that both alerts must have alike; a missing label is the empty one."""
        return tuple(labels.get(name, "") for name in self.equal)

    def holds(self, target: Mapping[str, str], source: Mapping[str, str]) -> bool:
        """Whether ``source`` keeps ``target`` from being told. Two that are both of both sides never do."""
        if not matches_all(self.target, target) or not matches_all(self.source, source):
            return False
        if matches_all(self.source, target) and matches_all(self.target, source):
            return False
        return self.shared(target) == self.shared(source)


@dataclass(frozen=True)
class Webhook:
    """A URL that is posted what is to be told (Alertmanager's webhook, version 4)."""

    url: str
    send_resolved: bool = True


@dataclass(frozen=True)
class Receiver:
    """Somebody who is told."""

    name: str
    webhooks: tuple[Webhook, ...] = ()


@dataclass(frozen=True)
class Routing:
    """All of it. ``original`` is the configuration as text."""

    route: Route
    inhibitions: tuple[Inhibition, ...]
    receivers: tuple[Receiver, ...]
    original: str = ""


NOBODY = Routing(Route("nobody"), (), (Receiver("nobody"),), "")


def parse(keys: Keys) -> Routing:
    """From JSON. ``UsageError`` names the key that is wrong, or that this server does not support."""
    receivers = tuple(_receiver(one) for one in keys.items("receivers"))
    names = [receiver.name for receiver in receivers]
    root = _route(keys.keys("route"), Route(""), 0)
    if root.matchers:
        raise UsageError(f"{keys.where('route')} must not have any matchers: every alert goes there")
    for route in _all(root):
        if route.receiver not in names:
            raise UsageError(f"{keys.where('route')}: undefined receiver {route.receiver!r}; known: {', '.join(names)}")
    inhibitions = tuple(map(_inhibition, keys.items("inhibit_rules"))) if keys.has("inhibit_rules") else ()
    keys.nothing_else()
    return Routing(root, inhibitions, receivers, keys.shown())


def _all(route: Route) -> Iterator[Route]:
    yield route
    for inner in route.routes:
        yield from _all(inner)


def _route(keys: Keys, above: Route, depth: int) -> Route:
    if depth > _DEPTH:
        raise UsageError(f"{keys.where('routes')}: nested too deeply")
    own: dict[str, Any] = {name: getattr(above, name) for name in _INHERITED}
    if keys.has("receiver"):
        own["receiver"] = keys.text("receiver")
    if keys.has("group_by"):
        own["group_by"] = keys.strings("group_by")
    for name in _INHERITED[2:]:
        if keys.has(name):
            own[name] = _duration(keys, name)
    route = Route(**own, matchers=_matchers(keys, "matchers"), goes_on=keys.has("continue") and keys.flag("continue"))
    inner = keys.items("routes") if keys.has("routes") else []
    made = replace(route, routes=tuple(_route(one, route, depth + 1) for one in inner))
    keys.nothing_else()
    return made


def _receiver(keys: Keys) -> Receiver:
    hooks = keys.items("webhook_configs") if keys.has("webhook_configs") else []
    receiver = Receiver(keys.text("name"), tuple(_webhook(one) for one in hooks))
    keys.nothing_else()
    return receiver


def _webhook(keys: Keys) -> Webhook:
    url = keys.text("url")
    if not re.match(r"https?://[^/\s]+", url):
        raise UsageError(f"{keys.where('url')} must be an http:// or https:// URL, not {url!r}")
    hook = Webhook(url, keys.flag("send_resolved") if keys.has("send_resolved") else True)
    keys.nothing_else()
    return hook


def _inhibition(keys: Keys) -> Inhibition:
    rule = Inhibition(
        _matchers(keys, "source_matchers"),
        _matchers(keys, "target_matchers"),
        keys.strings("equal") if keys.has("equal") else (),
    )
    keys.nothing_else()
    return rule


def _matchers(keys: Keys, key: str) -> tuple[Matcher, ...]:
    texts: Sequence[str] = keys.strings(key) if keys.has(key) else ()
    try:
        return tuple(one for text in texts for one in parse_matchers(text))
    except QueryError as error:
        raise UsageError(f"{keys.where(key)}: {error}") from error


def _duration(keys: Keys, key: str) -> int:
    try:
        return prom_duration_ms(keys.text(key))
    except ValueError as error:
        raise UsageError(f"{keys.where(key)}: {error}") from error
