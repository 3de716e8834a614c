"""Delivers alerts: to other alert managers, and to the webhooks of this server's own receivers.

The times are Alertmanager's: ``group_wait`` before the first notification of a group, ``group_interval`` between two
flushes of it, ``repeat_interval`` before the same notification is sent again. The notification log is in memory only.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from obsctl.embedded.alerting.alert_store import AlertGroup, AlertStore
from obsctl.embedded.alerting.model import StoredAlert
from obsctl.embedded.alerting.notifier import Notifier, PostError, post, rfc3339
from obsctl.embedded.alerting.routing import Route
from obsctl.embedded.alerting.silences import Clock, now_ms
from obsctl.embedded.alerting_config import Webhook
from obsctl.embedded.query.vectors.labels import printed
from obsctl.embedded.rules.status import Notice
from obsctl.embedded.self_metrics import NOTIFIED, NOTIFY_ERRORS, SelfMetrics

_FLUSH_SECONDS = 0.2
_NEVER = "0001-01-01T00:00:00Z"
_log = logging.getLogger("obsctl.embedded.alerting")

Key = tuple[str, str]
"""A route's receiver and the group's labels, as ``group_key`` prints them."""


@dataclass(frozen=True)
class NotificationLogEntry:
    """The last notification of a group to a webhook: when (ms), and the fingerprints of the alerts in it."""

    at: int
    firing: frozenset[str]
    resolved: frozenset[str]


def needs_update(
    last: NotificationLogEntry | None, firing: frozenset[str], resolved: frozenset[str], hook: Webhook
) -> bool:
    """Whether a group has alerts of which the webhook was not notified (Alertmanager's ``needsUpdate``)."""
    if last is None:
        return bool(firing)
    if not firing <= last.firing:
        return True
    if not firing:
        return bool(last.firing) and hook.send_resolved
    return hook.send_resolved and not resolved <= last.resolved


class Dispatcher:
    """Flushes all groups in a thread of its own. Without a webhook there is nothing to do, and no thread."""

    def __init__(
        self,
        alerts: AlertStore,
        external_url: str,
        metrics: SelfMetrics,
        clock: Clock = now_ms,
        credentials: Callable[[str], Mapping[str, str]] | None = None,
    ) -> None:
        """``credentials`` gives the headers that a webhook's URL needs."""
        self._credentials = credentials or (lambda _url: {})
        self._alerts = alerts
        self._external_url = external_url
        self._metrics = metrics
        self._clock = clock
        self._webhooks = {one.name: one.webhooks for one in alerts.routing.receivers if one.webhooks}
        self._next_flush: dict[Key, int] = {}
        self._notification_log: dict[tuple[Key, str], NotificationLogEntry] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="dispatcher", daemon=True)
        if self._webhooks:
            self._thread.start()

    def close(self) -> None:
        """Stop; a request under way ends by its own deadline."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(_FLUSH_SECONDS):
            try:
                self.flush()
            except Exception:  # noqa: BLE001 - the boundary of the thread
                _log.exception("alert groups could not be flushed")

    def flush(self) -> None:
        """Notify of every group that is due."""
        now = self._clock()
        groups = {key_of(group): group for group in self._alerts.groups(resolved=True)}
        for key in self._next_flush.keys() - groups.keys():
            del self._next_flush[key]
        self._notification_log = {key: entry for key, entry in self._notification_log.items() if key[0] in groups}
        for key, group in groups.items():
            if group.route.receiver in self._webhooks and self._is_due(key, group, now):
                self._next_flush[key] = now + group.route.group_interval
                for hook in self._webhooks[group.route.receiver]:
                    self._notify(key, group, hook, now)

    def _is_due(self, key: Key, group: AlertGroup, now: int) -> bool:
        if key not in self._next_flush:
            first = min(status.alert.starts_at for status in group.alerts)
            self._next_flush[key] = now if first + group.route.group_wait <= now else now + group.route.group_wait
        return self._next_flush[key] <= now

    def _notify(self, key: Key, group: AlertGroup, hook: Webhook, now: int) -> None:
        alerts = [status.alert for status in group.alerts if not status.suppressed]
        firing = frozenset(one.fingerprint for one in alerts if not one.resolved(now))
        last = self._notification_log.get((key, hook.url))
        notified = last.firing | last.resolved if last else frozenset()
        resolved = frozenset(one.fingerprint for one in alerts if one.resolved(now)) & notified
        again = last is not None and bool(firing) and last.at + group.route.repeat_interval <= now
        if not needs_update(last, firing, resolved, hook) and not again:
            return
        ended = last.firing & resolved if last and hook.send_resolved else frozenset()
        included = [alert for alert in alerts if alert.fingerprint in firing | ended]
        try:
            told = message(group.route, group.labels, included, now, self._external_url)
            post(hook.url, told, self._credentials(hook.url))
        except PostError as error:
            _log.warning("receiver %s was not notified of %s: %s", group.route.receiver, key[1], error)
            self._metrics.add(NOTIFY_ERRORS, len(included), hook.url)
            return
        self._metrics.add(NOTIFIED, len(included), hook.url)
        self._notification_log[key, hook.url] = NotificationLogEntry(now, firing, resolved)


def key_of(group: AlertGroup) -> Key:
    """The identity of a group."""
    return group.route.receiver, group_key(group.route, group.labels)


def group_key(route: Route, labels: Mapping[str, str]) -> str:
    """``{}/{severity="page"}:{alertname="Down"}``, as Alertmanager names a group."""
    matchers = ",".join(f'{one.name}{one.op}"{one.value}"' for one in route.matchers)
    path = f"{{}}/{{{matchers}}}" if matchers else "{}"
    return f"{path}:{printed(tuple(sorted(labels.items())))}"


def message(
    route: Route, labels: Mapping[str, str], alerts: Sequence[StoredAlert], now: int, external_url: str
) -> dict[str, object]:
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


def _alert(alert: StoredAlert, now: int) -> dict[str, object]:
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


class AlertDelivery:
    """Takes the alerts of rules to other alert managers, and to this server's own one where it has an address.

    ``urls`` are all of them, as ``/api/v1/alertmanagers`` lists them.
    """

    def __init__(
        self,
        alerts: AlertStore,
        alertmanagers: Sequence[str],
        own_url: str,
        metrics: SelfMetrics,
        credentials: Callable[[str], Mapping[str, str]] | None = None,
    ) -> None:
        """``own_url`` is empty when this server does not serve Alertmanager's API; ``credentials`` as above."""
        self.urls = (*alertmanagers, *filter(None, (own_url,)))
        self.alerts = alerts
        self._serves = bool(own_url)
        self._notifier = Notifier(alertmanagers, metrics) if alertmanagers else None
        self._dispatcher = Dispatcher(alerts, own_url, metrics, credentials=credentials)

    def send(self, notices: Sequence[Notice]) -> None:
        """Hand alerts on. Returns at once. ``QueryError`` when this server holds too many."""
        if self._notifier:
            self._notifier.send(notices)
        if self._serves:
            self.alerts.receive(notices)

    def close(self) -> None:
        """Stop both threads."""
        self._dispatcher.close()
        if self._notifier:
            self._notifier.close()
