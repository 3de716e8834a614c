"""What discovery makes of observed spans: requests, and what all of their traces have in common."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsctl.clients.telemetry import LogLine, Span, SpanLink, ordered
from obsctl.discovery.draft import Origin, draft
from obsctl.discovery.log_files import observed_in
from obsctl.discovery.model import ObservedLogs, ObservedMetric, ObservedRequest, ObservedSpan, ObservedTraffic
from obsctl.discovery.observe import is_personal
from obsctl.discovery.requests import Trace, links, requests
from obsctl.discovery.stored_forms import PROPOSED, stored_forms
from obsctl.spec.contract import Edge, MetricType
from obsctl.spec.load import load_stack
from obsctl.spec.personal import PERSONAL, holds

BOTH = ("web", "store")
ORIGIN = Origin("shop", "http://127.0.0.1:5000", "/metrics")


def span(number: int, parent: int, service: str, name: str, kind: str = "internal", **attributes: Any) -> Span:
    dotted = {key.replace("__", "."): value for key, value in attributes.items()}
    return Span("0" * 32, f"{number:016x}", f"{parent:016x}" if parent else "", service, name, number, number + 1, kind,
                attributes=dotted)  # fmt: skip


def served(route: str, method: str = "GET", status: int = 200, **more: Any) -> Span:
    known = {"http__request__method": method, "http__route": route, "http__response__status_code": status}
    return span(1, 0, "web", f"{method} {route}", "server", **known, **more)


def trace(number: int, *spans: Span) -> Trace:
    return ordered(replace(one, trace_id=f"{number:032x}") for one in spans)


@pytest.mark.parametrize(
    ("route", "more", "said"),
    [
        ("/orders", {}, "/orders"),
        ("/orders/{id}", {"url__path": "/orders/7"}, "/orders/{id}"),
        ("/orders/<int:id>", {}, "/orders/{id}"),
        ("/orders/:id/lines", {}, "/orders/{id}/lines"),
        ("orders", {}, "/orders"),
        ("/orders", {"url__path": "/api/orders"}, "/api/orders"),
        ("/orders", {"http__target": "/api/orders?x=1"}, "/api/orders"),
    ],
)
def test_a_route_is_written_as_a_spec_writes_it(route: str, more: dict[str, Any], said: str) -> None:
    (found,) = requests([trace(1, served(route, **more))], "web", BOTH)
    assert str(found) == f"GET {said}"


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("OrdersController#index", {"http__method": "GET", "http__target": "/orders", "http__status_code": 200}),
        ("HTTP GET", {"http__target": "/orders", "http__status_code": 200}),
        ("GET", {"url__full": "http://shop:3000/orders", "http__response__status_code": 200}),
        ("GET", {"url__path": "/orders", "http__response__status_code": "204"}),
    ],
)
def test_a_path_in_which_nothing_varies_is_a_route(name: str, attributes: dict[str, Any]) -> None:
    (found,) = requests([trace(1, span(1, 0, "web", name, "server", **attributes))], "web", BOTH)
    assert str(found) == "GET /orders"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/orders", 404),
        ("/orders/7", 200),
        ("/orders?page=2", 200),
        ("/orders/0190a5b2-7c11-7e3a-b1aa-5a0c2f6d9e10", 200),
        ("/files/" + "a" * 50, 200),
    ],
)
def test_a_path_that_varies_or_was_not_found_is_none(path: str, status: int) -> None:
    known = {"http__method": "GET", "http__target": path, "http__status_code": status}
    assert requests([trace(1, span(1, 0, "web", "GET", "server", **known))], "web", BOTH) == ()


@pytest.mark.parametrize(
    ("attributes", "port"),
    [
        ({"server__port": 3000}, 3000),
        ({"net__host__port": "3000"}, 3000),
        ({"http__host": "shop:3000"}, 3000),
        ({"url__full": "http://shop:3000/orders"}, 3000),
        ({"http__host": "shop"}, None),
        ({"url__full": "http://shop/orders?at=10:30"}, None),
    ],
)
def test_spans_tell_the_port_that_was_asked(attributes: dict[str, Any], port: int | None) -> None:
    (found,) = requests([trace(1, served("/orders", **attributes))], "web", BOTH)
    assert found.ports == ({port} if port else set())


def traced(*routes: str) -> ObservedTraffic:
    seen = tuple(
        ObservedRequest("GET", route, 1, 200, ("web",), traces=frozenset([f"{number:032x}"]))
        for number, route in enumerate(routes, 1)
    )
    return ObservedTraffic(("web",), {"web": "1 span"}, seen)


@pytest.mark.parametrize(
    "line",
    [
        '{"time":"2026-01-01T10:00:00Z","level":"INFO","msg":"a","traceId":"%s"}',
        'time=2026-01-01T10:00:00Z level=INFO msg="a b" trace_id=%s',
        "2026-01-01T10:00:00Z INFO [trace_id=%s] a",
    ],
)
def test_lines_in_a_file_tell_their_fields(line: str) -> None:
    found = observed_in(
        ["started", line % f"{2:032x}", line % f"{1:032x}", line % f"{9:032x}"], traced("/a", "/b/{id}")
    )
    assert found
    assert found.lines == 1  # of a request that verify may send
    assert found.fields[:4] == ("timestamp", "level", "message", "trace_id")
    assert found.components == ("web",)


def test_a_file_without_lines_of_requests_is_no_log_of_theirs() -> None:
    assert observed_in(["started", json.dumps({"trace_id": f"{9:032x}"})], traced("/a")) is None


@pytest.mark.parametrize(
    "entered",
    [
        span(1, 0, "web", "handle", "server"),
        span(1, 0, "web", "GET /orders", "client", http__request__method="GET", http__route="/orders"),
        served("/a b"),
        served("/orders", method="FETCH"),
        replace(served("/orders"), service="other"),
    ],
)
def test_what_is_no_request_of_the_component_is_left_out(entered: Span) -> None:
    assert requests([trace(1, entered)], "web", BOTH) == ()


def test_only_what_every_trace_has_is_promised() -> None:
    asked = span(2, 1, "web", "ask", "client", peer="store", user_agent__original="x", empty="")
    reply = span(3, 2, "store", "GET /items", "server", http__route="/items", shelf=4)
    seldom = span(4, 1, "web", "refill", "internal")
    traces = [
        trace(1, served("/orders", tea=1), asked, reply, seldom),
        trace(2, served("/orders"), asked, replace(reply, attributes={"shelf": 4})),
        trace(3, served("/orders", status=500)),
    ]
    (found,) = requests(traces, "web", BOTH)
    assert (found.times, found.status, found.components) == (3, 200, BOTH)
    assert found.edges == (Edge("web", "store"),)
    assert [(s.component, s.kind, s.name, s.attributes, s.times) for s in found.spans] == [
        ("web", "server", "GET /orders", ("http.request.method", "http.response.status_code", "http.route"), 2),
        ("web", "client", "ask", ("peer",), 2),
        ("store", "server", "GET /items", ("shelf",), 2),
    ]
    assert found.safe_to_send


@pytest.mark.parametrize(
    ("root", "safe_to_send"),
    [
        (served("/orders"), True),
        (served("/orders", method="POST"), False),
        (served("/orders/{id}"), False),
        (served("/files/*"), False),
        (served("/orders", status=404), False),
    ],
)
def test_only_what_changes_nothing_is_sent_unasked(root: Span, safe_to_send: bool) -> None:
    (found,) = requests([trace(1, root)], "web", BOTH)
    assert found.safe_to_send is safe_to_send


def test_probes_and_the_metrics_page_are_nobodys_requests() -> None:
    assert requests([trace(1, served("/metrics"))], "web", BOTH, ("/metrics", "/healthz")) == ()


def test_spans_that_are_each_others_parents_do_not_hang() -> None:
    loop = [span(2, 3, "web", "a"), span(3, 2, "web", "b"), span(4, 1, "web", "c")]
    (found,) = requests([trace(1, served("/orders"), *loop)], "web", BOTH)
    assert [s.name for s in found.spans] == ["GET /orders", "c"]


def test_a_link_tells_which_component_another_goes_on_from() -> None:
    sent = replace(span(9, 0, "web", "send", "producer"), trace_id="a" * 32)
    took = replace(span(1, 0, "store", "take", "consumer"), links=(SpanLink("a" * 32, sent.span_id),))
    assert links([(sent,), (took,)], BOTH) == {Edge("web", "store"): 1}
    assert links([(sent,), (took,)], ("web",)) == {}


@pytest.mark.parametrize("key", ["user.email", "customer_mail", "enduser.id", "db.password", "phone", "userName"])
def test_what_may_be_personal_is_pointed_out(key: str) -> None:
    assert is_personal(key)


@pytest.mark.parametrize("key", ["server.address", "client.address", "http.route", "llm.tokens", "mailbox.size"])
def test_what_is_not_personal_is_left_alone(key: str) -> None:
    assert not is_personal(key)


def test_whatever_was_observed_the_draft_loads_and_says_so(tmp_path: Any) -> None:
    odd = ObservedSpan("web", "", 'a "b" \\ {c}: [d] #e', ("x:y", "{z}"), 2)
    traffic = ObservedTraffic(
        BOTH,
        {"web": "2 spans", "store": "1 log line", "bad name\x07": "1 span"},
        (
            ObservedRequest("GET", "/a", 2, 200, BOTH, (Edge("web", "store"),), (odd, odd)),
            ObservedRequest("GET", "/a-", 2, 200, ("web",), (), ()),
            ObservedRequest("POST", "/a", 1, 0, ("web",), (), (odd,)),
        ),
        ObservedLogs(("message", "trace_id"), ("store",), 4),
        {"user.email": 3},
        {Edge("web", "store"): 1},
        unnamed=("bad name\x07",),
    )
    for name, text in draft((), ORIGIN, traffic).files.items():
        (tmp_path / name).write_text(text)
    (service,) = load_stack(tmp_path).services
    contract = service.contract
    assert [step.route for step in service.drive] == ["/a", "/a-"]
    assert len({step.id for step in service.drive}) == 2
    assert [s.name for s in contract.traces[0].spans] == [odd.name, odd.name]
    assert contract.traces[0].spans[0].attributes == odd.attributes
    assert contract.logs
    assert contract.logs.components == ("store",)
    assert contract.request_id_header == ""
    written = (tmp_path / "contract.yaml").read_text()
    for received in ("seen 2 times", "user.email: seen 3 times", "web -> store by a link", "set OTEL_SERVICE_NAME"):
        assert received in written


def test_a_draft_forbids_every_form_that_is_not_stored_yet(tmp_path: Any) -> None:
    spans = [served("/a", **{"enduser.id": "jane@example.com"}), served("/b", **{"http.url": "/b?at=+49 30 1234567"})]
    line = LogLine(1, "Authorization: Bearer c29tZS10b2tlbi1vZi1hLXVzZXI", {"service_name": "web"}, {})
    forms = stored_forms(spans, [line])
    assert forms["email"].endswith("of web, attribute enduser.id")
    assert forms["bearer"] == "log line of web"
    request = ObservedRequest("GET", "/a", 1, 200, ("web",))
    metric = ObservedMetric(
        "calls_total", MetricType.COUNTER, series=1, pairs=frozenset({(("to", "4111 1111 1111 1111"),)})
    )
    made = draft([metric], ORIGIN, ObservedTraffic(("web",), {"web": "1 span"}, (request,), stored_forms=forms))
    for name, text in made.files.items():
        (tmp_path / name).write_text(text)
    (service,) = load_stack(tmp_path).services
    assert {*service.contract.forbidden.patterns} == {*PROPOSED} - {"email", "phone"}
    assert service.contract.forbidden.patterns["card"] == PERSONAL["card"].regex
    notes = " ".join(made.notes)
    for said in ("pattern email is left out", "pattern phone is left out", "metric calls_total, label to holds a card"):
        assert said in notes
    assert "log line of web holds a bearer token: take it out" in notes


def of_form(form: str) -> st.SearchStrategy[tuple[str, str]]:
    return st.tuples(st.just(form), st.text(max_size=60) | st.from_regex(PERSONAL[form].regex))


@settings(deadline=None)
@given(st.sampled_from(PROPOSED).flatmap(of_form))
def test_what_is_left_out_is_what_verify_would_find(seen: tuple[str, str]) -> None:
    """A draft is green as it is: a form that it forbids is in no text that was seen."""
    form, said = seen
    found = stored_forms([served("/a", note=said)], [])
    assert (form in found) == holds(form, PERSONAL[form].regex, said)


def test_taking_in_what_is_commented_gives_a_contract_that_loads(tmp_path: Any) -> None:
    traffic = ObservedTraffic(("web",), {"web": "1 span"}, (ObservedRequest("POST", "/a", 1, 201, ("web",)),))
    files = dict(draft((), ORIGIN, traffic).files)
    contract = files["contract.yaml"].replace("traces: []", "traces:").replace("\n# - request", "\n- request")
    files["contract.yaml"] = contract.replace("\n#   components", "\n  components")
    files["obsctl.yaml"] = files["obsctl.yaml"].replace("drive: []", "drive:").replace("    #   - ", "      - ")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (service,) = load_stack(tmp_path).services
    assert [rule.request for rule in service.contract.traces] == ["POST /a"]
    assert [(step.method, step.expect) for step in service.drive] == [("POST", 201)]
