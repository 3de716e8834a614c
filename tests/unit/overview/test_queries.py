"""The catalogue that the terminal and the pages share; the pages' own test asks the same of it."""

from __future__ import annotations

from obsctl.languages.promql.parse import parse
from obsctl.overview.queries import catalogue

KNOWN = catalogue()


def test_of_what_counts_the_same_calls_the_one_whose_durations_are_there_is_taken() -> None:
    found = KNOWN.present({"calls_total", "duration_milliseconds_bucket", "http_requests_total"})
    assert [source.buckets for source in found] == [
        "duration_milliseconds_bucket",
        "http_request_duration_seconds_bucket",
    ]
    assert [source.calls for source in KNOWN.present({"calls_total"})] == ["calls_total"]
    assert KNOWN.present(()) == ()


def test_queries_ask_for_what_was_answered_and_make_seconds() -> None:
    milliseconds = next(s for s in KNOWN.requests if s.buckets == "duration_milliseconds_bucket")
    assert KNOWN.of_requests(milliseconds, "5m").p95.endswith("* 0.001")
    assert KNOWN.of_requests(KNOWN.requests[0], "5m").failed == (
        "sum by (service) (rate(traces_spanmetrics_calls_total"
        '{span_kind=~"SPAN_KIND_(SERVER|CONSUMER)",status_code="STATUS_CODE_ERROR"}[5m]))'
    )
    http = next(s for s in KNOWN.requests if s.calls == "http_requests_total")
    assert KNOWN.of_requests(http, "5m").rate == "sum by (job) (rate(http_requests_total{}[5m]))"


def test_the_histogram_of_the_graph_that_is_there_is_asked() -> None:
    there = "traces_service_graph_request_duration_seconds_bucket"
    assert there in KNOWN.of_graph({there}, "1m").p95


def test_every_query_is_promql() -> None:
    for queries in (*(KNOWN.of_requests(s, "60s") for s in KNOWN.requests), KNOWN.of_graph((), "60s")):
        for query in (queries.rate, queries.failed, queries.p95):
            parse(query)
