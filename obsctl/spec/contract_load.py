"""``contract.yaml`` and metric families: from files to values, with the checks that look across keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from obsctl import assets
from obsctl.errors import Place, SpecError
from obsctl.schema.findings import Findings, shown_path
from obsctl.schema.records import RecordType, key, record
from obsctl.schema.source import SourceCursor, Spot
from obsctl.schema.text import nearest, quoted
from obsctl.schema.types import ListOf
from obsctl.spec.contract import COMPONENTS, Contract, Forbidden, Kind, LogRule, Metric, TraceRule
from obsctl.spec.kinds import KindUse, kind_of
from obsctl.spec.openslo import SLO_ENTRY, SloDocument
from obsctl.spec.registry import FamilyFile, MetricEntry, check_names, check_refs, metric_value
from obsctl.spec.scalars import HEADER, NAME, VERSION
from obsctl.spec.slo import Slo
from obsctl.spec.slo_load import SloOwner, contract_slos
from obsctl.spec.yaml_source import read_record

_SLOS_DOC = "Its SLOs: names of shipped ones, files beside the contract (`slo/*.yaml`), or OpenSLO documents."


@record("a family", single="name")
class FamilyUse:
    """A metric family that a contract takes over."""

    name: str = key(NAME, "Name of the family: a file of `templates/families`.")
    components: tuple[str, ...] = key(
        COMPONENTS,
        "Each of these must expose its required metrics.",
        default=(),
        shown="at least one must",
    )


@record("the contract")
class ContractFile:
    """``contract.yaml`` as it is written."""

    version: int = key(VERSION, "Version of this format: 1.")
    service: str = key(NAME, "The service that promises all this.")
    components: tuple[str, ...] = key(COMPONENTS, "Its processes, by `service.name`.")
    families: tuple[FamilyUse, ...] = key(
        ListOf(RecordType(FamilyUse), "a list of families"), "Metric families that it exposes.", default=()
    )
    metrics: tuple[MetricEntry, ...] = key(
        ListOf(RecordType(MetricEntry), "a list of metrics"),
        "Metrics of its own, written like a family's.",
        default=(),
    )
    kinds: tuple[KindUse, ...] = key(
        ListOf(RecordType(KindUse), "a list of kinds"),
        "Families whose dashboards, rules and SLOs its own metrics get.",
        default=(),
        name="as",
    )
    traces: tuple[TraceRule, ...] = key(
        ListOf(RecordType(TraceRule), "a list of traces"), "What the traces of its requests look like.", default=()
    )
    logs: LogRule | None = key(RecordType(LogRule), "What its log lines carry.", default=None)
    slos: tuple[str | SloDocument, ...] = key(ListOf(SLO_ENTRY, "a list of SLOs"), _SLOS_DOC, default=())
    forbidden: Forbidden = key(RecordType(Forbidden), "What must never be stored.", default=Forbidden())
    request_id_header: str = key(HEADER, "Header of the request id.", default="X-Request-Id")


def family_names() -> tuple[str, ...]:
    """The metric families that ship with obsctl."""
    return tuple(sorted(path.stem for path in (assets.templates() / "families").glob("*.yaml")))


def load_family(path: Path, components: tuple[str, ...] = ()) -> tuple[Metric, ...]:
    """The metrics of a family file, each required of ``components``. Raises SpecError."""
    findings = Findings(shown_path(path))
    family, cursor = read_record(path, RecordType(FamilyFile), findings)
    check_refs(family, cursor, findings)
    metrics = tuple(metric_value(entry, path.stem, components) for entry in family.metrics)
    check_names(zip(metrics, _spots(cursor, "metrics", metrics), strict=True), findings)
    findings.raise_any()
    return metrics


def load_contract(path: Path) -> Contract:
    """The contract of a file, its families included. Raises SpecError with every mistake."""
    return load_located_contract(path)[0]


def load_located_contract(path: Path) -> tuple[Contract, SourceCursor]:
    """The contract together with the root of its file, for checks that point into the file. Raises SpecError."""
    findings = Findings(shown_path(path))
    parsed, cursor = read_record(path, RecordType(ContractFile), findings)
    _check_components(parsed, cursor, findings)
    _check_requests(parsed, cursor, findings)
    metrics = tuple(_metrics(parsed, cursor, findings))
    check_names(metrics, findings)
    values = tuple(metric for metric, _ in metrics)
    kinds = tuple(_kinds(parsed, values, cursor, findings))
    owner = SloOwner(parsed.service, parsed.slos, values, path.parent, kinds)
    slos = tuple(contract_slos(owner, cursor, findings))
    findings.raise_any()
    return replace(_contract(parsed, values, slos, findings.file), kinds=kinds), cursor


def _check_listed(names: Sequence[str], known: Iterable[str], cursor: SourceCursor, findings: Findings) -> bool:
    """Every name under ``components`` must be known, and listed once. Whether that is so."""
    known, before = tuple(known), len(findings.errors)
    for i, name in enumerate(names):
        if name not in known:
            message = f"unknown component {quoted(name)}{nearest(name, known)}"
            findings.add(cursor.spot("components", i), message, f"Known: {', '.join(known)}.")
        elif name in names[:i]:
            findings.add(cursor.spot("components", i), f"component {quoted(name)} is listed twice", "Keep one.")
    return len(findings.errors) == before


def _spots(cursor: SourceCursor, key: str, values: Sequence[object]) -> Iterator[Spot]:
    return (cursor.spot(key, i) for i in range(len(values)))


def _check_components(contract: ContractFile, cursor: SourceCursor, findings: Findings) -> None:
    """Components are named once, and every other place names known ones."""
    known = contract.components
    _check_listed(known, known, cursor, findings)
    for use, at in cursor.each("families", contract.families):
        _check_listed(use.components, known, at, findings)
    if contract.logs:
        _check_listed(contract.logs.components, known, cursor.at("logs"), findings)
    for trace, at in cursor.each("traces", contract.traces):
        if _check_listed(trace.components, known, at, findings):
            _check_trace(trace, at, findings)


def _check_requests(contract: ContractFile, cursor: SourceCursor, findings: Findings) -> None:
    """One trace a request, and logs are those of a request that has a trace."""
    requests = [trace.request for trace in contract.traces]
    for i, request in enumerate(requests):
        if request in requests[:i]:
            spot = cursor.spot("traces", i, "request")
            findings.add(spot, f"{quoted(request)} has a trace already", "Join the two.")
    logs = contract.logs
    if logs and logs.request and logs.request not in requests:
        message = f"no trace is for {quoted(logs.request)}{nearest(logs.request, requests)}"
        findings.add(cursor.spot("logs", "request"), message, "Name the request of one of the traces.")


def _check_trace(trace: TraceRule, cursor: SourceCursor, findings: Findings) -> None:
    """Edges and span rules speak of the trace's own components."""
    known = trace.components
    places = [("edges", i, edge) for i, edge in enumerate(trace.edges)]
    places += [("links", i, link) for i, link in enumerate(trace.links)]
    for at_key, i, edge in places:
        for end in (edge.source, edge.target):
            if end not in known:
                message = f"{quoted(end)} is not a component of the trace{nearest(end, known)}"
                findings.add(cursor.spot(at_key, i), message, f"Components: {', '.join(known)}.")
        if edge.source == edge.target:
            findings.add(cursor.spot(at_key, i), "an edge joins two different components")
    ids: list[str] = []
    for span, at in cursor.each("spans", trace.spans):
        if span.component not in known:
            message = f"{quoted(span.component)} is not a component of the trace{nearest(span.component, known)}"
            findings.add(at.spot("component"), message, f"Components: {', '.join(known)}.")
        if span.id in ids:
            findings.add(at.spot("id"), f"id {quoted(span.id)} is taken by a span above", "Ids are unique.")
        ids.append(span.id)


def _metrics(contract: ContractFile, cursor: SourceCursor, findings: Findings) -> Iterator[tuple[Metric, Spot]]:
    """The contract's own metrics, then those of its families, each with the line that brings it in."""
    for entry, at in cursor.each("metrics", contract.metrics):
        yield metric_value(entry), at.spot()
    known = family_names()
    used: list[str] = []
    for use, at in cursor.each("families", contract.families):
        name, spot = use.name, at.spot()
        if name in used:
            findings.add(spot, f"family {quoted(name)} is listed twice", "Keep one.")
        elif name not in known:
            message = f"unknown family {quoted(name)}{nearest(name, known)}"
            findings.add(spot, message, f"Families: {', '.join(known)}.")
        else:
            yield from ((metric, spot) for metric in _family(name, use.components, findings))
        used.append(name)


def _kinds(contract: ContractFile, own: Sequence[Metric], cursor: SourceCursor, findings: Findings) -> Iterator[Kind]:
    """The parts of families that the contract's metrics play."""
    for use, at in cursor.each("as", contract.kinds):
        if use.kind in family_names():
            yield kind_of(use, _family(use.kind, (), findings), own, at, findings)
        else:
            message = f"unknown family {quoted(use.kind)}{nearest(use.kind, family_names())}"
            findings.add(at.spot("kind"), message, f"Families: {', '.join(family_names())}.")


def _family(name: str, components: tuple[str, ...], findings: Findings) -> tuple[Metric, ...]:
    try:
        return load_family(assets.templates() / "families" / f"{name}.yaml", components)
    except SpecError as error:
        findings.extend(error)
        return ()


def _contract(parsed: ContractFile, metrics: tuple[Metric, ...], slos: tuple[Slo, ...], file: str) -> Contract:
    logs = parsed.logs
    return Contract(
        service=parsed.service,
        components=parsed.components,
        families=tuple(use.name for use in parsed.families),
        metrics=metrics,
        traces=parsed.traces,
        logs=replace(logs, components=logs.components or parsed.components) if logs else None,
        forbidden=parsed.forbidden,
        request_id_header=parsed.request_id_header,
        slos=slos,
        place=Place(file),
    )
