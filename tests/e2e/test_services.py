"""Several services in one spec: each is looked at, one that sends nothing turns the report red."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.e2e.conftest import Folder, free_offset
from tests.e2e.ledger import DRIVE, Ledger, write_spec

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Folder, list[Ledger]]]:
    """Two ledgers that verify drives, one of which exports no trace, and one that nobody has requests for."""
    stack = Folder(tmp_path_factory.mktemp("books"), free_offset())
    faults = {"books": "", "mute": "no_traces", "quiet": ""}
    made = [Ledger(stack, name, place, {"LEDGER_FAULT": faults[name]}) for place, name in enumerate(faults)]
    write_spec(stack, made[0].service(DRIVE), made[1].service(DRIVE), made[2].service())
    with ExitStack() as closing:
        closing.callback(stack.run, "down", "--volumes")
        for ledger in made:
            ledger.start(closing)
        assert stack.up().status == 0
        yield stack, made


def red(checks: list[dict[str, Any]], service: str) -> set[str]:
    return {c["id"] for c in checks if c["service"] == service and c["status"] in ("fail", "error")}


def test_every_service_is_verified_and_the_silent_one_turns_the_report_red(
    three: tuple[Folder, list[Ledger]],
) -> None:
    stack, made = three
    made[2].get("/entries")
    done = stack.run("verify", "--timeout", "6", "--json")
    assert done.status == 1
    data = done.data
    assert [(s["service"], s["passive_window_seconds"]) for s in data["services"]] == [
        *(("books", None), ("mute", None), ("quiet", 60.0))
    ]
    assert red(data["checks"], "books") == set()
    assert red(data["checks"], "quiet") == set()
    assert "traces.complete" in red(data["checks"], "mute")
    passed = {c["id"] for c in data["checks"] if c["service"] == "quiet" and c["status"] == "pass"}
    assert {"traces.complete", "logs.present", "logs.fields", "metrics.targets", "metrics.present"} <= passed


def test_one_service_is_chosen(three: tuple[Folder, list[Ledger]]) -> None:
    stack, _ = three
    done = stack.run("verify", "--service", "books", "--json")
    assert done.status == 0, done
    assert [s["service"] for s in done.data["services"]] == ["books"]


def test_requests_as_real_services_need_them(three: tuple[Folder, list[Ledger]]) -> None:
    """A login by form with a secret of the environment, its token in a header, a query, a constant in the route."""
    stack, made = three
    login = {
        "id": "login",
        "method": "POST",
        "route": "/login",
        "capture": {"token": "token"},
        "form": {"user": "me", "password": "${env:LEDGER_PASSWORD}"},
    }
    read = {
        "id": "read",
        "method": "GET",
        "route": "/entries/{id}?state=open",
        "params": {"id": 7},
        "query": {"page": 2},
        "headers": {"Authorization": "Bearer {token}"},
        "until": {"path": "/entries/7?state=open&page=2", "who": "Bearer {token}"},
    }
    before = (stack.path / "obsctl.yaml").read_text()
    write_spec(stack, made[0].service([*DRIVE, login, read]), made[1].service(DRIVE), made[2].service())
    stack.env["LEDGER_PASSWORD"] = "hunter2"
    try:
        done = stack.run("verify", "--service", "books", "--only", "readiness.driven,traces.complete", "--evidence")
    finally:
        (stack.path / "obsctl.yaml").write_text(before)
    assert done.status == 0, done
    assert "hunter2" not in f"{done.out}{done.err}"


def test_a_service_without_requests_that_nobody_calls_is_red(three: tuple[Folder, list[Ledger]]) -> None:
    """Its window ends before anything was sent to it."""
    stack, _ = three
    done = stack.run("verify", "--service", "quiet", "--window", "1s", "--timeout", "1")
    assert done.status == 1
    assert "quiet  no requests to drive: verified passively over the last 1 s" in done.out
    assert "no span of quiet began in the last 1 s" in done.out
    wrong = stack.run("verify", "--window", "soon")
    assert (wrong.status, "--window 'soon' is no time from 1s to 1d" in wrong.err) == (2, True)
