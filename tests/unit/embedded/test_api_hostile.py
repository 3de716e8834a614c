"""Whatever is sent to an API, it answers in its own envelope and never with a failure of its own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsctl.embedded.records import Batch, LogRecord, SampleRecord
from tests.unit.embedded.memory_store import MemoryStore, client, labels

PATHS = {
    "/api/v1/query": ["query", "time", "timeout", "lookback_delta", "limit"],
    "/api/v1/query_range": ["query", "start", "end", "step", "limit"],
    "/api/v1/query_exemplars": ["query", "start", "end"],
    "/api/v1/series": ["match[]", "start", "end", "limit"],
    "/api/v1/labels": ["match[]", "start", "end", "limit"],
    "/api/v1/label/U__x_0_/values": ["match[]", "start"],
    "/api/v1/metadata": ["metric", "limit", "limit_per_metric"],
    "/api/v1/targets": ["state", "scrapePool"],
    "/loki/api/v1/query": ["query", "time"],
    "/loki/api/v1/query_range": ["query", "start", "end", "since", "limit", "step", "direction", "interval"],
    "/loki/api/v1/labels": ["query", "start", "end", "since"],
    "/loki/api/v1/series": ["match[]", "start"],
    "/loki/api/v1/index/stats": ["query", "start", "end"],
    "/loki/api/v1/index/volume": ["query", "start", "end", "limit", "targetLabels", "aggregateBy"],
    "/loki/api/v1/index/volume_range": ["query", "start", "end", "step", "limit", "aggregateBy"],
    "/loki/api/v1/detected_labels": ["query", "start", "end"],
    "/loki/api/v1/detected_fields": ["query", "start", "end", "limit", "line_limit"],
    "/loki/api/v1/format_query": ["query"],
    "/api/operations": ["service", "spanKind"],
    "/api/services/x/operations": ["prettyPrint"],
    "/api/traces": ["service", "tag", "tags", "start", "end", "minDuration", "maxDuration", "limit", "traceID", "raw"],
    "/api/traces/ab": ["raw", "prettyPrint"],
    "/api/dependencies": ["endTs", "lookback", "service"],
    "/api/v3/operations": ["service", "span_kind"],
    "/api/v3/traces": [
        *("query.serviceName", "query.startTimeMin", "query.startTimeMax", "query.attributes", "query.searchDepth"),
        *("query.durationMin", "query.durationMax", "query.rawTraces", "query.filter"),
    ],
    "/api/v3/traces/ab": ["startTime", "end_time", "rawTraces"],
    "/api/v3/trace-summaries": ["query.startTimeMin", "query.startTimeMax", "query.num_traces"],
}
SEEDS = [
    *(
        "up",
        'up{a=~"b.*"}',
        '{a="b"}',
        '{a="b"} |~ "x"',
        "x[5m] @ 9",
        "sum(x)",
        'sum(rate({a="b"}[5m]))',
        '{a="b"} | json',
        "labels",
        "1e400",
        "-1",
        "0",
        "1",
        "9" * 18,
    ),
    *("1754000000", "NaN", "2025-08-01T10:00:00Z", "9999-12-31T23:59:59.9Z", "0001-01-01T00:00:00+23:59", "5m", "1.5s"),
    *("true", "a:b", '{"a":"b"}', '{"a":1}', "[]", "null", "ab", "forward", "server", "\x00", "\x7f", "é😀", "999999y"),
]
VALUES = st.sampled_from(SEEDS) | st.text(max_size=12)


@pytest.fixture(scope="module")
def api():
    memory = MemoryStore()
    memory.submit(
        Batch(
            logs=[LogRecord(labels(a="b"), 1_754_000_000 * 10**9, "x")],
            samples=[SampleRecord(labels(name="up", a="b"), 1_754_000_000_000, 1.0)],
        )
    )
    return client(memory)


@pytest.mark.parametrize("path", PATHS)
@given(data=st.data())
@settings(max_examples=25)
def test_no_parameter_breaks_an_api(api, path, data):
    params = data.draw(st.dictionaries(st.sampled_from(PATHS[path]), st.lists(VALUES, max_size=2)))
    answer = api.get(path, params=params)
    assert answer.status_code in (200, 204, 400, 404, 422), answer.text
