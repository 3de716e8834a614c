"""Alertmanager's API: which alerts fire, and which are kept quiet."""

from __future__ import annotations

import pytest

from obsctl.clients.alerts import AlertsClient, ManagedAlert
from obsctl.errors import BackendError
from tests.unit.clients.canned import Answer, serving


def alert(**status):
    return {"labels": {"alertname": "Down"}, "annotations": {}, "startsAt": "2026-01-02T03:04:05Z", "status": status}


def test_states():
    answer = [
        alert(state="active", silencedBy=[], inhibitedBy=[]),
        alert(state="suppressed", silencedBy=["1"], inhibitedBy=["2"]),
        alert(state="suppressed", silencedBy=None, inhibitedBy=["2"]),
    ]
    with serving({"/api/v2/alerts": Answer(answer)}) as server:
        found = AlertsClient(server.url).alerts()
    assert [one.state for one in found] == ["firing", "silenced", "inhibited"]
    assert found[0] == ManagedAlert("firing", 1767323045.0, {"alertname": "Down"}, {})


@pytest.mark.parametrize("body", ["no json", {}, None, [{}], [7], [{"labels": [], "status": {}}]])
def test_answers_of_another_shape(body):
    with serving({"/api/v2/alerts": Answer(body)}) as server, pytest.raises(BackendError):
        AlertsClient(server.url).alerts()
