"""The template language: three directives and a hole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.render.template import RenderError, render_template

TEXT = """\
one @{a}
#if yes
  two
#each items
    - @{item} of @{a}
#end
#end
#unless yes
  never
#end
last
"""


def test_directives_decide_and_leave_no_trace() -> None:
    values = {"a": "A", "yes": True, "items": [{"item": "x"}, {"item": "y", "a": "B"}]}
    assert render_template(TEXT, values) == "one A\n  two\n    - x of A\n    - y of B\nlast\n"
    assert render_template(TEXT, {**values, "yes": False}) == "one A\n  never\nlast\n"


def test_an_empty_list_is_false() -> None:
    assert render_template("#if items\nyes\n#end\n#each items\nno\n#end\n", {"items": []}) == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("@{nobody}", "there is no value 'nobody'"),
        ("#if nobody\n#end\n", "there is no value 'nobody'"),
        ("#if a\n", "line 1 has no #end: #if a"),
        ("x\n#end\n", "#end on line 2 ends nothing"),
        ("@{yes}", "'yes' is no text"),
        ("@{items}", "'items' is no text"),
    ],
)
def test_a_mistake_is_an_error(text: str, says: str) -> None:
    with pytest.raises(RenderError) as caught:
        render_template(text, {"a": "A", "yes": True, "items": []})
    assert str(caught.value) == says


@given(st.text())
def test_what_is_filled_in_is_not_read_again(value: str) -> None:
    assert render_template("<@{a}>", {"a": value}) == f"<{value}>"


@given(st.lists(st.sampled_from(["text", "# comment", "${x}", "$${y}", "  @ {z}", "#endless", "#iffy"])))
def test_other_text_stays_as_it_is(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert render_template(text, {}) == text
