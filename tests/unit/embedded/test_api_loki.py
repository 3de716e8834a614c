"""Loki's API, asked over HTTP in this process."""

from __future__ import annotations

import time

import pytest
import yaml
from starlette.applications import Starlette

from obsctl.embedded.loki import api as loki
from obsctl.embedded.records import Batch, LogRecord
from tests.unit.embedded.memory_store import Api, MemoryStore, client, labels

T = 1_754_000_000_000_000_000
API = labels(service_name="api", level="info")
WORKER = labels(service_name="worker")
AB = labels(trace_id="ab")
WHOLE = {"start": str(T), "end": str(T + 1_000)}


@pytest.fixture
def store():
    memory = MemoryStore()
    memory.submit(
        Batch(
            logs=[
                LogRecord(API, T, "first"),
                LogRecord(API, T + 1, "second <b>", AB),
                LogRecord(WORKER, T + 2, "third", AB),
            ]
        )
    )
    return memory


@pytest.fixture
def api(store):
    return client(store)


def good(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    assert answer.text.endswith("\n")
    return answer.json()


def bad(answer, status=400):
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/plain; charset=utf-8")
    return answer.text


def query(api, text, **params):
    return good(api.get("/loki/api/v1/query_range", params={"query": text, **WHOLE, **params}))["data"]


def test_metadata_is_merged_into_streams(api):
    data = query(api, '{service_name=~".+"}')
    assert data == {
        "resultType": "streams",
        "result": [
            {"stream": {"service_name": "worker", "trace_id": "ab"}, "values": [[str(T + 2), "third"]]},
            {
                "stream": {"level": "info", "service_name": "api", "trace_id": "ab"},
                "values": [[str(T + 1), "second <b>"]],
            },
            {"stream": {"level": "info", "service_name": "api"}, "values": [[str(T), "first"]]},
        ],
        "stats": data["stats"],
    }


def test_categorized_labels_keep_metadata_apart(api):
    answer = api.get(
        "/loki/api/v1/query_range",
        params={"query": '{service_name="api"}', "direction": "forward", **WHOLE},
        headers={"X-Loki-Response-Encoding-Flags": "categorize-labels"},
    )
    data = good(answer)["data"]
    assert data["encodingFlags"] == ["categorize-labels"]
    assert data["result"] == [
        {
            "stream": {"level": "info", "service_name": "api"},
            "values": [
                [str(T), "first", {}],
                [str(T + 1), "second <b>", {"structuredMetadata": {"trace_id": "ab"}}],
            ],
        }
    ]


def test_a_trace_id_is_found_without_a_parser(api):
    data = query(api, '{service_name=~".+"} | trace_id="ab"', direction="forward")
    assert [stream["stream"]["service_name"] for stream in data["result"]] == ["api", "worker"]


def test_nothing_found_is_an_empty_list(api):
    assert query(api, '{service_name="nope"}')["result"] == []


def test_limit_and_direction(api):
    for direction, line in (("forward", "first"), ("backward", "third"), ("FORWARD", "first")):
        [stream] = query(api, '{service_name=~".+"}', limit=1, direction=direction)["result"]
        assert stream["values"][0][1] == line
    assert len(query(api, '{service_name=~".+"}', interval="10s")["result"]) == 1


def test_start_is_included_and_end_is_not(api):
    assert len(query(api, '{service_name=~".+"}', start=T + 1, end=T + 2)["result"]) == 1


def test_the_last_hour_is_the_default(store):
    now = time.time_ns()
    store.submit(
        Batch(logs=[LogRecord(WORKER, now - 30 * 60 * 10**9, "recent"), LogRecord(API, now - 2 * 3600 * 10**9, "old")])
    )
    api = client(store)
    answer = api.post("/loki/api/v1/query_range", data={"query": '{service_name=~".+"}'})
    assert [s["values"][0][1] for s in good(answer)["data"]["result"]] == ["recent"]
    answer = api.post("/loki/api/v1/query_range", data={"query": '{service_name=~".+"}', "since": "3h"})
    assert len(good(answer)["data"]["result"]) == 2
    assert good(api.get("/loki/api/v1/label/service_name/values"))["data"] == ["worker"]


def test_labels_values_and_series(api):
    assert good(api.get("/loki/api/v1/labels", params=WHOLE))["data"] == ["level", "service_name"]
    assert good(api.post("/loki/api/v1/label", data=WHOLE))["data"] == ["level", "service_name"]
    values = api.get("/loki/api/v1/label/service_name/values", params={**WHOLE, "query": '{level="info"}'})
    assert good(values)["data"] == ["api"]
    one = api.get("/loki/api/v1/series", params={**WHOLE, "match[]": '{service_name="worker"}'})
    assert good(one) == {"status": "success", "data": [{"service_name": "worker"}]}
    both = api.get("/loki/api/v1/series", params={**WHOLE, "match": ['{level="info"}', '{service_name="worker"}']})
    assert good(both)["data"] == [dict(API), dict(WORKER)]
    assert good(api.get("/loki/api/v1/series", params=WHOLE))["data"] == [dict(API), dict(WORKER)]


@pytest.mark.parametrize("path", ["labels", "label/nope/values", "series"])
def test_data_is_missing_when_there_is_nothing(path):
    assert good(client(MemoryStore()).get(f"/loki/api/v1/{path}")) == {"status": "success"}


def test_stats_have_no_envelope(api):
    answer = api.get("/loki/api/v1/index/stats", params={"query": '{service_name="api"}', **WHOLE})
    assert good(answer) == {"streams": 1, "chunks": 1, "bytes": 15, "entries": 2}


def test_the_version_is_truthful(api):
    assert good(api.get("/loki/api/v1/status/buildinfo"))["version"].endswith("-obsctl")


OK = '{a="b"}'


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"query": "{a=b}"}, "parse error at line 1, col 4: syntax error: unexpected IDENTIFIER, expecting STRING"),
        ({"query": ""}, "parse error at line 1, col 1: syntax error: unexpected $end, expecting {"),
        ({"query": OK, "limit": "0"}, "limit must be a positive value"),
        ({"query": OK, "limit": "x"}, 'invalid limit: cannot parse "x" as a number'),
        (
            {"query": OK, "limit": "6000"},
            "max entries limit per query exceeded, limit > max_entries_limit (6000 > 5000)",
        ),
        ({"query": OK, "start": "5", "end": "5"}, "end timestamp must not be before or equal to start time"),
        ({"query": OK, "start": "x"}, 'invalid parameter "start": cannot parse "x"'),
        ({"query": OK, "since": "x"}, 'invalid parameter "since": cannot parse "x"'),
        ({"query": OK, "direction": "up"}, 'invalid direction "up": expected backward or forward'),
        ({"query": OK, "interval": "-1"}, "interval must be >= 0"),
        (
            {"query": OK, "step": "0"},
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ),
        (
            {"query": OK, "start": "0", "end": "20000", "step": "1"},
            (
                "exceeded maximum resolution of 11,000 points per time series. "
                "Try increasing the value of the step parameter"
            ),
        ),
    ],
)
def test_bad_requests_are_plain_text(api, params, error):
    assert bad(api.get("/loki/api/v1/query_range", params=params)) == error


def test_a_selector_that_takes_everything_is_refused(api):
    for text in ("{}", '{a=~".*"}'):
        assert bad(api.get("/loki/api/v1/query_range", params={"query": text})).startswith(
            "parse error : queries require at least one"
        )


def test_log_queries_are_no_instant_queries(api):
    error = bad(api.get("/loki/api/v1/query", params={"query": OK}))
    assert error.startswith("log queries are not supported as an instant query type")
    assert bad(api.get("/loki/api/v1/query", params={"query": "{"})).startswith("parse error")


@pytest.mark.parametrize("pattern", ["(", "a" * 1_001, "(?=x)"])
@pytest.mark.parametrize("place", ['{{a=~"{0}"}}', '{{a="b"}} |~ "{0}"', '{{a="b"}} | c=~"{0}"'])
def test_bad_patterns_are_refused_wherever_they_stand(api, place, pattern):
    assert "regular expression" in bad(
        api.get("/loki/api/v1/query_range", params={"query": place.format(pattern)})
    ).replace("regexp", "regular expression")


def test_what_nobody_foresaw_is_an_internal_error_without_details(store, monkeypatch, caplog):
    def broken(*_args, **_options):
        raise RuntimeError("secret of the store")

    monkeypatch.setattr(store, "lines", broken)
    error = bad(client(store).get("/loki/api/v1/query_range", params={"query": OK}), 500)
    assert "secret" not in error
    assert "secret of the store" in caplog.text


def test_every_step_is_a_multiple_of_the_step(api):
    range_ = {"query": "vector(1)", "start": "1754000007", "end": "1754000021", "step": "10"}
    (series,) = good(api.get("/loki/api/v1/query_range", params=range_))["data"]["result"]
    assert [moment for moment, _ in series["values"]] == [1_754_000_000, 1_754_000_010, 1_754_000_020, 1_754_000_030]


def test_a_range_between_two_multiples_of_the_step_is_taken_as_it_is(api):
    range_ = {"query": "vector(1)", "start": "1754000000", "end": "1754000000.000000001", "step": "10"}
    (series,) = good(api.get("/loki/api/v1/query_range", params=range_))["data"]["result"]
    assert series["values"][0] == [1_754_000_000, "1"]


def test_a_query_is_formatted_or_called_invalid(api):
    answer = api.get("/loki/api/v1/format_query", params={"query": '{a="b"}|json|x="y"'})
    assert good(answer) == {"status": "success", "data": '{a="b"} | json | x="y"'}
    answer = api.post("/loki/api/v1/format_query", data={"query": "{"})
    assert answer.status_code == 400
    assert answer.json()["status"] == "invalid-query"
    assert answer.json()["error"].startswith("parse error at line 1, col 2")


def test_the_limits_that_drilldown_asks_for_are_those_that_hold(store):
    api = Api(Starlette(routes=loki.routes(store)))  # Prometheus has a /config of its own
    limits = good(api.get("/loki/api/v1/drilldown-limits"))
    assert limits["pattern_ingester_enabled"] is False
    most = limits["limits"]["max_entries_limit_per_query"]
    assert bad(api.get("/loki/api/v1/query_range", params={"query": OK, "limit": str(most + 1)})).startswith("max ent")
    config = yaml.safe_load(api.get("/config").text)
    assert config["limits_config"] == limits["limits"]


def looked_at(*lines: str, **stream: str) -> Api:
    """The API over one stream of these lines, the newest last."""
    memory = MemoryStore()
    memory.submit(Batch(logs=[LogRecord(labels(**(stream or {"app": "a"})), T + n, x) for n, x in enumerate(lines)]))
    return client(memory)


def fields(api, **params):
    selector = {"query": '{app="a"}', **WHOLE, **params}
    return good(api.get("/loki/api/v1/detected_fields", params=selector))


def test_fields_are_detected_with_their_type_parser_and_path():
    api = looked_at('{"n":"1","user":{"id":7},"app":"x","took":"5ms","ok":"T","size":"2KB"}', "n=x free text")
    found = {one.pop("label"): one for one in fields(api)["fields"]}
    assert found == {
        # the type is that of the value seen last, which is the oldest line
        "n": {"type": "int", "cardinality": 2, "parsers": ["logfmt", "json"], "jsonPath": ["n"]},
        "user_id": {"type": "int", "cardinality": 1, "parsers": ["json"], "jsonPath": ["user", "id"]},
        "app_extracted": {"type": "string", "cardinality": 1, "parsers": ["json"], "jsonPath": ["app"]},
        "took": {"type": "duration", "cardinality": 1, "parsers": ["json"], "jsonPath": ["took"]},
        "ok": {"type": "boolean", "cardinality": 1, "parsers": ["json"], "jsonPath": ["ok"]},
        "size": {"type": "bytes", "cardinality": 1, "parsers": ["json"], "jsonPath": ["size"]},
    }
    metadata = MemoryStore()
    metadata.submit(Batch(logs=[LogRecord(labels(app="a"), T, "plain", labels(trace_id="ab"))]))
    [one] = fields(client(metadata))["fields"]
    assert one == {"label": "trace_id", "type": "string", "cardinality": 1, "parsers": None}


def test_limits_of_detected_fields_are_those_of_loki():
    api = looked_at(*(f"a{n}=1 b=2" for n in range(120)))
    assert len(fields(api)["fields"]) == 101  # of the newest 100 lines
    assert fields(api)["limit"] == 1000
    assert len(fields(api, line_limit=7)["fields"]) == 8
    assert [len(fields(api, **{name: 2})["fields"]) for name in ("limit", "field_limit")] == [2, 2]
    assert fields(api, query='{app="nobody"}') == {}
    for wrong in ("0", "-1", "x", "5001"):
        assert "limit" in bad(
            api.get("/loki/api/v1/detected_fields", params={"query": '{app="a"}', "line_limit": wrong})
        )


def test_values_of_a_field_are_as_a_query_may_say_them():
    api = looked_at("size=1500KB", "size=7b", "size=12", "size=much")
    asked = {"query": '{app="a"}', **WHOLE}
    found = good(api.get("/loki/api/v1/detected_field/size/values", params=asked))
    assert found == {"limit": 1000, "values": ["1.5MB", "12", "7B", "much"]}
    assert good(api.get("/loki/api/v1/detected_field/none/values", params=asked)) == {}


def test_labels_of_nothing_but_ids_are_not_detected():
    memory = MemoryStore()
    streams = [
        {
            "app": "a",
            "pod": "1",
            "flag": "0",
            "number": "17",
            "id": "d9b2d63d-a233-4123-847a-76d2ac9f3e14",
            "mixed": "1",
        },
        {"app": "b", "pod": "2", "flag": "1", "number": "1e3", "mixed": "x"},
    ]
    memory.submit(Batch(logs=[LogRecord(labels(**stream), T, "x") for stream in streams]))
    found = good(client(memory).get("/loki/api/v1/detected_labels", params=WHOLE))
    assert found == {"detectedLabels": [{"label": x, "cardinality": 2} for x in ("app", "flag", "mixed", "pod")]}
    assert good(client(MemoryStore()).get("/loki/api/v1/detected_labels", params=WHOLE)) == {}
