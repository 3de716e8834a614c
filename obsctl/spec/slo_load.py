"""The SLOs that a contract names: from names, files and documents to values, held against the contract's metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from obsctl import assets
from obsctl.errors import Place, SpecError
from obsctl.spec.contract import Metric, MetricType
from obsctl.spec.findings import Findings, Spot, shown_path
from obsctl.spec.kinds import Parsed, Unfit
from obsctl.spec.slo import Matcher, Selector, Slo
from obsctl.spec.slo_keys import PERIODS, SLO
from obsctl.spec.words import nearest, quoted
from obsctl.spec.yaml_source import read_yaml

MAX_FILES = 100
"""Most files that one pattern may find."""

MAX_DEPTH, MAX_NAME = 10, 200
"""Most folders in a pattern, and its greatest length."""

TARGET_LABELS = ("job", "instance", "service_namespace", "service_name")
"""Labels that come from the scrape and not from the metric."""

_HOLE = re.compile(r"@\{([a-z][a-z0-9_.]*)\}")
_SELECTOR = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s*", re.DOTALL)
_MATCHER = re.compile(r'\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"((?:[^"\\\n]|\\.)*)"\s*(?:,|\Z)')
_SUFFIXES = {
    MetricType.COUNTER: ("",),
    MetricType.HISTOGRAM: ("_count", "_sum", "_bucket"),
    MetricType.SUMMARY: ("_count", "_sum"),
    MetricType.GAUGE: (),
}


@dataclass(frozen=True)
class _Promiser:
    """Who promises: what a document may speak of."""

    service: str
    metrics: Sequence[Metric]


def slo_names() -> tuple[str, ...]:
    """The SLOs that ship with obsctl."""
    return tuple(sorted(path.stem for path in (assets.templates() / "slos").glob("*.yaml")))


def contract_slos(contract: Parsed, metrics: Sequence[Metric], folder: Path, findings: Findings) -> Iterator[Slo]:
    """The SLOs of a contract in ``folder``, in its order. Mistakes are in ``findings``."""
    promiser = _Promiser(contract["service"], metrics)
    seen: dict[str, str] = {}
    for i, entry in enumerate(contract["slos"]):
        spot = contract.spot("slos", i)
        for document, found in _documents(entry, spot, folder, findings):
            slo = _slo(document, promiser, found)
            findings.errors.extend(found.errors if found is not findings else ())
            if slo is None:
                continue
            if slo.name in seen:
                findings.add(spot, f"SLO {quoted(slo.name)} is already in {seen[slo.name]}", "Give it another name.")
            else:
                seen[slo.name] = str(slo.place)
                yield slo


def _documents(entry: Parsed | str, spot: Spot, folder: Path, findings: Findings) -> Iterator[tuple[Parsed, Findings]]:
    """The documents that an entry stands for, each with where its mistakes go."""
    if isinstance(entry, Parsed):
        yield entry, findings
        return
    for path in _paths(entry, spot, folder, findings):
        found = Findings(shown_path(path))
        try:
            yield SLO.read(read_yaml(path, found.file), "", found), found
        except SpecError as error:
            findings.extend(error)
        except Unfit:
            findings.errors.append(SpecError(f"expected {SLO.expected}", place=Place(found.file)))


def _paths(entry: str, spot: Spot, folder: Path, findings: Findings) -> Sequence[Path]:
    """The file of an SLO that ships, or the files below the contract's folder that a pattern finds."""
    if not entry.endswith((".yaml", ".yml")):
        if entry in slo_names():
            return [assets.templates() / "slos" / f"{entry}.yaml"]
        message = f"unknown SLO {quoted(entry)}{nearest(entry, slo_names())}"
        findings.add(spot, message, f"SLOs: {', '.join(slo_names())}. A file ends in .yaml.")
        return []
    parts = Path(entry).parts
    if entry.startswith("/") or ".." in parts or "**" in entry or len(parts) > MAX_DEPTH or len(entry) > MAX_NAME:
        findings.add(spot, "a file is named by its way down from the contract's folder", "Such as slo/*.yaml.")
        return []
    try:
        found = sorted(folder.glob(entry))
    except OSError as problem:
        findings.add(spot, f"cannot be looked for: {(problem.strerror or str(problem)).lower()}")
        return []
    if not found:
        findings.add(spot, f"there is no file {quoted(entry)}", "It is looked for beside the contract.")
    if len(found) > MAX_FILES:
        findings.add(spot, f"{quoted(entry)} finds more than {MAX_FILES} files", "Name fewer.")
        return []
    return found


def _slo(document: Parsed, promiser: _Promiser, findings: Findings) -> Slo | None:
    """The value of a document; None if there is a mistake in it."""
    if findings.errors:
        return None
    spec = document["spec"]
    service = spec["service"].replace("@{service}", promiser.service)
    if service != promiser.service:
        message = f"the contract is of {quoted(promiser.service)}, not of {quoted(service)}"
        findings.add(spec.spot("service"), message, 'Write `service: "@{service}"`.')
    ratio = spec["indicator"]["spec"]["ratioMetric"]
    good = ratio["good"] is not None
    part, total = (_selector(ratio[key], promiser, findings) for key in ("good" if good else "bad", "total"))
    if findings.errors or not part or not total:
        return None
    return Slo(
        name=document["metadata"]["name"],
        service=service,
        objective=_target(spec["objectives"][0]),
        days=PERIODS[spec["timeWindow"][0]["duration"]],
        part=part,
        total=total,
        good=good,
        title=document["metadata"]["displayName"],
        description=spec["description"],
        place=Place(findings.file, document.node.line),
    )


def _target(objective: Parsed) -> Decimal:
    """The share as it is written: 0.99 is not 0.98999…"""
    percent = objective["targetPercent"]
    return Decimal(repr(objective["target"])) if percent is None else Decimal(repr(percent)) / 100


def _selector(metric: Parsed, promiser: _Promiser, findings: Findings) -> Selector | None:
    """The series of a query, or None with the mistake in ``findings``."""
    source = metric["metricSource"]["spec"]
    spot = source.spot("query")
    names = {m.registry: m.name for m in promiser.metrics if m.registry}
    text: str = source["query"]
    for hole in _HOLE.findall(text):
        if hole not in names:
            findings.add(spot, f"the contract has no metric {quoted(hole)}{nearest(hole, names)}", _known(names))
            return None
    parts = _SELECTOR.fullmatch(_HOLE.sub(lambda found: names[found[1]], text))
    matchers = _matchers(parts[2] or "") if parts else None
    if parts is None or matchers is None:
        hint = 'Such as http_requests_total{status=~"5.."}: rates over each window are made from it.'
        findings.add(spot, "expected one counter with label matchers", hint)
        return None
    selector = Selector(parts[1], matchers)
    for message, hint in _misfits(selector, promiser.metrics):
        findings.add(spot, message, hint)
    return selector


def _matchers(text: str) -> tuple[Matcher, ...] | None:
    """The matchers between the braces; None if that is not what is there."""
    found: list[Matcher] = []
    at = 0
    while text[at:].strip():
        match = _MATCHER.match(text, at)
        if match is None:
            return None
        found.append(Matcher(match[1], match[2], match[3]))
        at = match.end()
    return tuple(found)


def _misfits(selector: Selector, metrics: Sequence[Metric]) -> Iterator[tuple[str, str]]:
    """What the contract says against the series: sentence and hint."""
    series = {m.name + suffix: m for m in metrics for suffix in _SUFFIXES[m.type]}
    metric = series.get(selector.metric)
    if metric is None:
        gauge = any(m.name == selector.metric and m.type is MetricType.GAUGE for m in metrics)
        if gauge:
            yield f"{selector.metric} is a gauge, and only counters have a rate", "Count events instead."
        else:
            close = nearest(selector.metric, series)
            yield f"the contract has no counter {quoted(selector.metric)}{close}", _known(series)
        return
    labels = (*metric.labels, *TARGET_LABELS, *(("le",) if selector.metric.endswith("_bucket") else ()))
    for matcher in selector.matchers:
        if matcher.label not in labels:
            close = nearest(matcher.label, labels)
            yield f"{selector.metric} has no label {quoted(matcher.label)}{close}", f"Labels: {', '.join(labels)}."
        elif matcher.op.endswith("~") and not _is_regex(matcher.value):
            yield f"{quoted(matcher.value)} is no regular expression", "It must match the whole value, as in 5.."
        elif matcher.label == "le" and not _is_bucket(matcher, metric):
            bounds = ", ".join(f"{bound:g}" for bound in metric.buckets)
            yield f"{metric.name} has no bucket {quoted(matcher.value)}", f'Use le="…" with one of: {bounds}.'


def _is_regex(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True


def _is_bucket(matcher: Matcher, metric: Metric) -> bool:
    try:
        return matcher.op == "=" and float(matcher.value) in (*metric.buckets, float("inf"))
    except ValueError:
        return False


def _known(names: Sequence[str] | dict[str, str] | dict[str, Metric]) -> str:
    return f"Known: {', '.join(sorted(names)[:20])}." if names else "The contract has no metrics."
