"""``init --from URL --listen``: from a service that nobody has described to a contract that it keeps."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from obsctl.spec.load import load_stack
from obsctl.wait import Deadline, until
from tests.e2e.conftest import Folder, free_offset
from tests.e2e.listening import listened
from tests.e2e.shop import answers, start, stopped

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """A folder beside the shop, which runs and sends its telemetry to where nobody listens yet."""
    user = Folder(tmp_path_factory.mktemp("init"), free_offset())
    broken = user.path / "broken"
    broken.write_text("")
    front, stock = 8000 + user.offset, 8001 + user.offset
    with ExitStack() as started:
        for name, port in (("storefront", front), ("stockroom", stock)):
            output = user.path / f"{name}.out"
            process = start(name, port, stock, otlp=4318 + user.offset, broken=broken, output=output)
            started.callback(stopped, process)
        assert until(lambda: answers(front) and answers(stock), Deadline.after(30))
        yield user


def send(user: Folder, method: str, path: str, body: object = None) -> None:
    data = json.dumps(body).encode() if body else None
    url = f"http://127.0.0.1:{8000 + user.offset}{path}"
    with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=5) as reply:
        reply.read()


def page_of(user: Folder) -> str:
    return f"http://127.0.0.1:{8000 + user.offset}/internal/metrics"


def arguments(user: Folder, *more: str) -> tuple[str, ...]:
    return "init", "shop", "--from", page_of(user), "--port-offset", str(user.offset), *more


def test_what_is_heard_becomes_a_contract_that_the_service_keeps(user: Folder) -> None:
    def use() -> None:
        send(user, "GET", "/catalog")
        send(user, "POST", "/orders", {"sku": "tea"})
        send(user, "GET", "/orders/o-1")

    def enough(heard: str) -> bool:
        return "stockroom" in heard and "storefront" in heard

    out = listened(user, "shop", "--from", page_of(user), seconds=60, enough=enough, use=use)
    assert "requests: 3 seen, of which verify may send 1" in out
    drafted(user.path / "shop")
    shop = Folder(user.path / "shop", user.offset)
    assert shop.run("check", "--json").data["counts"]["error"] == 0
    shop.up("--runtime", "embedded")
    try:
        verified = shop.run("verify", "--json")
    finally:
        shop.run("down", "--volumes")
    statuses = {check["id"]: check["status"] for check in verified.data["checks"]}
    assert verified.status == 0, verified
    seen = ("metrics.present", "traces.shape", "traces.attributes", "logs.present", "logs.fields")
    assert {statuses[name] for name in (*seen, "correlation.request_id")} == {"pass"}


def drafted(folder: Path) -> None:
    """What the draft says is what the shop does."""
    (service,) = load_stack(folder).services
    contract = service.contract
    assert contract.components == ("storefront", "stockroom")
    assert contract.request_id_header == "X-Correlation-Id"
    (trace,) = contract.traces
    assert trace.request == "GET /catalog"
    assert [str(edge) for edge in trace.edges] == ["storefront -> stockroom"]
    spans = {(span.component, span.kind, span.name): span.attributes for span in trace.spans}
    assert set(spans) == {
        ("storefront", "server", "GET /catalog"),
        ("storefront", "client", "ask stockroom"),
        ("stockroom", "server", "GET /items"),
    }
    assert spans["stockroom", "server", "GET /items"] == ("http.response.status_code", "http.route")
    assert contract.logs
    assert contract.logs.components == ("stockroom",)
    assert {"message", "trace_id", "span_id", "request_id"} <= {*contract.logs.fields}
    assert [(step.method, step.route, step.expect) for step in service.drive] == [("GET", "/catalog", 200)]
    text = (folder / "contract.yaml").read_text()
    assert '# - request: "POST /orders"' in text
    assert "# seen " in text


def test_files_that_are_there_are_kept_before_anything_is_listened_for(user: Folder) -> None:
    (user.path / "shop").mkdir(exist_ok=True)
    (user.path / "shop" / "contract.yaml").touch()
    done = user.run(*arguments(user, "--listen", "60"))
    assert done.status == 2
    assert "contract.yaml exists already" in done.err


def test_where_nothing_comes_nothing_is_written(user: Folder) -> None:
    done = user.run(*arguments(user, "--listen", "0.1", "--force"))
    assert done.status == 3
    assert "nothing came by OTLP" in done.err
    assert "obsctl.yaml" not in done.out


def test_a_port_that_is_taken_is_told_with_what_to_do(user: Folder) -> None:
    done = user.run(*arguments(user, "--force", "--listen", "1", "--port-offset", str(8000 - 4318 + user.offset)))
    assert done.status == 3
    assert "(otlp_http) is taken by" in done.err
    assert "--port-offset" in done.err
    assert "--stack" in done.err


def test_listening_needs_to_know_whom_to(user: Folder) -> None:
    for lonely in (("--listen", "1"), ("--stack", "."), ("--service", "shop")):
        done = user.run("init", "elsewhere", *lonely)
        assert done.status == 2
        assert f"{lonely[0]} is about what --from leads to" in done.err
    both = user.run(*arguments(user, "--listen", "1", "--stack", "."))
    assert "leave one of them out" in both.err
