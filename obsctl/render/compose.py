"""Spec, preset and backends -> a stack of containers, with its Compose file and all its configuration. Pure."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from obsctl.backends import CONTAINERS, DATA_SOURCES, SAMPLE, Backend, ConfigVariant, Served, dialect_of
from obsctl.backends.base import DATA_NETWORK, DEFAULT_NETWORK
from obsctl.endpoints import Endpoint, Endpoints, Role
from obsctl.render.compose_file import compose_file
from obsctl.render.containers import (
    MEBIBYTE,
    Build,
    Composition,
    Condition,
    Container,
    HealthCheck,
    Mount,
    Network,
    Published,
    Tmpfs,
)
from obsctl.render.dashboards import dashboard_files
from obsctl.render.desired import File
from obsctl.render.files import SAMPLE_FOLDER, product_files, sample_files
from obsctl.render.images import image_of, variant_of
from obsctl.render.logpaths import Source, log_sources
from obsctl.render.rulefiles import rule_files, rule_test_files
from obsctl.render.scrape_access import secret_files
from obsctl.render.stack import endpoints as endpoints_of
from obsctl.render.template import Context, render_inline
from obsctl.render.values import HOST, Part, answers, on_this_machine, values
from obsctl.spec.presets import Preset
from obsctl.spec.stack import Stack, url_host

SECRETS = "secrets"
_PYTHON = "python"
_NETWORKS = (Network(DEFAULT_NETWORK), Network(DATA_NETWORK, internal=True))


def compose(stack: Stack, preset: Preset, *, version: str, up: str = "..") -> Composition:
    """The stack as containers.

    ``version`` is obsctl's own and tags the sample's image. ``up`` is the way from the folder that the files are
    written to up to the spec's folder; log files below that are shown to the shipper by it.
    Raises SpecError for a contract whose patterns the collector cannot use.
    """
    parts = chosen_parts(stack, preset)
    sources = log_sources(stack, up)
    known = values(stack, preset, parts, sources)
    products = [_product(stack, preset, part, sources, known) for part in parts]
    containers = tuple(_ordered([*products, *_sample(stack, preset, version, parts, known)], _fillers(parts)))
    composition = Composition(
        name=stack.name,
        preset=preset.name,
        bind=stack.bind,
        containers=containers,
        networks=tuple(n for n in _NETWORKS if any(n.name in c.networks for c in containers)),
        volumes=tuple(sorted({m.source for c in containers for m in c.mounts if m.kind == "volume"})),
        secrets={name: f"{SECRETS}/{name}" for name in sorted({s for c in containers for s in c.secrets})},
        given_secrets=secret_files(stack),
        files=(
            *dict.fromkeys(file for container in containers for file in container.files),
            *_rule_tests(stack, parts),
        ),
        endpoints=endpoints(stack, [part.backend for part in parts]),
        port_offset=stack.port_offset,
    )
    return replace(composition, files=(compose_file(composition), *composition.files))


def chosen_parts(stack: Stack, preset: Preset) -> tuple[Part, ...]:
    """The products that the spec and the preset make the stack of, each with the variant that fits its image."""
    given = answers(stack, preset)
    chosen = [b for b in CONTAINERS if all(given[question] == answer for question, answer in b.when.items())]
    return tuple(Part(b, *variant_of(b, preset, stack.choices)) for b in chosen)


def endpoints(stack: Stack, backends: Sequence[Backend]) -> Endpoints:
    """Who answers for what on the machine: the roles of all backends, then each component of each service."""
    roles = [_endpoint(stack, served) for backend in backends for served in backend.serves]
    return Endpoints((*roles, *endpoints_of(stack, Backend("components"))))


def _endpoint(stack: Stack, served: Served) -> Endpoint:
    base, probed = (
        f"http://{url_host(stack.bind)}:{stack.ports[key]}" for key in (served.port, served.probe_port or served.port)
    )
    role, url = served.role, f"{base}{served.path}"
    return Endpoint(role.value, role, url, served.dialect, f"{probed}{served.probe}", served.without, served.lag)


def _ordered(everyone: Sequence[Container], fillers: Mapping[str, Sequence[str]]) -> Iterator[Container]:
    """All containers, each with what it waits for: those of the wished ones, ``fillers`` of a role among them, that are
    part of the stack.
    """
    healthy = {c.name: c.health is not None for c in everyone}
    for container in everyone:
        wanted: dict[str, Condition] = {
            name: "service_healthy" if healthy[name] else "service_started"
            for after in container.depends_on
            for name in fillers.get(after, [after])
            if name in healthy
        }
        yield replace(container, depends_on=wanted)


def _fillers(parts: Sequence[Part]) -> dict[str, list[str]]:
    """Role -> the names of the backends that fill it."""
    fillers: dict[str, list[str]] = {}
    for backend in (part.backend for part in parts):
        for served in backend.serves:
            fillers.setdefault(served.role, []).append(backend.name)
    return fillers


def _product(stack: Stack, preset: Preset, part: Part, sources: Sequence[Source], known: Context) -> Container:
    backend, variant = part.backend, part.variant
    mounts = [Mount("config", _below(backend.key, folder), target) for folder, target in variant.mounts.items()]
    if variant.reads_logs:
        mounts += dict.fromkeys(source.mount for source in sources)
    return replace(
        _container(stack, backend, variant, known),
        name=backend.name,
        image=image_of(backend.key, preset, stack.choices),
        mounts=(*mounts, *_volumes(variant)),
        extra_hosts={HOST: "host-gateway"} if _reaches_out(stack, backend) else {},
        files=(*product_files(part, known), *_derived(stack, preset, backend)),
        secrets=(*variant.secrets, *(secret_files(stack) if backend.scrapes else ())),
    )


def _derived(stack: Stack, preset: Preset, backend: Backend) -> Iterator[File]:
    """The files that a backend gets from the contracts: rules for who evaluates them, dashboards for who shows them."""
    if backend.evaluates_rules:
        yield from rule_files(stack, _rules(backend))
    if any(served.role is Role.DASHBOARDS for served in backend.serves):
        traces = DATA_SOURCES[dialect_of("traces", answers(stack, preset)["traces"])]
        yield from dashboard_files(stack, f"{backend.key}/dashboards", traces)


def _rules(backend: Backend) -> str:
    return f"{backend.key}/rules"


def _rule_tests(stack: Stack, parts: Sequence[Part]) -> Iterator[File]:
    """Tests of the rules. No container has to be made anew for them."""
    for backend in (part.backend for part in parts if part.backend.evaluates_rules):
        yield from rule_test_files(stack, _rules(backend))


def _below(folder: str, part: str) -> str:
    return f"{folder}/{part}" if part else folder


def _reaches_out(stack: Stack, backend: Backend) -> bool:
    """Whether a backend has to scrape services that run on this machine, outside of the stack."""
    urls = [c.metrics_url for service in stack.services if not service.run for c in service.components]
    return backend.scrapes and any(on_this_machine(url) for url in urls)


def _sample(stack: Stack, preset: Preset, version: str, parts: Sequence[Part], known: Context) -> list[Container]:
    """The components of the sample, all from one image."""
    variant = _logging_to(parts)
    build = Build(SAMPLE_FOLDER, {"PYTHON_IMAGE": image_of(_PYTHON, preset, stack.choices)})
    files = sample_files()
    image = f"obsctl-sample:{version}-{_digest(build, files)}"
    containers = []
    for service in (service for service in stack.services if service.run):
        for component in service.components:
            here = {**known, "component": component.name, "namespace": service.contract.service}
            backend = replace(SAMPLE, ports={component.name: SAMPLE.ports[component.name]})
            container = replace(
                _container(stack, backend, variant, here),
                name=component.name,
                image=image,
                mounts=_volumes(variant),
                build=build,
                files=files,
            )
            containers.append(container)
    return containers


def _logging_to(parts: Sequence[Part]) -> ConfigVariant:
    """The sample's logs go into files, or by OTLP where nobody follows files and the collector takes them."""
    variant, variants = SAMPLE.variant, [part.variant for part in parts]
    if any(e.reads_logs for e in variants) or not any(e.takes_logs for e in variants):
        return variant
    environment = {key: text for key, text in variant.environment.items() if key != "LOG_FILE"}
    by_otlp = {"OTEL_LOGS_EXPORTER": "otlp", "OTEL_BLRP_SCHEDULE_DELAY": "200"}
    return replace(variant, environment={**environment, **by_otlp}, volumes={})


def _digest(build: Build, files: Sequence[File]) -> str:
    """A short hash of what an image is built from: other sources make another image."""
    content = json.dumps([dataclasses.asdict(build), [(file.path, file.text) for file in files]])
    return hashlib.sha256(content.encode()).hexdigest()[:8]


def _container(stack: Stack, backend: Backend, variant: ConfigVariant, known: Context) -> Container:
    """What containers of a product and of the sample take from their description; name and image are still empty."""
    user, group = variant.user.split(":")
    return Container(
        name="",
        image="",
        purpose=backend.purpose,
        user=variant.user,
        memory=variant.memory * MEBIBYTE,
        pids=variant.pids,
        command=tuple(render_inline(argument, known) for argument in variant.command),
        environment={name: render_inline(text, known) for name, text in sorted(variant.environment.items())},
        ports=tuple(Published(key, stack.ports[key], inside) for key, inside in backend.ports.items()),
        tmpfs=tuple(Tmpfs(path, user=user, group=group) for path in variant.tmpfs),
        networks=backend.networks,
        depends_on=dict.fromkeys(backend.after, "service_started"),
        health=HealthCheck(variant.health) if variant.health else None,
        secrets=variant.secrets,
        platform=stack.choices.platform,
    )


def _volumes(variant: ConfigVariant) -> tuple[Mount, ...]:
    return tuple(Mount("volume", name, target, read_only=False) for name, target in variant.volumes.items())
