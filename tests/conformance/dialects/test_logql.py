"""Loki's query API: any server that claims the dialect passes this. Data comes in through a push."""

from __future__ import annotations

import time

import pytest

ROLES = ("loki",)
STREAMS = 3


@pytest.fixture(scope="module")
def start():
    """The time (ns) of the first line: a little while ago, since servers refuse old lines."""
    return time.time_ns() - 60 * 10**9


@pytest.fixture(scope="module")
def query(servers, http, start, eventually):
    """``query(text, **params)`` asks for lines, once all that was pushed is there."""
    streams = [
        {
            "stream": {"service_name": "api", "level": "info"},
            "values": [
                [str(start), "first line"],
                [str(start + 1), 'second {"x": 1}', {"trace_id": "ab", "request_id": "r1"}],
            ],
        },
        {"stream": {"service_name": "api", "level": "error"}, "values": [[str(start + 2), "Third <line>"]]},
        {
            "stream": {"service_name": "worker", "level": "info"},
            "values": [[str(start + 3), "fourth line", {"trace_id": "ab"}]],
        },
    ]
    assert len(streams) == STREAMS
    pushed = http.post(f"{servers.loki}/loki/api/v1/push", json={"streams": streams})
    assert (pushed.status_code, pushed.content) == (204, b"")

    def ask(text, **params):
        window = {"start": str(start), "end": str(start + 1_000)}
        headers = params.pop("headers", None)
        url = f"{servers.loki}/loki/api/v1/query_range"
        return http.get(url, params={"query": text, **window, **params}, headers=headers)

    eventually(lambda: len(lines(ask('{service_name=~".+"}'))) == 4)
    return ask


def lines(answer):
    """Lines of an answer in time order."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].lower() == "application/json; charset=utf-8"
    data = answer.json()["data"]
    assert data["resultType"] == "streams"
    return [line for _, line in sorted((v[0], v[1]) for s in data["result"] for v in s["values"])]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{service_name="api"}', ["first", "second", "Third"]),
        ('{service_name="api", level!="info"}', ["Third"]),
        ('{service_name=~"a.*|work.*", level!~"err.*"}', ["first", "second", "fourth"]),
        ('{service_name=~"a"}', []),
        ('{service_name=~".+"} |= "line"', ["first", "Third", "fourth"]),
        ('{service_name=~".+"} |= `{"x"`', ["second"]),
        ('{service_name=~".+"} != "line"', ["second"]),
        ('{service_name=~".+"} |~ "^f.*line$"', ["first", "fourth"]),
        ('{service_name=~".+"} |~ "(?i)third"', ["Third"]),
        ('{service_name=~".+"} !~ "^[fs]"', ["Third"]),
        ('{service_name=~".+"} |= "first" or "fourth"', ["first", "fourth"]),
        ('{service_name=~".+"} | trace_id="ab"', ["second", "fourth"]),
        ('{service_name=~".+"} | trace_id="ab" | request_id="r1"', ["second"]),
        ('{service_name=~".+"} | trace_id=""', ["first", "Third"]),
        ('{service_name=~".+"} | level="error" or trace_id=~"a."', ["second", "Third", "fourth"]),
        ('{service_name=~".+"} |= "line" | level="info" and trace_id!="ab"', ["first"]),
    ],
)
def test_selecting_lines(query, text, found):
    assert [line.split()[0] for line in lines(query(text))] == found


def test_lines_come_back_as_they_were(query):
    assert lines(query('{service_name="api"}')) == ["first line", 'second {"x": 1}', "Third <line>"]


def test_metadata_is_merged_into_the_stream(query, start):
    [stream] = query('{service_name="worker"}').json()["data"]["result"]
    expected = {"service_name": "worker", "level": "info", "trace_id": "ab"}
    assert {name: stream["stream"].get(name) for name in expected} == expected
    assert stream["values"] == [[str(start + 3), "fourth line"]]


def test_metadata_is_kept_apart_on_request(query):
    answer = query('{service_name="worker"}', headers={"X-Loki-Response-Encoding-Flags": "categorize-labels"})
    data = answer.json()["data"]
    assert data["encodingFlags"] == ["categorize-labels"]
    [stream] = data["result"]
    assert "trace_id" not in stream["stream"]
    assert stream["values"][0][2]["structuredMetadata"]["trace_id"] == "ab"


def test_limit_and_direction(query):
    for direction, line in (("forward", "first line"), ("backward", "fourth line")):
        assert lines(query('{service_name=~".+"}', limit=1, direction=direction)) == [line]
    newest_first = query('{service_name="api", level="info"}', direction="backward").json()["data"]["result"]
    assert sum(len(stream["values"]) for stream in newest_first) == 2


def test_start_is_included_and_end_is_not(query, start):
    assert len(lines(query('{service_name=~".+"}', start=str(start + 1), end=str(start + 3)))) == 2


def test_labels_values_and_series(servers, http, query, start):
    assert query('{service_name=~".+"}').status_code == 200
    base, window = f"{servers.loki}/loki/api/v1", {"start": str(start), "end": str(start + 1_000)}
    assert {"level", "service_name"} <= set(http.get(f"{base}/labels", params=window).json()["data"])
    values = http.get(f"{base}/label/service_name/values", params=window).json()["data"]
    assert values == ["api", "worker"]
    assert "data" not in http.get(f"{base}/label/nope/values", params=window).json()
    series = http.get(f"{base}/series", params={"match[]": '{service_name="api"}', **window}).json()["data"]
    assert sorted(s["level"] for s in series) == ["error", "info"]


@pytest.mark.parametrize(
    ("params", "part"),
    [
        ({"text": "{a=b}"}, "parse error at line 1, col 4: syntax error: unexpected IDENTIFIER, expecting STRING"),
        ({"text": '{a=~".*"}'}, "queries require at least one regexp or equality matcher"),
        ({"text": '{a="b"}', "limit": 6_000}, "max entries limit per query exceeded, limit > max_entries_limit"),
        ({"text": '{a="b"}', "limit": 0}, "limit must be a positive value"),
        ({"text": '{a="b"}', "start": "5", "end": "5"}, "end timestamp must not be before or equal to start time"),
    ],
)
def test_errors_are_plain_text(query, params, part):
    answer = query(params.pop("text"), **params)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert part in answer.text


def test_lines_are_no_instant_query(servers, http):
    answer = http.get(f"{servers.loki}/loki/api/v1/query", params={"query": '{a="b"}'})
    assert answer.status_code == 400
    assert answer.text.startswith("log queries are not supported as an instant query type")


def test_the_version_is_a_string(servers, http):
    assert isinstance(http.get(f"{servers.loki}/loki/api/v1/status/buildinfo").json()["version"], str)
