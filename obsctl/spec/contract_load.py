"""``contract.yaml`` and metric families: from files to values, with the checks that look across keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from obsctl import assets
from obsctl.errors import Place, SpecError
from obsctl.spec.contract import Contract, Edge, Forbidden, LogRule, Metric, SpanRule, TraceRule
from obsctl.spec.contract_keys import CONTRACT, FAMILY
from obsctl.spec.findings import Findings, Spot, shown_path
from obsctl.spec.kinds import Parsed, Record, Unfit
from obsctl.spec.metric_keys import check_names, metric_value
from obsctl.spec.slo import Slo
from obsctl.spec.slo_load import contract_slos
from obsctl.spec.words import nearest, quoted
from obsctl.spec.yaml_source import read_yaml


def read_record(path: Path, record: Record, findings: Findings) -> Parsed:
    """A file's root as a record. Raises SpecError with every mistake in the keys it could find."""
    node = read_yaml(path, findings.file)
    try:
        parsed = record.read(node, "", findings)
    except Unfit:
        message = f"expected {record.expected} at the top, such as `{record.keys[0].name}: …`"
        findings.add(Spot(node.line), message)
        findings.raise_any()
        raise
    findings.raise_any()
    return parsed


def family_names() -> tuple[str, ...]:
    """The metric families that ship with obsctl."""
    return tuple(sorted(path.stem for path in (assets.templates() / "families").glob("*.yaml")))


def load_family(path: Path, components: tuple[str, ...] = ()) -> tuple[Metric, ...]:
    """The metrics of a family file, each required of ``components``. Raises SpecError."""
    findings = Findings(shown_path(path))
    family = read_record(path, FAMILY, findings)
    _check_refs(family, findings)
    metrics = tuple(metric_value(m, findings.file, path.stem, components) for m in family["metrics"])
    check_names(zip(metrics, _spots(family, "metrics"), strict=True), findings)
    findings.raise_any()
    return metrics


def load_contract(path: Path) -> Contract:
    """The contract of a file, its families included. Raises SpecError with every mistake."""
    return load_located_contract(path)[0]


def load_located_contract(path: Path) -> tuple[Contract, Parsed]:
    """The contract together with its record, for checks that have to point into the file. Raises SpecError."""
    findings = Findings(shown_path(path))
    parsed = read_record(path, CONTRACT, findings)
    _check_components(parsed, findings)
    _check_requests(parsed, findings)
    metrics = tuple(_metrics(parsed, findings))
    check_names(metrics, findings)
    values = tuple(metric for metric, _ in metrics)
    slos = tuple(contract_slos(parsed, values, path.parent, findings))
    findings.raise_any()
    return _contract(parsed, values, slos, findings.file), parsed


def _check_listed(parsed: Parsed, known: Iterable[str], findings: Findings) -> bool:
    """Every name under ``components`` must be known, and listed once. Whether that is so."""
    names, known, before = parsed["components"], tuple(known), len(findings.errors)
    for i, name in enumerate(names):
        if name not in known:
            message = f"unknown component {quoted(name)}{nearest(name, known)}"
            findings.add(parsed.spot("components", i), message, f"Known: {', '.join(known)}.")
        elif name in names[:i]:
            findings.add(parsed.spot("components", i), f"component {quoted(name)} is listed twice", "Keep one.")
    return len(findings.errors) == before


def _spots(parsed: Parsed, key: str) -> Iterator[Spot]:
    return (parsed.spot(key, i) for i in range(len(parsed[key])))


def _check_refs(family: Parsed, findings: Findings) -> None:
    """A family's labels are its own attributes, or dotted keys of the public semantic conventions."""
    known = [attribute["key"] for attribute in family["attributes"]]
    for metric in family["metrics"]:
        for reference in metric["attributes"]:
            ref = reference["ref"]
            if ref not in known and "." not in ref:
                message = f"unknown attribute {quoted(ref)}{nearest(ref, known)}"
                findings.add(reference.spot("ref"), message, "Define it under `attributes:` of the family.")


def _check_components(contract: Parsed, findings: Findings) -> None:
    """Components are named once, and every other place names known ones."""
    known = contract["components"]
    _check_listed(contract, known, findings)
    for part in (*contract["families"], *filter(None, [contract["logs"]])):
        _check_listed(part, known, findings)
    for trace in contract["traces"]:
        if _check_listed(trace, known, findings):
            _check_trace(trace, findings)


def _check_requests(contract: Parsed, findings: Findings) -> None:
    """One trace a request, and logs are those of a request that has a trace."""
    requests = [trace["request"] for trace in contract["traces"]]
    for i, request in enumerate(requests):
        if request in requests[:i]:
            spot = contract.spot("traces", i, "request")
            findings.add(spot, f"{quoted(request)} has a trace already", "Join the two.")
    logs = contract["logs"]
    if logs and logs["request"] and logs["request"] not in requests:
        message = f"no trace is for {quoted(logs['request'])}{nearest(logs['request'], requests)}"
        findings.add(logs.spot("request"), message, "Name the request of one of the traces.")


def _check_trace(trace: Parsed, findings: Findings) -> None:
    """Edges and span rules speak of the trace's own components."""
    known = trace["components"]
    for i, edge in enumerate(trace["edges"]):
        source, _, target = edge.partition(" -> ")
        for end in (source, target):
            if end not in known:
                message = f"{quoted(end)} is not a component of the trace{nearest(end, known)}"
                findings.add(trace.spot("edges", i), message, f"Components: {', '.join(known)}.")
        if source == target:
            findings.add(trace.spot("edges", i), "an edge joins two different components")
    seen: list[str] = []
    for span in trace["spans"]:
        component = span["component"]
        if component not in known:
            message = f"{quoted(component)} is not a component of the trace{nearest(component, known)}"
            findings.add(span.spot("component"), message, f"Components: {', '.join(known)}.")
        if span["id"] in seen:
            findings.add(span.spot("id"), f"id {quoted(span['id'])} is taken by a span above", "Ids are unique.")
        seen.append(span["id"])


def _metrics(contract: Parsed, findings: Findings) -> Iterator[tuple[Metric, Spot]]:
    """The contract's own metrics, then those of its families, each with the line that brings it in."""
    for entry, spot in zip(contract["metrics"], _spots(contract, "metrics"), strict=True):
        yield metric_value(entry, findings.file), spot
    known = family_names()
    seen: list[str] = []
    for use, spot in zip(contract["families"], _spots(contract, "families"), strict=True):
        name = use["name"]
        if name in seen:
            findings.add(spot, f"family {quoted(name)} is listed twice", "Keep one.")
        elif name not in known:
            message = f"unknown family {quoted(name)}{nearest(name, known)}"
            findings.add(spot, message, f"Families: {', '.join(known)}.")
        else:
            yield from ((metric, spot) for metric in _family(name, use["components"], findings))
        seen.append(name)


def _family(name: str, components: tuple[str, ...], findings: Findings) -> tuple[Metric, ...]:
    try:
        return load_family(assets.templates() / "families" / f"{name}.yaml", components)
    except SpecError as error:
        findings.extend(error)
        return ()


def _contract(parsed: Parsed, metrics: tuple[Metric, ...], slos: tuple[Slo, ...], file: str) -> Contract:
    forbidden = parsed["forbidden"]
    return Contract(
        service=parsed["service"],
        components=parsed["components"],
        families=tuple(use["name"] for use in parsed["families"]),
        metrics=metrics,
        traces=tuple(_trace(trace, file) for trace in parsed["traces"]),
        logs=_logs(parsed),
        forbidden=Forbidden(forbidden["attributes"], forbidden["patterns"]) if forbidden else Forbidden(),
        request_id_header=parsed["request_id_header"],
        slos=slos,
        place=Place(file),
    )


def _logs(parsed: Parsed) -> LogRule | None:
    logs = parsed["logs"]
    if not logs:
        return None
    return LogRule(logs["fields"], logs["components"] or parsed["components"], logs["request"])


def _trace(trace: Parsed, file: str) -> TraceRule:
    edges = (edge.partition(" -> ") for edge in trace["edges"])
    return TraceRule(
        request=trace["request"],
        components=trace["components"],
        edges=tuple(Edge(source, target) for source, _, target in edges),
        spans=tuple(_span(span, file) for span in trace["spans"]),
    )


def _span(span: Parsed, file: str) -> SpanRule:
    return SpanRule(
        id=span["id"],
        component=span["component"],
        kind=span["kind"],
        name=span["name"],
        match=span["match"],
        attributes=span["attributes"],
        place=Place(file, span.node.line),
    )
