"""RE2, as queries use it, and what is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.languages.errors import QueryError
from obsctl.languages.labels import Matcher
from obsctl.languages.regex import MAX_PATTERN, searcher, translate


@pytest.mark.parametrize(
    ("pattern", "hits", "misses"),
    [
        ("a.*", ["a", "abc", "a\nb"], ["ba"]),
        ("foo|bar", ["foo", "bar"], ["foobar", ""]),
        ("(?i)error", ["ERROR", "error"], ["errors"]),
        ("x(?i)y|z", ["xY", "Z", "z"], ["XY"]),
        ("(x(?i)y)z", ["xYz"], ["xYZ"]),
        ("[[:alpha:]_]+", ["ab_"], ["a1"]),
        (r"\Qa.b\E+", ["a.b"], ["axb"]),
        (r"a\z", ["a"], ["a\n"]),
        ("a$", ["a"], ["a\n"]),
        (r"[\[\]&|~]+", ["[]&|~"], ["a"]),
        ("[]a]+", ["]a"], ["b"]),
        ("[^]a]", ["b"], ["]", "a"]),
        (r"\x{1F600}", ["😀"], ["x"]),
        (r"[\x{61}-\x{63}]", ["b"], ["d"]),
        ("(?<n>a)", ["a"], ["b"]),
        ("a{2,3}", ["aa", "aaa"], ["a"]),
        ("a{,3}", ["a{,3}"], ["aa"]),
        (r"(\d+\.){3}\d+", ["10.0.0.1"], ["10.0.0"]),
        ("", [""], ["a"]),
        ("5[0-9]{2}", ["503"], ["403"]),
        (r"/api/v1/.+", ["/api/v1/cvs"], ["/api/v2/cvs"]),
        ("(?s-i:a.b)", ["a\nb"], ["A\nb"]),
        (r"[\pL]+", ["é"], ["1"]),
        ("(a+)+", ["aaa"], [""]),
    ],
)
def test_patterns_mean_what_they_mean_in_re2(pattern, hits, misses):
    matcher = Matcher("l", "=~", translate(pattern))
    assert [value for value in hits if not matcher.matches(value)] == []
    assert [value for value in misses if matcher.matches(value)] == []


@pytest.mark.parametrize(
    "pattern",
    [
        *("(", ")", "[", "a**", "*", "a++", "\\", "(?=a)", "(?!a)", "(?<=a)", "(?P=x)", r"(a)\1", r"\Z", "(?>a)"),
        *("(?z)", "(?--i)", "[z-a]", "a{2,1}", "a{1001}", "[[:nope:]]", r"\x{110000}", "(?:a{1000}){1000}", "\udc00"),
        "a" * (MAX_PATTERN + 1),
    ],
)
def test_what_is_refused(pattern):
    with pytest.raises(QueryError, match=r"regular expression|regexp"):
        translate(pattern)


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("(", "missing closing ): `(`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("a\\", "trailing backslash at end of expression: ``"),
    ],
)
def test_what_is_wrong_is_told_in_the_words_of_prometheus(pattern, told):
    with pytest.raises(QueryError, match=re.escape(f"error parsing regexp: {told}")):
        translate(pattern)


def test_a_matcher_refuses_what_is_no_pattern():
    with pytest.raises(ValueError, match="missing"):
        Matcher("l", "=~", "(")


def test_patterns_that_would_hang_a_backtracking_engine_do_not():
    assert not Matcher("l", "=~", "(a|aa)+(b|a)*(a*)*c").matches("a" * 5_000)


def test_a_line_search_is_not_anchored_and_a_dot_stops_at_a_newline():
    assert searcher("b.d").search("abcde")
    assert not searcher("b.d").search("ab\nde")


@given(st.text(max_size=30))
def test_escaped_text_matches_itself_only(text):
    quoted = re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)
    matcher = Matcher("l", "=~", translate(quoted))
    assert matcher.matches(text)
    assert not matcher.matches(f"{text}!")
    assert Matcher("l", "!~", translate(quoted)).matches(text) is False


@given(st.text(alphabet="ab(|)[]*+?{}1,^$\\.-:iPx&~", max_size=20))
def test_any_pattern_compiles_or_is_refused(pattern):
    try:
        translated = translate(pattern)
    except QueryError:
        translated = ""
    yes, no = Matcher("l", "=~", translated), Matcher("l", "!~", translated)
    assert yes.matches("abab") is not no.matches("abab")
