"""``/api/v1/rules`` and its neighbours, and rules in a server that runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette

from obsctl.embedded.prometheus import rules as prometheus_rules
from obsctl.embedded.rules.group import GroupRun
from obsctl.embedded.rules.load import groups
from obsctl.embedded.rules.model import AlertOrigin
from obsctl.languages.units import rfc3339_ns
from tests.unit.embedded.conftest import Embedded, eventually, make_config
from tests.unit.embedded.memory_store import Api
from tests.unit.embedded.rule_tests import GrowingStore
from tests.unit.embedded.test_app import run

DOCUMENTS: dict[str, Any] = {
    "a.json": {
        "groups": [
            {
                "name": "one",
                "rules": [
                    {"record": "total", "expr": "sum(x)by(job)", "labels": {"team": "core"}},
                    {
                        "alert": "High",
                        "expr": "x > 5",
                        "for": "1m",
                        "keep_firing_for": "5m",
                        "labels": {"severity": "page"},
                        "annotations": {"summary": "{{ $labels.job }} is at {{ $value }}"},
                    },
                ],
            },
            {"name": "two", "limit": 3, "rules": [{"alert": "Never", "expr": "x > 100"}]},
        ]
    },
    "b.json": {"groups": [{"name": "one", "rules": [{"record": "bad", "expr": "x", "labels": {"job": "same"}}]}]},
}
START = 1_700_000_000_000


@pytest.fixture(scope="module")
def ask() -> Callable[..., Any]:
    """Asks the API about rules after three evaluations, at the last of which ``x`` was low again."""
    store = GrowingStore()
    for job in ("a", "b"):
        for i, value in enumerate((9.0, 9.0, 1.0)):
            store.put((("__name__", "x"), ("job", job)), START + i * 60_000, value if job == "a" else 2.5)
    runs = [
        GroupRun(group, store, store, lambda _: None, AlertOrigin(), restores=False)
        for file, document in DOCUMENTS.items()
        for group in groups(document, file, 60_000)
    ]
    for i in range(3):
        for one in runs:
            one.evaluate(START + i * 60_000)
    routes = prometheus_rules.routes(lambda: [one.status for one in runs], ["http://am:9093"])
    client = Api(Starlette(routes=routes))
    return lambda path, **params: client.get(f"/api/v1/{path}?{urlencode(params, doseq=True)}")


def rules(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [rule["name"] for group in answer.json()["data"]["groups"] for rule in group["rules"]]


def test_everything_about_a_rule(ask: Callable[..., Any]) -> None:
    shown = ask("rules").json()["data"]["groups"]
    assert [(group["name"], group["file"], group["interval"], group["limit"]) for group in shown] == [
        ("one", "a.json", 60, 0),
        ("two", "a.json", 60, 3),
        ("one", "b.json", 60, 0),
    ]
    total, high = shown[0]["rules"]
    seconds = [total.pop("evaluationTime"), high.pop("evaluationTime"), shown[0]["evaluationTime"]]
    assert all(0 < one < 10 for one in seconds)
    last = "2023-11-14T22:15:20.000000Z"
    assert shown[0]["lastEvaluation"] == last
    assert total == {
        "name": "total",
        "query": "sum by (job) (x)",
        "labels": {"team": "core"},
        "health": "ok",
        "lastEvaluation": last,
        "type": "recording",
    }
    alert = {
        "labels": {"alertname": "High", "job": "a", "severity": "page"},
        "annotations": {"summary": "a is at 9"},
        "state": "firing",
        "activeAt": "2023-11-14T22:13:20.000000Z",
        "keepFiringSince": last,
        "value": "9e+00",
    }
    assert high == {
        "state": "firing",
        "name": "High",
        "query": "x > 5",
        "duration": 60,
        "keepFiringFor": 300,
        "labels": {"severity": "page"},
        "annotations": {"summary": "{{ $labels.job }} is at {{ $value }}"},
        "alerts": [alert],
        "health": "ok",
        "lastEvaluation": last,
        "type": "alerting",
    }
    assert ask("alerts").json() == {"status": "success", "data": {"alerts": [alert]}}
    [bad] = shown[2]["rules"]
    assert (bad["health"], bad["lastError"]) == (
        "err",
        "vector contains metrics with the same labelset after applying rule labels",
    )


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({}, ["total", "High", "Never", "bad"]),
        ({"type": "alert"}, ["High", "Never"]),
        ({"type": "record"}, ["total", "bad"]),
        ({"rule_name[]": ["total", "Never"]}, ["total", "Never"]),
        ({"rule_group[]": "two"}, ["Never"]),
        ({"file[]": "b.json"}, ["bad"]),
        ({"file[]": "c.json"}, []),
        ({"match[]": '{severity="page"}'}, ["High"]),
        ({"match[]": ['{team="core"}', '{job="same"}']}, ["total", "bad"]),
        ({"group_limit": "2"}, ["total", "High", "Never"]),
        ({"group_limit": "2", "group_next_token": "2"}, ["bad"]),
    ],
)
def test_what_is_asked_for_is_shown(ask: Callable[..., Any], params: dict[str, Any], names: list[str]) -> None:
    assert rules(ask("rules", **params)) == names


def test_pages_follow_each_other(ask: Callable[..., Any]) -> None:
    first = ask("rules", group_limit=2).json()["data"]
    second = ask("rules", group_limit=2, group_next_token=first["groupNextToken"]).json()["data"]
    assert "groupNextToken" not in second
    assert first["groups"] + second["groups"] == ask("rules").json()["data"]["groups"]


def test_alerts_may_be_left_out(ask: Callable[..., Any]) -> None:
    shown = ask("rules", exclude_alerts="true", type="alert").json()["data"]["groups"]
    assert [rule["alerts"] for group in shown for rule in group["rules"]] == [None, None]


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"type": "x"}, 'invalid parameter "type": not supported value "x"'),
        ({"exclude_alerts": "perhaps"}, 'invalid parameter "exclude_alerts": strconv.ParseBool: parsing "perhaps"'),
        ({"match[]": "{"}, 'invalid parameter "match[]": parse error'),
        ({"group_limit": "-1"}, 'invalid parameter "group_limit": cannot parse "-1"'),
        ({"group_next_token": "1"}, "group_limit needs to be set"),
    ],
)
def test_parameters_that_cannot_be_right(ask: Callable[..., Any], params: dict[str, Any], says: str) -> None:
    answer = ask("rules", **params)
    assert answer.status_code == 400
    assert answer.json()["errorType"] == "bad_data"
    assert says in answer.json()["error"]


def test_alert_managers_are_listed(ask: Callable[..., Any]) -> None:
    assert ask("alertmanagers").json()["data"] == {
        "activeAlertmanagers": [{"url": "http://am:9093/api/v2/alerts"}],
        "droppedAlertmanagers": [],
    }


def rule_files(folder: Path, **documents: Any) -> list[str]:
    paths = []
    for name, document in documents.items():
        path = folder / f"{name}.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        paths.append(str(path))
    return paths


def settings(files: list[str]) -> dict[str, Any]:
    return {"interval_seconds": 0.2, "files": files, "alertmanagers": []}


def test_a_running_server_evaluates_its_rules(tmp_path: Path, embedded: Callable[..., Embedded]) -> None:
    given = [{"record": "scraped", "expr": "up * 7"}, {"alert": "Down", "expr": "scraped == 0"}]
    files = rule_files(tmp_path, rules={"groups": [{"name": "g", "rules": given}]})
    target = {"job": "gone", "url": "http://127.0.0.1:1/metrics", "labels": {}}
    server = embedded(
        rules=settings(files), scrape={"interval_seconds": 0.2, "timeout_seconds": 1, "targets": [target]}
    )

    def value(query: str) -> Any:
        return server.get("prometheus", f"/api/v1/query?{urlencode({'query': query})}").json["data"]["result"]

    fires = 'ALERTS{alertname="Down", alertstate="firing"}'
    assert eventually(lambda: value(fires))[0]["metric"]["job"] == "gone"
    [alert] = server.get("prometheus", "/api/v1/alerts").json["data"]["alerts"]
    assert alert["state"] == "firing"
    assert value("ALERTS_FOR_STATE")[0]["value"][1] == str(rfc3339_ns(alert["activeAt"]) // 1_000_000_000)
    assert server.own("prometheus_rule_evaluations_total") >= 4
    assert server.own("prometheus_rule_evaluation_failures_total") == 0


@pytest.mark.usefixtures("starts_programs")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not JSON: Expecting property name"),
        (
            {"groups": [{"name": "g", "rules": [{"record": "a", "expr": "sum("}]}]},
            "groups[0].rules[0].expr: parse error",
        ),
    ],
)
def test_a_broken_rule_file_is_named_before_anything_starts(tmp_path: Path, text: Any, says: str) -> None:
    files = rule_files(tmp_path, broken=text)
    status, errors = run(tmp_path, make_config(tmp_path, rules=settings(files)))
    assert status == 2
    assert errors.startswith(files[0])
    assert says in errors
    assert "obsctl up" in errors
    assert "Traceback" not in errors


@pytest.mark.usefixtures("starts_programs")
def test_a_rule_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    status, errors = run(tmp_path, make_config(tmp_path, rules=settings([str(tmp_path / "none.json")])))
    assert status == 2
    assert errors.startswith(f"cannot read the rules {tmp_path}/none.json: ")
