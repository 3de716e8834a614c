"""A search for what is not there: all of the time is looked at, once it is known that the search is up to date."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsctl.checks._search import MOST, TraceWindow
from obsctl.checks.privacy_canary import PrivacyCanary
from obsctl.clients.telemetry import Span, TraceSearch
from obsctl.errors import IncompleteError
from obsctl.wait import Deadline
from tests.unit.checks.world import healthy

SECOND = 10**9


class Store:
    """Traces of one span each, by their start; what began after ``seen`` is not found, as often as that says."""

    def __init__(self, starts: list[int], late: int = 0) -> None:
        self.starts, self.late, self.asked = starts, late, 0

    def search(self, service: str, *, start_ns: int, end_ns: int, limit: int) -> TraceSearch:
        self.asked += 1
        found = [] if self.asked <= self.late else [s for s in self.starts if start_ns <= s <= end_ns]
        spans = (Span(f"{s:032x}", "1", "", service, "x", s, s, "server") for s in sorted(found, reverse=True)[:limit])
        return TraceSearch(tuple((span,) for span in spans), "", "Tempo at http://127.0.0.1:1")


@settings(max_examples=30, deadline=None)
@given(starts=st.lists(st.integers(0, 3600 * SECOND), max_size=3 * MOST, unique=True))
def test_more_traces_than_one_search_gives_are_all_found(starts: list[int]) -> None:
    spans = TraceWindow(Store(starts), 0, 3600 * SECOND).spans("web", set(), Deadline.after(10))
    assert {span.start_ns for span in spans} == set(starts)
    assert len(spans) == len(starts)


def test_more_traces_within_a_second_than_a_search_gives_are_an_error() -> None:
    with pytest.raises(IncompleteError, match=f"web has {MOST} traces or more within a second"):
        TraceWindow(Store(list(range(MOST))), 0, SECOND).spans("web", set(), Deadline.after(10))


def test_a_search_counts_only_once_it_finds_what_is_there() -> None:
    store = Store([5 * SECOND, 6 * SECOND], late=2)
    spans = TraceWindow(store, 0, 10 * SECOND).spans("web", {f"{5 * SECOND:032x}"}, Deadline.after(30))
    assert (len(spans), store.asked) == (2, 3)


def test_nothing_is_concluded_from_a_search_that_does_not_find_what_is_there() -> None:
    """As of Tempo, whose search leaves out the newest half minute and says nothing."""
    world = healthy()
    trace = world.requests("POST /matches")[-1].trace_id
    world.unsearched = frozenset({trace})
    with pytest.raises(IncompleteError) as caught:
        PrivacyCanary().run(world.context(0.2))
    assert f"its search does not find trace {trace} of" in caught.value.message
    world.unsearched = frozenset()
    assert PrivacyCanary().run(world.context(5)).status == "pass"
