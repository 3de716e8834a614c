"""Which services may be verified at the same time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from obsctl.ops.independent import batches, disturb
from obsctl.spec.contract import Contract, TraceRule
from obsctl.spec.stack import Component, Service
from obsctl.spec.steps import Step

STEP = (Step("one", "GET", "/"),)


def service(name: str, *crossed: str, url: str = "", drive: tuple[Step, ...] = STEP) -> Service:
    rules = (TraceRule("GET /", (name, *crossed)),)
    return Service(
        name, Contract(name, (name,), traces=rules), (Component(name, url or f"http://{name}"),), drive=drive
    )


def test_services_that_reach_one_another_are_verified_one_after_the_other() -> None:
    orders, ledger, other = service("orders", "ledger"), service("ledger"), service("other")
    assert disturb(orders, ledger)
    assert disturb(ledger, orders)
    assert not disturb(orders, other)
    assert batches([orders, ledger, other]) == [(orders, other), (ledger,)]


def test_one_address_under_two_names_is_one_service() -> None:
    assert disturb(service("a", url="http://x"), service("b", url="http://x"))


def test_nothing_disturbs_a_service_without_requests() -> None:
    quiet = service("ledger", drive=())
    assert batches([service("orders", "ledger"), quiet]) == [(service("orders", "ledger"), quiet)]


@given(st.lists(st.sets(st.integers(0, 6), max_size=3), max_size=7))
def test_every_service_is_in_one_batch_and_no_batch_disturbs_itself(crossed: list[set[int]]) -> None:
    services = [service(f"s{i}", *(f"s{n}" for n in names)) for i, names in enumerate(crossed)]
    made = batches(services)
    assert sorted(s.name for batch in made for s in batch) == sorted(s.name for s in services)
    assert not any(disturb(a, b) for batch in made for a in batch for b in batch if a is not b)
