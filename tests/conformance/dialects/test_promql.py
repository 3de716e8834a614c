"""Prometheus' query API: any server that claims the dialect passes this. Data comes in through a scrape."""

from __future__ import annotations

import re
import time

import pytest

from obsctl.clients.promql import PromqlClient
from obsctl.errors import BackendError
from tests.conformance.dialects.servers import JOB
from tests.conformance.dialects.target import TRACE_ID

ROLES = ("prometheus",)


@pytest.fixture(scope="module")
def ask(servers, http, eventually):
    """``ask(path, **params)`` gives the answer, once the target has been scraped three times."""

    def get(path, **params):
        return http.get(
            f"{servers.prometheus}/api/v1/{path}", params={k.replace("match", "match[]"): v for k, v in params.items()}
        )

    def scraped():
        result = get("query", query=f'demo_depth{{job="{JOB}"}}[5m]').json()["data"]["result"]
        return result and len(result[0]["values"]) >= 3

    eventually(scraped)
    return get


@pytest.fixture(scope="module")
def data(ask):
    """``data(path, **params)`` gives ``data`` of a success."""

    def get(path, **params):
        answer = ask(path, **params)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json()["status"] == "success"
        return answer.json()["data"]

    return get


@pytest.fixture(scope="module")
def vector(data):
    """``vector(query)`` gives the values of an instant vector by route and status."""

    def get(query, **params):
        found = data("query", query=query, **params)
        assert found["resultType"] == "vector"
        return {(r["metric"].get("route"), r["metric"].get("status")): r["value"][1] for r in found["result"]}

    return get


def test_an_instant_vector(data):
    at = round(time.time(), 3)
    found = data("query", query='demo_requests_total{route="/matches"}', time=at)
    [series] = found["result"]
    assert series["metric"].pop("instance").startswith("127.0.0.1:")
    assert series["metric"] == {
        "__name__": "demo_requests_total",
        "job": JOB,
        "route": "/matches",
        "status": "202",
        "zone": "test",
    }
    assert series["value"] == [at, "3"]


def test_small_values_have_an_exponent(vector):
    assert vector("demo_depth") == {(None, None): "1e-07"}


@pytest.mark.parametrize(
    ("matchers", "statuses"),
    [
        ('{route="/cvs"}', {"200", "500"}),
        ('{route!="/cvs"}', {"202"}),
        ('{status=~"2.."}', {"200", "202"}),
        ('{status=~"2"}', set()),
        ('{status!~"2.*"}', {"500"}),
        ('{status=~"(?i)2..|5.."}', {"200", "202", "500"}),
        ('{route="/cvs",status="200"}', {"200"}),
        ('{missing=""}', {"200", "202", "500"}),
    ],
)
def test_matchers(vector, matchers, statuses):
    assert {status for _, status in vector(f"demo_requests_total{matchers}")} == statuses


def test_names_are_labels(vector):
    assert len(vector('{__name__=~"demo_requests_.*", route="/cvs"}')) == 2
    assert vector('{"demo_depth"}') == {(None, None): "1e-07"}


def test_up(vector):
    assert vector(f'up{{job="{JOB}"}}') == {(None, None): "1"}


def test_a_range_selector_is_open_on_the_left_and_gives_raw_times(data):
    [series] = data("query", query="demo_depth[5m]")["result"]
    (first, _), (second, _) = series["values"][:2]
    width = round((second - first) * 1000)
    [inside] = data("query", query=f"demo_depth[{width}ms]", time=second)["result"]
    assert inside["values"] == [[second, "1e-07"]]


def test_offset_and_at(data, vector):
    [series] = data("query", query="demo_depth[5m]")["result"]
    first = series["values"][0][0]
    assert vector(f"demo_depth @ {first}") == {(None, None): "1e-07"}
    assert vector(f"demo_depth @ {first - 0.001:.3f}") == {}
    assert vector("demo_depth offset 1h") == {}


def test_literals(data):
    assert data("query", query="1.5", time=10) == {"resultType": "scalar", "result": [10, "1.5"]}
    assert data("query", query='"x"', time=10) == {"resultType": "string", "result": [10, "x"]}


def test_a_range_query(data):
    [first, *_] = data("query", query="demo_depth[5m]")["result"][0]["values"]
    start = int(first[0])
    found = data("query_range", query="demo_depth", start=start - 2, end=start + 1, step=1)
    assert found["resultType"] == "matrix"
    assert found["result"][0]["values"] == [[start + 1, "1e-07"]]
    [scalar] = data("query_range", query="2", start=0, end=60, step="30s")["result"]
    assert scalar == {"metric": {}, "values": [[0, "2"], [30, "2"], [60, "2"]]}


def test_forms_are_accepted(servers, http, data):
    assert data("query", query="demo_depth")["result"]
    for path, form in (("query", {"query": "demo_depth"}), ("series", {"match[]": "demo_depth"})):
        answer = http.post(f"{servers.prometheus}/api/v1/{path}", data=form)
        assert (answer.status_code, answer.json()["status"]) == (200, "success")


def test_series_labels_and_values(data):
    names = {s["__name__"] for s in data("series", match=["demo_depth", "demo_seconds_count"])}
    assert names == {"demo_depth", "demo_seconds_count"}
    found = data("labels", match="demo_requests_total")
    assert found == ["__name__", "instance", "job", "route", "status", "zone"]
    assert data("label/status/values") == ["200", "202", "500"]
    assert data("label/le/values", match="demo_seconds_bucket") == ["+Inf", "0.1", "1.0"]
    assert data("label/nope/values") == []


def test_metadata(data):
    found = data("metadata")
    assert found["demo_requests"] == [{"type": "counter", "help": "Requests seen.", "unit": ""}]
    assert found["demo_seconds"][0]["type"] == "histogram"
    assert found["demo_depth"][0]["type"] == "gauge"
    assert data("metadata", metric="nope") == {}


def test_targets(data):
    [found] = data("targets", state="active")["activeTargets"]
    assert (found["health"], found["scrapePool"], found["labels"]["job"], found["lastError"]) == ("up", JOB, JOB, "")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", found["lastScrape"])


def test_exemplars(data, eventually):
    now = time.time()
    expression = "histogram_quantile(0.9, rate(demo_seconds_bucket[1m]))"
    [series] = eventually(lambda: data("query_exemplars", query=expression, start=now - 600, end=now + 600))
    assert (series["seriesLabels"]["__name__"], series["seriesLabels"]["le"]) == ("demo_seconds_bucket", "1.0")
    assert series["exemplars"][0]["labels"] == {"trace_id": TRACE_ID}
    assert series["exemplars"][0]["value"] == "0.25"


def test_a_series_that_goes_away_is_stale_at_once(target, vector, data, eventually):
    line = "# TYPE demo_passing gauge\ndemo_passing 1\n"
    target.extra.append(line)
    eventually(lambda: vector("demo_passing"))
    target.extra.remove(line)
    eventually(lambda: not vector("demo_passing"))
    [series] = data("query", query="demo_passing[5m]")["result"]
    assert {value for _, value in series["values"]} == {"1"}


@pytest.mark.parametrize(
    ("path", "params", "status", "kind", "part"),
    [
        ("query", {"query": "up{"}, 400, "bad_data", 'invalid parameter "query"'),
        ("query", {"query": ""}, 400, "bad_data", "no expression found"),
        ("query", {"query": 'up{a=~"("}'}, 400, "bad_data", 'invalid parameter "query"'),
        ("query", {"query": "up", "time": "x"}, 400, "bad_data", 'cannot parse "x" to a valid timestamp'),
        ("query_range", {"query": "up", "start": 2, "end": 1, "step": 1}, 400, "bad_data", "must not be before"),
        ("query_range", {"query": "up", "start": 0, "end": 1, "step": 0}, 400, "bad_data", "zero or negative"),
        ("query_range", {"query": "up", "start": 0, "end": 11_001, "step": 1}, 400, "bad_data", "11,000 points"),
        ("query_range", {"query": "up[1m]", "start": 0, "end": 1, "step": 1}, 400, "bad_data", "range vector"),
        ("series", {}, 400, "bad_data", "no match[] parameter provided"),
        ("series", {"match": '{a=""}'}, 400, "bad_data", "at least one non-empty matcher"),
    ],
)
def test_errors(ask, path, params, status, kind, part):
    answer = ask(path, **params)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    body = answer.json()
    assert (body["status"], body["errorType"]) == ("error", kind)
    assert part in body["error"]


def test_the_version_is_a_string(data):
    assert isinstance(data("status/buildinfo")["version"], str)


def test_the_client_reads_all_of_it(servers, ask):
    client = PromqlClient(servers.prometheus)
    assert ask("query", query="up").status_code == 200
    assert [(s.labels["route"], s.value) for s in client.instant('demo_requests_total{status="500"}')] == [("/cvs", 1)]
    assert [s.value for s in client.instant("1.5")] == [1.5]
    assert len(client.instant("demo_depth[5m]")) >= 3
    assert {s["__name__"] for s in client.series(["demo_depth"])} == {"demo_depth"}
    assert client.metadata()["demo_requests"] == ("counter", "Requests seen.")
    assert client.label_values("status", ["demo_requests_total"]) == ["200", "202", "500"]
    [found] = client.targets()
    assert (found.job, found.health, found.last_error) == (JOB, "up", "")
    assert abs(found.last_scrape - time.time()) < 60
    assert client.buildinfo()["version"]
    with pytest.raises(BackendError, match="invalid parameter"):
        client.instant("up{")


def test_the_client_reads_exemplars(servers, eventually):
    client, now = PromqlClient(servers.prometheus), time.time()
    [found] = eventually(lambda: client.exemplars("demo_seconds_bucket", now - 600, now + 600))
    assert (found.series["le"], found.labels, found.value) == ("1.0", {"trace_id": TRACE_ID}, 0.25)
