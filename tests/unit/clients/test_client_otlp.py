from __future__ import annotations

import base64
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsctl.clients.exposition import parse_exposition
from obsctl.clients.otlp import attributes, hex_id, spans_from_otlp
from obsctl.errors import BackendError


@given(st.binary(min_size=8, max_size=8).filter(any))
@settings(deadline=None)
def test_ids_are_the_same_in_every_spelling(raw):
    plain = raw.hex()
    code = base64.b64encode(raw).decode()
    for text in (
        plain,
        plain.upper(),
        plain.lstrip("0"),
        code,
        code.rstrip("="),
        base64.urlsafe_b64encode(raw).decode(),
    ):
        if text != code.rstrip("=") or not set(text) <= set("0123456789abcdefABCDEF"):
            assert hex_id(text, 8) == plain


@pytest.mark.parametrize("text", ["", "0", "0" * 16, "AAAAAAAAAAA="])
def test_absent_ids(text):
    assert hex_id(text, 8) == ""


@pytest.mark.parametrize("text", ["xyz", "0" * 17, "é", "AAAZ", "eee19b7ec3c1b174ff"])
def test_what_is_no_id(text):
    with pytest.raises(ValueError, match=r"hex|id of"):
        hex_id(text, 8)


def one(**span):
    return spans_from_otlp({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})[0]


def test_lenient_spellings_come_to_the_same_span():
    ids = {"traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "7uGbfsPBsXQ="}
    strict = one(**ids, name="n", kind=2, startTimeUnixNano="5", endTimeUnixNano="9", status={"code": 2})
    loose = one(
        trace_id=ids["traceId"], span_id="eee19b7ec3c1b174", name="n", kind="SPAN_KIND_SERVER",
        start_time_unix_nano=5, end_time_unix_nano=9, status={"code": "STATUS_CODE_ERROR"},
    )  # fmt: skip
    assert strict == loose
    assert strict.span_id == "eee19b7ec3c1b174"


def test_times_are_brought_into_range():
    span = one(spanId="1", startTimeUnixNano="99999999999999999999999999", endTimeUnixNano="-5")
    assert span.start_ns == span.end_ns == 2**64 - 1
    backwards = one(spanId="1", startTimeUnixNano=9, endTimeUnixNano=3)
    assert (backwards.end_ns, backwards.backwards_ns) == (9, 6)
    assert one(spanId="1", startTimeUnixNano=9).backwards_ns == 0


def test_values_of_every_type():
    values = {
        "s": {"stringValue": "x"}, "b": {"boolValue": True}, "i": {"intValue": "42"}, "d": {"doubleValue": "NaN"},
        "a": {"arrayValue": {"values": [{"intValue": 1}, {}]}}, "y": {"bytesValue": "AAEC"}, "n": {},
        "k": {"kvlistValue": {"values": [{"key": "z", "value": {"stringValue": "w"}}]}},
    }  # fmt: skip
    found = attributes([{"key": k, "value": v} for k, v in values.items()])
    assert str(found.pop("d")) == "nan"
    assert found == {"s": "x", "b": True, "i": 42, "a": [1, None], "y": "AAEC", "n": None, "k": {"z": "w"}}


def test_deep_values_end_somewhere():
    value = {"stringValue": "bottom"}
    for _ in range(500):
        value = {"arrayValue": {"values": [value]}}
    found = attributes([{"key": "k", "value": value}])["k"]
    assert str(found).count("[") == 16
    assert "…" in str(found)


@given(
    st.recursive(
        st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=20
    )
)
@settings(deadline=None)
def test_other_payloads_raise_only_what_clients_translate(payload):
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        assert spans_from_otlp(payload) == []


TEXT = """# HELP jobs_total Jobs.
# TYPE jobs_total counter
jobs_total{type="a",q="x"} 3
jobs_total{type="b"} 4
# TYPE lat histogram
lat_bucket{le="1"} 1
lat_bucket{le="+Inf"} 2
lat_sum 1.5
lat_count 2
"""
OPENMETRICS = """# TYPE jobs counter
jobs_total{type="a"} 3 # {trace_id="t"} 1 1.5
# TYPE g gauge
g 1
# EOF
"""


def test_expositions_of_both_formats():
    plain, modern = parse_exposition(TEXT), parse_exposition(OPENMETRICS)
    assert plain.types["jobs_total"] == modern.types["jobs_total"] == modern.types["jobs"] == "counter"
    assert plain.types["lat"] == "histogram"
    assert plain.samples["lat_bucket"] == [({"le": "1"}, 1.0), ({"le": "+Inf"}, 2.0)]
    assert plain.total("jobs_total") == 7
    assert plain.total("jobs_total", {"type": "a"}) == 3
    assert plain.total("jobs_total", {"type": "c"}) is None
    assert modern.total("jobs_total", {"type": "a"}) == 3
    assert parse_exposition("").samples == {}


@given(
    st.integers(0, len(TEXT + OPENMETRICS)),
    st.sampled_from(['"', "{", "}", "\n", "#", "\\", "\0", "é", ""]),
    st.booleans(),
)
@settings(deadline=None)
def test_broken_expositions_are_backend_errors(position, junk, modern):
    text = OPENMETRICS if modern else TEXT
    broken = text[: position % len(text)] + junk + text[position % len(text) + 1 :]
    with suppress(BackendError):
        assert len(parse_exposition(broken).samples) <= broken.count("\n") + 1
