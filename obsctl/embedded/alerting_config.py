"""The alerting part of the configuration: the keys of Alertmanager's file that the embedded server supports, as JSON.

See prometheus.io/docs/alerting/latest/configuration. Times are in milliseconds once they are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from obsctl.languages.alert_matchers import parse_matchers
from obsctl.languages.errors import QueryError
from obsctl.languages.labels import Matcher
from obsctl.schema.findings import Findings
from obsctl.schema.json_document import DURATION_MS, NON_EMPTY, STRINGS, read_json
from obsctl.schema.records import RecordType, key, record
from obsctl.schema.scalars import FLAG
from obsctl.schema.source import SourceCursor, SourceNode, plain
from obsctl.schema.types import Deferred, ListOf, ScalarType, ValidationError

_DEPTH = 20


def _url(node: SourceNode) -> str:
    url = NON_EMPTY.parse(node)
    if not re.match(r"https?://[^/\s]+", url):
        raise ValidationError(f"must be an http:// or https:// URL, not {url!r}")
    return url


def _matchers(node: SourceNode) -> tuple[Matcher, ...]:
    try:
        return tuple(matcher for text in STRINGS.parse(node) for matcher in parse_matchers(text))
    except QueryError as error:
        raise ValidationError(f": {error}") from error


_URL = ScalarType("a non-empty string", _url, NON_EMPTY.json)
_MATCHERS = ScalarType(STRINGS.expected, _matchers, STRINGS.json)


@record("a webhook")
class Webhook:
    """A URL to which notifications are posted (Alertmanager's webhook, version 4)."""

    url: str = key(_URL, "Where notifications are posted.")
    send_resolved: bool = key(FLAG, "Whether resolved alerts are notified, too.", default=True)


@record("a receiver")
class Receiver:
    """A named set of webhooks that is notified."""

    name: str = key(NON_EMPTY, "Its name, by which routes send to it.")
    webhooks: tuple[Webhook, ...] = key(
        ListOf(RecordType(Webhook)), "Its webhooks.", default=(), name="webhook_configs"
    )


@record("a route")
class RouteConfig:
    """A node of the routing tree as it is written; what it leaves out is its parent's."""

    receiver: str | None = key(NON_EMPTY, "Who is notified.", default=None, shown="the parent's")
    group_by: tuple[str, ...] | None = key(
        STRINGS, "Labels whose alerts are notified together; `...` for all.", default=None, shown="the parent's"
    )
    group_wait: int | None = key(
        DURATION_MS, "How long a new group waits for more.", default=None, shown="the parent's; 30s at the root"
    )
    group_interval: int | None = key(
        DURATION_MS, "How long a group waits with changes.", default=None, shown="the parent's; 5m at the root"
    )
    repeat_interval: int | None = key(
        DURATION_MS, "How long until a notification is repeated.", default=None, shown="the parent's; 4h at the root"
    )
    matchers: tuple[Matcher, ...] = key(_MATCHERS, "Alerts that it takes.", default=(), shown="all")
    continue_: bool = key(FLAG, "Whether the routes after it are tried, too.", default=False, name="continue")
    routes: tuple[RouteConfig, ...] = key(
        ListOf(Deferred(lambda: RecordType(RouteConfig), "an object")), "Routes below it.", default=()
    )

    def all(self) -> Iterator[RouteConfig]:
        """The route and those below it."""
        yield self
        for route in self.routes:
            yield from route.all()

    @property
    def height(self) -> int:
        """How many levels there are below it."""
        return 1 + max(route.height for route in self.routes) if self.routes else 0


@record("an inhibition")
class InhibitionConfig:
    """While an alert matches ``source``, those that match ``target`` and share its ``equal`` labels are inhibited."""

    source: tuple[Matcher, ...] = key(_MATCHERS, "Alerts that inhibit.", default=(), name="source_matchers")
    target: tuple[Matcher, ...] = key(_MATCHERS, "Alerts that are inhibited.", default=(), name="target_matchers")
    equal: tuple[str, ...] = key(STRINGS, "Labels that both have alike.", default=())


@record("alerting", kw_only=True)
class AlertingConfig:
    """Routes, receivers and inhibition. ``original`` is the configuration as text."""

    route: RouteConfig = key(RecordType(RouteConfig), "The root of the routing tree: it takes every alert.")
    receivers: tuple[Receiver, ...] = key(ListOf(RecordType(Receiver)), "Who can be notified.")
    inhibitions: tuple[InhibitionConfig, ...] = key(
        ListOf(RecordType(InhibitionConfig)), "Which alerts inhibit which.", default=(), name="inhibit_rules"
    )
    original: str = ""

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """The root takes every alert, the tree is not too deep, and its receivers are there."""
        spot = cursor.spot("route")
        if self.route.matchers:
            findings.add(spot, "must not have any matchers: every alert goes there")
        if self.route.height > _DEPTH:
            findings.add(spot, ": routes are nested too deeply")
        names = [receiver.name for receiver in self.receivers]
        receivers = [self.route.receiver or "", *(route.receiver for route in self.route.all() if route.receiver)]
        for name in receivers:
            if name not in names:
                findings.add(spot, f": undefined receiver {name!r}; known: {', '.join(names)}")


@dataclass(frozen=True)
class _AlertingType(RecordType[AlertingConfig]):
    """Keeps the text of the configuration: Alertmanager's API shows it."""

    def read(self, cursor: SourceCursor, findings: Findings) -> AlertingConfig:
        text = json.dumps(plain(cursor.node), indent=2, ensure_ascii=False) + "\n"
        return replace(super().read(cursor, findings), original=text)


ALERTING = _AlertingType(AlertingConfig)


def parse(document: object) -> AlertingConfig:
    """The alerting part of a configuration. ``UsageError`` names a mistake, or what this server does not support."""
    return read_json(document, ALERTING, "alerting")
