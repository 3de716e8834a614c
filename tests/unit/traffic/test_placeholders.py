from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.traffic.placeholders import StepError, meets, pick, render_headers, render_path, render_value

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def test_a_captured_value_keeps_its_type_when_it_stands_alone() -> None:
    assert render_value({"id": "{n}", "text": "n is {n}"}, {"n": 7}) == {"id": 7, "text": "n is 7"}


def test_values_are_filled_at_any_depth_and_keys_are_left_alone() -> None:
    assert render_value({"{n}": [{"a": ("{n}", 1)}]}, {"n": "x"}) == {"{n}": [{"a": ["x", 1]}]}


def test_a_filled_value_is_not_filled_again() -> None:
    assert render_value("{a}-", {"a": "{b}", "b": "no"}) == "{b}-"


def test_braces_that_are_no_placeholder_stay() -> None:
    assert render_value('{"a": {}} {1}', {}) == '{"a": {}} {1}'


def test_a_name_without_a_value_is_named() -> None:
    with pytest.raises(StepError, match=r"has no value for \{job_id\}"):
        render_value("/matches/{job_id}", {})


@given(st.text())
def test_a_value_stays_one_segment_of_the_path(value: str) -> None:
    value = value.encode("utf-8", "replace").decode()
    assert render_path("/a/{x}/b", {"x": value}).count("/") == 3


@given(st.text())
def test_no_header_can_be_smuggled_in(value: str) -> None:
    try:
        filled = render_headers({"X-Id": "{v}"}, {"v": value})["X-Id"]
    except StepError:
        return
    assert filled == value
    filled.encode("latin-1")
    assert not set(filled) & set("\r\n\0")


@given(JSON, st.text(max_size=12))
def test_picking_from_any_answer_finds_a_value_or_says_that_there_is_none(answer, path) -> None:
    try:
        found = pick(answer, path)
    except StepError:
        assert not meets(answer, {path: None})
    else:
        assert meets(answer, {path: found})


def test_a_path_goes_through_objects_and_lists() -> None:
    answer = {"items": [{"id": 0}, {"id": None}]}
    assert (pick(answer, "items.0.id"), pick(answer, "items.1.id")) == (0, None)
    for path in ("items.2.id", "items.-1.id", "items.id", "items.0.id.x"):
        with pytest.raises(StepError, match="the answer has no"):
            pick(answer, path)


def test_an_answer_meets_what_is_wanted_of_it() -> None:
    assert meets({"job": {"status": "done"}}, {"job.status": "done"})
    assert not meets({"job": {"status": "queued"}}, {"job.status": "done"})
    assert not meets(None, {"status": "done"})
    assert meets(None, {})
