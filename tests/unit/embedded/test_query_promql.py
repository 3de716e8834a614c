"""PromQL: what is parsed, what is measured before it is, and how samples are looked up."""

from __future__ import annotations

import struct

import numpy as np
import promql_parser as ast
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.embedded.query.errors import ExecutionError, ParameterError, QueryError
from obsctl.embedded.query.promql import engine, lookup
from obsctl.embedded.query.promql.parse import matchers_of, parse, parse_match, selector_of, selectors_in
from obsctl.embedded.query.promql.values import RangeVector, Scalar, Steps, Text, Vector
from obsctl.embedded.signals import STALE_BITS, Batch, Matcher, SampleRecord
from obsctl.embedded.store.base import Points
from tests.unit.embedded.memory_store import MemoryStore, labels

STALE = struct.unpack("<d", struct.pack("<Q", STALE_BITS))[0]


def store(*series):
    """A store with ``(labels, {time_ms: value})`` series."""
    memory = MemoryStore()
    memory.submit(Batch(samples=[SampleRecord(k, t, v) for k, points in series for t, v in points.items()]))
    return memory


def instant(memory, query, time, **options):
    value = engine.instant(memory, parse(query), time, **options)
    assert isinstance(value, Vector)
    return dict(zip(value.labels, value.values[:, 0].tolist(), strict=True))


UP = labels(name="up", job="api")


@pytest.mark.parametrize("query", ["(" * 101 + "1" + ")" * 101, "+".join(["x"] * 502), "-" * 600 + "x", "x" * 70_000])
def test_what_would_overwhelm_the_parser_is_refused_before_it(query):
    with pytest.raises(QueryError, match=r"deeper than|more than|longer than"):
        parse(query)


def test_brackets_and_operators_in_strings_and_comments_do_not_count():
    query = 'up{a="' + "(" * 200 + "\",b='" + "-" * 600 + "'} # " + "+" * 600
    assert isinstance(parse(query), ast.VectorSelector)


@pytest.mark.parametrize(
    "query", ["", " ", "up{", "up{}}", "foo bar", "x[5q]", "{}", 'x{a=~"("}', "rate(x)", '"\\xzz"', "x["]
)
def test_what_is_not_promql(query):
    with pytest.raises(QueryError, match="parse error"):
        parse(query)


def test_raw_strings_keep_their_backslashes():
    [[name, matcher]] = matchers_of(parse('x{a=~`\\d+"`}'))
    assert (name, matcher) == (Matcher("__name__", "=", "x"), Matcher("a", "=~", '\\d+"'))


def test_alternatives_of_a_selector():
    found = matchers_of(parse('{a="b" or c!="d",e=~"f"}'))
    assert found == ((Matcher("a", "=", "b"),), (Matcher("c", "!=", "d"), Matcher("e", "=~", "f")))


@pytest.mark.parametrize(
    ("query", "at", "offset", "width"),
    [
        ("x", None, 0, None),
        ("x offset 5m", None, 300_000, None),
        ("x offset -5m", None, -300_000, None),
        ("x @ 12.5", 12_500, 0, None),
        ("x @ -5", 0, 0, None),
        ("x[1m] @ 5 offset 1h", 5_000, 3_600_000, 60_000),
        ("x @ start()", "start", 0, None),
        ("x[5m] @ end() offset 1s", "end", 1_000, 300_000),
        ('x{a=" @ 9.000"}', None, 0, None),
        ('x{a=" @ 9.000"} @ 3', 3_000, 0, None),
    ],
)
def test_modifiers_of_a_selector(query, at, offset, width):
    found = selector_of(parse(query))
    assert (found.at, found.offset_ms, found.range_ms) == (at, offset, width)


@pytest.mark.parametrize("query", ["x[9999999y]", "x offset 9999999y"])
def test_times_that_nothing_can_hold_are_errors(query):
    with pytest.raises(QueryError, match="parse error"):
        selector_of(parse(query))


def test_selectors_of_a_nested_expression_are_found_once_each():
    found = selectors_in(parse("sum(rate(a[5m])) / sum(rate(a[5m])) + topk(3, b) - max_over_time(c[1h:1m])"))
    assert [s.name for s in found] == ["a", "b", "c"]


def test_match_takes_selectors_only():
    assert parse_match('up{job="x"}') == ((Matcher("__name__", "=", "up"), Matcher("job", "=", "x")),)
    with pytest.raises(QueryError, match="series selector"):
        parse_match("up + 1")
    with pytest.raises(QueryError, match=r"match\[\] must contain at least one non-empty matcher"):
        parse_match('{a=~".*"}')


def test_the_newest_sample_within_the_lookback_counts():
    memory = store((UP, {1_000: 1.0, 2_000: 0.0}))
    assert instant(memory, "up", 2_000) == {UP: 0.0}
    assert instant(memory, "up", 1_999) == {UP: 1.0}
    assert instant(memory, "up", 999) == {}


def test_the_lookback_is_open_on_the_left():
    memory = store((UP, {1_000: 1.0}))
    assert instant(memory, "up", 300_999) == {UP: 1.0}
    assert instant(memory, "up", 301_000) == {}
    assert instant(memory, "up", 3_000, lookback=2_000) == {}
    assert instant(memory, "up", 2_999, lookback=2_000) == {UP: 1.0}


def test_a_staleness_marker_ends_a_series_and_an_ordinary_nan_does_not():
    memory = store((UP, {1_000: 1.0, 2_000: STALE, 5_000: float("nan")}))
    assert instant(memory, "up", 1_500) == {UP: 1.0}
    assert instant(memory, "up", 2_000) == {}
    assert str(instant(memory, "up", 5_000)[UP]) == "nan"


def test_offset_and_at_move_the_time_that_is_looked_at():
    memory = store((UP, {10_000: 1.0, 400_000: 2.0}))
    assert instant(memory, "up offset 6m35s", 400_000) == {}
    assert instant(memory, "up offset 6m30s", 400_000) == {UP: 1.0}
    assert instant(memory, "up @ 10", 900_000) == {UP: 1.0}
    assert instant(memory, "up @ 410 offset 6m40s", 0) == {UP: 1.0}
    assert instant(memory, "up @ start()", 400_000) == {UP: 2.0}


@pytest.mark.parametrize(
    ("query", "jobs"),
    [
        ("up", ["api", "ai", "worker"]),
        ('up{job="api"}', ["api"]),
        ('up{job!="api"}', ["ai", "worker"]),
        ('up{job=~"a.*"}', ["api", "ai"]),
        ('up{job!~"a.*"}', ["worker"]),
        ('{__name__=~"u.", job="api"}', ["api"]),
        ('{job="ai" or job="worker"}', ["ai", "worker"]),
        ('up{zone=""}', ["api", "ai", "worker"]),
        ('up{job=~"a"}', []),
        ('{"up", job="api"}', ["api"]),
        ("((up))", ["api", "ai", "worker"]),
    ],
)
def test_matchers_select(query, jobs):
    memory = store(*((labels(name="up", job=job), {1_000: 1.0}) for job in ("api", "ai", "worker")))
    assert [dict(k)["job"] for k in instant(memory, query, 1_000)] == jobs


def test_a_range_selector_gives_raw_samples_without_markers():
    memory = store((UP, {1_000: 1.0, 2_000: 2.0, 3_000: STALE, 61_000: 4.0}))
    found = engine.instant(memory, parse("up[1m]"), 61_000)
    assert isinstance(found, RangeVector)
    assert found.labels == [UP]
    assert found.points[0].times.tolist() == [2_000, 61_000]
    assert found.points[0].values.tolist() == [2.0, 4.0]


def test_literals():
    found = engine.instant(MemoryStore(), parse("(1.5)"), 0)
    assert isinstance(found, Scalar)
    assert found.values.tolist() == [1.5]
    assert engine.instant(MemoryStore(), parse('"hi"'), 0) == Text("hi")


def test_steps_are_evaluated_together():
    memory = store((UP, {10_000: 1.0, 25_000: 2.0, 40_000: STALE}), (labels(name="up", job="b"), {31_000: 5.0}))
    found = engine.over_steps(memory, parse("up"), Steps(0, 45_000, 15_000))
    assert isinstance(found, Vector)
    assert found.present.tolist() == [[False, True, True, False], [False, False, False, True]]
    assert found.values[0, 1:3].tolist() == [1.0, 2.0]
    assert found.values[1, 3] == 5.0
    fixed = engine.over_steps(memory, parse("up @ end()"), Steps(0, 30_000, 15_000))
    assert isinstance(fixed, Vector)
    assert fixed.values.tolist() == [[2.0, 2.0, 2.0]]


@pytest.mark.parametrize(
    ("query", "kind"),
    [("up[1m]", "range vector"), ('"x"', "string"), ("(up[1m])", "range vector"), ("up[1m:1s]", "range vector")],
)
def test_only_scalars_and_instant_vectors_have_steps(query, kind):
    with pytest.raises(ParameterError, match=kind):
        engine.over_steps(MemoryStore(), parse(query), Steps(0, 1, 1))


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("rate(x[5m])", "function rate()"),
        ("sum(x)", "aggregation sum"),
        ("x + 1", "binary operator +"),
        ("x and y", "binary operator and"),
        ("-x", "unary operator -"),
        ("x[5m:1m]", "a subquery"),
        ("(sum by (job) (x))", "aggregation sum"),
    ],
)
def test_what_has_no_engine_yet_is_named(query, named):
    with pytest.raises(ExecutionError) as caught:
        engine.instant(MemoryStore(), parse(query), 0)
    assert str(caught.value) == f"{named} is not supported yet by the embedded engine"


def test_an_answer_is_bounded():
    memory = store(*((labels(name="up", n=str(n)), {0: 1.0}) for n in range(5)))
    with pytest.raises(ExecutionError, match="too many samples"):
        engine.evaluate(engine.Query(memory, Steps(0, 9, 1), max_values=40), parse("up"))


@given(
    st.lists(st.integers(0, 50), unique=True, max_size=20).map(sorted),
    st.lists(st.integers(-5, 60), max_size=20),
    st.integers(1, 20),
    st.data(),
)
def test_lookups_agree_with_a_plain_loop(times, steps, lookback, data):
    values = [data.draw(st.sampled_from([1.0, 2.0, STALE])) for _ in times]
    points = Points(np.array(times, dtype=np.int64), np.array(values, dtype=np.float64))
    got, present = lookup.latest(points, np.array(steps, dtype=np.int64), lookback)
    for i, step in enumerate(steps):
        inside = [v for t, v in zip(times, values, strict=True) if step - lookback < t <= step]
        expected = inside[-1] if inside and struct.pack("d", inside[-1]) != struct.pack("d", STALE) else None
        assert (got[i] if present[i] else None) == expected
