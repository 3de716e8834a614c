"""Parsing what targets expose: Prometheus' text format 0.0.4 and OpenMetrics 1.0.

A target sends the same series again and again, so the text before a value is looked up in a cache that gives its
labels; only new text is parsed. A scrape then costs about a microsecond a line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from obsctl.embedded.prometheus.series_labels import label_number
from obsctl.embedded.records import MetadataRecord
from obsctl.languages.labels import Labels

_SERIES = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)?[ \t]*(\{(?:[^"{}]|"(?:[^"\\]|\\.)*")*\})?')
_PAIR = re.compile(
    r'''[ \t]*(?:([a-zA-Z_][a-zA-Z0-9_.]*)[ \t]*=[ \t]*)?"((?:[^"\\]|\\.)*)"'''
    r"""(?:[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)")?[ \t]*(?:,|\Z)"""
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_TYPES = frozenset(
    ("counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset", "unknown", "untyped")
)
_NORMALISED = {"histogram": "le", "gaugehistogram": "le", "summary": "quantile"}
_WITH_CREATED = frozenset(("counter", "histogram", "gaugehistogram", "summary"))

Relabel = Callable[[dict[str, str]], Labels]
"""Turns scraped labels (``__name__`` among them) into those of the stored series."""


class ExpositionError(ValueError):
    """The text is not in its format; the whole scrape is void."""


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
        lines = _lines(text, openmetrics)
        for number, line in enumerate(lines, 1):
            try:
                if line[:1] == "#":
                    _comment(line, found.families)
                elif line:
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
            sample: _Values = (_float(value), None, None)
        else:
            match = _SERIES.match(line)
            key = line[: match.end()].rstrip() if match else ""
            labels = known[key] if key in known else self._labels(key, found.families, openmetrics)
            sample = _rest(line[len(key) :], openmetrics)
        seen[key] = labels
        if labels is not None and labels not in found.samples:
            found.samples[labels] = ScrapedSample(labels, *sample)

    def _labels(self, series: str, families: Mapping[str, MetadataRecord], openmetrics: bool) -> Labels | None:
        """The stored labels of a series as written; None for one that is left out (``_created``)."""
        match = _SERIES.fullmatch(series)
        if not match or not series:
            raise ValueError("not a series")
        labels = _pairs(match[2][1:-1]) if match[2] else {}
        if match[1]:
            if "__name__" in labels:
                raise ValueError("two names")
            labels["__name__"] = match[1]
        if not labels.get("__name__"):
            raise ValueError("no name")
        kind, family = _family(labels["__name__"], families)
        if openmetrics and kind in _WITH_CREATED and labels["__name__"] == f"{family}_created":
            return None
        bound = _NORMALISED.get(kind, "")
        if bound in labels:
            labels[bound] = label_number(_float(labels[bound]))
        return self._relabel(labels)


def _lines(text: str, openmetrics: bool) -> list[str]:
    """The lines; OpenMetrics must end with its mark, for a cut answer is not one."""
    lines = text.split("\n")
    if not openmetrics:
        return [line.lstrip(" \t") for line in lines]
    if lines[-1] == "":
        lines.pop()
    if not lines or lines[-1] != "# EOF":
        raise ExpositionError("data does not end with # EOF")
    if "# EOF" in lines[:-1]:
        raise ExpositionError("there is data after # EOF")
    return lines[:-1]


def _comment(line: str, families: dict[str, MetadataRecord]) -> None:
    """TYPE, HELP and UNIT; every other comment is ignored."""
    parts = line.split(" ", 3)
    if len(parts) < 3 or parts[0] != "#" or parts[1] not in ("TYPE", "HELP", "UNIT"):
        return
    _, kind, family, rest = [*parts, ""][:4]
    family = _unescape(family[1:-1]) if family[:1] == '"' else family
    old = families.get(family, MetadataRecord(family, "unknown"))
    if kind == "TYPE":
        rest = rest.strip()
        if rest not in _TYPES:
            raise ValueError(f"unknown type {rest[:40]!r}")
        families[family] = MetadataRecord(family, "unknown" if rest == "untyped" else rest, old.help, old.unit)
    elif kind == "HELP":
        families[family] = MetadataRecord(family, old.type, _unescape(rest), old.unit)
    else:
        families[family] = MetadataRecord(family, old.type, old.help, rest.strip())


def _family(name: str, families: Mapping[str, MetadataRecord]) -> tuple[str, str]:
    """Type and name of the family that a sample name belongs to."""
    if name in families:
        return families[name].type, name
    base = name.rpartition("_")[0]
    return (families[base].type, base) if base in families else ("unknown", name)


def _rest(text: str, openmetrics: bool) -> _Values:
    """Value, time and exemplar after a series."""
    text, mark, exemplar = text.partition(" # ") if openmetrics else (text, "", "")
    words = text.split()
    if not 1 <= len(words) <= 2 or text[:1] not in (" ", "\t"):
        raise ValueError("expected a value and perhaps a time")
    time_ms = _time(words[1], openmetrics) if len(words) == 2 else None
    return _float(words[0]), time_ms, _exemplar(exemplar) if mark else None


def _exemplar(text: str) -> ScrapedExemplar:
    match = _SERIES.match(text)
    if not match or match[1] or not match[2]:
        raise ValueError("an exemplar must have labels")
    words = text[match.end() :].split()
    if not 1 <= len(words) <= 2:
        raise ValueError("an exemplar must have a value and perhaps a time")
    labels = tuple(sorted(pair for pair in _pairs(match[2][1:-1]).items() if pair[1]))
    return ScrapedExemplar(labels, _float(words[0]), _time(words[1], openmetrics=True) if len(words) == 2 else None)


def _time(text: str, openmetrics: bool) -> int:
    """A time in ms: OpenMetrics gives seconds with a fraction, the text format whole milliseconds."""
    value = _float(text) * 1000 if openmetrics else int(text)
    if not math.isfinite(value) or abs(value) >= 1 << 62:
        raise ValueError("time out of range")
    return round(value)


def _float(text: str) -> float:
    """A number in Go's syntax as far as exporters use it: Python's own is laxer (underscores) and is kept out."""
    if "_" in text or not text.isascii():
        raise ValueError(f"not a number: {text[:40]!r}")
    return float(text)


def _pairs(text: str) -> dict[str, str]:
    """The pairs between braces. A quoted string alone is the metric's name (UTF-8 names)."""
    labels: dict[str, str] = {}
    position = 0
    while position < len(text) and not text[position:].isspace():
        match = _PAIR.match(text, position)
        if not match:
            raise ValueError("bad labels")
        plain, first, second = match.groups()
        name, value = ("__name__", first) if plain is None and second is None else (plain or _unescape(first), second)
        if plain is not None:
            if second is not None:
                raise ValueError("bad labels")
            value = first
        if not name or name in labels:
            raise ValueError(f"label {name!r} given twice" if name else "label without a name")
        labels[name] = _unescape(value or "")
        position = match.end()
    return labels


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda match: {"n": "\n", '"': '"', "\\": "\\"}.get(match[1], match[0]), text)
