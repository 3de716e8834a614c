from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from obsctl.checks._spans import candidates, flaws, like, text
from obsctl.clients.telemetry import Span, entry_spans, service_calls
from obsctl.probes import ProbeRequest
from obsctl.spec.contract import SpanRule

PARENT = "f" * 16
REQUEST = ProbeRequest("s", "GET", "/", "", "a" * 32, PARENT, "r", "obsctl=1", 0.0, 0.0, 200)


def span(number: int, parent: str, service: str = "api", **more) -> Span:
    return Span("a" * 32, f"{number:016x}", parent, service, f"span {number}", 0, 1, **more)


@st.composite
def trees(draw):
    """A tree under the injected parent, in any order."""
    parents = draw(st.lists(st.integers(0, 10**6), max_size=30))
    services = draw(st.lists(st.sampled_from(["api", "worker", "ai"]), min_size=31, max_size=31))
    spans = [span(0, PARENT, services[0])]
    for number, parent in enumerate(parents, start=1):
        spans.append(span(number, f"{parent % number:016x}", services[number]))
    return draw(st.permutations(spans))


@given(trees())
def test_a_tree_under_the_injected_span_has_no_flaw(spans: list[Span]) -> None:
    assert flaws(REQUEST, spans) == ()


@given(trees(), st.data())
def test_losing_a_span_with_children_leaves_orphans(spans: list[Span], data) -> None:
    parents = {s.parent_id for s in spans}
    inner = [s for s in spans if s.span_id in parents]
    if inner:
        lost = data.draw(st.sampled_from(inner))
        found = flaws(REQUEST, [s for s in spans if s is not lost])
        children = sum(s.parent_id == lost.span_id for s in spans)
        assert sum("is an orphan" in f for f in found) == children


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 9)), max_size=12))
def test_any_tangle_of_parents_is_judged_without_looping(pairs: list[tuple[int, int]]) -> None:
    spans = [span(own, "" if parent == 9 else f"{parent:016x}") for own, parent in pairs]
    flaws(REQUEST, spans)
    service_calls(spans)
    list(entry_spans(spans))


def test_a_cycle_is_a_flaw() -> None:
    spans = [span(0, PARENT), span(1, f"{2:016x}"), span(2, f"{1:016x}")]
    assert flaws(REQUEST, spans) == ("2 spans are each other's ancestors",)


def test_an_edge_is_a_call_between_neighbours() -> None:
    spans = [span(0, PARENT), span(1, f"{0:016x}"), span(2, f"{1:016x}", "worker"), span(3, f"{2:016x}", "ai")]
    assert service_calls(spans) == {("api", "worker"), ("worker", "ai")}


def test_a_pattern_holds_for_the_whole_text_and_only_the_star_is_special() -> None:
    assert like("*.email", "user.email")
    assert not like("email", "user.email")
    assert like("a[b]?*", "a[b]?cd\ne")
    assert not like("a?c", "abc")


def test_values_are_compared_as_contracts_write_them() -> None:
    assert [text(v) for v in (200, True, "x", None, ["a"], 0)] == ["200", "true", "x", "", '["a"]', "0"]


def test_a_span_that_lacks_a_required_attribute_is_still_the_one_meant() -> None:
    rule = SpanRule("r", "api", "server", match={"route": ("/x",)}, attributes=("route",))
    bare, other = span(0, PARENT, kind="server"), span(1, PARENT, kind="server", attributes={"route": "/y"})
    assert candidates([bare, other], rule) == (bare,)
    right = span(2, PARENT, kind="server", attributes={"route": "/x"})
    assert candidates([bare, other, right], rule) == (right,)
