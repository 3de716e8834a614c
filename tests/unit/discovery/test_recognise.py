"""Metrics that play a family's part, whoever named them: dashboards, rules and SLOs with their own names and labels."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from obsctl.dashboards.read import read_dashboard
from obsctl.discovery.draft import Origin, draft
from obsctl.discovery.model import ObservedMetric, ObservedRequest, ObservedTraffic
from obsctl.errors import SpecError
from obsctl.languages.promql.parse import parse
from obsctl.ops.check import CheckOptions, check
from obsctl.render.dashboards import dashboard_files
from obsctl.render.rulegroups import Alert
from obsctl.render.rules import service_rules
from obsctl.spec.contract import Contract, MetricType
from obsctl.spec.kind_files import kind_files, load_kind_file
from obsctl.spec.load import load_stack
from obsctl.spec.stack import Stack

LIBRARIES = yaml.safe_load((Path(__file__).parent / "libraries.yaml").read_text())
KINDS = yaml.safe_load((Path(__file__).parent / "kinds.yaml").read_text())
SEMCONV = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
OF_ALL = {"ContractMetricAbsent", "TargetDown", "ErrorBudgetBurn"}
"""Alerts that any service has, or any with an SLO."""

ORIGIN = Origin("shop", "http://127.0.0.1:5000", "/metrics")


def observed(library: Mapping[str, Any]) -> list[ObservedMetric]:
    found = []
    for kind in ("counter", "gauge", "histogram", "summary"):
        for name, labels in library.get(kind, {}).items():
            bounds = tuple(map(float, library.get("bounds", SEMCONV))) if kind == "histogram" else ()
            pairs = frozenset([tuple(labels.items())])
            found.append(
                ObservedMetric(name, MetricType(kind), "", tuple(labels), bounds, len(bounds) + 3, pairs=pairs)
            )
    return found


def drafted(folder: Path, metrics: list[ObservedMetric], traffic: ObservedTraffic | None = None) -> Stack:
    for name, text in draft(metrics, ORIGIN, traffic, folder).files.items():
        (folder / name).write_text(text)
    return load_stack(folder)


def contract_of(stack: Stack) -> Contract:
    return stack.services[0].contract


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda one: one["library"])
def test_what_serves_http_gets_what_http_gets(tmp_path: Path, library: dict[str, Any]) -> None:
    stack = drafted(tmp_path, observed(library))
    contract = contract_of(stack)
    (kind,) = contract.kinds
    assert kind.series["http.requests"] == library["requests"]
    assert "http.request.duration" in kind.series
    main = next(metric for metric in observed(library) if library["requests"].startswith(metric.name))
    routes = [label for series in main.pairs for label, value in series if "/" in value]
    assert not routes or kind.labels.get("route", "route") in routes
    boards = {file.path: read_dashboard(file.text, file.path) for file in dashboard_files(stack, "d", "jaeger")}
    queries = [query.expr for panel in boards["d/http.json"].panels for query in panel.queries]
    assert len(queries) >= 6
    played = {*kind.series.values(), *(m.name for m in kind.metrics)}
    metric_queries = [expr for expr in queries if not expr.startswith("{service_namespace")]
    assert all(any(name in expr for name in played) for expr in metric_queries)
    rules = [rule for found in service_rules(contract) for group in found.groups for rule in group.rules]
    assert {"HttpErrorRateHigh", "ErrorBudgetBurn"} <= {rule.name for rule in rules if isinstance(rule, Alert)}
    for rule in rules:
        parse(rule.expr)
    latency = any(bound <= 300 for m in kind.metrics for bound in m.buckets)
    assert [slo.name for slo in contract.slos] == ["http-errors", *(["http-latency"] if latency else [])]
    report = check(tmp_path, CheckOptions(rule_tests=False))
    assert [finding.message for finding in report.findings] == library.get("finds", [])


def request(route: str) -> ObservedRequest:
    return ObservedRequest("GET", route, 3, 200, ("shop",))


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda one: one["library"])
def test_counts_are_tied_to_requests_where_they_were_seen_to_fit(tmp_path: Path, library: dict[str, Any]) -> None:
    """The only route is /health here: no series of these libraries is about it, so nothing is tied to it."""
    stack = drafted(tmp_path, observed(library), ObservedTraffic(("shop",), {"shop": "1 span"}, (request("/health"),)))
    assert [metric.driven for metric in contract_of(stack).metrics if metric.driven] == []


def test_counts_that_fit_are_tied(tmp_path: Path) -> None:
    labels = {"http_request_method": "GET", "http_response_status_code": "200", "http_route": "/orders/"}
    library = {"histogram": {"http_server_request_duration_seconds": labels}}
    stack = drafted(tmp_path, observed(library), ObservedTraffic(("shop",), {"shop": "1 span"}, (request("/orders"),)))
    (metric,) = contract_of(stack).metrics
    assert metric.driven == {
        "http_route": "route",
        "http_request_method": "method",
        "http_response_status_code": "status",
    }
    assert {"error_type", "http_route"} <= metric.optional
    assert "error_type" in metric.labels
    assert not metric.label_fault({*labels, "error_type"})
    assert metric.label_fault({"http_response_status_code", "http_route"}) == "lacks http_request_method"


def test_without_a_label_for_the_route_nothing_asks_by_route(tmp_path: Path) -> None:
    labels = {"http_request_method": "GET", "http_response_status_code": "200"}
    stack = drafted(tmp_path, observed({"histogram": {"http_server_request_duration_seconds": labels}}))
    text = "".join(file.text for file in dashboard_files(stack, "d", "jaeger") if file.path == "d/http.json")
    assert json.loads(text)["templating"]["list"]
    assert not re.search(r"\b(?<!http_)route\b\s*(=~|, le)", text)


DATABASE = {"db_client_operation_duration_seconds": {"db_system_name": "x", "db_operation_name": "SELECT"}}
AI = {"gen_ai_client_operation_duration_seconds": {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "x"}}
JOBS = {f"sidekiq_jobs_{end}_total": {"queue": "a", "worker": "b"} for end in ("success", "failed")}


@pytest.mark.parametrize(
    ("library", "kind", "part"),
    [
        ({"histogram": DATABASE}, "database", "database.client.duration"),
        ({"histogram": AI}, "ai", "ai.request.duration"),
        ({"counter": JOBS}, "jobs", "jobs.failed"),
    ],
)
def test_databases_ai_and_jobs_are_recognised(tmp_path: Path, library: dict[str, Any], kind: str, part: str) -> None:
    stack = drafted(tmp_path, observed(library))
    assert [(found.name, part in found.series) for found in contract_of(stack).kinds] == [(kind, True)]
    boards = [file.path for file in dashboard_files(stack, "d", "jaeger")]
    assert {"database": "d/data-stores.json", "ai": "d/ai.json", "jobs": "d/jobs.json"}[kind] in boards
    report = check(tmp_path, CheckOptions(rule_tests=False))
    assert [finding.message for finding in report.findings if finding.rule.severity == "error"] == []


def test_a_language_is_named_where_its_runtime_is_seen(tmp_path: Path) -> None:
    labels = {"method": "GET", "route": "/orders", "code": "200"}
    library = {"counter": {"http_requests_total": labels}, "histogram": {"http_request_duration_seconds": labels}}
    made = [draft(observed({**library, "summary": more}), ORIGIN) for more in ({}, {"go_gc_duration_seconds": {}})]
    assert [one.recognised for one in made] == [("HTTP server metrics",), ("a Go middleware over client_golang",)]


def test_requests_that_a_client_sends_are_not_served(tmp_path: Path) -> None:
    labels = {"http_request_method": "GET", "http_response_status_code": "200", "server_address": "a"}
    stack = drafted(tmp_path, observed({"histogram": {"http_client_request_duration_seconds": labels}}))
    (kind,) = contract_of(stack).kinds
    assert kind.name == "http-client"


@pytest.mark.parametrize("library", KINDS, ids=lambda one: one["library"])
def test_runtimes_rpc_messages_and_calls_are_recognised(tmp_path: Path, library: dict[str, Any]) -> None:
    stack = drafted(tmp_path, observed(library))
    contract = contract_of(stack)
    kinds = {kind.name: kind for kind in contract.kinds}
    assert sorted(kinds) == sorted([library["kind"], *library.get("also", [])])
    kind = kinds[library["kind"]]
    assert len(kind.series) == library["parts"]
    boards = {file.path: read_dashboard(file.text, file.path) for file in dashboard_files(stack, "d", "jaeger")}
    queries = [q.expr for panel in boards[f"d/{kind.name}.json"].panels for q in panel.queries]
    assert queries
    assert {name for name in kind.series.values() if any(name in expr for expr in queries)} == {*kind.series.values()}
    rules = [rule for found in service_rules(contract) for group in found.groups for rule in group.rules]
    own = {rule.name for rule in rules if isinstance(rule, Alert)} - OF_ALL
    assert sorted(own) == library.get("alerts", [])
    assert [slo.name for slo in contract.slos] == library.get("slos", [])
    report = check(tmp_path, CheckOptions(rule_tests=False))
    assert [finding.message for finding in report.findings if finding.rule.severity in ("error", "warning")] == []


USERS = """\
version: 1
kind: http
title: our gateway
order: 1
metrics: {http.requests: gw_hits_total, http.request.duration: gw_time_seconds}
labels: {route: where, method: how, status: what}
needs: [status]
"""


def test_a_folder_of_the_user_adds_kinds(tmp_path: Path) -> None:
    (tmp_path / "families/kinds").mkdir(parents=True)
    (tmp_path / "families/kinds/gateway.yaml").write_text(USERS)
    stack = drafted(tmp_path, observed({"counter": {"gw_hits_total": {"where": "/a", "how": "GET", "what": "200"}}}))
    (kind,) = contract_of(stack).kinds
    assert kind.labels == {"route": "where", "method": "how", "status": "what"}


@pytest.mark.parametrize("file", kind_files(), ids=lambda file: file.name)
def test_a_file_names_what_its_family_has(file: Any) -> None:
    from obsctl import assets
    from obsctl.spec.load import load_family

    family = load_family(assets.templates() / "families" / f"{file.kind}.yaml")
    assert {*file.metrics} <= {metric.registry for metric in family}
    assert {*file.labels, *file.needs} <= {label for metric in family for label in metric.labels}


def test_a_file_for_no_family_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(USERS.replace("kind: http", "kind: htp"))
    with pytest.raises(SpecError, match='unknown family "htp"; did you mean "http"'):
        load_kind_file(path)
