from __future__ import annotations

from obsctl.probes import Expectation, ProbeRequest
from obsctl.spec.contract import Contract, Metric, MetricType
from obsctl.spec.steps import Rise, Step
from obsctl.traffic.expectations import expectations

REQUESTS = Metric("r_total", MetricType.COUNTER, labels=("path", "code"), driven={"path": "route", "code": "status"})
SECONDS = Metric("d_seconds", MetricType.HISTOGRAM, labels=("path",), driven={"path": "route"})
JOBS = Metric("jobs_total", MetricType.COUNTER, labels=("type",))
CONTRACT = Contract("shop", ("web",), metrics=(REQUESTS, SECONDS, JOBS))


def request(route: str, status: int) -> ProbeRequest:
    return ProbeRequest("s", "GET", route, "", "", "", "", "", 0.0, 0.0, status, error="" if status == 200 else "bad")


def test_driven_requests_are_counted_by_the_labels_they_are_mapped_to() -> None:
    sent = [request("/a", 200), request("/a", 200), request("/a", 500), request("/b", 200), request("/b", 0)]
    of_requests, of_seconds = ({"path": "route", "code": "status"}, {"path": "route"})
    wanted = [
        Expectation("r_total", {"code": "200", "path": "/a"}, 2, of_requests),
        Expectation("r_total", {"code": "500", "path": "/a"}, 1, of_requests),
        Expectation("r_total", {"code": "200", "path": "/b"}, 1, of_requests),
        Expectation("d_seconds", {"path": "/a"}, 3, of_seconds),
        Expectation("d_seconds", {"path": "/b"}, 1, of_seconds),
    ]
    found = expectations(CONTRACT, (), sent, {})
    assert [e for e in wanted if e not in found] == []
    assert len(found) == len(wanted)


def test_a_rise_counts_for_each_time_its_step_was_performed() -> None:
    match = Step("match", "POST", "/m", rises=(Rise("jobs_total", {"type": "m"}, 2), Rise("failed_total", {}, 0)))
    again = Step("again", "POST", "/m", rises=(Rise("jobs_total", {"type": "m"}),))
    found = expectations(CONTRACT, (match, again), [], {"match": 3, "again": 1})
    assert found == (Expectation("jobs_total", {"type": "m"}, 7), Expectation("failed_total", {}, 0))


def test_what_is_counted_by_request_is_not_estimated_too() -> None:
    step = Step("a", "GET", "/a", rises=(Rise("d_seconds", {"path": "/a"}, 5),))
    found = expectations(CONTRACT, (step,), [request("/a", 200)], {"a": 1})
    assert [e.by for e in found if e.metric == "d_seconds"] == [1]


def test_what_a_failed_round_has_raised_is_unknown() -> None:
    match = Step("match", "POST", "/m", rises=(Rise("jobs_total", {"type": "m"}, 2),))
    other = Step("other", "POST", "/o", rises=(Rise("jobs_total", {"type": "o"}),))
    found = expectations(CONTRACT, (match, other), [], {"match": 2, "other": 2}, uncertain={"match"})
    assert found == (Expectation("jobs_total", {"type": "o"}, 2),)
