from __future__ import annotations

import pytest

from obsctl.clients.logql import LogqlClient, by_id_query, string_literal
from obsctl.clients.telemetry import LogLine
from obsctl.errors import BackendError, IncompleteError, UnsupportedError
from tests.unit.clients.canned import TEXT, Answer, serving

RANGE = "/loki/api/v1/query_range"


def streams(*found):
    result = [{"stream": labels, "values": values} for labels, values in found]
    return Answer({"status": "success", "data": {"resultType": "streams", "result": result, "stats": {}}})


def test_metadata_is_told_apart_and_lines_are_in_time_order():
    answer = streams(
        ({"service_name": "b"}, [["3", "third", {}]]),
        ({"service_name": "a"}, [["2", "second", {"structuredMetadata": {"trace_id": "t"}}], ["1", "first"]]),
    )
    with serving({RANGE: answer}) as server:
        client = LogqlClient(server.url)
        lines = client.lines('{a="b"}', 10, 20, limit=7)
        back = client.lines('{a="b"}', 10, 10, direction="backward")
    assert [line.line for line in lines] == ["first", "second", "third"]
    assert [line.line for line in back] == ["third", "second", "first"]
    assert lines[1] == LogLine(2, "second", {"service_name": "a"}, {"trace_id": "t"})
    assert lines[1].get("trace_id") == "t"
    asked = server.asked[0]
    assert asked.query == {
        "query": ['{a="b"}'], "start": ["10"], "end": ["20"], "limit": ["7"], "direction": ["forward"],
    }  # fmt: skip
    assert asked.headers["X-Loki-Response-Encoding-Flags"] == "categorize-labels"
    assert server.asked[1].query["end"] == ["11"]


def test_merged_metadata_is_still_found():
    with serving({RANGE: streams(({"service_name": "a", "trace_id": "t"}, [["1", "x"]]))}) as server:
        (line,) = LogqlClient(server.url).lines("{}", 0, 1)
    assert line.get("trace_id") == "t"
    assert line.get("span_id") == ""


def test_names_may_come_without_data():
    empty = Answer({"status": "success"})
    with serving({"/loki/api/v1/labels": empty, "/loki/api/v1/label/a/values": empty}) as server:
        client = LogqlClient(server.url)
        assert client.labels() == []
        assert client.label_values("a", 1, 2) == []
    assert server.last.query == {"start": ["1"], "end": ["2"]}


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("abc", '"abc"'),
        ('a"} | x="', '"a\\"} | x=\\""'),
        ("back\\slash", '"back\\\\slash"'),
        ("new\nline", '"new\\nline"'),
    ],
)
def test_ids_cannot_leave_their_quotes(value, literal):
    assert string_literal(value) == literal
    assert by_id_query("trace_id", value) == f'{{service_name=~".+"}} | trace_id={literal}'


def test_a_stack_without_service_names_is_searched_by_text():
    def answer(asked):
        return streams(({"job": "x"}, [["1", "id"]])) if "job" in asked.query["query"][0] else streams()

    labels = Answer({"status": "success", "data": ["job"]})
    with serving({RANGE: answer, "/loki/api/v1/labels": labels}) as server:
        (line,) = LogqlClient(server.url).by_id("trace_id", "id", 0, 10)
    assert line.line == "id"
    assert server.last.query["query"] == ['{job=~".+"} |= "id"']


def test_an_id_that_is_nowhere_costs_one_more_look():
    labels = Answer({"status": "success", "data": ["job", "service_name"]})
    with serving({RANGE: streams(), "/loki/api/v1/labels": labels}) as server:
        assert LogqlClient(server.url).by_id("trace_id", "id", 0, 10) == []
    assert len(server.asked) == 2


def test_plain_text_errors_keep_their_words():
    answer = Answer("parse error at line 1, col 9: syntax error", 400, TEXT)
    with serving({RANGE: answer}) as server, pytest.raises(BackendError, match="parse error at line 1") as caught:
        LogqlClient(server.url).lines("{", 0, 1)
    assert not isinstance(caught.value, UnsupportedError)


@pytest.mark.parametrize(
    "data",
    [7, {"resultType": "matrix", "result": []}, {"resultType": "streams", "result": [{"stream": {}}]},
     {"resultType": "streams", "result": [{"stream": {}, "values": [["x", "y"]]}]}],
)  # fmt: skip
def test_other_shapes_are_backend_errors(data):
    with serving({RANGE: Answer({"status": "success", "data": data})}) as server, pytest.raises(BackendError):
        LogqlClient(server.url).lines("{}", 0, 1)


@pytest.mark.parametrize(
    "ask",
    [lambda c: c.lines("{a=~'.+'}", 1, 2), lambda c: c.found("{a=~'.+'}", 1, 2), lambda c: c.by_id("x", "y", 1, 2)],
)
def test_a_warning_about_what_is_not_in_the_answer_is_an_error(ask):
    answer = streams()
    answer.body["warnings"] = ["maximum number of series (500) reached; returning partial results"]
    with (
        serving({RANGE: answer}) as server,
        pytest.raises(IncompleteError, match="could not look at everything: maxim"),
    ):
        ask(LogqlClient(server.url))
