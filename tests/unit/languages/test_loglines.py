"""Lines as real logging libraries write them: ids, time and level are found under whatever they are called."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.languages.loglines import level_name, read_line, time_ns, usual_fields

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
AT = "2025-11-30T14:19:05.678Z"
MOMENT = 1_764_512_345_678_000_000
IDS = {"trace_id": TRACE, "span_id": SPAN}

DOCUMENTS: dict[str, dict[str, object]] = {
    "slog": {"time": AT, "level": "INFO", "msg": "x", "traceID": TRACE, "spanID": SPAN},
    "zap": {"level": "info", "ts": 1764512345.678, "msg": "x", "traceId": TRACE, "spanId": SPAN},
    "pino": {"level": 30, "time": 1764512345678, "pid": 1, "trace_id": TRACE, "span_id": SPAN, "msg": "x"},
    "bunyan": {"v": 0, "level": 30, "time": AT, "msg": "x", "trace_id": TRACE, "span_id": SPAN},
    "winston": {"level": "info", "message": "x", "timestamp": AT, "traceId": TRACE, "spanId": SPAN},
    "logback": {"@timestamp": AT, "level": "INFO", "message": "x", "mdc": {"traceId": TRACE, "spanId": SPAN}},
    "ecs": {"@timestamp": AT, "log.level": "INFO", "message": "x", "trace": {"id": TRACE}, "span.id": SPAN},
    "serilog": {"@t": AT, "@l": "Information", "@m": "x", "@tr": TRACE, "@sp": SPAN},
    "serilog-json": {"Timestamp": AT, "Level": "Information", "TraceId": TRACE, "SpanId": SPAN},
    "log4j2": {"timeMillis": 1764512345678, "level": "INFO", "contextMap": {"trace_id": TRACE, "span_id": SPAN}},
    "python-otel": {"asctime": AT, "levelname": "INFO", "otelTraceID": TRACE, "otelSpanID": SPAN},
    "datadog": {"time": AT, "level": "info", "dd.trace_id": TRACE, "dd.span_id": SPAN},
    "traceparent": {"ts": 1764512345678000, "level": "info", "traceparent": f"00-{TRACE}-{SPAN}-01"},
}
LINES = {
    **{library: json.dumps(fields) for library, fields in DOCUMENTS.items()},
    "slog-text": f'time={AT} level=INFO msg="it\'s x" trace_id={TRACE} span_id={SPAN}',
    "stdlib": f"{AT} INFO [orders] [trace_id={TRACE} span_id={SPAN}] x",
    "spring": f"{AT}  INFO 1 --- [orders] [nio-1] [{TRACE}-{SPAN}] c.e.Orders : x",
}


@pytest.mark.parametrize("library", LINES)
def test_what_a_library_writes_is_recognised(library: str) -> None:
    fields = read_line(LINES[library])
    found = usual_fields(fields)
    assert {name: found[name] for name in IDS} == IDS
    assert time_ns(found["timestamp"]) == MOMENT
    assert found["level"].lower().startswith("info")


@pytest.mark.parametrize(
    "line", ["", "ready", "GET / 200", '{"broken": ', "[1]", "a=b c=d", "on trace_id=0 nothing", "x" * 9000]
)
def test_what_says_nothing_is_nothing(line: str) -> None:
    assert read_line(line) == {}


def test_ids_of_another_request_than_the_lines_own_are_left_alone() -> None:
    fields = {"trace_id": "", "user": {"id": "7"}, "request": {"id": "r-1"}}
    assert usual_fields(fields) == {"request_id": "r-1"}


@pytest.mark.parametrize(
    ("value", "name"),
    [(10, "trace"), (30, "info"), (35, "info"), (60, "fatal"), (3, "error"), (7, "debug"), (99, ""), ("WARN", "WARN")],
)
def test_levels(value: object, name: str) -> None:
    assert level_name(value) == name


@given(st.integers(1_000_000_000 * 10**9, 4_000_000_000 * 10**9))
def test_a_time_is_the_same_in_every_unit(nanoseconds: int) -> None:
    for unit in (1, 10**3, 10**6, 10**9):
        assert time_ns(nanoseconds // unit) == nanoseconds // unit * unit
        assert time_ns(str(nanoseconds // unit)) == nanoseconds // unit * unit


@pytest.mark.parametrize(
    "value", [True, None, "", "soon", -1, 0, 12345, "2025-11-30T14:19:05", float("inf"), float("nan")]
)
def test_what_is_no_time(value: object) -> None:
    assert time_ns(value) is None


@given(
    st.text(max_size=200)
    | st.dictionaries(st.text(), st.none() | st.text() | st.floats() | st.booleans()).map(json.dumps)
)
def test_no_line_breaks_it(line: str) -> None:
    usual_fields(read_line(line))
