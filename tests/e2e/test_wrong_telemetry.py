"""The matrix: a small service for each way to get telemetry wrong; the right check is red, and no other."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import Folder, free_offset

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
HERE = Path(__file__).parent / "wrong"
WAYS: dict[str, dict[str, str]] = yaml.safe_load((HERE / "ways.yaml").read_text())
TIMEOUT = "8"
"""Seconds that anything may take to arrive; what is broken costs them."""

CONTRACT = """
version: 1
service: {name}
components: {components}
metrics:
  - name: app.requests
    instrument: counter
    unit: "1"
    brief: Requests answered.
    attributes: [{{ref: route}}, {{ref: method}}, {{ref: status}}]
    annotations:
      obsctl:
        prometheus: {{name: app_requests_total, type: counter}}
        driven: {{route: route, method: method, status: status}}
        required: true
  - name: app.request.duration
    instrument: histogram
    unit: s
    brief: Time to answer.
    attributes: [{{ref: route}}, {{ref: method}}]
    annotations:
      obsctl:
        prometheus: {{name: app_request_duration_seconds, type: histogram}}
        buckets: [0.01, 0.1, 1.0]
  - name: app.response.size
    instrument: histogram
    unit: By
    brief: Size of answers.
    attributes: [{{ref: route}}, {{ref: method}}]
    annotations: {{obsctl: {{prometheus: {{name: app_response_size_bytes, type: summary}}}}}}
  - name: cache.hit.ratio
    instrument: gauge
    unit: "1"
    brief: Share of hits.
    annotations: {{obsctl: {{prometheus: {{name: cache_hit_ratio, type: gauge}}}}}}
  - name: orders.open
    instrument: gauge
    unit: "1"
    brief: Open orders.
    attributes: [{{ref: shard}}]
    annotations:
      obsctl: {{prometheus: {{name: orders_open, type: gauge}}, required: false, series_budget: 50}}
traces:
  - request: POST /orders
    components: {components}{worker}
    spans:
      - {{id: server, component: {name}, kind: server, name: POST /orders, attributes: [http.route]}}
logs: {{fields: [timestamp, level, message, trace_id], components: [{name}]}}
request_id_header: ""
forbidden: {{patterns: {{email: '[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\\.[A-Za-z]+'}}}}
"""


def contract_of(name: str, way: dict[str, str]) -> str:
    worker = f"{name}-worker"
    components = f"[{name}, {worker}]" if "worker" in way else f"[{name}]"
    asked = f"\n    {way['worker']}: [{name} -> {worker}]" if "worker" in way else ""
    return CONTRACT.format(name=name, components=components, worker=asked)


def spec_of(ports: dict[str, int]) -> dict[str, Any]:
    def service(name: str) -> dict[str, Any]:
        place = {"name": name, "url": f"http://127.0.0.1:{ports[name]}", "ready": "/healthz", "logs": f"{name}.log"}
        drive = [
            {"id": "place", "method": "POST", "route": "/orders", "expect": 201, "body": {"email": "{canary}"}}
            | {"capture": {"order_id": "id"}},
            {"id": "listing", "method": "GET", "route": "/orders"},
            {"id": "read", "method": "GET", "route": "/orders/{order_id}"},
        ]
        return {"name": name, "contract": f"{name}.yaml", "components": [place], "drive": drive}

    return {"version": 1, "scrape_interval": "1s", "services": [service(name) for name in ports]}


def free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """The checks of each service, as one ``obsctl verify`` of all of them reports them."""
    home = Folder(tmp_path_factory.mktemp("wrong"), free_offset())
    ports = dict(zip(WAYS, free_ports(len(WAYS)), strict=True))
    for name, way in WAYS.items():
        (home.path / f"{name}.yaml").write_text(contract_of(name, way))
    (home.path / "obsctl.yaml").write_text(json.dumps(spec_of(ports)))
    (home.path / "ways.json").write_text(json.dumps(list(ports.items())))
    otlp = f"http://127.0.0.1:{4318 + home.offset}"
    command = [sys.executable, str(HERE / "services.py"), str(home.path / "ways.json"), otlp, str(home.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            assert home.up().status == 0
            with home.popen("verify", "--json", "--timeout", TIMEOUT) as verify:
                out, _ = verify.communicate(timeout=500)
            assert verify.returncode == 1, out
            found: dict[str, list[dict[str, Any]]] = {name: [] for name in WAYS}
            for check in json.loads(out)["data"]["checks"]:
                found[check["service"]].append(check)
            yield found
        finally:
            process.kill()
            home.run("down", "--volumes")


@pytest.mark.parametrize("name", WAYS)
def test_the_right_check_is_red_and_no_other(name: str, verdicts: dict[str, list[dict[str, Any]]]) -> None:
    way = WAYS[name]
    red = {c["id"]: f"{c['summary']} {c['evidence']}" for c in verdicts[name] if c["status"] in ("fail", "error")}
    assert set(red) == {way["red"]} if "red" in way else not red, red
    assert way.get("says", "") in red.get(way.get("red", ""), "")
    notes = [note for c in verdicts[name] for note in c["notes"]]
    assert not way.get("notes") or any(way["notes"] in note for note in notes), notes


def test_each_way_is_told_by_a_hint_and_nothing_wrong_is_green(verdicts: dict[str, list[dict[str, Any]]]) -> None:
    hints = {name: [c["hint"] for c in checks if c["status"] == "fail"] for name, checks in verdicts.items()}
    assert all(hints[name] and all(hints[name]) for name, way in WAYS.items() if "red" in way)
    assert len(WAYS) >= 40
