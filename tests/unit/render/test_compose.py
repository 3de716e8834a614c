"""The stack of containers: golden files, and what holds for every choice that a spec can make."""

from __future__ import annotations

import fnmatch
import itertools
import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from obsctl.backends import CONTAINERS, SAMPLE
from obsctl.endpoints import Dialect, Role
from obsctl.errors import SpecError
from obsctl.render.compose_mapping import canonical_service
from obsctl.render.containers import Composition, Container
from obsctl.render.images import mirrored, version_of
from obsctl.spec.contract import Contract, Forbidden
from obsctl.spec.presets import load_preset, preset_names, product_names, role_options
from obsctl.spec.stack import CONTAINER_PORTS, DEFAULT_PORTS, Component, Service, Stack
from tests.read_yaml import read_yaml
from tests.unit.render.stacks import (
    NOWHERE,
    alternative_files,
    alternatives,
    default_stack,
    files,
    golden_folder,
    preset_files,
    read_golden,
    rendered,
)

HELP = "run: python -m tests.unit.render.regenerate"
CHOICES = [
    {
        **dict(zip(("preset", "metrics", "traces", "shipper"), chosen, strict=True)),
        "alerting": bool(number % 2),
        "log_ids": ("metadata", "labels")[number // 2 % 2],
        "debug": bool(number // 3 % 2),
    }
    for number, chosen in enumerate(
        itertools.product(preset_names(), *(role_options()[option] for option in ("metrics", "traces", "shipper")))
    )
]
"""Every mixture of products, each with some mixture of the switches."""


def named(choices: dict[str, Any]) -> str:
    return "-".join(str(value) for value in choices.values())


every_choice = pytest.mark.parametrize("choices", CHOICES, ids=named)
every_preset = pytest.mark.parametrize("preset", preset_names())


@cache
def _made(items: tuple[tuple[str, Any], ...]) -> Composition:
    return rendered(default_stack(**dict(items)))


def made(choices: dict[str, Any]) -> Composition:
    return _made(tuple(choices.items()))


def container(composition: Composition, name: str) -> Container:
    return next(c for c in composition.containers if c.name == name)


def composed(composition: Composition) -> dict[str, Any]:
    text = read_yaml(files(composition)["compose.yaml"])
    assert isinstance(text, dict)
    return text


@pytest.mark.parametrize("folder", preset_files(), ids=lambda folder: folder.name)
def test_the_files_are_the_golden_ones(folder: Path) -> None:
    texts, there = preset_files()[folder], read_golden(folder)
    assert sorted(texts) == sorted(there), HELP
    for path, text in texts.items():
        assert text == there[path], f"{path}; {HELP}"


@pytest.mark.parametrize(("option", "choice"), list(alternatives()), ids="-".join)
def test_what_another_backend_changes_is_golden(option: str, choice: str) -> None:
    texts, there = alternative_files(option, choice), read_golden(golden_folder(option, choice))
    assert sorted(texts) == sorted(there), HELP
    for path, text in texts.items():
        assert text == there[path], f"{path}; {HELP}"


def test_the_seed_preset_is_the_guidance_to_the_letter() -> None:
    images = {c.name: c.image for c in rendered(default_stack(preset="seed")).containers}
    guidance = {
        "otel-collector": "otel/opentelemetry-collector:0.98.0",
        "jaeger": "jaegertracing/all-in-one:1.57",
        "prometheus": "prom/prometheus:v2.53.0",
        "loki": "grafana/loki:2.9.4",
        "promtail": "grafana/promtail:2.9.4",
        "grafana": "grafana/grafana:11.1.0",
    }
    sample = {"postgres", "redis", "qdrant", "api", "worker", "ai"}
    assert {name: image for name, image in images.items() if name not in sample} == guidance


@every_choice
def test_every_file_can_be_read(choices: dict[str, Any]) -> None:
    texts = files(made(choices))
    left = re.compile(r"@\{|^\s*#(if|unless|each|end)\b", re.MULTILINE)
    assert not [path for path, text in texts.items() if left.search(text)]
    assert all(text.endswith("\n") and not text.endswith("\n\n") for text in texts.values())
    for path, text in texts.items():
        if path.endswith((".yaml", ".yml")):
            assert isinstance(read_yaml(text), dict), path
        elif path.endswith(".json"):
            assert isinstance(json.loads(text), dict), path


@every_choice
def test_the_compose_file_says_what_the_values_say(choices: dict[str, Any]) -> None:
    composition = made(choices)
    file = composed(composition)
    assert list(file["services"]) == [c.name for c in composition.containers]
    assert set(file["volumes"]) == set(composition.volumes)
    assert set(file["networks"]) == {n.name for n in composition.networks}
    for wanted in composition.containers:
        written = file["services"][wanted.name]
        assert written["image"] == wanted.image
        assert written["user"] == wanted.user
        assert tuple(written.get("command", ())) == wanted.command
        assert written.get("environment", {}) == wanted.environment
        assert written["ports"] == [f"127.0.0.1:{p.host}:{p.inside}" for p in wanted.ports] if wanted.ports else True
        assert len(written.get("volumes", ())) == len(wanted.mounts)
        assert {n: d["condition"] for n, d in written.get("depends_on", {}).items()} == wanted.depends_on
        assert tuple(written.get("networks", ("default",))) == wanted.networks
        assert written.get("secrets", []) == list(wanted.secrets)
        assert written["mem_limit"] == written["memswap_limit"] == f"{wanted.memory // 1024**2}m"


@every_choice
def test_every_container_is_safe_by_default(choices: dict[str, Any]) -> None:
    for name, service in composed(made(choices))["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        assert service["pids_limit"] <= 512, name
        assert re.fullmatch(r"\d+:\d+", service["user"]), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        assert "privileged" not in service, name
        assert not [v for v in service.get("volumes", ()) if "docker.sock" in v], name
        assert service["user"] != "0:0" or name == "promtail"


@every_choice
def test_what_is_mounted_is_rendered_and_what_is_named_exists(choices: dict[str, Any]) -> None:
    composition = made(choices)
    folders = {str(Path(f.path).parent) for f in composition.files}
    names = {c.name for c in composition.containers}
    for one in composition.containers:
        configs = [m for m in one.mounts if m.kind == "config"]
        assert all(m.source in folders and m.read_only for m in configs), one.name
        assert {m.source for m in one.mounts if m.kind == "volume"} <= set(composition.volumes)
        assert set(one.depends_on) <= names - {one.name}
        assert set(one.secrets) <= set(composition.secrets)
        for argument in one.command:
            inside = re.search(r"(/etc/[^=]+\.\w+)$", argument)
            if inside:
                files_inside = [
                    f"{m.target}/{Path(f.path).relative_to(m.source)}"
                    for m in configs
                    for f in one.files
                    if Path(f.path).is_relative_to(m.source)
                ]
                assert fnmatch.filter(files_inside, inside[1]), one.name


@every_choice
def test_endpoints_are_the_published_ports(choices: dict[str, Any]) -> None:
    composition = made(choices)
    published = {port.host for c in composition.containers for port in c.ports}
    for endpoint in composition.endpoints:
        for url in (endpoint.url, endpoint.probe):
            assert int(re.match(r"http://127\.0\.0\.1:(\d+)", url)[1]) in published, endpoint  # type: ignore[index]
    roles = [e.role for e in composition.endpoints]
    assert {Role.OTLP_GRPC, Role.OTLP_HTTP, Role.METRICS, Role.LOGS, Role.TRACES, Role.DASHBOARDS} <= set(roles)
    assert (Role.ALERTS in roles) == choices["alerting"]
    assert (Role.SHIPPER in roles) == (choices["shipper"] != "none")
    traces = composition.endpoints.first(Role.TRACES)
    assert traces is not None
    assert traces.dialect is (Dialect.TRACEQL if choices["traces"] == "tempo" else Dialect.JAEGER)
    assert len({e.name for e in composition.endpoints}) == len(roles)


def test_every_port_of_the_spec_is_some_products() -> None:
    keys = {key for backend in (*CONTAINERS, SAMPLE) for key in backend.ports}
    assert keys == set(DEFAULT_PORTS) - {"redis"}
    assert set(CONTAINER_PORTS) <= keys


def test_every_product_of_a_preset_is_used_and_every_product_has_an_image() -> None:
    assert {b.key for b in CONTAINERS} | {"python"} == set(product_names())
    for name in preset_names():
        assert set(load_preset(name).images) == set(product_names())


@pytest.mark.parametrize("option", ["metrics", "logs", "traces", "shipper"])
def test_every_option_is_some_products(option: str) -> None:
    offered = {b.when[option] for b in CONTAINERS if option in b.when}
    assert offered == set(role_options()[option]) - {"none"}


def test_the_same_spec_gives_the_same_bytes() -> None:
    assert rendered(default_stack()) == rendered(default_stack())


def test_a_change_of_a_file_changes_the_container_that_reads_it_alone() -> None:
    plain, debugged = ({c.name: c for c in rendered(default_stack(debug=debug)).containers} for debug in (False, True))
    assert {name for name in plain if plain[name] != debugged[name]} == {"otel-collector"}


def test_an_offset_moves_what_is_published_and_nothing_inside() -> None:
    base, moved = rendered(default_stack()), rendered(default_stack().with_port_offset(1000))
    for before, after in zip(base.containers, moved.containers, strict=True):
        assert [(p.host + 1000, p.inside) for p in before.ports] == [(p.host, p.inside) for p in after.ports]
    assert files(base)["prometheus/prometheus.yml"] == files(moved)["prometheus/prometheus.yml"]


def test_bound_to_more_than_loopback_nobody_looks_without_a_login() -> None:
    stack = replace(default_stack(), bind="0.0.0.0")
    assert "org_role" not in files(rendered(stack))["grafana/grafana.ini"]
    assert "org_role = Viewer" in files(rendered(default_stack()))["grafana/grafana.ini"]
    assert "Admin" not in files(rendered(default_stack()))["grafana/grafana.ini"]


def test_an_ipv6_address_is_bracketed() -> None:
    composition = rendered(replace(default_stack(), bind="::1"))
    assert composed(composition)["services"]["loki"]["ports"] == ["[::1]:3100:3100"]


def test_a_registry_and_a_platform_are_used_for_every_image() -> None:
    composition = rendered(default_stack(registry="mirror.example.com/hub", platform="linux/arm64"))
    images = {c.name: c.image for c in composition.containers}
    assert images["redis"] == "mirror.example.com/hub/valkey/valkey:9.0.4-alpine3.23"
    assert images["postgres"] == "mirror.example.com/hub/library/postgres:18.4"
    api = composed(composition)["services"]["api"]
    assert api["build"]["args"] == {"PYTHON_IMAGE": "mirror.example.com/hub/library/python:3.13-slim"}
    assert {s["platform"] for s in composed(composition)["services"].values()} == {"linux/arm64"}


def test_a_mirror_knows_short_names_of_the_hub() -> None:
    assert mirrored("docker.io/grafana/loki:3", "m.example:5000") == "m.example:5000/grafana/loki:3"
    assert mirrored("redis:7", "") == "redis:7"


def test_an_image_of_another_line_gets_the_configuration_that_fits_it() -> None:
    old = default_stack(images={"collector": "otel/opentelemetry-collector-contrib:0.110.0"})
    assert "otlphttp/traces" in files(rendered(old))["collector/config.yaml"]
    mine = default_stack(images={"jaeger": "registry.example.com/jaeger@sha256:" + "0" * 64})
    assert "healthcheckv2" in files(rendered(mine))["jaeger/config.yaml"]


def test_an_image_that_nothing_fits_is_refused() -> None:
    with pytest.raises(SpecError) as caught:
        rendered(default_stack(images={"collector": "otel/opentelemetry-collector-contrib:0.130.0"}))
    assert caught.value.message == (
        "containers.images.collector: obsctl has no configuration that fits "
        "otel/opentelemetry-collector-contrib:0.130.0"
    )
    assert caught.value.hint == "It has some for 0.98 up to (not with) 0.123, 0.154 and newer."


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("prom/prometheus:v3.14.0", (3, 14, 0)),
        ("valkey/valkey:9.0.4-alpine3.23", (9, 0, 4)),
        ("localhost:5000/loki", ()),
        ("localhost:5000/loki:3@sha256:ab", (3,)),
        ("grafana/loki:main-1a2b", ()),
    ],
)
def test_a_version_is_what_the_tag_begins_with(image: str, version: tuple[int, ...]) -> None:
    assert version_of(image) == version


def shop(stack: Stack, **forbidden: Any) -> Stack:
    """A stack that observes a service of the user's, on this machine and on another one."""
    contract = Contract("shop", ("web", "billing", "far"), forbidden=Forbidden(**forbidden))
    components = (
        Component("web", "http://127.0.0.1:5000", "/m", "", "/home/me/shop/logs/web-*.log"),
        Component("billing", "http://localhost:5001", "", "", "/var/log/billing/today.log"),
        Component("far", "https://far.example.com"),
    )
    return replace(stack, folder=Path("/home/me/shop"), services=(Service("shop", contract, components),))


def test_a_service_that_runs_elsewhere_is_scraped_and_followed_where_it_is() -> None:
    composition = rendered(shop(default_stack()))
    assert not {"api", "redis", "postgres"} & {c.name for c in composition.containers}
    assert [n.name for n in composition.networks] == ["default"]
    jobs = read_yaml(files(composition)["prometheus/prometheus.yml"])["scrape_configs"]
    scraped = {j["job_name"]: (j.get("scheme"), j["static_configs"][0]["targets"], j.get("metrics_path")) for j in jobs}
    assert scraped["web"] == ("http", ["host.docker.internal:5000"], "/m")
    assert scraped["far"] == ("https", ["far.example.com:443"], "/metrics")
    assert "billing" not in scraped
    assert container(composition, "prometheus").extra_hosts == {"host.docker.internal": "host-gateway"}
    mounts = composed(composition)["services"]["alloy"]["volumes"]
    assert "../logs:/var/log/services/web:ro" in mounts
    assert "/var/log/billing:/var/log/services/billing:ro" in mounts
    shipped = files(composition)["alloy/config.alloy"]
    assert '"/var/log/services/web/web-*.log"' in shipped
    assert '"/var/log/services/billing/today.log"' in shipped


def test_a_folder_with_a_colon_is_mounted_in_the_long_form() -> None:
    """In the short form a colon ends the source (the Compose specification, ``services.volumes``)."""
    stack = shop(default_stack())
    (service,) = stack.services
    odd = replace(service.components[0], logs="/home/me/shop/run 10:30 ü/**/*.log")
    composition = rendered(replace(stack, services=(replace(service, components=(odd,)),)))
    (mount,) = (m for m in composed(composition)["services"]["alloy"]["volumes"] if "10:30" in str(m))
    target = "/var/log/services/web"
    assert mount == {"type": "bind", "source": "../run 10:30 ü", "target": target, "read_only": True}
    assert f'"{target}/**/*.log"' in files(composition)["alloy/config.alloy"]


def test_the_name_of_the_specs_folder_is_no_pattern() -> None:
    stack = replace(shop(default_stack()), folder=Path("/home/me/shop [2026]"))
    (service,) = stack.services
    odd = replace(service.components[0], logs="/home/me/shop [2026]/logs/*.log")
    composition = rendered(replace(stack, services=(replace(service, components=(odd,)),)))
    assert "../logs:/var/log/services/web:ro" in composed(composition)["services"]["alloy"]["volumes"]
    assert '"/var/log/services/web/*.log"' in files(composition)["alloy/config.alloy"]


def test_text_of_a_spec_cannot_become_syntax() -> None:
    pattern = """it's "quoted" \\$[0-9]+ #end"""
    composition = rendered(shop(default_stack(), attributes=("we'ird\"key$*",), patterns={"odd": pattern}))
    config = read_yaml(files(composition)["collector/config.yaml"])
    assert config["processors"]["redaction/scrub"]["blocked_values"] == [pattern.replace("$", "$$")]
    (action,) = config["processors"]["attributes/scrub"]["actions"]
    assert re.match(action["pattern"].replace("$$", "$"), "we'ird\"key$x")
    statement = config["processors"]["transform/scrub"]["trace_statements"][-1]["statements"][0]
    assert json.loads(re.search(r'\(span\.name, (".*"), "', statement)[1]) == pattern.replace("$", "$$")  # type: ignore[index]


def test_a_pattern_that_the_collector_cannot_use_is_refused_with_its_place() -> None:
    with pytest.raises(SpecError, match=r"forbidden\.patterns\.token: the collector cannot use lookaround"):
        rendered(shop(default_stack(), patterns={"token": r"(?<=token=)\w+"}))


@pytest.mark.parametrize(
    ("preset", "shipper", "by_otlp"), [("current", "none", True), ("current", "alloy", False), ("seed", "none", False)]
)
def test_the_samples_logs_go_by_otlp_where_nobody_follows_files_and_the_collector_takes_them(
    preset: str, shipper: str, by_otlp: bool
) -> None:
    made = rendered(default_stack(preset=preset, shipper=shipper))
    api = container(made, "api")
    assert api.environment.get("OTEL_LOGS_EXPORTER") == ("otlp" if by_otlp else None)
    assert ("LOG_FILE" in api.environment) == ("logs" in made.volumes) == (not by_otlp)


@every_preset
def test_compose_builds_the_image_of_the_sample_once_and_pulls_it_never(preset: str) -> None:
    """It builds for each service that says how, and looks for an image elsewhere that no service says how to build."""
    composition = rendered(default_stack(preset=preset))
    services = composed(composition)["services"]
    sample = [service for service in services.values() if service["image"].startswith("obsctl-sample:")]
    assert [("build" in service, service.get("pull_policy")) for service in sample] == [
        (True, None),
        (False, "never"),
        (False, "never"),
    ]
    assert len({service["image"] for service in sample}) == 1
    assert all(c.build for c in composition.containers if c.image.startswith("obsctl-sample:"))
    assert "pull_policy" not in canonical_service(
        replace(composition.containers[-1], pull="never"), "127.0.0.1", NOWHERE
    )
