"""A frame from backends that answer, refuse, or are not there."""

from __future__ import annotations

from obsctl.endpoints import Dialect, Endpoint, Endpoints, Role
from obsctl.ops.top import status_of, top_result
from obsctl.overview.read import OverviewScope, read_frame, readers_of
from tests.unit.clients.canned import Answer, Asked, serving

SCOPE = OverviewScope("shop", "docker", 1800.0, ("api",))
NOWHERE = "http://127.0.0.1:9"
DIALECTS = {Role.METRICS: Dialect.PROMQL, Role.TRACES: Dialect.JAEGER, Role.ALERTS: Dialect.ALERTS}


def endpoints(**urls: str) -> Endpoints:
    return Endpoints(tuple(Endpoint(r.value, r, urls[r.value], d) for r, d in DIALECTS.items() if r.value in urls))


def ok(data: object) -> Answer:
    return Answer({"status": "success", "data": data})


def query(asked: Asked) -> Answer:
    assert "[1800s]" in asked.query["query"][0]
    assert asked.query["time"] == ["1000.0"]
    return ok({"resultType": "vector", "result": [{"metric": {"job": "api"}, "value": [1000, "2"]}]})


def dependencies(asked: Asked) -> Answer:
    assert asked.query == {"endTs": ["1000000"], "lookback": ["1800000"]}
    return Answer({"data": [{"parent": "api", "child": "db", "callCount": 900}]})


ROUTES = {
    "/api/v1/label/__name__/values": ok(["http_requests_total"]),
    "/api/v1/query": query,
    "/api/v1/rules": ok({"groups": []}),
    "/api/v2/alerts": Answer([]),
    "/api/v3/services": Answer({"services": []}),
    "/api/dependencies": dependencies,
}


def test_every_list_has_its_source_and_calls_are_counted_where_nothing_measures_them() -> None:
    with serving(ROUTES) as server:
        frame = read_frame(
            readers_of(endpoints(metrics=server.url, traces=server.url, alerts=server.url)), SCOPE, 1000.0
        )
    assert frame.problems == ()
    assert [(row.name, row.rate, row.failed) for row in frame.services.rows] == [("api", 2, 1.0)]
    assert [(row.caller, row.callee, row.rate, row.failed) for row in frame.calls.rows] == [("api", "db", 0.5, None)]
    assert "without failures" in frame.calls.note
    assert frame.alerts.note == "no rule is loaded"
    assert status_of(frame, "") == 0


def test_a_backend_that_is_gone_is_said_where_it_matters_and_the_rest_goes_on() -> None:
    with serving(ROUTES) as server:
        frame = read_frame(readers_of(endpoints(metrics=NOWHERE, traces=server.url, alerts=server.url)), SCOPE, 1000.0)
    assert "refused the connection" in frame.services.problem
    assert "refused the connection" in frame.alerts.problem
    assert frame.traces.problem == ""
    result = top_result(frame, "")
    assert (result.exit_status, {problem.code for problem in result.problems}) == (3, {"backend"})


def test_a_stack_without_a_backend_says_so() -> None:
    frame = read_frame(readers_of(endpoints()), SCOPE, 1000.0)
    assert frame.services.problem == "this stack answers no metric queries"
    assert frame.traces.note == "this stack stores no traces"


def test_a_service_that_nobody_knows_is_not_found() -> None:
    scope = OverviewScope("shop", "docker", 1800.0, (), "nobody")
    routes = {**ROUTES, "/api/v3/traces": Answer({"result": {}})}
    with serving(routes) as server:
        frame = read_frame(readers_of(endpoints(metrics=server.url, traces=server.url)), scope, 1000.0)
    assert top_result(frame, "nobody").exit_status == 1
