"""``obsctl.yaml``: its keys, and from a file to a ``Stack``, with the checks across keys and into contracts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from obsctl import assets
from obsctl.access.options import ScrapeOptions
from obsctl.errors import SpecError
from obsctl.schema.findings import Findings, shown_path
from obsctl.schema.records import AsWritten, Key, KnownKeys, RecordType, key, record
from obsctl.schema.scalars import FLAG, duration, whole
from obsctl.schema.source import SourceCursor, Spot
from obsctl.schema.text import quoted
from obsctl.schema.types import ListOf, choice
from obsctl.spec.contract import Contract
from obsctl.spec.contract_load import load_located_contract
from obsctl.spec.drive_checks import check_components, check_drive, check_requests
from obsctl.spec.remote import RemoteStack
from obsctl.spec.scalars import BIND, FILE, NAME, PORT, URL, VERSION
from obsctl.spec.stack import (
    DEFAULT_PORTS,
    AllowedAccess,
    Choices,
    Component,
    Inspected,
    Retention,
    RuntimeChoice,
    Service,
    Stack,
    VerifyOptions,
    url_host,
)
from obsctl.spec.steps import Step
from obsctl.spec.yaml_source import read_record

DEFAULT_FILE = "stacks/default.yaml"
SAMPLE_COMPONENTS = ("api", "worker", "ai")


_PORT_DOCS = {
    "otlp_grpc": "OTLP over gRPC.",
    "otlp_http": "OTLP over HTTP.",
    "prometheus": "Prometheus API.",
    "loki": "Loki API.",
    "jaeger": "Jaeger query API.",
    "redis": "Redis-protocol server of the sample.",
    "api": "The sample's API.",
    "worker": "The sample's worker.",
    "ai": "The sample's AI provider.",
    "traceql": "Tempo API.",
    "alerts": "Alertmanager API and page.",
    "dashboards": "Grafana; on the embedded runtime the pages of `obsctl ui`.",
    "shipper": "Log shipper: its readiness.",
    "collector_health": "Collector: its readiness.",
}
_PORTS = KnownKeys(
    "ports", lambda: (Key(name, PORT, _PORT_DOCS[name], written=port) for name, port in DEFAULT_PORTS.items())
)


@record("a service")
class ServiceEntry:
    """A service as ``obsctl.yaml`` writes it."""

    name: str = key(NAME, "Unique in the stack.")
    run: Literal["", "sample"] = key(
        choice("sample"), "`sample`: obsctl starts it, and its components follow from `ports`.", default=""
    )
    contract: str = key(
        FILE, "Its contract, relative to this file.", default="", shown="the sample's, with `run: sample`"
    )
    components: tuple[Component, ...] = key(
        ListOf(RecordType(Component), "a list of components", empty=False),
        "Processes obsctl does not run.",
        default=(),
    )
    scrape: ScrapeOptions = key(
        RecordType(ScrapeOptions),
        "How its metrics are taken, as in Prometheus' scrape configuration.",
        default=ScrapeOptions(),
        shown="see below",
    )
    drive: tuple[Step, ...] = key(
        ListOf(RecordType(Step), "a list of steps"),
        "Requests that `verify` sends.",
        default=(),
        shown="the sample's",
    )
    verify: VerifyOptions = key(
        RecordType(VerifyOptions),
        "What `verify` requires besides the contract.",
        default=VerifyOptions(),
        shown="nothing",
    )


@record("obsctl.yaml")
class StackFile:
    """``obsctl.yaml`` as it is written."""

    version: int = key(VERSION, "Version of this format: 1.")
    name: str = key(NAME, "Name of the stack.", default="", shown="name of the folder")
    runtime: RuntimeChoice = key(
        choice("auto", "embedded", "docker", "remote"), "Who runs it; `remote`: somebody else.", default="auto"
    )
    bind: str = key(BIND, "Address to listen on.", default="127.0.0.1")
    port_offset: int = key(whole(-65534, 65534), "Added to every port.", default=0)
    ports: Mapping[str, int] = key(_PORTS, "Ports, each on its own.", default={}, shown="see below")
    scrape_interval: float = key(duration("100ms", "1h"), "How often metrics are read.", default=AsWritten("2s"))
    retention: Retention = key(RecordType(Retention), "What is kept.", default=Retention(), shown="see below")
    alerts_url: str = key(
        URL, "Alertmanager that the embedded runtime tells of alerts.", default="", shown="it is one itself"
    )
    span_metrics: bool = key(FLAG, "Embedded: metrics of spans and the service graph.", default=True)
    access: AllowedAccess = key(
        RecordType(AllowedAccess),
        "Who may ask beside this machine; of containers, the pages that may send OTLP.",
        default=AllowedAccess(),
        shown="see below",
    )
    remote: RemoteStack | None = key(
        RecordType(RemoteStack), "Where the stack of `runtime: remote` answers.", default=None, shown="none"
    )
    containers: Choices = key(
        RecordType(Choices), "How a stack of containers is made up.", default=Choices(), shown="see below"
    )
    services: tuple[ServiceEntry, ...] | None = key(
        ListOf(RecordType(ServiceEntry), "a list of services", empty=False),
        "What is observed.",
        default=None,
        shown="the sample",
    )
    check: Inspected = key(
        RecordType(Inspected),
        "What `obsctl check` looks at, and takes for granted.",
        default=Inspected(),
        shown="see below",
    )


def load_stack_file(path: Path, folder: Path) -> Stack:
    """The stack of a spec file; paths in it are relative to ``folder``, best given in full.

    Raises SpecError with every mistake of the file and of the contracts that it names.
    """
    findings = Findings(shown_path(path))
    stack, cursor = read_record(path, RecordType(StackFile), findings)
    ports = _ports(stack, cursor, findings)
    _check_unique(stack, cursor, findings)
    _check_remote(stack, cursor, findings)
    services = _among_others(tuple(_services(stack, cursor, _Surroundings(folder, ports, stack.bind), findings)))
    findings.raise_any()
    return Stack(
        name=stack.name or folder_name(folder),
        folder=folder,
        services=services,
        runtime=stack.runtime,
        bind=stack.bind,
        ports=ports,
        port_offset=stack.port_offset,
        scrape_interval=stack.scrape_interval,
        alerts_url=stack.alerts_url,
        retention=stack.retention,
        span_metrics=stack.span_metrics,
        access=replace(stack.access, token=stack.access.token and stack.access.token.below(folder)),
        remote=stack.remote and stack.remote.below(folder),
        choices=stack.containers,
        check=stack.check,
        source=path,
    )


def folder_name(folder: Path) -> str:
    """The folder's name as a stack name: lower case, dashes for everything else."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")[:63].strip("-")
    return name or "obsctl"


@dataclass(frozen=True)
class _Surroundings:
    """What services need to know of the stack around them."""

    folder: Path
    ports: Mapping[str, int]
    bind: str


def _ports(stack: StackFile, cursor: SourceCursor, findings: Findings) -> Mapping[str, int]:
    """All ports with the offset added. Each must be a port, and no two the same."""
    offset = stack.port_offset
    base = {name: stack.ports.get(name, port) for name, port in DEFAULT_PORTS.items()}
    moved = next((name for name, port in base.items() if not 1 <= port + offset <= 65535), None)
    if moved:
        message = f"{moved} would move from {base[moved]} to {base[moved] + offset}, which is no port"
        findings.add(cursor.spot("port_offset"), message, "Choose a smaller offset.")
    users: dict[int, str] = {}
    for name, port in base.items():
        other = users.setdefault(port, name)
        if other != name:
            # Point at the one that the file sets: the other may be a default.
            spot = cursor.spot("ports", name if name in stack.ports else other)
            findings.add(spot, f"port {port} is used by both {other} and {name}", "Give one of them another port.")
    return {name: port + offset for name, port in base.items()}


def _check_unique(stack: StackFile, cursor: SourceCursor, findings: Findings) -> None:
    """Services, and components across all of them, have names of their own; the sample runs once."""
    names: dict[str, int] = {}
    components: dict[str, int] = {}
    sample = 0
    services = tuple(cursor.each("services", stack.services or ()))
    for service, at in services:
        _once(names, service.name, at.spot("name"), "service", findings)
        if service.run and sample:
            findings.add(at.spot("run"), f"the sample already runs, see line {sample}", "Keep one.")
        if service.run:
            sample = sample or at.spot("run").line
            components.update(dict.fromkeys(SAMPLE_COMPONENTS, sample))
    for service, at in services:
        for component, component_at in at.each("components", service.components):
            _once(components, component.name, component_at.spot("name"), "component", findings)


def _check_remote(stack: StackFile, cursor: SourceCursor, findings: Findings) -> None:
    """A stack of somebody else is named, and so is what is observed: nobody there runs the sample."""
    if stack.runtime != "remote":
        return
    if stack.remote is None:
        hint = "Say where it answers, such as `remote: {metrics: {url: https://metrics.example}}`."
        findings.add(cursor.spot("runtime"), 'key "remote" is missing', hint)
    if stack.services is None:
        hint = "Name the service with its components and its contract."
        findings.add(cursor.spot("runtime"), 'key "services" is missing: the sample does not run there', hint)
    for service, at in cursor.each("services", stack.services or ()):
        if service.run:
            findings.add(at.spot("run"), "obsctl starts nothing with `runtime: remote`", "Give its components.")


def _once(lines: dict[str, int], name: str, spot: Spot, what: str, findings: Findings) -> None:
    line = lines.setdefault(name, spot.line)
    if line != spot.line:
        findings.add(spot, f"{what} {quoted(name)} is already on line {line}", "Give it a name of its own.")


def _services(stack: StackFile, cursor: SourceCursor, around: _Surroundings, findings: Findings) -> Iterator[Service]:
    """The services of the file; without the key, those of the built-in default."""
    entries = _default_services() if stack.services is None else tuple(cursor.each("services", stack.services))
    for entry, at in entries:
        if not _consistent(entry, at, findings):
            continue
        located = _contract_of(entry, at, around.folder, findings)
        if located is None:
            continue
        contract, contract_root = located
        steps = tuple((step.with_own_query, step_at) for step, step_at in at.each("drive", entry.drive))
        if entry.run and not at.given("drive"):
            [(sample, sample_at)] = _default_services()
            steps = tuple(sample_at.each("drive", sample.drive))
        service = Service(
            name=entry.name,
            contract=contract,
            components=_components(entry, around),
            run=entry.run,
            drive=tuple(step for step, _ in steps),
            scrape=entry.scrape,
            verify=entry.verify,
        )
        check_components(tuple(c.name for c in service.components), contract, at, findings)
        check_drive(steps, contract, findings)
        if steps and service.components and not service.entry.url:
            hint = "Say where its first component answers, or leave out drive: it is then verified passively."
            findings.add(at.spot("drive"), f"requests have nowhere to go: {service.entry.name} has no url", hint)
        in_contract = Findings(str(contract.place))
        check_requests(service.drive, contract, contract_root, in_contract)
        findings.errors += in_contract.errors
        yield service


def _among_others(services: Sequence[Service]) -> tuple[Service, ...]:
    """The services, each with the components that its contract names and another one has."""
    owned = [(service.name, component) for service in services for component in service.components]
    return tuple(
        replace(
            one, elsewhere=tuple(c for owner, c in owned if owner != one.name and c.name in one.contract.components)
        )
        for one in services
    )


def _default_services() -> Sequence[tuple[ServiceEntry, SourceCursor]]:
    path = assets.templates() / DEFAULT_FILE
    stack, cursor = read_record(path, RecordType(StackFile), Findings(shown_path(path)))
    return tuple(cursor.each("services", stack.services or ()))


def _consistent(service: ServiceEntry, cursor: SourceCursor, findings: Findings) -> bool:
    """Either obsctl runs a service, or the file says where it is and what it promises."""
    before = len(findings.errors)
    if service.run:
        if cursor.given("components"):
            hint = "Remove them, or remove `run` if the service runs elsewhere."
            findings.add(cursor.spot("components"), "obsctl runs this service and knows its components", hint)
        return len(findings.errors) == before
    for name, hint in (
        ("components", "List its processes, or write `run: sample`."),
        ("contract", "Name the file that says what the service must emit."),
    ):
        if not cursor.given(name):
            findings.add(cursor.spot(), f'key "{name}" is missing in a service that obsctl does not run', hint)
    return len(findings.errors) == before


def _contract_of(
    service: ServiceEntry, cursor: SourceCursor, folder: Path, findings: Findings
) -> tuple[Contract, SourceCursor] | None:
    """The service's contract and the root of its file; its mistakes join those of the stack."""
    name = service.contract
    path = folder / name if name else assets.sample_contract()
    if name and not os.path.exists(path):  # noqa: PTH110 - never raises
        findings.add(cursor.spot("contract"), f"there is no file {quoted(name)}", f"Looked for {shown_path(path)}.")
        return None
    try:
        return load_located_contract(path)
    except SpecError as error:
        findings.extend(error)
        return None


def _components(service: ServiceEntry, around: _Surroundings) -> tuple[Component, ...]:
    """The sample's components are on the stack's ports; files of others are below the folder of the spec."""
    if service.run:
        host = url_host(around.bind)
        return tuple(Component(name, f"http://{host}:{around.ports[name]}") for name in SAMPLE_COMPONENTS)
    return tuple(_below(component, around.folder) for component in service.components)


def _below(component: Component, folder: Path) -> Component:
    """The component with its files taken from a folder."""
    logs = str(folder / component.logs) if component.logs else ""
    tls, auth = component.tls.below(folder), component.auth.below(folder)
    return replace(component.located, logs=logs, tls=tls, auth=auth)
