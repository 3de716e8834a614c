"""Rendering is pure: the same spec gives the same bytes, and every port of the spec is used where it should be."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from obsctl.access.options import ScrapeOptions
from obsctl.access.secret_text import SecretText
from obsctl.backends import BUILTIN
from obsctl.endpoints import Role
from obsctl.render.rulefiles import rule_files
from obsctl.render.stack import embedded
from obsctl.runtime.ports import MOVED
from obsctl.spec.contract import Contract, Forbidden
from obsctl.spec.load import load_stack
from obsctl.spec.stack import CONTAINER_PORTS, DEFAULT_PORTS, AllowedAccess, Choices, Component, Service, Stack
from tests.read_yaml import read_yaml
from tests.unit.render.stacks import GOLDEN

PORTS = {name: port for name, port in DEFAULT_PORTS.items() if name not in CONTAINER_PORTS}
"""Those that an embedded stack listens on."""


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return load_stack(tmp_path)


def config(stack: Stack) -> dict[str, object]:
    file, *_ = embedded(stack, version="1").processes[0].files
    return json.loads(file.text)


def test_the_same_spec_gives_the_same_bytes(stack: Stack) -> None:
    assert embedded(stack, version="1") == embedded(stack, version="1")
    fingerprints = [p.fingerprint for p in embedded(stack, version="1").processes]
    assert fingerprints == [p.fingerprint for p in embedded(stack, version="1").processes]
    assert fingerprints != [p.fingerprint for p in embedded(stack, version="2").processes]


def test_every_port_is_listened_on_once(stack: Stack) -> None:
    used = [item for p in embedded(stack, version="1").processes for item in p.ports.items()]
    assert sorted(used) == sorted(PORTS.items())


def test_an_offset_moves_everything(stack: Stack) -> None:
    base, moved = (embedded(s, version="1") for s in (stack, stack.with_port_offset(1000)))
    assert moved.port_offset == 1000
    for before, after in zip(base.endpoints, moved.endpoints, strict=True):
        port = int(before.url.rsplit(":", 1)[1])
        assert after.url == before.url.replace(f":{port}", f":{port + 1000}")
    text = json.dumps([[p.env, [f.text for f in p.files]] for p in moved.processes])
    assert not [port for port in PORTS.values() if f":{port}" in text.replace(str(stack.folder), "")]


def test_the_trace_store_of_the_spec_says_whose_api_answers(stack: Stack) -> None:
    for product, dialect, port in (("jaeger", "jaeger", "jaeger"), ("tempo", "traceql", "traceql")):
        chosen = replace(stack, choices=Choices(traces=product))
        desired = embedded(chosen, version="1")
        assert [(e.dialect.value, e.url) for e in desired.endpoints if e.role is Role.TRACES] == [
            (dialect, f"http://127.0.0.1:{DEFAULT_PORTS[port]}")
        ]
        listening = set(config(chosen)["listen"])
        assert listening & {"jaeger", "traceql"} == {port} == set(desired.processes[0].ports) & {"jaeger", "traceql"}


def test_every_role_and_component_has_an_endpoint(stack: Stack) -> None:
    endpoints = embedded(stack, version="1").endpoints
    assert {e.role for e in endpoints} == {*(served.role for served in BUILTIN.serves), Role.SERVICE}
    assert [e.name for e in endpoints if e.role is Role.SERVICE] == ["api", "worker", "ai"]
    assert all(e.url.startswith("http://127.0.0.1:") for e in endpoints if e.role is not Role.UI)


def test_a_component_that_answers_nothing_has_no_endpoint(stack: Stack) -> None:
    (service,) = stack.services
    quiet = replace(service.components[1], url="").located
    changed = replace(stack, services=(replace(service, run="", components=(service.components[0], quiet)),))
    assert [e.name for e in embedded(changed, version="1").endpoints if e.role is Role.SERVICE] == ["api"]
    assert [target["job"] for target in config(changed)["scrape"]["targets"]] == ["api"]


@pytest.mark.parametrize(
    ("bind", "listen", "url"),
    [
        ("127.0.0.1", "127.0.0.1:3000", "http://localhost:3000"),
        ("localhost", "127.0.0.1:3000", "http://localhost:3000"),
        ("::1", "[::1]:3000", "http://localhost:3000"),
        ("127.0.0.2", "127.0.0.2:3000", "http://127.0.0.2:3000"),
        ("0.0.0.0", "127.0.0.1:3000", "http://localhost:3000"),
    ],
)
def test_the_pages_are_started_by_who_opens_them_and_are_for_this_machine(
    stack: Stack, bind: str, listen: str, url: str
) -> None:
    there = replace(stack, bind=bind)
    rendered, page = config(there), embedded(there, version="1").endpoints.first(Role.UI)
    assert rendered["activate"] == [
        {"listen": listen, "command": ["-m", "obsctl", "ui", "--socket", "{fd}", "--directory", str(stack.folder)]}
    ]
    assert (rendered["pages"], page.url if page else "") == (3000, url)
    assert page
    assert page.probe.endswith(":9090/-/ready")  # to ask the port itself would start them


def test_a_second_stack_finds_room_where_the_hint_sends_it() -> None:
    offset = int(MOVED.removeprefix("--port-offset "))
    assert not {port + offset for port in DEFAULT_PORTS.values()} & set(DEFAULT_PORTS.values())


def test_nothing_binds_beyond_loopback(stack: Stack) -> None:
    assert all(address.startswith("127.0.0.1:") for address in config(stack)["listen"].values())  # type: ignore[attr-defined]
    assert {p.env["HOST"] for p in embedded(stack, version="1").processes if "HOST" in p.env} == {"127.0.0.1"}


def test_where_other_machines_can_ask_everything_needs_a_token(stack: Stack) -> None:
    there = embedded(replace(stack, bind="0.0.0.0"), version="1")
    file = f"{stack.folder}/.obsctl/token"
    assert there.generated_token == "token"
    assert json.loads(there.processes[0].files[0].text)["access"]["token"] == f"${{file:{file}}}"
    for endpoint in there.endpoints:
        bearer = endpoint.access.auth.bearer
        assert (bearer and bearer.name) == (None if endpoint.role is Role.SERVICE else file)
    redis, *sample = there.processes[1:]
    assert redis.env["HOST"] == "127.0.0.1"
    assert {str(p.secret_env["OTEL_EXPORTER_OTLP_HEADERS"]) for p in sample} == {
        f"Authorization=Bearer%20${{file:{file}}}"
    }
    own = replace(stack, bind="::", access=AllowedAccess(token=SecretText("", "env", "TOKEN")))
    assert embedded(own, version="1").generated_token == ""
    assert SecretText("", "env", "TOKEN") in embedded(own, version="1").processes[0].secrets


def test_what_starts_the_pages_has_the_variables_that_requests_refer_to(stack: Stack) -> None:
    [service, *others] = stack.services
    first = replace(service.drive[0], headers={"X-Key": "${env:KEY}", "X-File": "${file:key}"})
    own = replace(stack, services=(replace(service, drive=(first, *service.drive[1:])), *others))
    assert embedded(own, version="1").processes[0].secrets == (SecretText("", "env", "KEY"),)


def test_an_ipv6_address_is_bracketed(stack: Stack) -> None:
    there = replace(stack, bind="::1")
    assert config(there)["listen"]["loki"] == "[::1]:3100"  # type: ignore[index]
    assert embedded(there, version="1").endpoints.first(Role.LOGS).url == "http://[::1]:3100"  # type: ignore[union-attr]


def test_a_service_that_obsctl_does_not_run_is_scraped_and_followed_where_it_is(stack: Stack) -> None:
    contract = Contract("shop", ("web",), forbidden=Forbidden(("secret.*",), {"card": r"\d{16}"}))
    shop = Service("shop", contract, (Component("web", "http://127.0.0.1:5000", "/m", "", "/var/log/web/*.log"),))
    alone = replace(stack, services=(shop,)).with_port_offset(10)
    assert [p.name for p in embedded(alone, version="1").processes] == ["backend"]
    rendered = config(alone)
    assert [t["url"] for t in rendered["scrape"]["targets"]] == ["http://127.0.0.1:5000/m"]  # type: ignore[index]
    assert rendered["log_files"] == [
        {"path": "/var/log/web/*.log", "labels": {"service_name": "web", "service_namespace": "shop"}}
    ]
    assert rendered["scrub"] == {"attributes": ["secret.*"], "patterns": {"card": r"\d{16}"}}


def test_how_a_service_is_scraped_is_what_the_spec_says_and_nothing_more(stack: Stack) -> None:
    shop = Service("shop", Contract("shop", ("web",)), (Component("web", "http://127.0.0.1:5000"),))
    (plain,) = config(replace(stack, services=(shop,)))["scrape"]["targets"]  # type: ignore[index]
    told = replace(shop, scrape=ScrapeOptions(honor_labels=True, sample_limit=7))
    (target,) = config(replace(stack, services=(told,)))["scrape"]["targets"]  # type: ignore[index]
    assert target == plain | {"honor_labels": True, "sample_limit": 7}


def test_rules_come_along_as_files_that_the_server_is_told_of(stack: Stack) -> None:
    first, *rules = embedded(stack, version="1").processes[0].files
    told = json.loads(first.text)["rules"]
    assert told["files"] == [str(stack.folder / ".obsctl" / file.path) for file in rules]
    assert told["interval_seconds"] == stack.scrape_interval
    yaml_files = rule_files(stack, "rules")
    assert [Path(file.path).stem for file in rules] == [Path(file.path).stem for file in yaml_files]
    for ours, theirs in zip(rules, yaml_files, strict=True):
        assert json.loads(ours.text) == read_yaml(theirs.text)


def test_alerts_are_routed_as_on_containers(stack: Stack) -> None:
    there = read_yaml((GOLDEN / "current" / "alertmanager" / "alertmanager.yml").read_text())
    here = config(stack)["alerting"]
    (theirs,), (ours,) = there.pop("receivers"), here.pop("receivers")  # type: ignore[attr-defined]
    assert here == there
    assert ours["name"] == theirs["name"] == there["route"]["receiver"]
    assert ours["webhook_configs"] == [{"url": "http://127.0.0.1:4318/api/v1/notifications"}]
    assert theirs["webhook_configs"] == [{"url": "http://alloy:3500/loki/api/v1/raw"}]


def test_an_alert_manager_elsewhere_takes_the_role(stack: Stack) -> None:
    there = replace(stack, alerts_url="http://127.0.0.1:19093")
    assert embedded(stack, version="1").endpoints.first(Role.ALERTS).url == "http://127.0.0.1:9093"  # type: ignore[union-attr]
    assert embedded(there, version="1").endpoints.first(Role.ALERTS).url == "http://127.0.0.1:19093"  # type: ignore[union-attr]
    assert "alerts" not in config(there)["listen"]  # type: ignore[operator]
    assert config(there)["rules"]["alertmanagers"] == ["http://127.0.0.1:19093"]  # type: ignore[index]
    assert config(stack)["rules"]["alertmanagers"] == []  # type: ignore[index]


def test_another_rule_means_another_server(stack: Stack) -> None:
    before = embedded(stack, version="1").processes[0].fingerprint
    service = stack.services[0]
    slo = replace(service.contract.slos[0], objective=Decimal("0.5"))
    changed = replace(service, contract=replace(service.contract, slos=(slo, *service.contract.slos[1:])))
    assert embedded(replace(stack, services=(changed,)), version="1").processes[0].fingerprint != before
