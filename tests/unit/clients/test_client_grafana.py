from __future__ import annotations

import json

import pytest

from obsctl.clients.grafana import GrafanaClient
from obsctl.clients.logql import LogqlClient
from obsctl.errors import BackendError
from tests.unit.clients.canned import JSON, Answer, serving

ENTRY = {"id": 12, "uid": "obsctl-http", "title": "HTTP", "type": "dash-db", "tags": [], "url": "/d/obsctl-http"}


def test_dashboards_by_uid():
    with serving({"/api/search": Answer([ENTRY], headers=JSON)}) as server:
        assert GrafanaClient(server.url).dashboards() == {"obsctl-http": "HTTP"}
    assert server.last.query == {"type": ["dash-db"], "limit": ["5000"]}


def test_a_dashboard_as_it_is():
    body = {"dashboard": {"uid": "a b", "panels": []}, "meta": {"provisioned": True}}
    with serving({"/api/dashboards/uid/a%20b": Answer(body, headers=JSON)}) as server:
        assert json.loads(GrafanaClient(server.url).dashboard("a b")) == body


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (Answer({"message": "Successfully queried the Prometheus API.", "status": "OK"}, headers=JSON), ""),
        (Answer({"message": "connection refused", "status": "ERROR"}, 400, JSON), "400: connection refused"),
        (Answer({"message": "Not found"}, 404, JSON), ""),
        (Answer({"message": "Data source not found"}, 404, JSON), "404: Data source not found"),
        (Answer({"message": "Unauthorized"}, 401, JSON), "401: Unauthorized"),
    ],
)
def test_what_is_wrong_with_a_data_source(answer: Answer, trouble: str):
    with serving({"/api/datasources/uid/metrics/health": answer}) as server:
        assert GrafanaClient(server.url).source_trouble("metrics") == trouble


@pytest.mark.parametrize(
    "answer", [Answer({"message": "Unauthorized"}, 401, JSON), Answer("<html>"), Answer([{}]), Answer(7)]
)
def test_odd_answers_are_errors_that_name_the_page(answer: Answer):
    with serving({"/api/search": answer}) as server, pytest.raises(BackendError, match="Grafana"):
        GrafanaClient(server.url).dashboards()


def streams(*counts: int):
    return {"resultType": "streams", "result": [{"stream": {}, "values": [["1", "x"]] * n} for n in counts]}


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (streams(2, 1), 3),
        (streams(), 0),
        ({"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "2"], [2, "3"]]}]}, 1),
    ],
)
def test_how_much_a_log_query_finds_whatever_its_kind(data, found: int):
    answer = Answer({"status": "success", "data": data}, headers=JSON)
    with serving({"/loki/api/v1/query_range": answer}) as server:
        assert LogqlClient(server.url).found("{a=`b`}", 1, 2) == found
