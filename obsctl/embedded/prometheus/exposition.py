"""Parsing what targets expose: Prometheus' text format 0.0.4 and OpenMetrics 1.0.

A target sends the same series again and again, so the text before a value is looked up in a cache that gives its
labels; only new text is parsed. A scrape then costs about a microsecond a line.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from obsctl.embedded.prometheus.series_labels import label_number
from obsctl.embedded.records import MetadataRecord
from obsctl.languages.exposition_lines import (
    ExemplarText,
    ExpositionError,
    exposition_lines,
    read_comment,
    read_float,
    read_values,
    series_end,
    series_labels,
)
from obsctl.languages.labels import Labels

_SPACE = (" ", "\t")
_NORMALISED = {"histogram": "le", "gaugehistogram": "le", "summary": "quantile"}
_WITH_CREATED = frozenset(("counter", "histogram", "gaugehistogram", "summary"))

Relabel = Callable[[dict[str, str]], Labels]
"""Turns scraped labels (``__name__`` among them) into those of the stored series."""


@dataclass(frozen=True, slots=True)
class ScrapedExemplar:
    """Labels, value, and the time in ms if the target gave one."""

    labels: Labels
    value: float
    time_ms: int | None


@dataclass(frozen=True, slots=True)
class ScrapedSample:
    """One sample; time in ms if the target gave one."""

    labels: Labels
    value: float
    time_ms: int | None = None
    exemplar: ScrapedExemplar | None = None


_Values = tuple[float, int | None, ScrapedExemplar | None]
"""What stands behind a series: value, time in ms, exemplar."""


@dataclass
class ParsedExposition:
    """What one scrape brought. Of a series that appears twice the first sample is kept."""

    samples: dict[Labels, ScrapedSample] = field(default_factory=dict)
    families: dict[str, MetadataRecord] = field(default_factory=dict)


class Parser:
    """Parser of one target, with what it remembers from the scrape before."""

    def __init__(self, relabel: Relabel) -> None:
        self._relabel = relabel
        self._known: dict[str, Labels | None] = {}

    def parse(self, text: str, *, openmetrics: bool) -> ParsedExposition:
        """Parse a whole exposition; ``ExpositionError`` names the first bad line."""
        found = ParsedExposition()
        seen: dict[str, Labels | None] = {}
        for number, line in enumerate(exposition_lines(text, openmetrics=openmetrics), 1):
            try:
                start = line if openmetrics or line[:1] not in _SPACE else line.lstrip(" \t")
                if start[:1] == "#":
                    _comment(line, openmetrics, found.families)
                elif start or openmetrics:
                    self._sample(line, openmetrics, found, seen)
            except ValueError as error:
                raise ExpositionError(f"line {number}: {error}: {line[:100]!r}") from error
        self._known = seen
        return found

    def _sample(self, line: str, openmetrics: bool, found: ParsedExposition, seen: dict[str, Labels | None]) -> None:
        key, _, value = line.rpartition(" ")
        known = self._known
        if key in known:
            labels = known[key]
            sample: _Values = (read_float(value), None, None)
        else:
            key = line[: series_end(line, openmetrics=openmetrics)]
            labels = known[key] if key in known else self._labels(key, found.families, openmetrics)
            number, time_ms, exemplar = read_values(line[len(key) :], openmetrics=openmetrics)
            sample = number, time_ms, _exemplar(exemplar) if exemplar else None
        seen[key] = labels
        if labels is not None and labels not in found.samples:
            found.samples[labels] = ScrapedSample(labels, *sample)

    def _labels(self, series: str, families: Mapping[str, MetadataRecord], openmetrics: bool) -> Labels | None:
        """The stored labels of a series as written; None for one that is left out (``_created``)."""
        labels = series_labels(series, openmetrics=openmetrics)
        kind, family = _family(labels["__name__"], families)
        if openmetrics and kind in _WITH_CREATED and labels["__name__"] == f"{family}_created":
            return None
        bound = _NORMALISED.get(kind, "")
        if bound in labels:
            with contextlib.suppress(ExpositionError):  # what is no number stays as it is
                labels[bound] = label_number(read_float(labels[bound]))
        return self._relabel(labels)


def _comment(line: str, openmetrics: bool, families: dict[str, MetadataRecord]) -> None:
    """TYPE, HELP and UNIT; every other comment is ignored."""
    told = read_comment(line, openmetrics=openmetrics)
    if told is None:
        return
    family, text = told.family, told.text
    old = families.get(family, MetadataRecord(family, "unknown"))
    if told.kind == "TYPE":
        families[family] = MetadataRecord(family, "unknown" if text == "untyped" else text, old.help, old.unit)
    elif told.kind == "HELP":
        families[family] = MetadataRecord(family, old.type, text, old.unit)
    else:
        families[family] = MetadataRecord(family, old.type, old.help, text)


def _family(name: str, families: Mapping[str, MetadataRecord]) -> tuple[str, str]:
    """Type and name of the family that a sample name belongs to."""
    if name in families:
        return families[name].type, name
    base = name.rpartition("_")[0]
    return (families[base].type, base) if base in families else ("unknown", name)


def _exemplar(found: ExemplarText) -> ScrapedExemplar:
    labels = tuple(sorted(pair for pair in found.labels.items() if pair[1]))
    return ScrapedExemplar(labels, found.value, found.time_ms)
