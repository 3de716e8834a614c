"""PromQL's grammar: precedence, what is refused and in which words, and that printing and parsing undo each other."""

from __future__ import annotations

import re
import time
from dataclasses import fields, is_dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsctl.languages.errors import QueryError
from obsctl.languages.promql.durations import Timing
from obsctl.languages.promql.functions import FUNCTIONS
from obsctl.languages.promql.lex import MAX_QUERY
from obsctl.languages.promql.parse import canonical, parse
from obsctl.languages.promql.printing import printed
from obsctl.languages.promql.tree import Number, Selector, Subquery
from tests.unit.embedded.promql_queries import vectors

TIMING = Timing(step=60_000, range=3_600_000)
_WORDS = r"""x a:b up sum topk rate and or unless offset by without on ignoring group_left group_right bool start end
    step min_of fill anchored inf NaN atan2 ( ) [ ] { } , : + - * / % ^ == != =~ !~ < > = @ 1 5m 0x1F 1e3 08 1..2 5q "a"
    'b' `c` "\xff" " # é \ . !"""
PIECES = ["\n", *_WORDS.split()]


def placeless(node: object) -> object:
    """A tree without positions, and without how it was written."""
    if isinstance(node, Selector):
        node = replace(node, matchers=tuple(sorted(node.matchers, key=repr)))  # as they are printed
    if not is_dataclass(node):
        return tuple(map(placeless, node)) if isinstance(node, tuple) else repr(node)  # NaN equals nothing
    kept = [field.name for field in fields(node) if field.compare and field.name != "at"]
    return type(node).__name__, tuple(placeless(getattr(node, name)) for name in kept)


@given(vectors(4))
@settings(deadline=None)
def test_what_is_printed_is_parsed_to_the_same_tree(query: str) -> None:
    expr = parse(query.replace("$T+", "1700000000"))
    again = parse(printed(expr))
    assert placeless(again) == placeless(expr)
    assert printed(again) == printed(expr)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("-x^2*3", "-x ^ 2 * 3"),
        ("( (x) )", "((x))"),
        ("+x", "+x"),
        ("1+2", "1 + 2"),
        ("5m + 90", "5m + 90"),
        ("-5m", "-5m"),
        ("1e30", "1000000000000000000000000000000"),
        ("inf - -Inf", "+Inf - -Inf"),
        ("Sum(x)without(b,a)", "sum without (b, a) (x)"),
        ("topk(1,x)by(a)", "topk by (a) (1, x)"),
        ("count_values('v',x)", 'count_values("v", x)'),
        ('up{z="1",a=~"2",}', 'up{a=~"2",z="1"}'),
        ('{"up", job="x"}', '{__name__="up",job="x"}'),
        ('{"a.b", "c.d"!="e"}', '{"c.d"!="e",__name__="a.b"}'),
        ('sum by ("a.b") (x)', 'sum by ("a.b") (x)'),
        ("x[90s:5m]offset 1h @5", "x[1m30s:5m] @ 5.000 offset 1h"),
        ("x[5m:] @ end()", "x[5m:] @ end()"),
        ("x[27h]", "x[1d3h]"),
        ("x[5m+step()]", "x[5m + step()]"),
        ("x[2*(1h-30m)^1]", "x[2 * (1h - 30m) ^ 1]"),
        ("x[min_of(5m,1h)]", "x[min_of(5m, 1h)]"),
        ("x offset -(1h/2)", "x offset -(1h / 2)"),
        ("a==bool on()group_left b", "a == bool on () group_left () b"),
        ("1 + on() 2", "1 + 2"),
        ("'\\a\\t\"\\''", '"\\a\\t\\"\'"'),
        ("x # a comment\n+ y", "x + y"),
    ],
)
def test_printed_expressions_are_those_of_prometheus(query: str, shown: str) -> None:
    assert canonical(query) == shown


@pytest.mark.parametrize(
    ("query", "same"),
    [
        ("1 - 2 - 3", "(1 - 2) - 3"),
        ("2 ^ 3 ^ 2", "2 ^ (3 ^ 2)"),
        ("-x ^ 2", "-(x ^ 2)"),
        ("-x * y", "(-x) * y"),
        ("2 ^ -x ^ 3", "2 ^ (-(x ^ 3))"),
        ("a or b and c == d + e * f ^ g", "a or (b and (c == (d + (e * (f ^ g)))))"),
        ("a and b or c unless d", "(a and b) or (c unless d)"),
        ("a * b atan2 c", "(a * b) atan2 c"),
        ("x offset 5m ^ 2", "(x offset 5m) ^ 2"),
        ("x offset -2 ^ 2", "(x offset -2) ^ 2"),
        ("- - x", "-(-x)"),
        ("sum + avg", "{__name__='sum'} + {__name__='avg'}"),
        ("and and and", "{__name__='and'} and {__name__='and'}"),
    ],
)
def test_operators_bind_as_in_prometheus(query: str, same: str) -> None:
    assert placeless(parse(query)) == placeless(parse(same))


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("", "no expression found in input"),
        ("foo bar", 'unexpected identifier "bar"'),
        ("a:b c:d", 'unexpected metric identifier "c:d"'),
        ("1 2", 'unexpected number "2"'),
        ("x 5m", 'unexpected duration "5m"'),
        ('x "abcdefghijkl"', 'unexpected string "\\"abcdefghi"...'),
        ("x by", "unexpected <by>"),
        ("x = y", 'unexpected "="'),
        ("sum(x y)", 'unexpected identifier "y" in aggregation'),
        ("sum by (a) x", 'unexpected identifier "x" in aggregation'),
        ("sum by a (x)", 'unexpected identifier "a" in grouping opts, expected "("'),
        ("sum by (a b) (x)", 'unexpected identifier "b" in grouping opts, expected "," or ")"'),
        ("sum by (1) (x)", 'unexpected number "1" in grouping opts, expected label'),
        ('sum by ("") (x)', 'invalid label name for grouping: ""'),
        ("sum()", "no arguments for aggregate expression provided"),
        ("sum(x, y)", "wrong number of arguments for aggregate expression provided, expected 1, got 2"),
        ("topk(x)", "wrong number of arguments for aggregate expression provided, expected 2, got 1"),
        ("abs(x,)", "trailing commas not allowed in function call args"),
        ("foo(x)", 'unknown function with name "foo"'),
        ("x{a}", 'unexpected "}" in label matching, expected label matching operator'),
        ("x{a=b}", 'unexpected identifier "b" in label matching, expected string'),
        ("x{a='b' c='d'}", 'unexpected identifier "c" in label matching, expected "," or "}"'),
        ("x{,}", 'unexpected "," in label matching, expected identifier or "}"'),
        ("x{__name__='y'}", 'metric name must not be set twice: "x" or "y"'),
        ("x[5m] y", 'unexpected identifier "y"'),
        ("x[5m 1h]", 'unexpected duration "1h" in subquery or range, expected ":" or "]"'),
        ("x[]", 'unexpected "]" in subquery or range selector, expected number, duration, step(), or range()'),
        ("x[-5m]", "duration must be greater than 0"),
        ("x[1/0]", "division by zero"),
        ("x[1%0]", "modulo by zero"),
        ("x[inf]", "unexpected character in duration expression: 'i'"),
        ("x[9^999]", "duration is NaN or infinite"),
        ("x[1e12y]", 'bad number or duration syntax: "1e12y"'),
        ("x[5m1h]", 'not a valid duration string: "5m1h"'),
        ("x offset", "unexpected end of input in offset, expected number, duration, step(), or range()"),
        ("x offset 1m offset 1m", "offset may not be set multiple times"),
        ("(x) offset 1m", "offset modifier must be preceded by an instant vector selector or range vector selector"),
        ("x @ y", 'unexpected identifier "y" in @, expected timestamp'),
        ("x @ 1 @ 2", "@ <timestamp> may not be set multiple times"),
        ("1 @ 2", "@ modifier must be preceded by"),
        ("(x)[5m]", "ranges only allowed for vector selectors"),
        ("x offset 1m [5m]", "no offset modifiers allowed before range"),
        ("x @ 1 [5m]", "no @ modifiers allowed before range"),
        ("x anchored", "anchored modifier is experimental and not enabled"),
        ("1[5m:]", "subquery is only allowed on instant vector, got scalar instead"),
        ("-x[5m]", 'unary expression only allowed on expressions of type scalar or instant vector, got "range vector"'),
        ('+"a"', 'unary expression only allowed on expressions of type scalar or instant vector, got "string"'),
        ("x[5m] + 1", "binary expression must contain only scalar and instant vector types"),
        ("1 + on (a) x", "vector matching only allowed between instant vectors"),
        ("a + bool b", "bool modifier can only be used on comparison operators"),
        ("a and on (x) group_left b", 'no grouping allowed for "and" operation'),
        ("a + on (x) group_left (x) b", 'label "x" must not occur in ON and GROUP clause at once'),
        ("topk(x, y)", "expected type scalar in aggregation parameter, got instant vector"),
        ("round()", 'expected at least 1 argument(s) in call to "round", got 0'),
        ("round(x, 1, 2)", 'expected at most 2 argument(s) in call to "round", got 3'),
        ("label_join(x, 'a', 'b', 1)", 'expected type string in call to function "label_join", got scalar'),
        ('"a', "unterminated quoted string"),
        ("`a", "unterminated raw string"),
        ("(x", "unclosed left parenthesis"),
        ("x[5m", "unclosed left bracket"),
        ("x{", "unexpected end of input inside braces"),
        ("x)", "unexpected right parenthesis ')'"),
        ("x]", "unexpected right bracket ']'"),
        ("x}", "unexpected character: '}'"),
        ("x{{", "unexpected left brace '{'"),
        ("x{-}", "unexpected character inside braces: '-'"),
        ("x !~ y", "unexpected character after '!': '~'"),
        ("x{a!b}", "unexpected character after '!' inside braces: 'b'"),
        ("1e400", 'error parsing number: strconv.ParseFloat: parsing "1e400": value out of range'),
        ("x ? y", "unexpected character: '?'"),
    ],
)
def test_what_is_refused_is_refused_in_the_words_of_prometheus(query: str, problem: str) -> None:
    with pytest.raises(QueryError, match=re.escape(problem)):
        parse(query)


def test_arithmetic_in_durations_is_evaluated_while_it_is_read() -> None:
    expr = parse("x[step() * 2 + max_of(1m, 30)] offset -(range() / 2)", TIMING)
    assert isinstance(expr, Selector)
    assert (expr.range_ms, expr.offset_ms) == (180_000, -1_800_000)
    subquery = parse("x[1h:step()]", TIMING)
    assert isinstance(subquery, Subquery)
    assert (subquery.range_ms, subquery.step_ms) == (3_600_000, 60_000)


def test_brackets_are_kept_for_printing_only() -> None:
    assert parse("(1)") == Number(1.0, 1)
    assert parse("(1)").wrapped == "("


@pytest.mark.parametrize(
    ("query", "metric"), [("up{a='b'}", "up"), ("{'up', a='b'}", "up"), ("{__name__=~'up'}", ""), ("{a='up'}", "")]
)
def test_a_selector_knows_its_metric(query: str, metric: str) -> None:
    selector = parse(query)
    assert isinstance(selector, Selector)
    assert selector.metric == metric


def test_every_signature_is_checked() -> None:
    values = {"scalar": "1", "vector": "x", "matrix": "x[5m]", "string": '"a"'}
    for name, signature in FUNCTIONS.items():
        call = f"{name}({', '.join(values[kind] for kind in signature.args)})"
        if signature.experimental:
            with pytest.raises(QueryError, match=f'function "{name}" is not enabled'):
                parse(call)
        else:
            assert parse(call).kind == signature.returns


@given(st.lists(st.sampled_from(PIECES), max_size=25), st.sampled_from(["", " "]))
@settings(max_examples=300, deadline=None)
def test_pieces_of_queries_give_a_tree_or_an_error(pieces: list[str], between: str) -> None:
    _parsed(between.join(pieces))


@given(st.text(max_size=60))
def test_any_text_gives_a_tree_or_an_error(text: str) -> None:
    _parsed(text)


def _parsed(text: str) -> None:
    try:
        expr = parse(text)
    except QueryError:
        return
    assert placeless(parse(printed(expr))) == placeless(expr)


@pytest.mark.parametrize(
    "piece",
    ["(", "-", "x+", "x^", "{a=", "'", '"\\', "#\n", "fill ", "1_", "1e", "5m", "x[5m:", "sum(", "a,", "é", "[["],
)
def test_long_texts_are_refused_in_time(piece: str) -> None:
    text = piece * (MAX_QUERY // len(piece))
    started = time.process_time()
    with pytest.raises(QueryError):
        parse(text)
    assert time.process_time() - started < 2
