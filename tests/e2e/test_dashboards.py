"""Every panel of every dashboard has data, on the embedded runtime and on a real Prometheus that scrapes the sample."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from obsctl.clients.logql import LogqlClient
from obsctl.clients.promql import PromqlClient
from obsctl.dashboards.global_variables import Times
from obsctl.dashboards.model import QueryKind
from obsctl.dashboards.variables import Resolved, panel_queries, render_variables
from obsctl.languages.quoting import string_literal
from obsctl.render.dashboards import stack_dashboards
from obsctl.render.rulefiles import rule_files
from obsctl.spec.load import load_stack
from obsctl.spec.stack import Stack
from obsctl.wait import Deadline, until
from tests.conformance import products
from tests.e2e.conftest import Folder
from tests.required import missing

pytestmark = pytest.mark.e2e

TIMES = Times(range=300, scrape_interval=15)
"""A rate looks back for a minute, so that it finds the traffic of this test however long the test takes."""

Ask = Callable[[str], bool]
"""Whether a query has data."""


def spec(folder: Folder) -> Stack:
    return load_stack(folder.path).with_port_offset(folder.offset)


def drive(folder: Folder) -> str:
    """Send requests; gives the trace of one that crosses all components."""
    done = folder.run("verify", "--only", "readiness.driven", "--json")
    assert done.data["requests"], done
    return next(r["trace_id"] for r in done.data["requests"] if r["request"] == "POST /matches")


def ask_metrics(url: str) -> Ask:
    client = PromqlClient(url)
    return lambda query: any(not math.isnan(sample.value) for sample in client.instant(query))


def ask_logs(url: str) -> Ask:
    client = LogqlClient(url)
    return lambda query: bool(client.lines(query, time.time_ns() - 300 * 10**9, time.time_ns(), 1))


def queries(folder: Folder, trace_id: str) -> list[Resolved]:
    return [
        resolved
        for board in stack_dashboards(spec(folder))
        for resolved in panel_queries(board, {"trace_id": trace_id}, TIMES)
    ]


def without_data(asked: list[Resolved], ask: Ask) -> list[str]:
    """Panels that have none; one that may be empty is asked, too, as its query must be understood."""
    found = [(resolved, ask(resolved.expr)) for resolved in asked]
    return [f"{r.panel.title}: {r.expr}" for r, has_data in found if not has_data and not r.panel.may_be_empty]


def all_have_data(asked: list[Resolved], ask: Ask) -> None:
    assert len(asked) > 1
    left: list[str] = []

    def none_left() -> bool:
        left[:] = without_data(asked, ask)
        return not left

    assert until(none_left, Deadline.after(30)), left


@pytest.fixture(scope="module")
def trace_id(stack: Folder) -> str:
    return drive(stack)


def test_every_panel_has_data_on_the_embedded_runtime(stack: Folder, trace_id: str) -> None:
    ports = spec(stack).ports
    asked = queries(stack, trace_id)
    metrics = [r for r in asked if r.query.kind is QueryKind.PROMQL]
    all_have_data(metrics, ask_metrics(f"http://127.0.0.1:{ports['prometheus']}"))
    logs = [r for r in asked if r.query.kind is QueryKind.LOGQL]
    all_have_data(logs, ask_logs(f"http://127.0.0.1:{ports['loki']}"))


def test_the_page_of_one_request_has_its_lines(stack: Folder, trace_id: str) -> None:
    ask = ask_logs(f"http://127.0.0.1:{spec(stack).ports['loki']}")
    (lines,) = (r for r in queries(stack, trace_id) if r.panel.title == "Log lines of this trace")
    assert ask(lines.expr)
    (nothing,) = (r for r in queries(stack, "") if r.panel.title == "Log lines of this trace")
    assert not ask(nothing.expr)


@pytest.mark.parametrize("severity", [{"severityText": "ERROR"}, {"severityNumber": 21}], ids=["text", "number"])
def test_the_panel_of_errors_has_lines_that_came_by_otlp(
    stack: Folder, trace_id: str, severity: dict[str, Any]
) -> None:
    message, ports = f"lost {severity}", spec(stack).ports
    attributes = {"service.name": "api", "service.namespace": "cv-job-matching"}
    resource = {"attributes": [{"key": k, "value": {"stringValue": v}} for k, v in attributes.items()]}
    record = {"timeUnixNano": str(time.time_ns()), "body": {"stringValue": message}, **severity}
    sent = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]}
    url = f"http://127.0.0.1:{ports['otlp_http']}/v1/logs"
    assert requests.post(url, json=sent, timeout=10).status_code == 200
    ask = ask_logs(f"http://127.0.0.1:{ports['loki']}")
    panels = [r.expr for r in queries(stack, trace_id) if r.panel.title == "Errors in the logs"]
    assert len(panels) == 2
    for expr in panels:
        assert until(lambda expr=expr: ask(f"{expr} |= {string_literal(message)}"), Deadline.after(30)), expr


def test_every_variable_has_values_and_narrows_what_is_shown(stack: Folder, trace_id: str) -> None:
    client = PromqlClient(f"http://127.0.0.1:{spec(stack).ports['prometheus']}")
    for board in stack_dashboards(spec(stack)):
        for variable in (v for v in board.variables if v.type == "query"):
            match = render_variables(variable.match, board, {}, TIMES)[0]
            assert client.label_values(variable.label, [match]), f"{board.title}: {variable.name}"
    (http,) = (b for b in stack_dashboards(spec(stack)) if b.uid == "obsctl-http")
    chosen = {"job": ["api"], "route": ["/matches/{job_id}", "/cvs"]}
    (by_route,) = (r for r in panel_queries(http, chosen, TIMES) if r.panel.title == "Requests by route")
    routes = {(s.labels["job"], s.labels["route"]) for s in client.instant(by_route.expr)}
    assert routes == {("api", "/matches/{job_id}"), ("api", "/cvs")}


@pytest.fixture(scope="module")
def theirs(stack: Folder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prometheus 3 that scrapes the sample and evaluates the rendered rules."""
    if not products.prometheus_program():
        missing("prometheus", f"no Prometheus 3; {products.HINT}")
    folder: Path = tmp_path_factory.mktemp("prometheus")
    made = spec(stack)
    for file in rule_files(made, "rules"):
        (folder / file.path).parent.mkdir(exist_ok=True)
        (folder / file.path).write_text(file.text, encoding="utf-8")
    jobs = [
        {
            "job_name": c.name,
            "static_configs": [
                {"targets": [c.url.removeprefix("http://")], "labels": {"service_namespace": s.contract.service}}
            ],
        }
        for s in made.services
        for c in s.components
    ]
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [f"{folder}/rules/*.yml"],
        "scrape_configs": jobs,
    }
    with products.prometheus(folder, json.dumps(config)) as address:
        client = PromqlClient(address)
        assert until(lambda: len(client.instant("up == 1")) == len(jobs), Deadline.after(30))
        yield address


def test_every_panel_has_data_on_prometheus(stack: Folder, theirs: str) -> None:
    asked = [r for r in queries(stack, drive(stack)) if r.query.kind is QueryKind.PROMQL]
    all_have_data(asked, ask_metrics(theirs))


def test_a_panel_on_a_metric_that_nobody_emits_is_found(stack: Folder, trace_id: str) -> None:
    """The proof that the tests above can fail."""
    ask = ask_metrics(f"http://127.0.0.1:{spec(stack).ports['prometheus']}")
    (waiting,) = (r for r in queries(stack, trace_id) if r.panel.title == "Waiting now")
    broken = replace(waiting, expr=waiting.expr.replace("jobs_queue_depth", "jobs_queue_length"))
    assert without_data([waiting, broken], ask) == [f"Waiting now: {broken.expr}"]
