"""A contract's own metrics in the part of a family: HTTP serving, jobs, a database, AI, by other names and labels.

Dashboards, rules and SLOs are written for the names and labels of a family. ``as`` of a contract says which series and
labels of its own stand for those, and the texts are rewritten. What a service has no metric or label for is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from obsctl.errors import Place
from obsctl.languages.placeholders import TEMPLATE
from obsctl.schema.findings import Findings
from obsctl.schema.records import key, place, record
from obsctl.schema.scalars import text_like
from obsctl.schema.source import SourceCursor
from obsctl.schema.text import nearest, quoted
from obsctl.schema.types import MapOf
from obsctl.spec.contract import Kind, Metric, MetricType
from obsctl.spec.scalars import METRIC_NAME_PATTERN, NAME

_SERIES = text_like(METRIC_NAME_PATTERN, "the name of a series such as http_server_duration_count")
_LABEL = text_like(r"[a-zA-Z_][a-zA-Z0-9_]{0,100}", "a label such as http_route")
_PART = r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*"


@record("a kind", single="kind")
class KindUse:
    """What a contract says of the part that some of its metrics play."""

    kind: str = key(NAME, "The family whose dashboards, rules and SLOs it gets, such as `http`.")
    metrics: Mapping[str, str] = key(
        MapOf(_SERIES, "a mapping from names to series", _PART, "a name such as http.requests"),
        "Metric of that family -> series of this contract; a histogram's `_count` counts.",
        default={},
    )
    labels: Mapping[str, str] = key(
        MapOf(_LABEL, "a mapping from labels to labels", r"[a-z][a-z0-9_]*", "a label such as route"),
        "Label of that family -> label here; one that is not listed has the same name.",
        default={},
    )
    place: Place | None = place(default=None)


def kind_of(
    use: KindUse, family: Sequence[Metric], own: Sequence[Metric], cursor: SourceCursor, findings: Findings
) -> Kind:
    """The part that metrics play; mistakes are in ``findings``. ``family`` are the metrics that they stand for."""
    parts = {metric.registry: metric for metric in family}
    played: list[Metric] = []
    for part, series in use.metrics.items():
        spot = cursor.spot("metrics", part)
        metric = _series_as(series, own)
        if part not in parts:
            message = f"family {use.kind} has no metric {quoted(part)}{nearest(part, parts)}"
            findings.add(spot, message, f"Known: {', '.join(parts)}.")
        elif metric is None:
            message = f"the contract has no metric with the series {quoted(series)}"
            findings.add(spot, message, "List the metric under `metrics:`.")
        else:
            played.append(replace(metric, registry=part))
    wanted = dict.fromkeys(label for metric in family for label in metric.labels)
    there = {label for metric in played for label in metric.labels}
    for label in use.labels:
        if label not in wanted:
            message = f"family {use.kind} has no label {quoted(label)}{nearest(label, wanted)}"
            findings.add(cursor.spot("labels", label), message, f"Known: {', '.join(wanted)}.")
    named = {label: use.labels.get(label, label) for label in wanted}
    return Kind(use.kind, tuple(played), {label: name if name in there else "" for label, name in named.items()})


def _series_as(series: str, own: Sequence[Metric]) -> Metric | None:
    """The metric with a series; a counter of its own where it is the count of a histogram or a summary."""
    for metric in own:
        if metric.name == series:
            return metric
        if series == f"{metric.name}_count" and metric.type in (MetricType.HISTOGRAM, MetricType.SUMMARY):
            return replace(metric, name=series, type=MetricType.COUNTER, unit="{event}", buckets=(), exemplars=False)
    return None


@dataclass(frozen=True)
class Wording:
    """How texts that are written for a family read for one kind."""

    kind: Kind
    standard: frozenset[str] = frozenset()

    def fits(self, text: str) -> bool:
        """Whether the kind has every metric and label that a text needs."""
        parts = {metric.registry: metric for metric in self.kind.metrics}
        for placeholder in TEMPLATE.placeholders(text):
            if placeholder.name not in parts and placeholder.name not in self.standard:
                return False
        wide = (m for m in parts.values() if m.type is not MetricType.HISTOGRAM)
        if any(f"@{{{metric.registry}}}_bucket" in text for metric in wide):
            return False
        named = [parts[p.name] for p in TEMPLATE.placeholders(text) if p.name in parts]
        left = self._used(self.expr(text, renamed=False))
        return all(self.kind.labels[label] in metric.labels for label in left for metric in named)

    def _used(self, text: str) -> Iterator[str]:
        """The family's labels that an expression chooses or groups by."""
        return (label for label in self.kind.labels if re.search(rf"{_word(label)}\s*(=|!|,|\))", text))

    def expr(self, text: str, *, renamed: bool = True) -> str:
        """An expression: labels renamed; those that are not there no longer choose, nor group."""
        for label in self._missing():
            text = re.sub(rf',\s*{_word(label)}\s*(=~|!~|!=|=)\s*"\$[^"]*"', "", text)
            text = re.sub(rf",\s*{_word(label)}(?=\s*[,)])", "", text)
        return self._renamed(text) if renamed else text

    def series(self, text: str) -> str:
        """A series of a test: labels renamed, those that are not there left out."""
        for label in self._missing():
            text = re.sub(rf',\s*{_word(label)}\s*=\s*"[^"]*"', "", text)
        return self._renamed(text)

    def legend(self, text: str) -> str:
        """A legend, or a text of an alert."""
        for label, name in self.kind.labels.items():
            text = re.sub(rf"\{{\{{{label}\}}\}}", f"{{{{{name}}}}}" if name else "", text)
            text = re.sub(rf"\$labels\.{label}\b", f"$labels.{name or 'job'}", text)
        return " ".join(text.split(" ")).strip() if text else text

    def record(self, text: str) -> str:
        """The name of a recording rule, which begins with its labels."""
        for label, name in self.kind.labels.items():
            text = re.sub(rf"_{label}(?=[:_])", f"_{name}" if name else "", text, count=1)
        return text

    def labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Labels of a test."""
        return {name: value for label, value in labels.items() if (name := self.kind.labels.get(label, label))}

    def _missing(self) -> Iterator[str]:
        return (label for label, name in self.kind.labels.items() if not name)

    def _renamed(self, text: str) -> str:
        renamed = {label: name for label, name in self.kind.labels.items() if name and name != label}
        if not renamed:
            return text
        words = "|".join(map(re.escape, renamed))
        return re.sub(rf"{_before()}({words})(?=\s*(?:=|!|,|\)))", lambda match: renamed[match[1]], text)


def _before() -> str:
    return r'(?<![\w$@."-])'


def _word(label: str) -> str:
    return rf"{_before()}{re.escape(label)}"
