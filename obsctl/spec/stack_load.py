"""``obsctl.yaml``: from a file to a ``Stack``, with the checks that look across keys and into contracts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from obsctl import assets
from obsctl.errors import Place, SpecError
from obsctl.spec.contract import Contract
from obsctl.spec.contract_load import load_located_contract, read_record
from obsctl.spec.drive_checks import check_components, check_drive, check_requests
from obsctl.spec.findings import Findings, Spot, shown_path
from obsctl.spec.kinds import Parsed
from obsctl.spec.stack import (
    DEFAULT_PORTS,
    Choices,
    Component,
    Inspected,
    Retention,
    Rise,
    Service,
    Stack,
    Step,
    Suppression,
    url_host,
)
from obsctl.spec.stack_keys import STACK
from obsctl.spec.words import quoted

DEFAULT_FILE = "stacks/default.yaml"
SAMPLE_COMPONENTS = ("api", "worker", "ai")


def load_stack_file(path: Path, folder: Path) -> Stack:
    """The stack of a spec file; paths in it are relative to ``folder``, best given in full.

    Raises SpecError with every mistake of the file and of the contracts that it names.
    """
    findings = Findings(shown_path(path))
    parsed = read_record(path, STACK, findings)
    ports = _ports(parsed, findings)
    _check_unique(parsed, findings)
    services = tuple(_services(parsed, _Setting(folder, ports, parsed["bind"]), findings))
    findings.raise_any()
    retention = parsed["retention"]
    return Stack(
        name=parsed["name"] or folder_name(folder),
        folder=folder,
        services=services,
        runtime=parsed["runtime"],
        bind=parsed["bind"],
        ports=ports,
        port_offset=parsed["port_offset"],
        scrape_interval=parsed["scrape_interval"],
        alerts_url=parsed["alerts_url"],
        retention=Retention(retention["age"], retention["size"]) if retention else Retention(),
        span_metrics=parsed["span_metrics"],
        choices=_choices(parsed["containers"]),
        check=_inspected(parsed["check"], findings.file),
        source=path,
    )


def _choices(containers: Parsed | None) -> Choices:
    """The choices that the file makes; what it leaves out is left to the preset."""
    if containers is None:
        return Choices()
    images = containers["images"].values if containers["images"] else {}
    return Choices(**{**containers.values, "images": {name: image for name, image in images.items() if image}})


def _inspected(check: Parsed | None, file: str) -> Inspected:
    """What ``check`` is told."""
    if check is None:
        return Inspected()
    listed = (Suppression(s["id"], s["target"], s["reason"], Place(file, s.node.line)) for s in check["suppress"])
    return Inspected(
        rules=check["rules"],
        dashboards=check["dashboards"],
        scrapes=check["scrape"],
        external=check["external"],
        labels=check["labels"],
        suppressions=tuple(listed),
    )


def folder_name(folder: Path) -> str:
    """The folder's name as a stack name: lower case, dashes for everything else."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")[:63].strip("-")
    return name or "obsctl"


@dataclass(frozen=True)
class _Setting:
    """What services need to know of the stack around them."""

    folder: Path
    ports: Mapping[str, int]
    bind: str


def _ports(stack: Parsed, findings: Findings) -> Mapping[str, int]:
    """All ports with the offset added. Each must be a port, and no two the same."""
    given: Parsed | None = stack["ports"]
    offset = stack["port_offset"]
    base = {name: given[name] if given else port for name, port in DEFAULT_PORTS.items()}
    moved = next((name for name, port in base.items() if not 1 <= port + offset <= 65535), None)
    if moved:
        message = f"{moved} would move from {base[moved]} to {base[moved] + offset}, which is no port"
        findings.add(stack.spot("port_offset"), message, "Choose a smaller offset.")
    seen: dict[int, str] = {}
    for name, port in base.items():
        other = seen.setdefault(port, name)
        if other != name:
            # Point at the one that the file sets: the other may be a default.
            spot = stack.spot("ports", name if given and given.given(name) else other)
            findings.add(spot, f"port {port} is used by both {other} and {name}", "Give one of them another port.")
    return {name: port + offset for name, port in base.items()}


def _check_unique(stack: Parsed, findings: Findings) -> None:
    """Services, and components across all of them, have names of their own; the sample runs once."""
    services: dict[str, int] = {}
    components: dict[str, int] = {}
    sample = 0
    for service in stack["services"] or ():
        _once(services, service["name"], service.spot("name"), "service", findings)
        if service["run"] and sample:
            findings.add(service.spot("run"), f"the sample already runs, see line {sample}", "Keep one.")
        if service["run"]:
            sample = sample or service.spot("run").line
            components.update(dict.fromkeys(SAMPLE_COMPONENTS, sample))
    for service in stack["services"] or ():
        for component in service["components"]:
            _once(components, component["name"], component.spot("name"), "component", findings)


def _once(seen: dict[str, int], name: str, spot: Spot, what: str, findings: Findings) -> None:
    line = seen.setdefault(name, spot.line)
    if line != spot.line:
        findings.add(spot, f"{what} {quoted(name)} is already on line {line}", "Give it a name of its own.")


def _services(stack: Parsed, setting: _Setting, findings: Findings) -> Iterator[Service]:
    """The services of the file; without the key, those of the built-in default."""
    listed: tuple[Parsed, ...] = stack["services"] if stack["services"] is not None else _default_services()
    for entry in listed:
        if not _consistent(entry, findings):
            continue
        contract = _contract_of(entry, setting.folder, findings)
        if contract is None:
            continue
        steps: tuple[Parsed, ...] = entry["drive"]
        if entry["run"] and not entry.given("drive"):
            steps = _default_services()[0]["drive"]
        service = Service(
            name=entry["name"],
            contract=contract[0],
            components=_components(entry, setting),
            run=entry["run"],
            drive=tuple(_step(step) for step in steps),
            scrape=_scrape(entry["scrape"]),
        )
        check_components(entry, tuple(c.name for c in service.components), service.contract, findings)
        check_drive(steps, service.contract, findings)
        in_contract = Findings(str(service.contract.place))
        check_requests(steps, contract[1], in_contract)
        findings.errors += in_contract.errors
        yield service


def _scrape(options: Parsed | None) -> dict[str, bool | int]:
    """What the file says, and nothing that it leaves out."""
    return {} if options is None else {name: one for name, one in options.values.items() if options.given(name)}


def _default_services() -> tuple[Parsed, ...]:
    path = assets.templates() / DEFAULT_FILE
    services: tuple[Parsed, ...] = read_record(path, STACK, Findings(shown_path(path)))["services"]
    return services


def _consistent(service: Parsed, findings: Findings) -> bool:
    """Either obsctl runs a service, or the file says where it is and what it promises."""
    before = len(findings.errors)
    if service["run"]:
        if service.given("components"):
            hint = "Remove them, or remove `run` if the service runs elsewhere."
            findings.add(service.spot("components"), "obsctl runs this service and knows its components", hint)
        return len(findings.errors) == before
    for key, hint in (
        ("components", "List its processes, or write `run: sample`."),
        ("contract", "Name the file that says what the service must emit."),
    ):
        if not service.given(key):
            findings.add(service.spot(), f'key "{key}" is missing in a service that obsctl does not run', hint)
    return len(findings.errors) == before


def _contract_of(service: Parsed, folder: Path, findings: Findings) -> tuple[Contract, Parsed] | None:
    """The service's contract; its mistakes join those of the stack."""
    name = service["contract"]
    path = folder / name if name else assets.sample_contract()
    if name and not os.path.exists(path):  # noqa: PTH110 - never raises
        findings.add(service.spot("contract"), f"there is no file {quoted(name)}", f"Looked for {shown_path(path)}.")
        return None
    try:
        return load_located_contract(path)
    except SpecError as error:
        findings.extend(error)
        return None


def _components(service: Parsed, setting: _Setting) -> tuple[Component, ...]:
    if service["run"]:
        host = url_host(setting.bind)
        return tuple(Component(name, f"http://{host}:{setting.ports[name]}") for name in SAMPLE_COMPONENTS)
    return tuple(
        Component(
            name=component["name"],
            url=component["url"],
            metrics=component["metrics"],
            ready=component["ready"],
            logs=str(setting.folder / component["logs"]) if component["logs"] else "",
        )
        for component in service["components"]
    )


def _step(step: Parsed) -> Step:
    return Step(
        id=step["id"],
        method=step["method"],
        route=step["route"],
        body=step["body"],
        headers=step["headers"],
        expect=step["expect"],
        capture=step["capture"],
        until=step["until"],
        rises=tuple(Rise(rise["metric"], rise["labels"], rise["by"]) for rise in step["rises"]),
    )
