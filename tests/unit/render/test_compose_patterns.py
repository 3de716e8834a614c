"""Patterns of a contract in the collector's regular expressions, and values as other files write them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.render.logpaths import split_glob
from obsctl.render.patterns import beyond_re2, without_groups
from obsctl.render.values import duration, glob_regex, on_this_machine
from obsctl.schema.scalars import duration_seconds


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        (r"a(?=b)", "lookaround"),
        (r"(?<!a)b", "lookaround"),
        (r"\\(?=b)", "lookaround"),
        (r"(a)\1", "a reference to a group"),
        (r"(?P<x>a)(?P=x)", "a reference to a group"),
        (r"(a)?(?(1)b|c)", "a condition"),
        (r"(?>a)", "an atomic group"),
        (r"(?#why)a", "a comment"),
        (r"(?x) a", "a flag other than i, m and s"),
        (r"a\Z", "an escape that only Python knows"),
        (r"a*+", "a possessive repetition"),
        (r"a{2,3}+", "a possessive repetition"),
        (r"a{2000}", "more than 1000 repetitions"),
    ],
)
def test_what_re2_does_not_have_is_named(pattern: str, what: str) -> None:
    re.compile(pattern)
    assert beyond_re2(pattern) == what


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?i)bearer\s+[A-Z]{16,}",
        r"[(?=]x",
        r"\(?=x",
        r"\++",
        r"(?:a|b)+?",
        r"(?P<x>a)\d{3}",
        r"[^]a]b\(\?=",
        r"a\\1",
    ],
)
def test_what_re2_has_is_taken(pattern: str) -> None:
    re.compile(pattern)
    assert beyond_re2(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "without"),
    [
        (r"(a)(?P<x>b)(?:c)", r"(?:a)(?:b)(?:c)"),
        (r"\(a\)[(]b(c)", r"\(a\)[(]b(?:c)"),
        (r"(?i)a", r"(?i)a"),
        (r"\\(a)", r"\\(?:a)"),
    ],
)
def test_groups_are_made_plain(pattern: str, without: str) -> None:
    assert without_groups(pattern) == without
    assert re.compile(without).groups == 0


@given(st.text("a.b*-_$'\"\\ é", min_size=1, max_size=12), st.text("a.b-_$", max_size=6))
def test_a_glob_means_what_its_expression_means(glob: str, middle: str) -> None:
    name = glob.replace("*", middle)
    assert re.fullmatch(glob_regex(glob), name)
    assert not re.fullmatch(glob_regex(glob), f"{name}\N{SNOWMAN}") or glob.endswith("*")


@given(st.integers(1, 10**9))
def test_a_duration_can_be_read_back(milliseconds: int) -> None:
    assert round(duration_seconds(duration(milliseconds / 1000)) * 1000) == milliseconds


@pytest.mark.parametrize(
    ("glob", "parts"),
    [
        ("/var/log/web/*.log", ("/var/log/web", "*.log")),
        ("/var/*/web/a.log", ("/var", "*/web/a.log")),
        ("/var/log/a.log", ("/var/log", "a.log")),
        ("/srv/{a,b}/x.log", ("/srv", "{a,b}/x.log")),
        (r"/srv/a\[1]/x.log", ("/srv", r"a\[1]/x.log")),
    ],
)
def test_a_glob_is_split_before_its_first_wildcard(glob: str, parts: tuple[str, str]) -> None:
    assert split_glob(glob) == parts
    assert str(Path(*parts)) == glob


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost", True),
        ("http://[::1]:1", True),
        ("http://10.0.0.1", False),
        ("https://example.com", False),
    ],
)
def test_this_machine_is_known(url: str, here: bool) -> None:
    assert on_this_machine(url) is here
