"""LogQL: parsing and printing back, hostile texts, and what a query asks of the store."""

from __future__ import annotations

import re
from itertools import count, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.embedded.query.logql import engine, ranges
from obsctl.embedded.query.logql.engine import LogWindow, run
from obsctl.embedded.query.logql.logfmt import LogfmtError, pairs
from obsctl.embedded.query.logql.metrics import evaluate
from obsctl.embedded.query.logql.source import LogSource, Scan, selector_matchers
from obsctl.embedded.query.vectors.limits import Budget
from obsctl.embedded.records import Batch, LogRecord
from obsctl.languages.errors import QueryError, QueryTimeoutError
from obsctl.languages.logql import metric_tree, tree
from obsctl.languages.logql.lex import FUNCTIONS, RESERVED
from obsctl.languages.logql.literals import literal, size_bytes
from obsctl.languages.logql.parse import AGGREGATIONS, GROUPED_RANGES, RANKINGS, UNGROUPED, parse, parse_selector
from obsctl.languages.promql.tree import Matching
from tests.unit.embedded.memory_store import MemoryStore, labels

NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True).filter(lambda n: n.lower() not in RESERVED)
VALUES = st.text(max_size=12)
MATCHES = st.builds(tree.Match, NAMES, st.sampled_from(["=", "!=", "=~", "!~"]), VALUES)


def _compared(name, op, literal_of_kind):
    kind, text = literal_of_kind
    return tree.Compare(name, op, *literal(kind, text), text)


COMPARES = st.builds(
    _compared,
    NAMES,
    st.sampled_from(["==", "!=", ">", ">=", "<", "<="]),
    st.sampled_from(
        (
            *(("NUMBER", text) for text in ("5", "0.25", "1e9")),
            *(("DURATION", text) for text in ("10ms", "1h30m", "1d")),
            *(("BYTES", text) for text in ("5KB", "1.5MiB")),
        )
    ),
)
SIMPLE = MATCHES | COMPARES | st.builds(tree.IpMatch, NAMES, st.sampled_from(["=", "!="]), VALUES)
CONDITIONS = st.recursive(
    SIMPLE,
    lambda inner: (
        st.builds(tree.AllOf, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(tree.AnyOf, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=6,
)
TEXTS = st.lists(VALUES, min_size=1, max_size=3).map(tuple)
IPS = st.lists(VALUES | st.builds(tree.Ip, VALUES), min_size=1, max_size=2).map(tuple)
EXTRACTIONS = st.lists(st.builds(tree.Extraction, NAMES, VALUES), max_size=2).map(tuple)
ASSIGNMENTS = st.builds(tree.Assignment, NAMES, NAMES, st.just(True)) | st.builds(
    tree.Assignment, NAMES, VALUES, st.just(False)
)
STAGES = st.one_of(
    st.builds(tree.LineFilter, st.sampled_from(["|~", "!~", "|>", "!>"]), TEXTS),
    st.builds(tree.LineFilter, st.sampled_from(["|=", "!="]), IPS),
    st.builds(tree.LabelFilter, CONDITIONS),
    st.builds(tree.Json, EXTRACTIONS),
    st.builds(tree.Logfmt, st.booleans(), st.booleans(), EXTRACTIONS),
    st.builds(tree.TextParser, st.sampled_from(["pattern", "regexp"]), VALUES),
    st.builds(tree.Bare, st.sampled_from(["unpack", "decolorize"])),
    st.builds(tree.LineFormat, VALUES),
    st.builds(
        tree.LabelFormat, st.lists(ASSIGNMENTS, min_size=1, max_size=3, unique_by=lambda item: item.name).map(tuple)
    ),
    st.builds(
        tree.LabelSelection,
        st.sampled_from(["drop", "keep"]),
        st.lists(NAMES | MATCHES, min_size=1, max_size=3).map(tuple),
    ),
)


def _unambiguous(stages):
    """``| drop a != "b"`` is a matcher, to Loki too: it cannot be a name with a line filter behind it."""
    return not any(
        isinstance(one, tree.LabelSelection)
        and isinstance(one.items[-1], str)
        and isinstance(following, tree.LineFilter)
        and following.op in ("!=", "!~")
        for one, following in pairwise(stages)
    )


PIPELINES = st.lists(STAGES, max_size=4).filter(_unambiguous).map(tuple)
QUERIES = st.builds(tree.LogQuery, st.lists(MATCHES, max_size=3).map(tuple), PIPELINES)
GROUPINGS = st.none() | st.builds(metric_tree.Grouping, st.lists(NAMES, max_size=2).map(tuple), st.booleans())
DURATIONS = st.integers(1, 10**15) | st.integers(1, 10**6).map(lambda seconds: seconds * 10**9)
UNWRAPS = st.builds(
    metric_tree.Unwrap,
    NAMES,
    st.sampled_from(["", "duration", "duration_seconds", "bytes"]),
    st.lists(st.builds(tree.LabelFilter, CONDITIONS), max_size=1).map(tuple),
)
WINDOWS = st.integers(1, 10**9).map(lambda milliseconds: milliseconds * 10**6)
OFFSETS = st.just(0) | DURATIONS | DURATIONS.map(lambda ns: -ns)
LINE_RANGES = st.builds(
    metric_tree.RangeAggregate,
    st.sampled_from(["rate", "count_over_time", "bytes_rate", "bytes_over_time", "absent_over_time"]),
    st.builds(metric_tree.LogRange, QUERIES, WINDOWS, OFFSETS),
)
VALUE_RANGES = st.builds(
    metric_tree.RangeAggregate,
    st.sampled_from([op for op in GROUPED_RANGES if op != "quantile_over_time"]),
    st.builds(metric_tree.LogRange, QUERIES, WINDOWS, OFFSETS, UNWRAPS),
    st.none(),
    GROUPINGS,
)
RANGES = LINE_RANGES | VALUE_RANGES
MATCHINGS = st.builds(
    Matching,
    st.booleans(),
    st.lists(NAMES, max_size=2).map(tuple),
) | st.builds(
    Matching,
    st.booleans(),
    st.lists(NAMES, max_size=2).map(tuple),
    st.sampled_from(["left", "right"]),
    st.lists(NAMES, max_size=2).map(tuple),
)


def _around(inner):
    plain = sorted(AGGREGATIONS - set(RANKINGS) - set(UNGROUPED))
    return st.one_of(
        st.builds(metric_tree.VectorAggregate, st.sampled_from(plain), inner, st.none(), GROUPINGS),
        st.builds(
            metric_tree.VectorAggregate, st.sampled_from(["topk", "bottomk"]), inner, st.integers(1, 9), GROUPINGS
        ),
        st.builds(metric_tree.VectorAggregate, st.sampled_from(["sort", "sort_desc"]), inner),
        st.builds(metric_tree.LabelReplace, inner, VALUES, VALUES, VALUES, VALUES.map(re.escape)),
        st.builds(metric_tree.LogBinary, st.sampled_from(list("+-*/%^")), inner, inner, st.just(False), MATCHINGS),
        st.builds(
            metric_tree.LogBinary, st.sampled_from(["==", "!=", "<", ">="]), inner, inner, st.booleans(), MATCHINGS
        ),
    )


NUMBERS = st.floats(0, 1e9).map(metric_tree.LogNumber) | st.floats(0, 1e9).map(metric_tree.VectorOf)
METRICS = st.recursive(RANGES | NUMBERS, _around, max_leaves=5)


@given(QUERIES)
def test_a_printed_log_query_parses_to_the_same_tree(query):
    assert parse(str(query)) == query


@given(METRICS)
def test_a_printed_metric_query_parses_to_the_same_tree(query):
    assert parse(str(query)) == query


PIECES = st.sampled_from(
    (
        *(
            '{a="b"}',
            "{",
            "}",
            "|",
            "|=",
            "|~",
            "!=",
            "=",
            ">",
            "(",
            ")",
            "[5m]",
            "[",
            "]",
            ",",
            '"x"',
            "`y`",
            "5",
            "1e9",
        ),
        *("json", "logfmt", "--strict", "regexp", "pattern", "unpack", "drop", "keep", "label_format", "line_format"),
        *("unwrap", "duration", "rate", "sum", "by", "without", "topk", "quantile_over_time", "count_over_time", "ip"),
        *(
            "or",
            "and",
            "unless",
            "bool",
            "on",
            "group_left",
            "offset",
            "vector",
            "label_replace",
            "+",
            "-",
            "^",
            "#",
            "\n",
        ),
    )
)


def refusal(text):
    try:
        query = parse(text)
    except QueryError as caught:
        return str(caught)
    assert parse(str(query)) == query
    return ""


@given(st.lists(PIECES, max_size=14).map(" ".join) | st.text(max_size=40))
def test_any_text_parses_or_is_refused_with_a_position(text):
    told = refusal(text)
    assert not told or told.startswith("parse error at line ")


@pytest.mark.parametrize(
    "text",
    ["(" * 9_000, "sum(" * 9_000, '{a="b"} | ' + "(" * 9_000, "1" + "+1" * 60_000, "1^" * 9_000 + "1", "-" * 9_000],
)
def test_no_query_nests_without_end(text):
    assert refusal(text)


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


@pytest.mark.parametrize("word", sorted(FUNCTIONS))
def test_a_function_may_be_a_label(word):
    assert parse(f'{{a="b"}} | {word}="x"').stages == (tree.LabelFilter(tree.Match(word, "=", "x")),)


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_another_word_of_the_grammar_is_no_label(word):
    for text in (f'{{{word}="x"}}', f'{{a="b"}} | {word.upper()}="x"', f'sum by ({word}) (rate({{a="b"}}[1m]))'):
        with pytest.raises(QueryError, match="syntax error: unexpected"):
            parse(text)


@pytest.mark.parametrize("text", ['SUM BY (a) (Rate({a="b"} | JSON | Unwrap n [1m] OFFSET 1m)) OR vector(1)'])
def test_words_of_the_grammar_may_be_written_in_capitals(text):
    assert parse(text) == parse(text.lower())


def test_selectors_alone():
    assert parse_selector("{}") == ()
    assert parse_selector('{a!="b"}') == (tree.Match("a", "!=", "b"),)
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


@pytest.mark.parametrize(
    ("text", "size"),
    [("5", 5), ("3k", 3000), ("1Ki", 1024), ("1.5 MiB", 1572864), ("42MB", 42e6), ("1,000B", 1000), ("2gib", 2 << 30)],
)
def test_sizes(text, size):
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "B", "5 parsecs", "-5B", "1..5KB", "x5"])
def test_what_is_no_size(text):
    with pytest.raises(ValueError, match="unhandled size"):
        size_bytes(text)


@given(st.text(alphabet='ab=" \\\n\x00é', max_size=30))
def test_any_line_is_read_as_logfmt_in_one_pass(line):
    lenient = list(pairs(line, strict=False))
    told = ""
    strict = []
    try:
        strict += pairs(line, strict=True)
    except LogfmtError as caught:
        told = str(caught)
    assert told.startswith("logfmt syntax error at pos ") if told else strict == lenient


API = labels(service_name="api", level="info")


def store(*records):
    memory = MemoryStore()
    memory.submit(Batch(logs=[LogRecord(*record) for record in records]))
    return memory


def found(memory, query, **options):
    wanted = LogWindow(**({"start": 0, "end": 1_000, "limit": 100, "direction": "forward"} | options))
    return [record.time_ns for record in run(Scan(memory, Budget(seconds=20)), parse(query), wanted)]


def test_interval_keeps_one_line_at_a_time():
    memory = store(*((API, t, "x") for t in range(1, 6)))
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
        ('| job_id="7"', {"job_id": "7"}),
        # these are not stored under such a name
        ('| trace_id_extracted="ab" | __error__="x"', None),
        # behind a parser it may be a label of the line
        ('| json | trace_id="ab"', None),
        ('| trace_id="ab" | logfmt', {"trace_id": "ab"}),
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


@pytest.mark.parametrize(
    ("stages", "texts"),
    [
        ('|= "a" |= "b"', ("a", "b")),
        ('|= "a" or "b"', ()),
        ('!= "a" |= "" |~ "b"', ()),
        ('| json |= "a"', ("a",)),
        # what changes the line comes before
        ('| unpack |= "a"', ()),
        ('|= "a" | decolorize |= "b"', ("a",)),
    ],
)
def test_texts_are_left_to_the_store(stages, texts):
    memory = store((API, 1, "x"))
    found(memory, '{service_name="api"} ' + stages)
    assert memory.texts == [texts]


def test_a_scan_without_end_is_given_up(monkeypatch):
    clock = count()
    monkeypatch.setattr("obsctl.embedded.query.vectors.limits.time.monotonic", lambda: next(clock) * 10)
    memory = store(*((API, t, "x") for t in range(10_000)))
    with pytest.raises(QueryTimeoutError):
        found(memory, '{level="info"} |~ "nothing"', end=10_000)
    assert memory.lines_read < 2_000


def test_one_line_at_a_time_for_who_follows():
    source = LogSource(Scan(MemoryStore(), Budget()), parse('{a="b"} |= "x" | json'))
    assert source.passes(LogRecord(labels(a="b"), 1, "y")) is None
    entry = source.passes(LogRecord(labels(a="b"), 1, '{"x":1}', labels(a="c")))
    assert entry.labels() == {"a": "b", "a_extracted": "c", "x": "1"}


TEMPLATES = st.lists(
    st.sampled_from(
        (
            *(
                "{{",
                "}}",
                "{{-",
                "-}}",
                " ",
                ".a",
                "$x",
                "$x :=",
                "|",
                "(",
                ")",
                '"b"',
                "`c`",
                "5",
                "-1",
                "1.5",
                "text",
            ),
            *("if", "else", "end", "range", "with", "break", "__line__", "__timestamp__", "now", "true", "nil"),
            *("add", "div", "mod", "round", "repeat", "trunc", "substr", "alignLeft", "indent", "printf", "date"),
            *("toDate", "unixToTime", "fromJson", "regexReplaceAll", "count", "index", "len", "eq", "default", "int"),
        )
    ),
    max_size=16,
).map(" ".join)


@given(TEMPLATES, st.text(max_size=20))
def test_any_template_gives_a_line_or_an_error_and_no_failure(template, line):
    stage = tree.LineFormat(f"{{{{ {template} }}}}")
    try:
        entry = LogSource(Scan(MemoryStore(), Budget()), tree.LogQuery((tree.Match("a", "=", "b"),), (stage,))).passes(
            LogRecord(labels(a="b"), 1, line)
        )
    except QueryError as caught:
        entry, told = None, str(caught)
    else:
        told = ""
    assert ": invalid line template: " in told if entry is None else entry.error in ("", "TemplateFormatErr")


@given(st.lists(STAGES, max_size=4).map(tuple), st.text(max_size=40) | st.just('{"a":{"b":[1,"x"]},"c":1.5}'))
def test_any_pipeline_reads_any_line_or_is_refused(stages, line):
    query = tree.LogQuery((tree.Match("a", "=", "b"),), stages)
    try:
        source = LogSource(Scan(MemoryStore(), Budget()), query)
    except QueryError as caught:
        assert str(caught)  # noqa: PT017 - a refusal is as good as a result
        return
    entry = source.passes(LogRecord(labels(a="b"), 1, line, labels(m="5")))
    assert entry is None or all(entry.labels().values())


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("MAX_SAMPLES", 'sum(count_over_time({service_name="api"}[1s]))'),
        ("MAX_SERIES", 'sum(count_over_time({service_name="api"} | regexp `(?P<n>.*)` [1s])) by (n)'),
    ],
)
def test_a_metric_query_has_an_end_to_what_it_holds(monkeypatch, name, query):
    monkeypatch.setattr(ranges, name, 10)
    memory = store(*((API, t, f"line {t}") for t in range(1, 10)))
    steps = ranges.LogSteps(np.array([1_000]))
    assert len(evaluate(Scan(memory, Budget()), parse(query), steps, instant=True).labels) in (1, 9)
    memory.submit(Batch(logs=[LogRecord(API, t, f"line {t}") for t in range(10, 20)]))
    with pytest.raises(QueryError, match=r"more than 10 lines|maximum number of series"):
        evaluate(Scan(memory, Budget()), parse(query), steps, instant=True)


def test_an_answer_has_an_end_to_its_series(monkeypatch):
    memory = store(*((labels(service_name="api", number=str(n)), 1, "x") for n in range(501)))
    query, steps = parse('count_over_time({service_name="api"}[1s])'), ranges.LogSteps(np.array([1_000]))
    with pytest.raises(QueryError, match=r"maximum number of series \(500\) reached for a single query"):
        evaluate(Scan(memory, Budget()), query, steps, instant=True)
    assert evaluate(Scan(memory, Budget()), parse(f"sum({query})"), steps, instant=True).values.tolist() == [[501.0]]


def test_an_answer_has_an_end_to_its_size(monkeypatch):
    monkeypatch.setattr(engine, "MAX_RESULT_CHARACTERS", 10)
    memory = store((API, 1, "x" * 6), (API, 2, "x" * 6))
    with pytest.raises(QueryError, match="larger than 10 characters; lower the limit"):
        found(memory, '{level="info"}')
    assert found(memory, '{level="info"}', limit=1) == [1]
