"""``init`` with several services: each that is seen gets a contract of its own, and all of them keep it."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from obsctl.runtime.ports import free_ports
from obsctl.spec.load import load_stack
from obsctl.wait import Deadline, until
from tests.e2e.bakery import NAMES, open_bakery
from tests.e2e.conftest import Folder, free_offset
from tests.e2e.listening import listened
from tests.e2e.shop import answers

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Folder, tuple[int, int]]]:
    """A folder beside the bakery, which sends its telemetry to where nobody listens yet."""
    user = Folder(tmp_path_factory.mktemp("bakery"), free_offset())
    counter, oven = free_ports(2)
    with open_bakery(user.path, 4318 + user.offset, (counter, oven)):
        assert until(lambda: answers(counter) and answers(oven), Deadline.after(60))
        yield user, (counter, oven)


def ask(port: int, method: str, path: str) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", b"{}" if method == "POST" else None)
    request.method = method
    with urllib.request.urlopen(request, timeout=10) as reply:
        reply.read()


def pages(ports: tuple[int, int]) -> tuple[str, ...]:
    return tuple(part for port in ports for part in ("--from", f"http://127.0.0.1:{port}/metrics"))


def test_every_service_that_is_seen_is_drafted_and_keeps_its_contract(user: tuple[Folder, tuple[int, int]]) -> None:
    folder, ports = user

    def use() -> None:
        ask(ports[0], "GET", "/offers")
        ask(ports[0], "POST", "/orders")
        ask(ports[1], "POST", "/bake")

    def enough(heard: str) -> bool:
        return all(heard.count(name) >= 2 for name in NAMES)

    out = listened(folder, "draft", *pages(ports), seconds=120, enough=enough, use=use, patience=120)
    assert "oven: requests: 2 seen, of which verify may send 1" in out
    drafted(folder.path / "draft")
    draft = Folder(folder.path / "draft", folder.offset)
    assert draft.run("check", "--json").status == 0
    draft.up("--runtime", "embedded")
    try:
        verified = draft.run("verify", "--json", "--timeout", "30", timeout=180)
        again = folder.run("init", "again", *pages(ports), "--stack", "draft", timeout=60)
    finally:
        draft.run("down", "--volumes")
    assert verified.status == 0, [c for c in verified.data["checks"] if c["status"] in ("fail", "error")]
    passed = {(check["service"], check["id"]) for check in verified.data["checks"] if check["status"] == "pass"}
    always = ("metrics.targets", "metrics.present", "metrics.labels", "logs.present", "logs.fields")
    driven = ("readiness.driven", "traces.complete", "traces.shape", "metrics.exact", "dashboards.queries")
    assert passed >= {(name, check) for name in NAMES for check in always}
    assert passed >= {(name, check) for name in ("counter", "oven") for check in driven}
    assert again.status == 0, again
    drafted(folder.path / "again")


def drafted(folder: Path) -> None:
    """Each service with what is its own, and the calls between them where they begin."""
    counter, oven, courier = load_stack(folder).services
    assert [service.name for service in (counter, oven, courier)] == [*NAMES]
    assert [str(step.route) for step in counter.drive] == ["/offers"]
    assert [str(step.route) for step in oven.drive] == ["/loaves"]
    assert courier.drive == ()
    assert courier.entry.url == ""
    assert {*counter.contract.components} == {*NAMES}
    assert {str(edge) for edge in counter.contract.traces[0].edges} == {"counter -> oven", "counter -> courier"}
    assert [trace.components for trace in oven.contract.traces] == [("oven",)]
    assert [metric.name for metric in courier.contract.metrics] == ["courier_deliveries_total"]
    assert "oven_celsius" in [metric.name for metric in oven.contract.metrics]
    assert all(service.contract.logs for service in (counter, oven, courier))
    assert [kind.name for service in (counter, oven) for kind in service.contract.kinds] == ["http", "http"]


def test_names_and_pages_are_told_apart(user: tuple[Folder, tuple[int, int]]) -> None:
    folder, ports = user
    named = folder.run("init", "named", *pages(ports), "--service", "front", "--service", "back")
    assert named.status == 0, named
    assert [service.name for service in load_stack(folder.path / "named").services] == ["front", "back"]
    told = folder.run("init", "told", *pages(ports))
    assert told.status == 0, told
    assert f"nothing tells which service answers at http://127.0.0.1:{ports[0]}" in told.out
    assert [service.name for service in load_stack(folder.path / "told").services] == [f"told-{ports[0]}", "oven"]
    for wrong, said in (
        ((*pages(ports[:1] * 2),), "is there twice"),
        ((*pages(ports), *("--service", "a") * 3), "--service is there more often than --from"),
        ((*pages(ports), *("--service", "a") * 2), "--service a is there twice"),
        ((*pages(ports), "--service", ""), "--service: expected lower-case letters"),
    ):
        done = folder.run("init", "wrong", *wrong)
        assert (done.status, said in done.err) == (2, True), done
    assert folder.run("init", "told", *pages(ports)).status == 2
