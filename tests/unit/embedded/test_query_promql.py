"""PromQL: what is parsed, what is measured before it is, and what an evaluation may cost and say."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.embedded.query.promql import engine, functions
from obsctl.embedded.query.vectors.annotations import MOST, Notes
from obsctl.embedded.query.vectors.labels import printed
from obsctl.embedded.query.vectors.limits import Budget
from obsctl.embedded.query.vectors.ranking import label_hash
from obsctl.embedded.query.vectors.values import RangeVector, Scalar, Steps, StringValue, Vector
from obsctl.embedded.records import STALE_BITS, Batch, SampleRecord
from obsctl.languages.errors import ExecutionError, ParameterError, QueryError, QueryTimeoutError
from obsctl.languages.labels import Matcher
from obsctl.languages.numbers import go_float
from obsctl.languages.promql.lex import lex, unquoted
from obsctl.languages.promql.parse import canonical, parse, parse_match
from obsctl.languages.promql.tree import Aggregate, Binary, Call, Number, Selector, children, selectors_in
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
    assert isinstance(parse(query), Selector)


@pytest.mark.parametrize(
    "query", ["", " ", "up{", "up{}}", "foo bar", "x[5q]", "{}", 'x{a=~"("}', "rate(x)", '"\\xzz"', "x["]
)
def test_what_is_not_promql(query):
    with pytest.raises(QueryError, match="parse error"):
        parse(query)


def test_raw_strings_keep_their_backslashes():
    name, matcher = parse('x{a=~`\\d+"`}').matchers
    assert (name, matcher) == (Matcher("__name__", "=", "x"), Matcher("a", "=~", '\\d+"'))


def test_long_rows_of_operators_are_not_deep():
    assert engine.instant(MemoryStore(), parse("+".join(["1"] * 400)), 0) == Scalar(pytest.approx([400.0]))


@pytest.mark.parametrize("query", ["2" + "^2" * 200, "-" * 200 + "x", "-(" * 90 + "x" + ")" * 90])
def test_deep_trees_are_refused_or_evaluated(query):
    try:
        found = parse(query)
    except QueryError as error:
        found = parse(f'"{error}"')
    assert engine.instant(MemoryStore(), found, 0) is not None


@pytest.mark.parametrize(
    ("query", "at", "offset", "width"),
    [
        ("x", None, 0, None),
        ("x offset 5m", None, 300_000, None),
        ("x offset -5m", None, -300_000, None),
        ("x @ 12.5", 12_500, 0, None),
        ("x @ -5", -5_000, 0, None),
        ("x @ 1m30s", 90_000, 0, None),
        ("x @ 0x10", 16_000, 0, None),
        ("x @ 1_0.5", 10_500, 0, None),
        ("x[1m] @ 5 offset 1h", 5_000, 3_600_000, 60_000),
        ("x offset -1h @ -5.5", -5_500, -3_600_000, None),
        ("x @ start()", "start", 0, None),
        ("x[5m] @ end() offset 1s", "end", 1_000, 300_000),
        ('x{a=" @ 9.000"}', None, 0, None),
        ('x{a=" @ 9.000"} @ 3', 3_000, 0, None),
        ("x[300]", None, 0, 300_000),
    ],
)
def test_modifiers_of_a_selector(query, at, offset, width):
    found = parse(query)
    assert isinstance(found, Selector)
    assert (found.when, found.offset_ms, found.range_ms) == (at, offset, width)


@pytest.mark.parametrize("query", ["x[9999999y]", "x offset 9999999y", "x @ Inf", "x @ 1e30", "x @ NaN"])
def test_times_that_nothing_can_hold_are_errors(query):
    with pytest.raises(QueryError, match="parse error"):
        parse(query)


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("x", [0]),
        ("  rate( x[5m] offset -5m @ -3 ) - y", [2, 8, 34]),
        ("sum by (a, b) (x) / on (a) group_left (c) y", [0, 15, 42]),
        ("topk(3, x) without (a) > bool -1", [0, 5, 8, 30]),
        ("deriv(((x))[5m:1m] offset 1m) + ignoring () y", [0, 6, 8, 44]),
        ("max_over_time((x + y)[5m:1m] @ end()) * -z", [0, 14, 15, 19, 40, 41]),
        ('label_replace(x, "é", "b", "c", "d") # x\n* y', [0, 14, 17, 23, 28, 33, 44]),
    ],
)
def test_expressions_know_where_they_stand(query, places):
    assert [node.at for node in _leftmost_first(parse(query))] == places


def _leftmost_first(expr):
    yield from [expr] if not isinstance(expr, Binary) else []
    for child in children(expr):
        yield from _leftmost_first(child)


@pytest.mark.parametrize(
    ("text", "value"),
    [("010", 8.0), ("08", 8.0), ("1_000.5", 1000.5), ("0x_1F", 31.0), (".5", 0.5), ("1e3", 1000.0), ("5m", 300.0)],
)
def test_numbers(text, value):
    assert parse(text) == Number(value, 0)


@pytest.mark.parametrize(
    ("token", "text"),
    [
        ('"a\\n\\x41\\101\\u00e9\\U0001F600"', "a\nAA\u00e9\U0001f600"),
        ("'\\''", "'"),
        ("`\\n`", "\\n"),
        ('"\\xc3\\251\\xff"', "é\ufffd"),
    ],
)
def test_strings(token, text):
    assert unquoted(token) == text


@pytest.mark.parametrize("token", ['"\\q"', '"\\xzz"', '"\\ud800"', '"\\U00110000"'])
def test_escapes_that_are_none(token):
    with pytest.raises(ValueError, match="escape"):
        unquoted(token)


@given(st.text(max_size=40))
def test_any_text_is_cut_up_or_refused(text):
    places = [item.at for item in lex(text)]
    assert places == sorted(set(places))


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("sum(rate(x[5m]))by(a)", "sum by (a) (rate(x[5m]))"),
        ('x{b=~"a\\\\.b"}', 'x{b=~"a\\\\.b"}'),
        ("x{b=~`\\Qa\\E`}>bool 1", 'x{b=~"\\\\Qa\\\\E"} > bool 1'),
    ],
)
def test_a_query_is_printed_as_prometheus_does(query, shown):
    assert canonical(query) == shown


def test_what_is_the_same_at_every_step_is_known():
    fixed = [
        "x @ 5",
        "sum(x @ 5) + 1",
        "rate(x[5m] @ end())",
        "timestamp(x @ 1)",
        "pi()",
        "sum(x[1m:1s] @ 1)"[:0] or "1",
    ]
    assert all(parse(query).fixed for query in fixed)
    moving = ["x", "x @ 5 + x", "time()", "hour(x @ 5)", "timestamp(x @ 1 + 1)", "predict_linear(x[5m] @ 1, 3)"]
    assert not any(parse(query).fixed for query in moving)


def test_selectors_of_a_nested_expression_are_found_once_each():
    found = selectors_in(parse("sum(rate(a[5m])) / sum(rate(a[5m])) + topk(3, b) - max_over_time(c[1h:1m])"))
    assert [s.matchers[0].value for s in found] == ["a", "b", "c"]


def test_match_takes_selectors_only():
    assert parse_match('up{job="x"}') == (Matcher("__name__", "=", "up"), Matcher("job", "=", "x"))
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
        ('{job=~"ai|worker"}', ["ai", "worker"]),
        ('up{zone=""}', ["api", "ai", "worker"]),
        ('up{job=~"a"}', []),
        ('{"up", job="api"}', ["api"]),
        ("((up))", ["api", "ai", "worker"]),
    ],
)
def test_matchers_select(query, jobs):
    memory = store(*((labels(name="up", job=job), {1_000: 1.0}) for job in ("api", "ai", "worker")))
    assert sorted(dict(k)["job"] for k in instant(memory, query, 1_000)) == sorted(jobs)


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
    assert engine.instant(MemoryStore(), parse('"hi"'), 0) == StringValue("hi")


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


def test_what_has_no_engine_yet_is_named():
    for query in ("mad_over_time(x[5m])", 'sort_by_label(x, "a")', "info(x)", "start()"):
        with pytest.raises(QueryError, match=rf'function "{query.partition("(")[0]}" is not enabled'):
            parse(query)


def test_every_function_that_parses_is_in_the_table():
    known = {**functions.PLAIN, **functions.RANGED, "absent_over_time": None}
    probe = "absent,absent_over_time,rate,quantile_over_time,histogram_fraction,label_join,year,pi,predict_linear"
    assert set(probe.split(",")) <= set(known)
    for name in known:
        for args in ("", "x", "x[5m]", "1", "1, x", "1, x[5m]", "x[5m], 1", "x, 1, 2", "1, 2, x", 'x, "a", "b"'):
            try:
                expr = parse(f"{name}({args})")
            except QueryError:
                continue
            value = engine.instant(MemoryStore(), expr, 0)
            assert isinstance(value, Vector | Scalar), (name, args)


def test_an_answer_is_bounded():
    memory = store(*((labels(name="up", n=str(n)), {0: 1.0}) for n in range(5)))
    for query in ("up", "count_over_time(up[1m])", "up[1h:1s]", "max_over_time(up[1h:1s])", "vector(1)"):
        with pytest.raises(ExecutionError, match="too many samples into memory in query execution"):
            engine.instant(memory, parse(query), 9, budget=Budget(max_samples=0))
    with pytest.raises(ExecutionError, match="too many samples"):
        engine.over_steps(memory, parse("up"), Steps(0, 9, 1), budget=Budget(max_samples=40))
    assert engine.over_steps(memory, parse("sum(up) + sum(up)"), Steps(0, 9, 1), budget=Budget(max_samples=80))


@pytest.mark.parametrize(
    "query", ["max_over_time(vector(1)[100y:1ms])", "up[30y:1s]", "avg_over_time(sum(up)[90y:10s])"]
)
def test_subqueries_with_too_many_steps_are_refused_before_they_are_made(query):
    with pytest.raises(ExecutionError, match="too many samples"):
        engine.instant(MemoryStore(), parse(query), 4_000_000_000_000)


@pytest.mark.parametrize(
    "text", ['"' + '\\"' * 30_000, "`" + "x" * 60_000, "'" * 60_001, 'a{b=~"' + '\\"' * 30_000 + "\\"]
)
def test_strings_that_do_not_end_are_cut_up_in_one_go(text):
    with pytest.raises(QueryError):
        parse(text)


def test_an_evaluation_ends_when_its_time_is_up():
    with pytest.raises(QueryTimeoutError, match="query timed out in expression evaluation"):
        engine.instant(MemoryStore(), parse("sum(up)"), 0, budget=Budget(seconds=-1.0))
    with pytest.raises(ExecutionError, match="query was canceled in expression evaluation"):
        engine.instant(MemoryStore(), parse("sum(up)"), 0, budget=Budget(cancelled=lambda: True))


def test_notes_say_where_and_are_counted():
    notes = Notes()
    notes.warn("odd", 0)
    notes.warn("odd", 9)
    notes.inform("less odd", -1)
    assert notes.told("é +\nrate(x)") == (["PromQL warning: odd (2:5)"], ["PromQL info: less odd"])
    for number in range(MOST + 2):
        notes.warn(str(number), 0)
    warnings, _ = notes.told("x")
    assert (len(warnings), warnings[-1]) == (MOST + 1, "3 more warning annotations omitted")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (1.5, "1.5"),
        (-1.0, "-1"),
        (999_999.5, "999999.5"),
        (1e6, "1e+06"),
        (1.7e9, "1.7e+09"),
        (0.0001, "0.0001"),
        (0.00001234, "1.234e-05"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
    ],
)
def test_numbers_in_annotations_look_like_those_of_go(number, text):
    assert go_float(number) == text


def test_label_sets_in_errors_are_quoted_as_in_go():
    found = labels(name="x", **{"a.b": 'q"\\\n\t\x01\u200b\U0001f600'})
    assert printed(found) == '{__name__="x", "a.b"="q\\"\\\\\\n\\t\\x01\\u200b\U0001f600"}'


@pytest.mark.parametrize(
    ("series", "digest"),
    [
        ((), 0xEF46DB3751D8E999),
        ((("__name__", "up"), ("job", "api")), 0xEA454D0393654EEC),
        ((("a", "x" * 300),), 0x7334729F4D20EA0B),
        ((("b", "ü" * 40), ("c", "")), 0x0428C5C9E863E359),
    ],
)
def test_the_hash_of_a_series_is_xxh64_of_its_labels_with_their_lengths(series, digest):
    assert label_hash(series) == digest


def test_nodes_say_what_they_are():
    aggregate = parse("topk by (b, a, a) (3, x)")
    assert isinstance(aggregate, Aggregate)
    assert (aggregate.op, aggregate.labels, aggregate.without, aggregate.param) == (
        "topk",
        ("a", "b"),
        False,
        Number(3.0, 19),
    )
    call = parse("label_join(x, 'a', '-')")
    assert isinstance(call, Call)
    assert call.kind == "vector"


GO_LOGARITHMS = (
    (1e15, 34.538776394910684, 49.82892142331043, 14.999999999999998),
    (1000.0, 6.907755278982137, 9.965784284662087, 3.0),
    (57870.0, 10.965954394567884, 15.820528023657623, 4.762453482363546),
    (0.1, -2.3025850929940455, -3.321928094887362, -0.9999999999999999),
    (8.0, 2.0794415416798357, 3.0, 0.9030899869919435),
    (45.882457343018075, 3.8260828510495855, 5.519870755239543, 1.6616466695154963),
    (1.7976931348623157e308, 709.782712893384, 1024.0, 308.25471555991675),
    (1.8086329489369196e-308, -708.4946700661912, -1022.2989535738319, -307.6953256676119),
    (8.095e-320, -709.0895657128204, -1060.0, -307.9536855642512),
    (5e-324, -709.0895657128241, -1074.0, -307.9536855642528),
)
"""A number and what Go 1.26 gives for its natural logarithm, and those to the bases of 2 and 10, on amd64."""


@pytest.mark.parametrize(("number", "ln", "log2", "log10"), GO_LOGARITHMS)
def test_logarithms_are_gos_to_the_last_bit(number, ln, log2, log10):
    for name, expected in (("ln", ln), ("log2", log2), ("log10", log10)):
        value = engine.instant(MemoryStore(), parse(f"{name}(vector({number!r}))"), 0)
        assert value.values.tolist() == [[expected]], name
