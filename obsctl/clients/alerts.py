"""Alertmanager's API v2, read side (and whatever speaks like it)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from obsctl.access.options import PLAIN, ComponentAccess
from obsctl.clients.http import Http, understood
from obsctl.clients.promql import epoch
from obsctl.json_types import JsonObject, items, mapping, strings


@dataclass(frozen=True)
class ManagedAlert:
    """An alert that was handed over. ``state``: ``firing``, ``silenced`` or ``inhibited``; ``since``: epoch seconds."""

    state: str
    since: float
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


class AlertsClient:
    """What alerts fire, and which of them are kept quiet. Raises ``BackendError``. Safe to share between threads."""

    def __init__(self, url: str, *, timeout: float = 5.0, access: ComponentAccess = PLAIN) -> None:
        self.url = url
        self.http = Http(url, timeout=timeout, name="Alertmanager API", access=access)

    def alerts(self) -> list[ManagedAlert]:
        """Every alert that has not ended, in the server's order."""
        reply = self.http.get_json("/api/v2/alerts")
        answer = reply.json()
        with understood(reply):
            return [_managed(mapping(alert)) for alert in items(answer)]


def _managed(alert: JsonObject) -> ManagedAlert:
    labels, annotations = strings(alert["labels"]), strings(alert.get("annotations") or {})
    since = epoch(str(alert.get("startsAt", "")))
    return ManagedAlert(_state(mapping(alert["status"])), since, labels, annotations)


def _state(status: JsonObject) -> str:
    if items(status.get("silencedBy") or ()):
        return "silenced"
    return "inhibited" if items(status.get("inhibitedBy") or ()) else "firing"
