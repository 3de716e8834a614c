"""Prometheus' API, asked over HTTP in this process."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from obsctl.embedded.records import STALE, Batch, ExemplarRecord, MetadataRecord, SampleRecord, TargetStatus
from tests.unit.embedded.memory_store import MemoryStore, client, labels

T = 1_754_000_000
API = labels(name="up", job="api", instance="h:1")
WORKER = labels(name="up", job="worker", instance="h:2")
BUCKET = labels(name="lat_seconds_bucket", job="api", le="0.1")


@pytest.fixture
def store():
    memory = MemoryStore()
    memory.submit(
        Batch(
            samples=[
                *(SampleRecord(API, (T + s) * 1000, float(s == 0)) for s in (0, 15, 30)),
                SampleRecord(WORKER, (T + 15) * 1000, 1e21),
                SampleRecord(BUCKET, T * 1000, 3.0),
            ],
            exemplars=[
                ExemplarRecord(BUCKET, labels(trace_id="ab"), T * 1000 + 139, 0.05),
                ExemplarRecord(BUCKET, labels(trace_id="ab"), T * 1000 + 139, 0.05),
                ExemplarRecord(BUCKET, labels(trace_id="cd"), T * 1000 + 500, 0.07),
            ],
            metadata=[MetadataRecord("up", "gauge", "help"), MetadataRecord("lat_seconds", "histogram", "", "seconds")],
        )
    )
    return memory


@pytest.fixture
def api(store):
    return client(store)


def good(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body["status"] == "success"
    return body["data"]


def bad(answer, status, kind):
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    body = answer.json()
    assert (body["status"], body["errorType"], set(body)) == ("error", kind, {"status", "errorType", "error"})
    return body["error"]


def test_an_instant_vector_carries_the_evaluation_time(api):
    answer = api.get("/api/v1/query", params={"query": 'up{job="api"}', "time": f"{T + 20}.25"})
    assert answer.text == (
        '{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","instance":"h:1",'
        f'"job":"api"}},"value":[{T + 20}.250,"0"]}}]}}}}'
    )


def test_a_range_selector_gives_raw_timestamps(api):
    data = good(api.get("/api/v1/query", params={"query": 'up{job="api"}[1m]', "time": T + 31}))
    assert data["resultType"] == "matrix"
    assert data["result"][0]["values"] == [[T, "1"], [T + 15, "0"], [T + 30, "0"]]


def test_literals_have_formats_of_their_own(api):
    scalar = api.get("/api/v1/query", params={"query": "0.0000001", "time": f"{T}.25"})
    assert scalar.text == f'{{"status":"success","data":{{"resultType":"scalar","result":[{T}.25,"0.0000001"]}}}}'
    text = good(api.get("/api/v1/query", params={"query": '"a\\"b"', "time": T}))
    assert text == {"resultType": "string", "result": [T, 'a"b']}


def test_no_series_is_an_empty_list(api):
    assert good(api.get("/api/v1/query", params={"query": "nope"})) == {"resultType": "vector", "result": []}


def test_time_takes_rfc3339_and_defaults_to_now(api):
    data = good(api.get("/api/v1/query", params={"query": "up", "time": "2025-07-31T22:13:35Z"}))
    assert {r["metric"]["job"]: r["value"] for r in data["result"]} == {
        "api": [T + 15, "0"],
        "worker": [T + 15, "1e+21"],
    }
    assert good(api.get("/api/v1/query", params={"query": "up"}))["result"] == []


def test_get_and_form_are_the_same_and_the_body_wins(api):
    options = {"data": {"query": 'up{job="api"}'}, "params": {"query": "nope", "time": str(T)}}
    assert len(good(api.post("/api/v1/query", **options))["result"]) == 1


def test_a_json_body_is_not_read(api):
    assert "parse error" in bad(api.post("/api/v1/query", json={"query": "up"}), 400, "bad_data")


def test_query_range(api):
    params = {"query": 'up{job="worker"}', "start": T, "end": T + 30, "step": 15}
    data = good(api.get("/api/v1/query_range", params=params))
    assert data["resultType"] == "matrix"
    assert data["result"][0]["values"] == [[T + 15, "1e+21"], [T + 30, "1e+21"]]


def test_a_scalar_over_a_range_is_one_series_without_labels(api):
    data = good(api.post("/api/v1/query_range", data={"query": "2", "start": T, "end": T, "step": "1m"}))
    assert data["result"] == [{"metric": {}, "values": [[T, "2"]]}]


def test_the_limit_is_on_intervals(api):
    params = {"query": "up", "start": T, "end": T + 11_000, "step": 1}
    good(api.get("/api/v1/query_range", params=params))
    error = bad(api.get("/api/v1/query_range", params={**params, "end": T + 11_001}), 400, "bad_data")
    assert error == (
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"
    )


RANGE = {"query": "up", "start": str(T), "end": str(T), "step": "1"}


@pytest.mark.parametrize(
    ("path", "params", "error"),
    [
        ("query", {"query": ""}, 'invalid parameter "query": parse error: no expression found in input'),
        ("query", {"query": "up{"}, 'invalid parameter "query": parse error: unexpected end of input inside braces'),
        ("query", {"query": "up", "time": "abc"}, 'invalid parameter "time": cannot parse "abc" to a valid timestamp'),
        ("query", {"query": "up", "time": "NaN"}, 'invalid parameter "time": cannot parse "NaN" to a valid timestamp'),
        ("query", {"query": "up", "limit": "-1"}, 'invalid parameter "limit": limit must be non-negative'),
        ("query", {"query": "up", "timeout": "x"}, 'invalid parameter "timeout": cannot parse "x" to a valid duration'),
        ("query_range", {**RANGE, "start": ""}, 'invalid parameter "start": cannot parse "" to a valid timestamp'),
        ("query_range", {**RANGE, "step": "xx"}, 'invalid parameter "step": cannot parse "xx" to a valid duration'),
        ("query_range", {**RANGE, "end": "1"}, 'invalid parameter "end": end timestamp must not be before start time'),
        (
            "query_range",
            {**RANGE, "step": "0"},
            (
                'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
                "Try a positive integer"
            ),
        ),
        (
            "query_range",
            {**RANGE, "query": "up[1m]"},
            (
                'invalid parameter "query": invalid expression type "range vector" for range query, '
                "must be Scalar or instant Vector"
            ),
        ),
        ("series", {}, "no match[] parameter provided"),
        (
            "series",
            {"match[]": '{a=""}'},
            'invalid parameter "match[]": match[] must contain at least one non-empty matcher',
        ),
        ("labels", {"match[]": "{"}, 'invalid parameter "match[]": parse error: unexpected end of input inside braces'),
        ("labels", {"start": "x"}, 'invalid parameter "start": cannot parse "x" to a valid timestamp'),
        ("labels", {"start": "2", "end": "1"}, 'invalid parameter "end": end timestamp must not be before start time'),
    ],
)
def test_bad_data(api, path, params, error):
    assert bad(api.get(f"/api/v1/{path}", params=params), 400, "bad_data") == error


def test_what_cannot_be_evaluated_is_an_execution_error(api):
    for path, params in (("query", {"time": T + 15}), ("query_range", {"start": T, "end": T + 15, "step": 15})):
        answer = api.get(f"/api/v1/{path}", params={"query": 'up * on () group_left {instance=~"h.*"}', **params})
        assert "found duplicate series for the match group {}" in bad(answer, 422, "execution")


def test_annotations_are_told_with_the_answer(api):
    params = {"query": "quantile(2, rate(up[1m]))", "time": T + 30}
    body = api.get("/api/v1/query", params=params).json()
    assert body["data"]["result"][0]["value"][1] == "+Inf"
    assert body["warnings"] == ["PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)"]
    name = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket"
    assert body["infos"] == [f'PromQL info: {name}: "up" (1:18)']
    cut = api.get("/api/v1/query", params={"query": "quantile by (job) (2, up)", "time": T + 15, "limit": 1}).json()
    assert len(cut["warnings"]) == 2
    assert "infos" not in cut


def test_a_query_may_ask_for_less_time(api):
    answer = api.get("/api/v1/query", params={"query": "up", "timeout": "0.000001"})
    assert bad(answer, 503, "timeout") == "query timed out in expression evaluation"
    good(api.get("/api/v1/query", params={"query": "up", "timeout": "1h"}))


def test_a_limit_cuts_with_a_warning(api):
    for path, params in (("query", {"time": T + 15}), ("query_range", {"start": T, "end": T + 15, "step": 15})):
        body = api.get(f"/api/v1/{path}", params={"query": "up", "limit": 1, **params}).json()
        assert len(body["data"]["result"]) == 1
        assert body["warnings"] == ["results truncated due to limit"]
    body = api.get("/api/v1/query", params={"query": "up[1m]", "limit": 1, "time": T + 15}).json()
    assert (len(body["data"]["result"]), len(body["warnings"])) == (1, 1)
    assert "warnings" not in api.get("/api/v1/query", params={"query": "up", "limit": 0}).json()


def test_series_labels_and_values(api):
    found = good(api.get("/api/v1/series", params={"match[]": ["up", 'lat_seconds_bucket{le="0.1"}']}))
    assert sorted(f"{s['__name__']}/{s['job']}" for s in found) == ["lat_seconds_bucket/api", "up/api", "up/worker"]
    assert good(api.get("/api/v1/labels")) == ["__name__", "instance", "job", "le"]
    assert good(api.post("/api/v1/labels", data={"match[]": "up"})) == ["__name__", "instance", "job"]
    assert good(api.get("/api/v1/label/job/values")) == ["api", "worker"]
    assert good(api.get("/api/v1/label/__name__/values")) == ["lat_seconds_bucket", "up"]
    assert good(api.get("/api/v1/label/job/values", params={"start": T + 40})) == []
    assert good(api.get("/api/v1/label/job/values", params={"end": T + 1, "match[]": "up"})) == ["api"]
    cut = api.get("/api/v1/labels", params={"limit": 2}).json()
    assert (cut["data"], cut["warnings"]) == (["__name__", "instance"], ["results truncated due to limit"])


def test_escaped_label_names(store):
    store.submit(Batch(samples=[SampleRecord(labels(**{"name": "x", "a.b_c": "v"}), 1, 1.0)]))
    assert good(client(store).get("/api/v1/label/U__a_2e_b__c/values")) == ["v"]
    bad(client(store).get("/api/v1/label/U__a_d800_/values"), 400, "bad_data")


def test_metadata(api):
    assert good(api.get("/api/v1/metadata")) == {
        "up": [{"type": "gauge", "help": "help", "unit": ""}],
        "lat_seconds": [{"type": "histogram", "help": "", "unit": "seconds"}],
    }
    assert list(good(api.get("/api/v1/metadata", params={"metric": "up"}))) == ["up"]
    assert list(good(api.get("/api/v1/metadata", params={"limit": 1}))) == ["up"]
    assert good(api.get("/api/v1/metadata", params={"metric": "nope"})) == {}


def test_exemplars_of_all_selectors_of_an_expression(api):
    params = {"query": "histogram_quantile(0.9, sum by (le) (rate(lat_seconds_bucket[5m])))", "start": T, "end": T + 1}
    [series] = good(api.get("/api/v1/query_exemplars", params=params))
    assert series["seriesLabels"] == dict(BUCKET)
    assert series["exemplars"] == [
        {"labels": {"trace_id": "ab"}, "value": "0.05", "timestamp": T + 0.139},
        {"labels": {"trace_id": "cd"}, "value": "0.07", "timestamp": T + 0.5},
    ]
    assert good(api.get("/api/v1/query_exemplars", params={"query": "up"})) == []
    nothing = api.get("/api/v1/query_exemplars", params={"query": "1"})
    assert (nothing.status_code, nothing.content) == (204, b"")


def test_targets(store):
    down = TargetStatus("api", "http://127.0.0.1:9100/metrics", labels(job="api", instance="127.0.0.1:9100", zone="x"))
    up = replace(down, job="worker", health="up", last_scrape=T + 0.5, last_duration=0.01, last_error="boom")
    api = client(store, [down, up])
    data = good(api.get("/api/v1/targets"))
    first, second = data["activeTargets"]
    assert (first["health"], first["lastScrape"]) == ("unknown", "0001-01-01T00:00:00Z")
    assert first["labels"] == {"instance": "127.0.0.1:9100", "job": "api", "zone": "x"}
    assert first["discoveredLabels"] == {
        "__address__": "127.0.0.1:9100",
        "__metrics_path__": "/metrics",
        "__scheme__": "http",
        "__scrape_interval__": "2s",
        "__scrape_timeout__": "2s",
        "job": "api",
    }
    assert (second["health"], second["lastError"], second["scrapePool"]) == ("up", "boom", "worker")
    assert second["lastScrape"] == "2025-07-31T22:13:20.500000Z"
    assert (data["droppedTargets"], data["droppedTargetCounts"]) == ([], {"api": 0, "worker": 0})
    assert good(api.get("/api/v1/targets", params={"state": "active"}))["droppedTargetCounts"] is None
    assert good(api.get("/api/v1/targets", params={"state": "dropped"}))["activeTargets"] == []
    assert len(good(api.get("/api/v1/targets", params={"scrapePool": "api"}))["activeTargets"]) == 1


def test_the_version_is_truthful(api):
    info = good(api.get("/api/v1/status/buildinfo"))
    assert info["version"].endswith("-obsctl")
    assert all(isinstance(value, str) for value in info.values())
    assert good(api.get("/api/v1/status/runtimeinfo"))["reloadConfigSuccess"] is True


def test_wrong_methods_and_large_bodies(api):
    assert api.post("/api/v1/metadata").status_code == 405
    assert "larger" in bad(api.post("/api/v1/query", data={"query": "x" * (1 << 21)}), 413, "bad_data")
    many = {"content": "&".join(["a=b"] * 20_000), "headers": {"content-type": "application/x-www-form-urlencoded"}}
    assert "too many" in bad(api.post("/api/v1/labels", **many), 400, "bad_data")


def test_what_nobody_foresaw_is_an_internal_error_without_details(store, monkeypatch, caplog):
    def broken(*_args):
        raise RuntimeError("secret of the store")

    monkeypatch.setattr(store, "series", broken)
    error = bad(client(store).get("/api/v1/query", params={"query": "up"}), 500, "internal")
    assert "secret" not in error
    assert "secret of the store" in caplog.text


@pytest.mark.parametrize(
    "query", ["up @ -5", "x[9999999y]", 'x{a=~"(a+)+"}', "(" * 5000, "x @ 1e300", "\ud800", "\x00", "x[1y] @ 1e15"]
)
def test_hostile_queries_get_an_envelope(api, query):
    answer = api.post(
        "/api/v1/query",
        content=f"query={query}".encode("utf-8", "surrogatepass").replace(b"+", b"%2B"),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code in (200, 400)
    assert answer.json()["status"] == ("success" if answer.status_code == 200 else "error")


@pytest.fixture
def scraping(store):
    api, worker = (TargetStatus(job, f"http://h:{n}/m", labels(team="x")) for n, job in ((1, "api"), (2, "worker")))
    return client(store, [api, worker])


def test_the_configuration_names_what_is_scraped(scraping):
    config = yaml.safe_load(good(scraping.get("/api/v1/status/config"))["yaml"])
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    assert jobs["api"]["static_configs"] == [{"targets": ["h:1"], "labels": {"team": "x"}}]
    assert (jobs["worker"]["metrics_path"], jobs["worker"]["scheme"]) == ("/m", "http")
    assert yaml.safe_load(scraping.get("/config").text) == config
    assert good(scraping.get("/api/v1/scrape_pools")) == {"scrapePools": ["api", "worker"]}


def test_the_configuration_of_nothing_is_one(api):
    assert yaml.safe_load(good(api.get("/api/v1/status/config"))["yaml"]) == {"scrape_configs": []}


def test_flags_and_replay_are_those_of_a_prometheus_that_runs(api):
    assert good(api.get("/api/v1/status/flags"))["query.lookback-delta"] == "5m"
    assert good(api.get("/api/v1/status/walreplay"))["state"] == "done"


def test_series_are_counted(api):
    counts = good(api.get("/api/v1/status/tsdb", params={"limit": "1"}))
    assert counts["headStats"]["numSeries"] == 3
    assert counts["seriesCountByMetricName"] == [{"name": "up", "value": 2}]
    assert counts["seriesCountByLabelValuePair"] == [{"name": "__name__=up", "value": 2}]
    assert "limit" in bad(api.get("/api/v1/status/tsdb", params={"limit": "0"}), 400, "bad_data")


def test_metadata_is_told_by_target(scraping):
    found = good(scraping.get("/api/v1/targets/metadata", params={"match_target": '{job="worker"}'}))
    target = {"instance": "h:2", "job": "worker"}
    assert found == [{"target": target, "metric": "up", "type": "gauge", "help": "help", "unit": ""}]
    (one,) = good(scraping.get("/api/v1/targets/metadata", params={"metric": "up", "limit": "1"}))
    assert "metric" not in one
    assert bad(scraping.get("/api/v1/targets/metadata", params={"match_target": "{"}), 400, "bad_data")


def test_federation_gives_the_newest_samples(monkeypatch, store):
    store.submit(Batch(samples=[SampleRecord(labels(name="up", job="gone"), (T + 20) * 1000, STALE)]))
    store.submit(Batch(samples=[SampleRecord((("__name__", "a.b"), ("c.d", 'q"')), (T + 1) * 1000, float("nan"))]))
    monkeypatch.setattr("time.time_ns", lambda: (T + 40) * 10**9)
    answer = client(store).get(
        "/federate", params=[("match[]", "up"), ("match[]", '{job="api"}'), ("match[]", '{"a.b"}')]
    )
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert answer.text.splitlines() == [
        '# TYPE "a.b" untyped',
        f'{{"a.b","c.d"="q\\""}} NaN {T + 1}000',
        "# TYPE lat_seconds_bucket untyped",
        f'lat_seconds_bucket{{job="api",le="0.1"}} 3 {T}000',
        "# TYPE up untyped",
        f'up{{instance="h:1",job="api"}} 0 {T + 30}000',
        f'up{{instance="h:2",job="worker"}} 1e+21 {T + 15}000',
    ]


def test_federation_of_nothing_is_an_empty_page_and_of_nonsense_an_error(api):
    assert api.get("/federate").text == ""
    answer = api.get("/federate", params={"match[]": "{"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")


def test_a_query_is_given_as_a_tree(api):
    query = 'sum by (b, a) (rate(up{job="x"}[5m] offset 1m)) / on (a) group_left (c) (+up @ end()) > bool -1'
    tree = good(api.get("/api/v1/parse_query", params={"query": query}))
    assert (tree["type"], tree["op"], tree["bool"], tree["matching"]) == ("binaryExpr", ">", True, None)
    assert tree["rhs"]["type"] in ("unaryExpr", "numberLiteral")
    left = tree["lhs"]
    assert left["matching"] == {"card": "many-to-one", "labels": ["a"], "on": True, "include": ["c"]}
    assert (left["lhs"]["op"], left["lhs"]["grouping"], left["lhs"]["without"]) == ("sum", ["b", "a"], False)
    call = left["lhs"]["expr"]
    assert call["func"] == {"name": "rate", "argTypes": ["matrix"], "variadic": 0, "returnType": "vector"}
    (selector,) = call["args"]
    assert selector == {
        "type": "matrixSelector",
        "name": "up",
        "range": 300_000,
        "offset": 60_000,
        "matchers": [
            {"name": "__name__", "value": "up", "type": "="},
            {"name": "job", "value": "x", "type": "="},
        ],
        "timestamp": None,
        "startOrEnd": None,
    }
    around = left["rhs"]
    assert (around["type"], around["expr"]["op"], around["expr"]["expr"]["startOrEnd"]) == ("parenExpr", "+", "end")
    assert bad(api.get("/api/v1/parse_query", params={"query": "sum("}), 400, "bad_data")
