"""LogQL: lexing, parsing and printing back, what is refused by name, and running over lines."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.embedded.query.errors import QueryError, QueryTimeoutError
from obsctl.embedded.query.logql.engine import LogRange, merged, run, selector_matchers
from obsctl.embedded.query.logql.parse import STAGES, parse, parse_selector
from obsctl.embedded.query.logql.tree import AllOf, AnyOf, LabelFilter, LineFilter, LogQuery, Match
from obsctl.embedded.signals import Batch, LogRecord
from tests.unit.embedded.memory_store import MemoryStore, labels

NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True).filter(lambda n: n not in ("and", "or", "ip"))
VALUES = st.text(max_size=12)
MATCHES = st.builds(Match, NAMES, st.sampled_from(["=", "!=", "=~", "!~"]), VALUES)
CONDITIONS = st.recursive(
    MATCHES,
    lambda inner: (
        st.builds(AllOf, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=6,
)
LINES = st.builds(
    LineFilter, st.sampled_from(["|=", "!=", "|~", "!~"]), st.lists(VALUES, min_size=1, max_size=3).map(tuple)
)
QUERIES = st.builds(
    LogQuery,
    st.lists(MATCHES, max_size=3).map(tuple),
    st.lists(LINES | CONDITIONS.map(LabelFilter), max_size=4).map(tuple),
)


@given(QUERIES)
def test_a_printed_query_parses_to_the_same_tree(query):
    assert parse(str(query)) == query


@given(st.text(alphabet='{}|=!~"`,()[] abcor\\n#.1<>\n', max_size=40))
def test_any_text_parses_or_is_refused_with_a_position(text):
    try:
        tree = parse(text)
    except QueryError as caught:
        refusal = str(caught)
    else:
        refusal = ""
        assert parse(str(tree)) == tree
    assert not refusal or refusal.startswith("parse error at line ")


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        (r'"a\"b\\c\n\t"', 'a"b\\c\n\t'),
        (r"`\d+\n`", r"\d+\n"),
        (r'"\u00e9\U0001F600"', "é😀"),
        (r'"\xc3\xa9"', "é"),
        (r'"\303\251"', "é"),
        (r'"\xff"', "\ufffd"),
    ],
)
def test_strings_have_gos_escapes(literal, value):
    assert parse(f"{{a={literal}}}").selector[0].value == value


def test_a_whole_query():
    query = """
        { service_name = "api", level=~`info|warn` , }  # the stream
        |= "done" or "failed" != "debug"
        | trace_id="ab", (level="x" or level="y") request_id!="" and a="b" or c="d"
    """
    assert parse(query) == LogQuery(
        (Match("service_name", "=", "api"), Match("level", "=~", "info|warn")),
        (
            LineFilter("|=", ("done", "failed")),
            LineFilter("!=", ("debug",)),
            LabelFilter(
                AnyOf(
                    (
                        AllOf(
                            (
                                Match("trace_id", "=", "ab"),
                                AnyOf((Match("level", "=", "x"), Match("level", "=", "y"))),
                                Match("request_id", "!=", ""),
                                Match("a", "=", "b"),
                            )
                        ),
                        Match("c", "=", "d"),
                    )
                )
            ),
        ),
    )


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("", "line 1, col 1: syntax error: unexpected $end, expecting {"),
        ("{a=b}", "line 1, col 4: syntax error: unexpected IDENTIFIER, expecting STRING"),
        ('{a="b"', "line 1, col 7: syntax error: unexpected $end, expecting ,"),
        ('{a="b"} |', "line 1, col 10: syntax error: unexpected $end, expecting IDENTIFIER"),
        ('{a="b"}\n  |= 5', "line 2, col 6: syntax error: unexpected NUMBER, expecting STRING"),
        ('{a="b}', "line 1, col 4: syntax error: literal not terminated"),
        ('{a="b"} extra', "line 1, col 9: syntax error: unexpected IDENTIFIER"),
        ('{a="b"} | x', "line 1, col 12: syntax error: unexpected $end, expecting = or != or =~ or !~"),
        ('{a="\\q"}', "line 1, col 4: syntax error: invalid escape sequence in string"),
        ('{a="\\ud800"}', "line 1, col 4: syntax error: invalid escape sequence in string"),
        ("{a='b'}", 'line 1, col 4: syntax error: unexpected character "\'"'),
        ('{a="b"} | ' + "(" * 60, "line 1, col 61: label filter nests deeper than 50 levels"),
    ],
)
def test_syntax_errors_say_where(query, error):
    with pytest.raises(QueryError) as caught:
        parse(query)
    assert str(caught.value) == f"parse error at {error}"


@pytest.mark.parametrize(
    ("query", "named"),
    [
        *((f'{{a="b"}} | {stage}', f'the "{stage}" stage') for stage in STAGES),
        ('{a="b"} | json x="y"', 'the "json" stage'),
        ('{a="b"} |> "x"', 'the pattern line filter "|>"'),
        ('{a="b"} |= ip("1.2.3.4")', 'the "ip" line filter'),
        ('{a="b"} | x = ip("1.2.3.4")', 'the "ip" label filter'),
        ('{a="b"} | x >= 5', 'the numeric label filter ">="'),
        ('{a="b"} | x != 1s', "a numeric label filter"),
        ('rate({a="b"}[5m])', 'the metric query "rate"'),
        ('sum by (x) (count_over_time({a="b"}[1m]))', 'the metric query "sum"'),
        ("1 + 1", "a metric query"),
        ('{a="b"}[5m]', "a range vector"),
    ],
)
def test_what_has_no_engine_yet_is_named(query, named):
    with pytest.raises(QueryError, match=r"parse error at line 1, col \d+: ") as caught:
        parse(query)
    assert str(caught.value).endswith(f": {named} is not supported yet by the embedded engine")


def test_a_word_of_the_grammar_may_be_a_label():
    assert parse('{a="b"} | json="x"').stages == (LabelFilter(Match("json", "=", "x")),)


def test_selectors_alone():
    assert parse_selector("{}") == ()
    assert parse_selector('{a!="b"}') == (Match("a", "!=", "b"),)
    with pytest.raises(QueryError, match="unexpected"):
        parse_selector('{a="b"} |= "x"')


@pytest.mark.parametrize(
    ("selector", "fine"),
    [
        ("{}", False),
        ('{a=~".*"}', False),
        ('{a!="b"}', False),
        ('{a=""}', False),
        ('{a=~".+"}', True),
        ('{a="b",c=""}', True),
    ],
)
def test_something_must_rule_out_the_empty_value(selector, fine):
    if fine:
        assert selector_matchers(parse_selector(selector))
    else:
        with pytest.raises(QueryError, match="queries require at least one regexp or equality matcher"):
            selector_matchers(parse_selector(selector))


API = labels(service_name="api", level="info")


def store(*records):
    memory = MemoryStore()
    memory.submit(Batch(logs=[LogRecord(*record) for record in records]))
    return memory


def found(memory, query, **options):
    wanted = LogRange(**({"start": 0, "end": 1_000, "limit": 100, "direction": "forward"} | options))
    return [record.time_ns for record in run(memory, parse(query), wanted)]


@pytest.mark.parametrize(
    ("stages", "times"),
    [
        ("", [1, 2, 3]),
        ('|= "job"', [1, 2]),
        ('|= "job" or "other"', [1, 2, 3]),
        ('!= "done"', [2, 3]),
        ('!= "done" or "other"', [2]),
        ('|~ "job [0-9]+"', [1]),
        ('|~ "(?i)JOB"', [1, 2]),
        ('!~ "^job"', [3]),
        ('| trace_id="ab"', [1]),
        ('| trace_id!="ab"', [2, 3]),
        ('| trace_id=~"a.|cd"', [1, 2]),
        ('| trace_id=""', [3]),
        ('| level="info" | trace_id="cd"', [2]),
        ('| trace_id="ab" or trace_id="cd"', [1, 2]),
        ('| trace_id="ab" and level="warn"', []),
        ('| missing=""', [1, 2, 3]),
        ('| service_name_extracted="x"', [3]),
    ],
)
def test_stages_keep_lines(stages, times):
    memory = store(
        (API, 1, "job 7 done", labels(trace_id="ab")),
        (API, 2, "job x", labels(trace_id="cd")),
        (API, 3, "other", labels(service_name="x")),
        (labels(service_name="worker"), 4, "job", labels(trace_id="ab")),
    )
    assert found(memory, '{service_name="api"} ' + stages) == times


def test_start_is_included_and_end_is_not_and_direction_decides_the_first():
    memory = store(*((API, t, "x") for t in range(1, 6)))
    assert found(memory, '{level="info"}', start=2, end=5) == [2, 3, 4]
    assert found(memory, '{level="info"}', limit=2, direction="backward") == [5, 4]
    assert found(memory, '{level="info"}', interval=2) == [1, 3, 5]


def test_a_limit_stops_the_reading():
    memory = store(*((API, t, "x") for t in range(1, 100)))
    assert found(memory, '{level="info"}', limit=3) == [1, 2, 3]
    assert memory.lines_read == 3


@pytest.mark.parametrize(
    ("stages", "hint"),
    [
        ('| trace_id="ab"', {"trace_id": "ab"}),
        ('|= "x" | level="info", trace_id="ab" | request_id="r"', {"trace_id": "ab", "request_id": "r"}),
        ('| trace_id=~"ab"', None),
        ('| trace_id=""', None),
        ('| trace_id="ab" or level="x"', None),
        ('| job_id="7"', None),
    ],
)
def test_ids_are_hints_to_the_store(stages, hint):
    memory = store((API, 1, "x", labels(trace_id="ab")))
    found(memory, '{service_name="api"} ' + stages)
    assert memory.hints == [hint]


def test_an_id_that_is_a_stream_label_is_no_hint():
    memory = store((labels(service_name="api", trace_id="ab"), 1, "x"))
    assert found(memory, '{service_name="api"} | trace_id="ab"') == [1]
    assert memory.hints == [None]


def test_a_scan_without_end_is_given_up(monkeypatch):
    clock = count()
    monkeypatch.setattr("obsctl.embedded.query.logql.engine.time.monotonic", lambda: next(clock))
    memory = store(*((API, t, "x") for t in range(100)))
    with pytest.raises(QueryTimeoutError, match="deadline"):
        run(memory, parse('{level="info"} |= "nothing"'), LogRange(0, 1_000, 10), timeout=20)
    assert memory.lines_read < 30


def test_metadata_with_a_taken_name_is_kept_beside_it():
    record = LogRecord(API, 1, "x", labels(level="debug", a="b"))
    assert merged(record) == {"service_name": "api", "level": "info", "level_extracted": "debug", "a": "b"}
