from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from obsctl.embedded.alertmanager.notifications import KEPT, LARGEST, PATH
from tests.unit.embedded.conftest import ROLES, Answer, Embedded, ask, embedded_server, eventually, free_ports

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def server(starts_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """An alert manager that tells obsctl itself."""
    listen = {role: f"127.0.0.1:{port}" for role, port in zip(ROLES, free_ports(len(ROLES)), strict=True)}
    alerting = {
        "route": {"receiver": "drill", "group_by": ["alertname"], "group_wait": "0s"},
        "receivers": [{"name": "drill", "webhook_configs": [{"url": f"http://{listen['otlp_http']}{PATH}"}]}],
    }
    with embedded_server(tmp_path_factory.mktemp("notified"), listen=listen, alerting=alerting) as running:
        yield running


def post(server: Embedded, value: Any) -> Answer:
    return ask("POST", server.url("otlp_http", PATH), json.dumps(value).encode(), JSON)


def listed(server: Embedded) -> list[dict[str, Any]]:
    return server.get("otlp_http", PATH).json


def notification(status: str = "firing", **changes: Any) -> dict[str, Any]:
    """As Alertmanager sends it."""
    alert = {
        "status": status,
        "labels": {"alertname": "HttpErrorRateHigh", "severity": "page"},
        "annotations": {"summary": "too many errors"},
        "startsAt": "2025-08-01T10:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://127.0.0.1:9090/graph",
        "fingerprint": "2a1b8f4e5c6d7a90",
    }
    return {
        "version": "4",
        "groupKey": '{}:{alertname="HttpErrorRateHigh"}',
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "obsctl",
        "groupLabels": {"alertname": "HttpErrorRateHigh"},
        "commonLabels": alert["labels"],
        "commonAnnotations": alert["annotations"],
        "externalURL": "http://127.0.0.1:9093",
        "alerts": [alert],
        **changes,
    }


def test_an_alert_that_fires_is_notified_here(server: Embedded) -> None:
    alert = [{"labels": {"alertname": "Drill", "severity": "page"}, "annotations": {"summary": "only a drill"}}]
    assert ask("POST", server.url("alerts", "/api/v2/alerts"), json.dumps(alert).encode(), JSON).status == 200
    [told] = eventually(lambda: [one for one in listed(server) if one["receiver"] == "drill"])
    assert (told["status"], told["commonLabels"]) == ("firing", {"alertname": "Drill", "severity": "page"})
    assert told["alerts"][0]["annotations"] == {"summary": "only a drill"}
    query = '{service_name="alertmanager"} |= "Drill"'
    path = f"/loki/api/v1/query_range?{urlencode({'query': query})}"
    [stream] = eventually(lambda: server.get("loki", path).json["data"]["result"])
    line = json.loads(stream["values"][0][1])
    assert (line["receiver"], line["alerts"][0]["labels"]["alertname"]) == ("drill", "Drill")


def test_what_was_notified_is_listed_the_latest_first(server: Embedded) -> None:
    for status in ("firing", "resolved"):
        assert post(server, notification(status)).status == 200
    latest, before = listed(server)[:2]
    assert [latest["status"], before["status"]] == ["resolved", "firing"]
    assert latest["receiver"] == "obsctl"
    assert latest["alerts"][0]["labels"]["alertname"] == "HttpErrorRateHigh"
    assert latest["receivedAt"] >= before["receivedAt"] > 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 400),
        ({}, 400),
        (notification(version="3"), 400),
        (notification(alerts={}), 400),
        (notification(alerts=["x"]), 400),
        (notification(alerts=[{}]), 400),
        (notification(receiver=7), 400),
        (notification(groupLabels=[]), 400),
        (notification(commonAnnotations={"summary": "x" * LARGEST}), 413),
    ],
)
def test_what_is_no_notification_is_refused_and_not_kept(server: Embedded, body: Any, status: int) -> None:
    before = listed(server)
    answer = post(server, body)
    assert answer.status == status
    assert answer.json["message"]
    assert listed(server) == before


def test_a_body_that_is_no_json_is_refused(server: Embedded) -> None:
    url = server.url("otlp_http", PATH)
    assert ask("POST", url, b"{", JSON).status == 400
    assert ask("POST", url, b"{}", {"content-type": "text/plain"}).status == 415


def test_only_the_last_ones_are_kept(server: Embedded) -> None:
    for number in range(KEPT + 3):
        post(server, notification(receiver=f"r{number}"))
    kept = listed(server)
    assert [kept[0]["receiver"], kept[-1]["receiver"], len(kept)] == [f"r{KEPT + 2}", "r3", KEPT]
