"""One route in all notations of frameworks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.languages.routes import fits_property, same_route, with_placeholders

NOTATIONS = (
    "/orders/{order_id}", "/orders/<order_id>", "/orders/<int:order_id>", "/orders/:order_id", "/orders/{order_id:int}",
    "/orders/{order_id:[0-9]{1,9}}", "/orders/[order_id]", "orders/<int:order_id>/", "^orders/(?P<order_id>[^/]+)/$",
    "/orders/:order_id(.:format)", "/orders/:order_id(\\d+)", "/orders/{order_id?}", "orders/{order_id:int:min(1)}",
    "/orders/$order_id", "/orders/{order_id...}", "/orders/[...order_id]", "/orders/{*order_id}",
)  # fmt: skip
OTHERS = ("/orders", "/orders/{order_id}/lines", "/order/{order_id}", "/orders/new", "/{order_id}/orders", "/")


@pytest.mark.parametrize("written", NOTATIONS)
def test_every_notation_is_the_same_route(written: str) -> None:
    assert with_placeholders(written).rstrip("/") == "/orders/{order_id}"
    assert all(same_route(written, other) for other in (*NOTATIONS, "/orders/*", "/orders/{other}", "/Orders/{Id}"))


@pytest.mark.parametrize("other", OTHERS)
def test_other_routes_are_not(other: str) -> None:
    assert not any(same_route(written, other) for written in NOTATIONS)
    assert same_route(other, other)


@given(st.text("/abAB:{}<>[]*$.()?^", max_size=20), st.text("/abAB:{}<>[]*$.()?^", max_size=20))
def test_equality_is_an_equivalence_and_a_spec_s_notation_is_final(one: str, other: str) -> None:
    assert same_route(one, one)
    assert same_route(one, other) == same_route(other, one)
    assert with_placeholders(with_placeholders(one)).startswith("/")


def test_what_else_a_label_says_of_a_request() -> None:
    assert fits_property("method", "GET", "get")
    assert fits_property("status", "201", "2xx")
    assert not fits_property("status", "201", "4xx")
    assert not fits_property("method", "GET", "POST")
    assert not fits_property("status", "201", "200")
    assert fits_property("route", "/a/{b}", "/a/:c")
