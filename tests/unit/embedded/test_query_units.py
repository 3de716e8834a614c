"""Times, durations and numbers of the query APIs."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.languages.numbers import format_plain, format_short_time, format_time, format_value
from obsctl.languages.units import (
    LIMIT,
    format_prom_duration,
    format_rfc3339,
    go_duration_ns,
    loki_time_ns,
    prom_duration_ms,
    prom_time_ms,
    rfc3339_ns,
    seconds_or_duration_ms,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (0.1, "0.1"),
        (1e16, "10000000000000000"),
        (123456789.0, "123456789"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (1e-6, "0.000001"),
        (1e-7, "1e-07"),
        (-2.5e-9, "-2.5e-09"),
        (0.00001234, "0.00001234"),
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (5e-324, "5e-324"),
    ],
)
def test_values_are_printed_as_prometheus_prints_them(value, text):
    assert format_value(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_printed_value_reads_back_to_the_same_float(value):
    for text in (format_value(value), format_plain(value)):
        assert struct.pack("d", float(text)) == struct.pack("d", value)
    assert "e" not in format_plain(value)
    assert ("e" in format_value(value)) == (value != 0 and not 1e-6 <= abs(value) < 1e21)


@pytest.mark.parametrize(
    ("ms", "text", "short"),
    [
        (1_754_000_000_000, "1754000000", "1754000000"),
        (1_754_000_000_250, "1754000000.250", "1754000000.25"),
        (7, "0.007", "0.007"),
        (-1_500, "-1.500", "-1.5"),
    ],
)
def test_times_have_no_or_three_decimals(ms, text, short):
    assert format_time(ms) == text
    assert format_short_time(ms) == short


@given(st.integers(-(2**50), 2**50))
def test_printed_times_read_back(ms):
    assert prom_time_ms(format_time(ms)) == ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [("1h30m", 5_400_000), ("500ms", 500), ("0", 0), ("0s", 0), ("1y", 31_536_000_000), ("2w3d", 1_468_800_000)],
)
def test_prometheus_durations(text, ms):
    assert prom_duration_ms(text) == ms


@pytest.mark.parametrize("text", ["", "1ns", "1.5h", "m", "1m1h", "1m1m", "-1m", "1", " 1m", "१m"])
def test_what_is_no_prometheus_duration(text):
    with pytest.raises(ValueError, match="duration"):
        prom_duration_ms(text)


@given(st.integers(0, 10**15))
def test_prometheus_durations_survive_printing(ms):
    assert prom_duration_ms(format_prom_duration(ms)) == ms


@pytest.mark.parametrize(
    ("text", "ms"), [("15", 15_000), ("0.5", 500), ("1m", 60_000), ("-1", -1_000), ("1e3", 1_000_000)]
)
def test_seconds_or_durations(text, ms):
    assert seconds_or_duration_ms(text) == ms


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1.2s", 1_200_000_000),
        ("100ms", 100_000_000),
        ("1h2m", 3_720_000_000_000),
        ("5us", 5_000),
        ("5\u00b5s", 5_000),
        ("5\u03bcs", 5_000),
        ("-3ns", -3),
        ("+3ns", 3),
        *(("-0", 0), ("+0", 0)),
        ("0", 0),
        (".5s", 500_000_000),
    ],
)
def test_go_durations(text, ns):
    assert go_duration_ns(text) == ns


@pytest.mark.parametrize(
    "text", ["", "1", "s", "1.2.3s", "1d", "- 1s", "1s ", "--1s", "-+5s", "+-5s", "++5s", "+", "-"]
)
def test_what_is_no_go_duration(text):
    with pytest.raises(ValueError, match="duration"):
        go_duration_ns(text)


@given(st.lists(st.tuples(st.integers(0, 999), st.sampled_from(["h", "m", "s", "ms", "us", "ns"])), min_size=1))
def test_go_durations_add_up(parts):
    units = {"h": 3_600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 1_000, "ns": 1}
    assert go_duration_ns("".join(f"{n}{unit}" for n, unit in parts)) == sum(n * units[unit] for n, unit in parts)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2025-08-01T10:00:00.123456789Z", 1_754_042_400_123_456_789),
        ("2025-08-01T12:00:00+02:00", 1_754_042_400_000_000_000),
        ("1969-12-31T23:59:59Z", -1_000_000_000),
        ("9999-12-31T23:59:59Z", LIMIT),
    ],
)
def test_rfc3339(text, ns):
    assert rfc3339_ns(text) == ns


@pytest.mark.parametrize("text", ["", "now", "2025-08-01", "2025-13-01T00:00:00Z", "2025-08-01T10:00:00", "1.2.3"])
def test_what_is_no_rfc3339(text):
    with pytest.raises(ValueError, match="timestamp"):
        rfc3339_ns(text)


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_rfc3339_agrees_with_the_standard_library(moment):
    assert rfc3339_ns(moment.isoformat()) // 1_000 == round(moment.timestamp() * 1_000_000)


def test_never_is_gos_zero_time():
    assert format_rfc3339(0.0) == "0001-01-01T00:00:00Z"
    assert format_rfc3339(1_754_042_400.5) == "2025-08-01T10:00:00.500000Z"


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1754000000", 1_754_000_000 * 10**9),
        ("1754000000.5", 1_754_000_000_500_000_000),
        ("1754000000000000001", 1_754_000_000_000_000_001),
        ("1754000000000", 1_754_000_000_000),
        ("2025-08-01T10:00:00.5Z", 1_754_042_400_500_000_000),
    ],
)
def test_loki_tells_seconds_from_nanoseconds_by_digits(text, ns):
    assert loki_time_ns(text) == ns


@pytest.mark.parametrize("text", ["NaN", "Inf", "-inf", "1_000", "0x10", "\u0663", "1e99999", ""])
def test_times_are_finite_decimal_numbers(text):
    for parse in (prom_time_ms, loki_time_ns):
        with pytest.raises(ValueError, match="timestamp"):
            parse(text)


def test_times_out_of_range_are_clamped():
    assert prom_time_ms("1e400") == loki_time_ns("9" * 30) == LIMIT
    assert prom_time_ms("-1e400") == -LIMIT
