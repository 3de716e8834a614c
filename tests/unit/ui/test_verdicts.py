"""Runs of ``verify`` that a page starts and watches; intake, notifications and runbooks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from obsctl.endpoints import Dialect, Endpoint, Endpoints, Role
from obsctl.errors import BackendError
from obsctl.wait import Deadline, until
from tests.unit.ui.conftest import TOKEN, Pages
from tests.unit.ui.upstream import StackOf, Upstream

WRITE = {"x-obsctl-token": TOKEN, "content-type": "application/json"}


@pytest.fixture
def judging(serving: Callable[[StackOf], Pages], backend: Upstream) -> Iterator[Pages]:
    pages = serving(StackOf(backend.url))
    yield pages
    pages.source.may_end.set()


def start(pages: Pages, body: object = None) -> object:
    answer = pages.ask("POST", "/api/verify", WRITE, json.dumps(body or {"service": None}).encode())
    assert answer.status == 202, answer
    return answer.json()


def events(pages: Pages) -> list[tuple[str, object]]:
    """Every event until the server ends the answer."""
    answer = pages.get("/api/verify/events", {"accept": "text/event-stream"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = answer.body.decode().splitlines()
    return [
        (name.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for name, data in pairwise(lines)
        if name.startswith("event: ")
    ]


def test_a_run_is_started_watched_and_kept(judging: Pages) -> None:
    assert judging.get("/api/verify").json() == {"running": None, "runs": [], "failed": None}
    assert judging.get("/api/verify/events").status == 204
    assert start(judging, {"service": "shop"}) == {"id": "run-0"}
    running = judging.get("/api/verify").json()
    assert isinstance(running, dict)
    assert (running["running"]["id"], running["running"]["service"]) == ("run-0", "shop")
    judging.source.may_end.set()
    (check, judged), (done, end) = events(judging)
    assert (check, done) == ("check", "done")
    assert judged == {
        "service": "shop",
        "check": "logs.present",
        "signal": "logs",
        "verdict": "fail",
        "message": "no line",
        "hint": "log",
        "because": ["x"],
        "seconds": 0.1,
    }
    assert end == {"id": "run-0", "verdict": "fail"}
    assert events(judging)[1] == ("done", end)  # who comes a little late sees it all the same
    assert judging.get("/api/verify/runs/run-0").json() == judging.source.kept[0]


def test_one_run_at_a_time(judging: Pages) -> None:
    start(judging)
    second = judging.ask("POST", "/api/verify", WRITE, b'{"service":null}')
    assert (second.status, second.error) == (409, "verify runs already")


def test_a_run_that_could_not_look_says_why(judging: Pages) -> None:
    judging.source.breaks = BackendError("Loki refused the connection", hint="obsctl up")
    judging.source.may_end.set()
    start(judging)
    end = {"id": "run-0", "verdict": "error", "error": "Loki refused the connection", "hint": "obsctl up"}
    assert events(judging)[-1] == ("done", end)

    def failed() -> object:
        listed = judging.get("/api/verify").json()
        assert isinstance(listed, dict)
        return listed["running"] is None and listed["failed"]

    assert until(failed, Deadline.after(20)) == end


def test_a_run_that_broke_ends_and_leaves_where_it_broke_in_the_log(
    judging: Pages, caplog: pytest.LogCaptureFixture
) -> None:
    judging.source.breaks = ZeroDivisionError("by nothing")
    judging.source.may_end.set()
    start(judging)
    end = {"id": "run-0", "verdict": "error", "error": "verify broke: ZeroDivisionError: by nothing"}
    assert events(judging)[-1] == ("done", end)
    assert "raise self.breaks" in caplog.text


@pytest.mark.parametrize("body", [b"", b"[]", b'{"service":"none"}', b'{"service":5}', b"[" * 100_000])
def test_a_body_that_names_no_service_starts_nothing(judging: Pages, body: bytes) -> None:
    answer = judging.ask("POST", "/api/verify", WRITE, body)
    assert (answer.status, judging.get("/api/verify").json()) == (400, {"running": None, "runs": [], "failed": None})


def with_receiver(pages: Pages, runtime: str) -> None:
    receiver = Endpoint("otlp-http", Role.OTLP_HTTP, pages.upstream.url, Dialect.OTLP)
    shown = StackOf(pages.upstream.url, []).shown
    pages.source.shown = type(shown)(shown.name, runtime, "1", 2.0, (), Endpoints((receiver,)))


def test_what_came_in_and_what_was_refused_is_counted_by_signal(pages: Pages) -> None:
    with_receiver(pages, "embedded")
    lines = [
        'obsctl_items_received_total{signal="traces",transport="grpc"} 5',
        'obsctl_items_received_total{signal="traces",transport="http"} 2',
        'obsctl_items_rejected_total{signal="logs",transport="http"} 3',
        'obsctl_requests_refused_total{signal="logs",transport="http",code="413"} 1',
    ]
    pages.upstream.reply = (200, {"content-type": "text/plain"}, ("\n".join(lines) + "\n").encode())
    answer = pages.get("/api/intake").json()
    assert isinstance(answer, dict)
    assert answer["signals"] == {
        "traces": {"received": 7, "refused": 0},
        "metrics": {"received": 0, "refused": 0},
        "logs": {"received": 0, "refused": 4},
    }
    assert answer["supported"]
    assert len(answer["losses"]) == 2
    with_receiver(pages, "remote")
    assert pages.get("/api/intake").json() | {"at": 0} == {  # type: ignore[operator]
        "at": 0,
        "signals": {signal: {"received": 0, "refused": 0} for signal in ("traces", "metrics", "logs")},
        "losses": [],
        "supported": False,
    }


def test_notifications_are_those_that_the_embedded_receiver_took(pages: Pages) -> None:
    with_receiver(pages, "embedded")
    taken = {"receiver": "log", "status": "firing", "alerts": [{"labels": {"alertname": "TargetDown"}}]}
    pages.upstream.says([{"receivedAt": 5.5, "groupKey": "{}", **taken}])
    assert pages.get("/api/alerts/notifications").json() == [{"at": 5.5, **taken}]
    with_receiver(pages, "docker")
    assert pages.get("/api/alerts/notifications").json() == []


def test_a_runbook_that_is_not_there(pages: Pages) -> None:
    assert pages.get("/api/runbooks/None").status == 404
