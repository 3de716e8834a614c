"""Steps that are calls of gRPC: sent with the ids of the run, their answers captured, their secrets shown nowhere."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from obsctl.errors import MissingPartError
from obsctl.probes import ProbeRun
from obsctl.spec.contract import Contract, Metric, MetricType
from obsctl.spec.stack import Component, Service
from obsctl.spec.steps import GrpcCall, Step
from obsctl.traffic.send import send_probes
from obsctl.wait import Deadline
from tests.e2e.orders.server import Orders, serving

COUNTED = Metric("http_requests_total", MetricType.COUNTER, labels=("route",), driven={"route": "route"})
PLACE = Step(
    "place",
    "POST",
    "/shop.Orders/Place",
    body={"item": {"itemName": "{nonce}"}},
    headers={"Authorization": "Bearer ${env:ORDERS_TOKEN}"},
    capture={"id": "id"},
    grpc=GrpcCall(),
)
READ = Step("read", "POST", "/shop.Orders/Read", body={"id": "{id}"}, until={"state": "placed"}, grpc=GrpcCall())


def sent(port: int, *steps: Step) -> ProbeRun:
    component = Component("orders", f"http://127.0.0.1:{port}", "", "")
    service = Service("orders", Contract("orders", ("orders",), metrics=(COUNTED,)), (component,), drive=steps)
    return send_probes(service, rounds=2, deadline=Deadline.after(20.0))


def test_calls_carry_the_ids_of_the_run_and_their_answers_are_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_TOKEN", "hunter2hunter2")
    orders = Orders("hunter2hunter2")
    with serving(orders) as port:
        run = sent(port, PLACE, READ)
    assert [(r.step, r.error, r.status, r.protocol) for r in run.requests] == [
        ("place", "", 200, "grpc"),
        ("read", "", 200, "grpc"),
    ] * 2
    placed = [r for r in run.requests if r.step == "place"]
    assert [known["traceparent"] for known in orders.seen] == [f"00-{r.trace_id}-{r.parent_id}-01" for r in placed]
    assert [known["x-request-id"] for known in orders.seen] == [r.request_id for r in placed]
    assert len(orders.placed) == 2
    assert run.requests[0].request == "POST /shop.Orders/Place"
    assert run.expectations == ()  # a counter of HTTP requests does not count them


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            Step("read", "POST", "/shop.Orders/Read", body={"id": "x"}, grpc=GrpcCall()),
            "was answered NOT_FOUND, not OK",
        ),
        (Step("read", "POST", "/shop.Orders/Read", body={"x": 1}, grpc=GrpcCall()), "the body is no shop.ReadRequest"),
    ],
)
def test_a_call_that_went_wrong_ends_the_round(step: Step, said: str) -> None:
    with serving(Orders()) as port:
        run = sent(port, step, READ)
    assert [said in r.error for r in run.requests] == [True, True]  # of two rounds; nothing was read


def test_a_code_that_is_wanted_is_as_planned() -> None:
    gone = Step("gone", "POST", "/shop.Orders/Read", body={"id": "x"}, grpc=GrpcCall(code="NOT_FOUND"))
    with serving(Orders()) as port:
        assert [r.error for r in sent(port, gone).requests] == ["", ""]


def test_a_secret_that_comes_back_is_shown_as_its_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_TOKEN", "hunter2hunter2")
    with serving(Orders("another")) as port:
        run = sent(port, PLACE)
    assert "was answered UNAUTHENTICATED, not OK: Bearer ${env:ORDERS_TOKEN} is not known" in run.requests[0].error
    assert "hunter2" not in str(run)


def test_a_server_that_is_not_there_has_not_answered() -> None:
    run = sent(1, READ.__class__("read", "POST", "/shop.Orders/Read", body={}, grpc=GrpcCall()))
    assert {(r.status, bool(r.error)) for r in run.requests} == {(0, True)}


def test_without_the_library_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    lost: Any = None
    for name in [name for name in sys.modules if name.startswith("obsctl.rpc")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "grpc", lost)
    with pytest.raises(MissingPartError, match=r"pip install 'obsctl\[grpc\]'") as refused:
        sent(1, PLACE)
    assert refused.value.exit_status == 3
