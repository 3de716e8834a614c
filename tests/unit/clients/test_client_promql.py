from __future__ import annotations

import math

import pytest

from obsctl.clients.promql import AlertRule, LoadedRule, PromqlClient, RuleAlert
from obsctl.clients.telemetry import Exemplar, MetricSample
from obsctl.errors import BackendError, IncompleteError, UnsupportedError
from tests.unit.clients.canned import JSON, Answer, serving


def ok(data):
    return Answer({"status": "success", "data": data}, headers=JSON)


def result(kind, values):
    return ok({"resultType": kind, "result": values})


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (result("vector", []), []),
        (
            result("vector", [{"metric": {"__name__": "up"}, "value": [1754000000.25, "1"]}]),
            [MetricSample({"__name__": "up"}, 1754000000.25, 1.0)],
        ),
        (result("vector", [{"metric": {}, "histogram": [1, {"count": "5"}]}]), []),
        (
            result("matrix", [{"metric": {"a": "b"}, "values": [[1, "2"], [2, "+Inf"]]}]),
            [MetricSample({"a": "b"}, 1.0, 2.0), MetricSample({"a": "b"}, 2.0, math.inf)],
        ),
        (result("scalar", [1, "1.5"]), [MetricSample({}, 1.0, 1.5)]),
    ],
)
def test_instant_queries(answer, expected):
    with serving({"/api/v1/query": answer}) as server:
        assert PromqlClient(server.url).instant("up", at=1754000000.25) == expected
    assert server.last.query == {"query": ["up"], "time": ["1754000000.25"]}


def test_nan_is_a_value():
    with serving({"/api/v1/query": result("vector", [{"metric": {}, "value": [1, "NaN"]}])}) as server:
        assert math.isnan(PromqlClient(server.url).instant("x")[0].value)


@pytest.mark.parametrize(
    "answer",
    [
        Answer({"status": "error", "error": "odd"}),
        Answer([]),
        Answer("null"),
        ok(None),
        ok({"resultType": "vector"}),
        result("vector", [{"metric": {}, "value": [1]}]),
        result("vector", [{"metric": {}, "value": ["x", "y"]}]),
        result("vector", 7),
        result("string", [1, "x"]),
        Answer("<html>"),
    ],
)
def test_nonsense_is_a_backend_error(answer):
    with serving({"/api/v1/query": answer}) as server, pytest.raises(BackendError):
        PromqlClient(server.url).instant("up")


def test_an_expression_that_is_not_supported_is_its_own_error():
    answer = Answer({"status": "error", "errorType": "execution", "error": "rate() is not supported yet"}, 422)
    with serving({"/api/v1/query": answer}) as server, pytest.raises(UnsupportedError, match="rate"):
        PromqlClient(server.url).instant("rate(x[1m])")


def test_series_labels_and_metadata():
    routes = {
        "/api/v1/series": ok([{"__name__": "up", "job": "x"}]),
        "/api/v1/label/job/values": ok(["b", "a"]),
        "/api/v1/metadata": ok({"up": [{"type": "gauge", "help": "h", "unit": ""}], "none": []}),
        "/api/v1/status/buildinfo": ok({"version": "3.14.0"}),
    }
    with serving(routes) as server:
        client = PromqlClient(server.url)
        assert client.series(["up", "down"], start=1.5) == [{"__name__": "up", "job": "x"}]
        assert server.last.query == {"match[]": ["up", "down"], "start": ["1.5"]}
        assert client.label_values("job") == ["a", "b"]
        assert client.metadata() == {"up": ("gauge", "h")}
        assert client.buildinfo() == {"version": "3.14.0"}


def test_targets():
    never = {
        "labels": {"job": "api", "instance": "h:1"},
        "scrapeUrl": "http://h:1/metrics",
        "health": "unknown",
        "lastError": "",
        "lastScrape": "0001-01-01T00:00:00Z",
    }
    down = {**never, "health": "down", "lastError": "refused", "lastScrape": "2025-08-01T10:00:00.123456789+02:00"}
    with serving({"/api/v1/targets": ok({"activeTargets": [never, down]})}) as server:
        first, second = PromqlClient(server.url).targets()
    assert (first.job, first.health, first.last_scrape) == ("api", "unknown", 0.0)
    assert second.last_error == "refused"
    assert second.last_scrape == pytest.approx(1754035200.123456, abs=1e-5)
    assert second.labels["instance"] == "h:1"


def test_exemplars_and_their_absence():
    entry = {
        "seriesLabels": {"__name__": "b"},
        "exemplars": [{"labels": {"trace_id": "t"}, "value": "0.05", "timestamp": 1.5}],
    }
    with serving({"/api/v1/query_exemplars": ok([entry])}) as server:
        assert PromqlClient(server.url).exemplars("b", 1, 2) == [
            Exemplar({"__name__": "b"}, {"trace_id": "t"}, 0.05, 1.5)
        ]
    with serving({"/api/v1/query_exemplars": Answer(status=204)}) as server:
        assert PromqlClient(server.url).exemplars("1", 1, 2) == []


GROUP = {
    "name": "g1",
    "file": "rules.yml",
    "rules": [
        {"name": "job:up:sum", "query": "sum by (job) (up)", "health": "ok", "type": "recording"},
        {"state": "firing", "name": "Down", "health": "err", "lastError": "no", "type": "alerting", "alerts": None},
        {"name": "Fresh", "type": "alerting"},
    ],
}


def test_rules_of_every_group_with_their_health():
    with serving({"/api/v1/rules": ok({"groups": [GROUP, {"name": "empty", "rules": []}]})}) as server:
        found = PromqlClient(server.url).rules()
    assert found == [
        LoadedRule("g1", "recording", "job:up:sum", "ok"),
        LoadedRule("g1", "alerting", "Down", "err", "no"),
        LoadedRule("g1", "alerting", "Fresh", "unknown"),
    ]


def test_rules_with_the_alerts_that_they_have():
    alert = {"state": "firing", "activeAt": "2026-01-02T03:04:05.5Z", "labels": {"a": "b"}, "annotations": {"c": "d"}}
    rules = [{"type": "alerting", "name": "Down", "alerts": [alert]}, {"type": "alerting", "name": "Quiet"}]
    with serving({"/api/v1/rules": ok({"groups": [{"name": "g", "rules": rules}]})}) as server:
        found = PromqlClient(server.url).alert_rules()
        assert server.last.query == {"type": ["alert"]}
    down = RuleAlert("firing", 1767323045.5, {"a": "b"}, {"c": "d"})
    assert found == [AlertRule("g", "Down", (down,)), AlertRule("g", "Quiet")]


def test_a_server_without_rules_is_told_from_one_whose_answer_is_odd():
    gone = Answer("404 page not found", status=404)
    with serving({"/api/v1/rules": gone}) as server, pytest.raises(UnsupportedError, match="does not show rules"):
        PromqlClient(server.url).rules()
    for odd in (ok({}), ok({"groups": [{}]}), ok({"groups": [{"name": "a", "rules": [{}]}]}), ok(None)):
        with serving({"/api/v1/rules": odd}) as server, pytest.raises(BackendError, match="shape"):
            PromqlClient(server.url).rules()


def test_values_over_a_time():
    answer = result("matrix", [{"metric": {"a": "b"}, "values": [[1, "2"], [3, "NaN"]]}])
    with serving({"/api/v1/query_range": answer}) as server:
        first, second = PromqlClient(server.url).range("up", 1, 3, 2)
    assert first == MetricSample({"a": "b"}, 1.0, 2.0)
    assert math.isnan(second.value)
    assert server.last.query == {"query": ["up"], "start": ["1.0"], "end": ["3.0"], "step": ["2.0"]}


@pytest.mark.parametrize(
    ("warnings", "incomplete"),
    [
        (
            ["PromQL warning: quantile value should be between 0 and 1, got 2", "PromQL info: might not be a counter"],
            "",
        ),
        (["results truncated due to limit"], "results truncated due to limit"),
        (["PromQL warning: x", "remote read of a: refused", "b"], "remote read of a: refused; b"),
    ],
)
def test_warnings_about_what_is_not_in_the_answer_are_errors(warnings, incomplete):
    answer = {"status": "success", "data": {"resultType": "vector", "result": []}, "warnings": warnings}
    with serving({"/api/v1/query": Answer(answer)}) as server:
        if not incomplete:
            assert PromqlClient(server.url).instant("up") == []
            return
        with pytest.raises(IncompleteError, match=f"could not look at everything: {incomplete}$"):
            PromqlClient(server.url).instant("up")
