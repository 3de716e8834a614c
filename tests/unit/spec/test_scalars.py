"""Durations, sizes, URLs, addresses and the wording of suggestions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsctl.schema.findings import Findings
from obsctl.schema.scalars import duration_seconds, size
from obsctl.schema.source import SourceCursor, SourceNode
from obsctl.schema.text import nearest, quoted
from obsctl.schema.types import ValidationError
from obsctl.spec.scalars import BIND, GLOB, NAME, REGEX, ROUTE, URL, placeholders


def read(kind, text):
    return kind.read(SourceCursor(SourceNode(text, 1, text)), Findings("f"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("2s", 2), ("1m", 60), ("1h30m", 5400), ("1d", 86400), ("1w2d", 777600), ("1y", 31536000)],
)
def test_durations_are_those_of_prometheus(text, seconds):
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "s", "2 s", "1m1h", "1.5s", "-1s", "2S", "٣s", "1s\n", "9" * 60 + "s"])
def test_what_is_no_duration_is_zero(text):
    assert duration_seconds(text) == 0.0


UNITS = ("y", "w", "d", "h", "m", "s", "ms")


@settings(deadline=None)
@given(st.lists(st.sampled_from(range(7)), unique=True, min_size=1).map(sorted), st.integers(1, 999))
def test_a_duration_is_the_sum_of_its_parts(chosen, amount):
    parts = [f"{amount}{UNITS[i]}" for i in chosen]
    assert duration_seconds("".join(parts)) == pytest.approx(sum(map(duration_seconds, parts)))


@pytest.mark.parametrize(
    ("text", "amount"), [("500MB", 500 * 10**6), ("2GiB", 2 * 2**30), ("1.5 KiB", 1536), ("7B", 7), ("1TiB", 2**40)]
)
def test_sizes(text, amount):
    assert read(size(1), text) == amount


@pytest.mark.parametrize("text", ["GiB", "2", "2Gib", "2gb", "-1MB", "1e9B", "0B"])
def test_what_is_no_size(text):
    with pytest.raises(ValidationError):
        read(size(1), text)


@pytest.mark.parametrize(
    ("given_url", "kept"),
    [
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("https://shop.example/", "https://shop.example"),
        ("http://[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_urls_end_with_the_host(given_url, kept):
    assert read(URL, given_url) == kept


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "127.0.0.1",
        "ftp://h",
        "http://",
        "http://h/p",
        "http://h?q",
        "http://h:0",
        "http://h:x",
        "http://a b",
        "http://[::1",
    ],
)
def test_what_is_no_url(bad):
    with pytest.raises(ValidationError):
        read(URL, bad)


def test_a_password_in_a_url_is_not_repeated():
    with pytest.raises(ValidationError) as caught:
        read(URL, "http://me:hunter2@127.0.0.1")
    assert "hunter2" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (BIND, ("127.0.0.1", "::1", "localhost", "0.0.0.0"), ("example.com", "1.2.3", "127.0.0.1:80", "")),
        (NAME, ("a", "a-b", "7"), ("", "-a", "A", "a_b", "a\n", "a" * 64)),
        (ROUTE, ("/", "/a/{b}/c"), ("", "a", "/a b", "/a?b", "/{a", "/{1}", "/a#b")),
        (GLOB, ("user.email", "*.email"), ("", "*", "**", "a b")),
        (REGEX, ("a+", r"\d{3}"), ("(", "a*", "[[a]", "a{99999999999999999999}", "(?P<x>a)(?P<x>b)")),
    ],
)
def test_what_fits_and_what_does_not(kind, good, bad):
    assert [read(kind, text) for text in good] == list(good)
    for text in bad:
        with pytest.raises(ValidationError):
            read(kind, text)


def test_placeholders_are_identifiers_in_braces():
    assert placeholders("/a/{b}/{c_1}?{}{1}{d e}{") == ["b", "c_1"]


def test_words():
    assert nearest("prometeus", ["prometheus", "loki"]) == '; did you mean "prometheus"?'
    assert nearest("x", ["prometheus", "loki"]) == ""
    assert quoted("a\x1b[0m\u202e") == r'"a\u001b[0m\u202e"'
    assert quoted("a" * 50) == f'"{"a" * 39}…"'
