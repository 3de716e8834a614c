"""The lag of a signal is what is known: a look that found nothing, a look that found it, and nothing in between."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from obsctl.checks._arrivals import NEAR, Arrival, lag_of
from obsctl.checks.base import Signal

MOMENTS = st.floats(0, 100, allow_nan=False)


def lag(*arrivals: Arrival):
    return lag_of(Signal.TRACES, arrivals)


def test_nothing_waited_for_has_no_lag() -> None:
    assert lag() is None
    assert lag(Arrival(1.0)) is None


def test_what_the_first_look_found_long_after_it_was_sent_tells_nothing() -> None:
    late, soon = Arrival(100.0, 0.0, 104.0), Arrival(103.7, 0.0, 104.0)
    found = lag(late, soon)
    assert (round(found.worst, 3), found.at_most, found.items, found.proven) == (0.3, False, 2, 0.0)
    assert str(lag(late)) == "traces at most 4.00 s"


def test_what_was_looked_for_in_vain_is_proven_to_be_late() -> None:
    found = lag(Arrival(100.0, 102.0, 102.4), Arrival(100.0, 101.0, 101.2), Arrival(100.0, 103.0))
    assert (round(found.p50, 3), round(found.worst, 3), found.missing, found.proven) == (1.8, 2.4, 1, 3.0)
    assert str(lag(Arrival(1.0, 9.0))) == "traces never came"


@given(st.lists(st.tuples(MOMENTS, MOMENTS, MOMENTS), min_size=1))
def test_bounds_hold(times: list[tuple[float, float, float]]) -> None:
    arrivals = [Arrival(sent, sent + absent, sent + absent + more) for sent, absent, more in times]
    found = lag(*arrivals)
    assert 0 <= found.p50 <= found.worst <= max(absent + more for _, absent, more in times) + 1e-6
    assert found.at_most or found.worst >= found.proven - 1e-6 or found.worst <= NEAR
