from __future__ import annotations

import pytest

from obsctl.languages.placeholders import DASHBOARD, REQUEST, TEMPLATE, Notation, Placeholder


@pytest.mark.parametrize(
    ("notation", "text", "found"),
    [
        (TEMPLATE, "a @{b} {c} ${d}", [("b", "", "@{b}")]),
        (TEMPLATE, "rate(@{http.requests:base}_total[5m])", [("http.requests", "base", "@{http.requests:base}")]),
        (TEMPLATE, "@{B} @{} @{1}", []),
        (REQUEST, "/cvs/{cv_id}?q={nonce}", [("cv_id", "", "{cv_id}"), ("nonce", "", "{nonce}")]),
        (REQUEST, '{"a": 1} {1}', []),
        (DASHBOARD, 'up{job=~"$job"}', [("job", "", "$job")]),
        (DASHBOARD, "${job:regex}", [("job", "regex", "${job:regex}")]),
        (DASHBOARD, "[[old]] [[was:csv]]", [("old", "", "[[old]]"), ("was", "csv", "[[was:csv]]")]),
        (DASHBOARD, "${__value.raw} $__auto", [("__value", "", "${__value.raw}"), ("__auto", "", "$__auto")]),
    ],
)
def test_what_is_a_placeholder(notation: Notation, text: str, found: list[tuple[str, str, str]]) -> None:
    assert notation.placeholders(text) == tuple(Placeholder(*each) for each in found)


def test_a_value_that_looks_like_a_placeholder_stays_as_it_is() -> None:
    assert REQUEST.render("{a}-{b}", lambda placeholder: {"a": "{b}", "b": "1"}[placeholder.name]) == "{b}-1"


def test_a_text_that_is_nothing_but_a_placeholder() -> None:
    assert REQUEST.whole("{id}") == Placeholder("id", "", "{id}")
    assert REQUEST.whole("{id} ") is None
