"""The SLOs that a contract names: from names, files and documents to values, held against the contract's metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from obsctl import assets
from obsctl.errors import Place, SpecError
from obsctl.languages.errors import QueryError, RegexError
from obsctl.languages.promql.parse import parse
from obsctl.languages.promql.tree import Selector
from obsctl.schema.findings import Findings, shown_path
from obsctl.schema.records import RecordType
from obsctl.schema.source import SourceCursor, Spot
from obsctl.schema.text import nearest, quoted
from obsctl.schema.types import AlreadyReported, ValidationError
from obsctl.spec.contract import Kind, Metric, MetricType
from obsctl.spec.kinds import Wording
from obsctl.spec.openslo import PERIODS, SloDocument, SloMetric, SloObjective
from obsctl.spec.slo import Slo, SloMatcher, SloSelector
from obsctl.spec.yaml_source import read_yaml

MAX_FILES = 100
"""Most files that one pattern may find."""

MAX_DEPTH, MAX_NAME = 10, 200
"""Most folders in a pattern, and its greatest length."""

TARGET_LABELS = ("job", "instance", "service_namespace", "service_name")
"""Labels that come from the scrape and not from the metric."""

_REFERENCE = re.compile(r"@\{([a-z][a-z0-9_.]*)(?::(bound|within))?\}")
_FAST = 0.3
"""Seconds below which an answer is fast; the bound of a bucket may be lower, not higher."""

_PER_SECOND = {"s": 1.0, "ms": 1000.0}
_SUFFIXES = {
    MetricType.COUNTER: ("",),
    MetricType.HISTOGRAM: ("_count", "_sum", "_bucket"),
    MetricType.SUMMARY: ("_count", "_sum"),
    MetricType.GAUGE: (),
}


_DOCUMENT = RecordType(SloDocument)


@dataclass(frozen=True)
class SloOwner:
    """Whose SLOs are read: the service, what its contract lists under ``slos``, its metrics, and its folder."""

    service: str
    slos: Sequence[str | SloDocument]
    metrics: Sequence[Metric]
    folder: Path
    kinds: Sequence[Kind] = ()

    def metric(self, name: str) -> tuple[Metric, Wording | None] | None:
        """The metric of a registry name, or the first that plays its part, with how texts about it read then."""
        known = next((m for m in self.metrics if m.registry == name and m.family), None)
        if known is None:
            for kind in self.kinds:
                if played := next((m for m in kind.metrics if m.registry == name), None):
                    return played, Wording(kind)
        known = known or next((m for m in self.metrics if m.registry == name), None)
        return (known, None) if known else None


def slo_names() -> tuple[str, ...]:
    """The SLOs that ship with obsctl."""
    return tuple(sorted(path.stem for path in (assets.templates() / "slos").glob("*.yaml")))


def contract_slos(owner: SloOwner, contract: SourceCursor, findings: Findings) -> Iterator[Slo]:
    """The SLOs of a contract, in its order. Mistakes are in ``findings``."""
    places: dict[str, str] = {}
    for i, entry in enumerate(owner.slos):
        cursor = contract.at("slos", i)
        for document, at, own_findings in _documents(entry, cursor, owner.folder, findings):
            slo = _slo(document, at, owner, own_findings)
            findings.errors.extend(own_findings.errors if own_findings is not findings else ())
            if slo is None:
                continue
            if slo.name in places:
                message = f"SLO {quoted(slo.name)} is already in {places[slo.name]}"
                findings.add(contract.spot("slos", i), message, "Give it another name.")
            else:
                places[slo.name] = str(slo.place)
                yield slo


def _documents(
    entry: str | SloDocument, cursor: SourceCursor, folder: Path, findings: Findings
) -> Iterator[tuple[SloDocument, SourceCursor, Findings]]:
    """The documents that an entry stands for, each with its root and where its mistakes go."""
    if isinstance(entry, SloDocument):
        yield entry, cursor, findings
        return
    for path in _paths(entry, cursor.spot(), folder, findings):
        in_file = Findings(shown_path(path))
        try:
            root = SourceCursor(read_yaml(path, in_file.file))
            yield _DOCUMENT.read(root, in_file), root, in_file
        except SpecError as error:
            findings.extend(error)
        except AlreadyReported:
            findings.errors.extend(in_file.errors)
        except ValidationError:
            findings.errors.append(SpecError(f"expected {_DOCUMENT.expected}", place=Place(in_file.file)))


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
        paths = sorted(folder.glob(entry))
    except OSError as problem:
        findings.add(spot, f"cannot be looked for: {(problem.strerror or str(problem)).lower()}")
        return []
    if not paths:
        findings.add(spot, f"there is no file {quoted(entry)}", "It is looked for beside the contract.")
    if len(paths) > MAX_FILES:
        findings.add(spot, f"{quoted(entry)} finds more than {MAX_FILES} files", "Name fewer.")
        return []
    return paths


def _slo(document: SloDocument, cursor: SourceCursor, owner: SloOwner, findings: Findings) -> Slo | None:
    """The value of a document; None if there is a mistake in it."""
    if findings.errors:
        return None
    spec = document.spec
    service = spec.service.replace("@{service}", owner.service)
    if service != owner.service:
        message = f"the contract is of {quoted(owner.service)}, not of {quoted(service)}"
        findings.add(cursor.spot("spec", "service"), message, 'Write `service: "@{service}"`.')
    ratio = spec.indicator.spec.ratio
    at = cursor.at("spec", "indicator", "spec", "ratioMetric")
    metric = ratio.good or ratio.bad
    part = metric and _selector(metric, at.at("good" if ratio.good else "bad"), owner, findings)
    total = _selector(ratio.total, at.at("total"), owner, findings)
    if findings.errors or not part or not total:
        return None
    return Slo(
        name=document.metadata.name,
        service=service,
        objective=_target(spec.objectives[0]),
        days=PERIODS[spec.windows[0].duration],
        part=part,
        total=total,
        good=ratio.good is not None,
        title=_worded(document.metadata.title, owner),
        description=_worded(spec.description, owner),
        place=document.place,
    )


def _target(objective: SloObjective) -> Decimal:
    """The share as it is written: 0.99 is not 0.98999…"""
    if objective.percent is None:
        return Decimal(repr(objective.target))
    return Decimal(repr(objective.percent)) / 100


def _selector(metric: SloMetric, cursor: SourceCursor, owner: SloOwner, findings: Findings) -> SloSelector | None:
    """The series of a query, or None with the mistake in ``findings``."""
    spot = cursor.spot("metricSource", "spec", "query")
    names = {m.registry: m.name for m in owner.metrics if m.registry}
    text = metric.source.spec.query
    for reference, form in _REFERENCE.findall(text):
        found = owner.metric(reference)
        if found is None:
            message = f"the contract has no metric {quoted(reference)}{nearest(reference, names)}"
            findings.add(spot, message, _known(names))
            return None
        if form and bound_below(found[0]) is None:
            message = f"{found[0].name} has no bucket at or below {_FAST:g} s"
            findings.add(spot, message, "Give the histogram such a bucket, or leave the SLO out.")
            return None
        text = found[1].expr(text) if found[1] else text
    try:
        selector = _counter(_worded(text, owner))
    except QueryError as error:
        selector = None
        if isinstance(error.__cause__, RegexError):
            message = f"{quoted(error.__cause__.pattern)} is no regular expression"
            findings.add(spot, message, "It must match the whole value, as in 5..")
            return None
    if selector is None:
        hint = 'Such as http_requests_total{status=~"5.."}: rates over each window are made from it.'
        findings.add(spot, "expected one counter with label matchers", hint)
        return None
    for message, hint in _misfits(selector, owner.metrics):
        findings.add(spot, message, hint)
    return selector


def bound_below(metric: Metric) -> float | None:
    """The greatest bound of a duration's buckets within which an answer is fast; None where there is none."""
    factor = _PER_SECOND.get(metric.unit, 1.0)
    return max((bound for bound in metric.buckets if 0 < bound <= _FAST * factor), default=None)


def _worded(text: str, owner: SloOwner) -> str:
    """A text with the series of metrics, and with the bounds of their buckets, in place of what names them."""

    def word(match: re.Match[str]) -> str:
        found = owner.metric(match[1])
        bound = bound_below(found[0]) if found and match[2] else None
        if found is None or (match[2] and bound is None):
            return match[0]
        if bound is None:
            return found[0].name
        seconds = bound / _PER_SECOND.get(found[0].unit, 1.0)
        return repr(bound).removesuffix(".0") if match[2] == "bound" else f"{seconds * 1000:.4g} ms"

    return _REFERENCE.sub(word, text)


def _counter(query: str) -> SloSelector | None:
    """The counter that a query selects; None when the query is anything else. ``QueryError`` when it is no PromQL."""
    expr = parse(query)
    if not isinstance(expr, Selector) or not expr.is_named or expr.wrapped:
        return None
    name, *matchers = expr.matchers
    if expr != Selector((name, *matchers), at=expr.at):
        return None  # it has a range, an offset or an @ modifier
    return SloSelector(name.value, tuple(SloMatcher(m.name, m.op, m.value) for m in matchers))


def _misfits(selector: SloSelector, metrics: Sequence[Metric]) -> Iterator[tuple[str, str]]:
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
        elif matcher.label == "le" and not _is_bucket(matcher, metric):
            bounds = ", ".join(f"{bound:g}" for bound in metric.buckets)
            yield f"{metric.name} has no bucket {quoted(matcher.value)}", f'Use le="…" with one of: {bounds}.'


def _is_bucket(matcher: SloMatcher, metric: Metric) -> bool:
    try:
        return matcher.op == "=" and float(matcher.value) in (*metric.buckets, float("inf"))
    except ValueError:
        return False


def _known(names: Sequence[str] | dict[str, str] | dict[str, Metric]) -> str:
    return f"Known: {', '.join(sorted(names)[:20])}." if names else "The contract has no metrics."
