"""A service of gRPC that verify calls: its traces and log lines are those of the calls."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from obsctl.runtime.ports import free_ports
from tests.e2e.conftest import Folder, free_offset

pytestmark = pytest.mark.e2e

TOKEN = "hunter2-of-the-orders"
PLACE = {
    "id": "place",
    "method": "POST",
    "route": "/shop.Orders/Place",
    "body": {"item": {"itemName": "tea"}, "note": "{canary}"},
    "headers": {"Authorization": "Bearer ${env:ORDERS_TOKEN}"},
    "grpc": {},
    "capture": {"order": "id"},
}
READ = {
    "id": "read",
    "method": "POST",
    "route": "/shop.Orders/Read",
    "body": {"id": "{order}"},
    "grpc": {},
    "until": {"item.itemName": "tea"},
}
CONTRACT = {
    "version": 1,
    "service": "orders",
    "components": ["orders"],
    "traces": [
        {
            "request": f"POST /{route}",
            "components": ["orders"],
            "spans": [
                {"id": "call", "component": "orders", "kind": "server", "name": route, "attributes": ["rpc.method"]}
            ],
        }
        for route in ("shop.Orders/Place", "shop.Orders/Read")
    ],
    "logs": {"fields": ["timestamp", "level", "message", "trace_id"]},
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """A stack that observes the orders, which run."""
    folder = Folder(tmp_path_factory.mktemp("orders"), free_offset())
    (port,) = free_ports(1)
    component = {"name": "orders", "url": f"http://127.0.0.1:{port}", "metrics": "", "ready": ""}
    service = {"name": "orders", "contract": "contract.yaml", "components": [component], "drive": [PLACE, READ]}
    (folder.path / "obsctl.yaml").write_text(yaml.safe_dump({"version": 1, "services": [service]}))
    (folder.path / "contract.yaml").write_text(yaml.safe_dump(CONTRACT))
    env = {
        "OTEL_SERVICE_NAME": "orders",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{4318 + folder.offset}",
        "ORDERS_TOKEN": TOKEN,
        "ORDERS_PORT": str(port),
    }
    folder.env["ORDERS_TOKEN"] = TOKEN
    command = [sys.executable, "-m", "tests.e2e.orders.server"]
    process = subprocess.Popen(command, env={**os.environ, **env}, cwd=Path(__file__).parents[2])
    try:
        assert folder.up("--runtime", "embedded").status == 0
        yield folder
    finally:
        folder.run("down", "--volumes")
        process.kill()
        process.wait(10)


def test_calls_are_judged_by_the_traces_and_lines_that_they_leave(stack: Folder) -> None:
    assert stack.run("check", "--no-rule-tests").status == 0
    done = stack.run("verify", "--json", "--timeout", "20", "--evidence", timeout=120)
    statuses = {check["id"]: check["status"] for check in done.data["checks"]}
    assert done.status == 0, [check for check in done.data["checks"] if check["status"] in ("fail", "error")]
    passed = ("readiness.driven", "traces.complete", "traces.shape", "traces.attributes", "logs.present", "logs.fields")
    assert {statuses[name] for name in passed} == {"pass"}
    assert statuses["correlation.request_id"] == "skip"
    assert TOKEN not in f"{done.out}{done.err}"


def test_a_call_without_its_token_is_told_with_the_code(stack: Folder) -> None:
    stack.env["ORDERS_TOKEN"] = "another-than-theirs"
    try:
        done = stack.run("verify", "--only", "readiness.driven", "--timeout", "5")
    finally:
        stack.env["ORDERS_TOKEN"] = TOKEN
    assert done.status == 1
    assert "was answered UNAUTHENTICATED, not OK: Bearer ${env:ORDERS_TOKEN} is not known" in done.out
