"""Tells receivers of alerts: what is told together, when for the first time, and when again. Webhooks only.

The times are Alertmanager's: ``group_wait`` before the first word of a group, ``group_interval`` between looks at it,
``repeat_interval`` before the same is told again. What was told is not remembered over a restart.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from obsctl.embedded.alerting.board import AlertGroup, Board
from obsctl.embedded.alerting.model import Known
from obsctl.embedded.alerting.post import PostError, post, rfc3339
from obsctl.embedded.alerting.routing import Route
from obsctl.embedded.alerting.silences import Clock, now_ms
from obsctl.embedded.alerting_config import Webhook
from obsctl.embedded.query.vectors.labels import printed
from obsctl.embedded.self_metrics import NOTIFIED, NOTIFY_ERRORS, OwnMetrics

_LOOK_SECONDS = 0.2
_NEVER = "0001-01-01T00:00:00Z"
_log = logging.getLogger("obsctl.embedded.alerting")

Key = tuple[str, str]
"""A route's receiver and the group's labels, as ``group_key`` prints them."""


@dataclass(frozen=True)
class Told:
    """What a webhook heard of a group last, and when: fingerprints of alerts."""

    at: int
    firing: frozenset[str]
    resolved: frozenset[str]


def is_news(last: Told | None, firing: frozenset[str], resolved: frozenset[str], hook: Webhook) -> bool:
    """Whether a group has something that the webhook has not heard."""
    if last is None:
        return bool(firing)
    if not firing <= last.firing:
        return True
    if not firing:
        return bool(last.firing) and hook.send_resolved
    return hook.send_resolved and not resolved <= last.resolved


class Dispatcher:
    """Looks at all groups in a thread of its own. Without a webhook there is nothing to do, and no thread."""

    def __init__(self, board: Board, external_url: str, metrics: OwnMetrics, clock: Clock = now_ms) -> None:
        self._board = board
        self._external_url = external_url
        self._metrics = metrics
        self._clock = clock
        self._hooks = {one.name: one.webhooks for one in board.routing.receivers if one.webhooks}
        self._looks: dict[Key, int] = {}
        self._told: dict[tuple[Key, str], Told] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="dispatcher", daemon=True)
        if self._hooks:
            self._thread.start()

    def close(self) -> None:
        """Stop; a request under way ends by its own deadline."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            try:
                self.look()
            except Exception:  # noqa: BLE001 - the boundary of the thread
                _log.exception("receivers could not be told of alerts")

    def look(self) -> None:
        """Tell what is due."""
        now = self._clock()
        groups = {key_of(group): group for group in self._board.groups(resolved=True)}
        for key in self._looks.keys() - groups.keys():
            del self._looks[key]
        self._told = {place: told for place, told in self._told.items() if place[0] in groups}
        for key, group in groups.items():
            if group.route.receiver in self._hooks and self._is_due(key, group, now):
                self._looks[key] = now + group.route.group_interval
                for hook in self._hooks[group.route.receiver]:
                    self._tell(key, group, hook, now)

    def _is_due(self, key: Key, group: AlertGroup, now: int) -> bool:
        if key not in self._looks:
            first = min(shown.alert.starts_at for shown in group.alerts)
            self._looks[key] = now if first + group.route.group_wait <= now else now + group.route.group_wait
        return self._looks[key] <= now

    def _tell(self, key: Key, group: AlertGroup, hook: Webhook, now: int) -> None:
        alerts = [shown.alert for shown in group.alerts if not shown.suppressed]
        firing = frozenset(one.fingerprint for one in alerts if not one.resolved(now))
        last = self._told.get((key, hook.url))
        heard = last.firing | last.resolved if last else frozenset()
        resolved = frozenset(one.fingerprint for one in alerts if one.resolved(now)) & heard
        again = last is not None and bool(firing) and last.at + group.route.repeat_interval <= now
        if not is_news(last, firing, resolved, hook) and not again:
            return
        ended = last.firing & resolved if last and hook.send_resolved else frozenset()
        shown = [one for one in alerts if one.fingerprint in firing | ended]
        try:
            post(hook.url, message(group.route, group.labels, shown, now, self._external_url))
        except PostError as error:
            _log.warning("receiver %s was not told of %s: %s", group.route.receiver, key[1], error)
            self._metrics.add(NOTIFY_ERRORS, len(shown), hook.url)
            return
        self._metrics.add(NOTIFIED, len(shown), hook.url)
        self._told[key, hook.url] = Told(now, firing, resolved)


def key_of(group: AlertGroup) -> Key:
    """What tells a group from others."""
    return group.route.receiver, group_key(group.route, group.labels)


def group_key(route: Route, labels: Mapping[str, str]) -> str:
    """``{}/{severity="page"}:{alertname="Down"}``, as Alertmanager names a group."""
    matchers = ",".join(f'{one.name}{one.op}"{one.value}"' for one in route.matchers)
    path = f"{{}}/{{{matchers}}}" if matchers else "{}"
    return f"{path}:{printed(tuple(sorted(labels.items())))}"


def message(
    route: Route, labels: Mapping[str, str], alerts: Sequence[Known], now: int, external_url: str
) -> dict[str, Any]:
    """The body of a webhook, version 4."""
    return {
        "version": "4",
        "groupKey": group_key(route, labels),
        "truncatedAlerts": 0,
        "receiver": route.receiver,
        "status": "firing" if any(not one.resolved(now) for one in alerts) else "resolved",
        "alerts": [_alert(one, now) for one in alerts],
        "groupLabels": dict(labels),
        "commonLabels": dict(_common([one.labels for one in alerts])),
        "commonAnnotations": dict(_common([one.annotations for one in alerts])),
        "externalURL": external_url,
    }


def _alert(alert: Known, now: int) -> dict[str, Any]:
    ended = alert.resolved(now)
    return {
        "status": "resolved" if ended else "firing",
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": rfc3339(alert.starts_at),
        "endsAt": rfc3339(alert.ends_at) if ended else _NEVER,
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }


def _common(several: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    first, *others = several or [{}]
    for name, value in sorted(first.items()):
        if all(one.get(name) == value for one in others):
            yield name, value
