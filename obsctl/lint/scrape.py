"""What is wrong with what a service exposes: by the conventions of Prometheus (those of promlint) and its contract."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from obsctl.errors import Place
from obsctl.languages.exposition import Family, Sample, Scrape, parse_scrape
from obsctl.lint.catalogue import BY_ID
from obsctl.lint.finding import Finding
from obsctl.schema.text import quoted
from obsctl.spec.contract import Metric, MetricType

MAX_BAD_SERIES = 20

_BASE_UNITS: Mapping[str, tuple[str, ...]] = {
    "seconds": ("minutes", "hours", "days", "weeks"),
    "celsius": ("fahrenheit", "rankine"),
    "kelvin": ("kelvins",),
    "meters": ("inches", "yards", "miles"),
    "bytes": ("bits",),
    "joules": ("calories",),
    "grams": ("pounds", "ounces"),
    "amperes": (),
    "volts": (),
}
"""Base unit -> other units of the same quantity."""

_UNITS = {unit: base for base, others in _BASE_UNITS.items() for unit in (base, *others)}
_PREFIXES = (
    *("pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi"),
    *("mega", "mibi", "giga", "gibi", "tera", "tebi", "peta", "pebi"),
)
_ABBREVIATIONS = frozenset(("s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"))
_TYPE_WORDS = ("counter", "gauge", "histogram", "summary")
_CAMEL = re.compile(r"[a-z][A-Z]")
_UNTYPED = ("", "untyped", "unknown")


def scrape_findings(
    text: str, file: str, metrics: Iterable[Metric] = (), *, openmetrics: bool | None = None
) -> Iterator[Finding]:
    """What is wrong with the text of a scrape; ``file`` is how places name it, ``metrics`` are those of contracts."""
    scrape = parse_scrape(text, openmetrics=openmetrics)
    for line, wrong in scrape.problems:
        yield Finding(BY_ID["scrape.syntax"], Place(file, line), file, wrong)
    for family in scrape.families.values():
        if family.samples:
            for look in _LOOKS:
                yield from (_finding(id_, family, file, message) for id_, message in look(family))
    yield from _duplicates(scrape, file)
    declared = {metric.name: metric for metric in metrics}
    for family in scrape.families.values():
        metric = declared.get(_contract_name(family, declared))
        if metric is not None and family.samples:
            yield from (_finding(id_, family, file, message) for id_, message in _against(family, metric))


def _finding(id_: str, family: Family, file: str, message: str) -> Finding:
    return Finding(BY_ID[id_], Place(file, family.line), family.name, message)


_Wrong = Iterator[tuple[str, str]]
"""Ids with messages."""


# -- conventions


def _help(family: Family) -> _Wrong:
    if not family.help:
        yield "scrape.help", f"{family.name} has no help text"


def _unit(family: Family) -> _Wrong:
    for word in family.name.split("_"):
        base = _base_unit(word)
        if base and base != word:
            yield "scrape.unit", f"use base unit {base} instead of {word}"
            return
        if base:
            return


def _base_unit(word: str) -> str:
    """The base unit of a word that is a unit, with or without a prefix; "" for any other word."""
    if word in _UNITS:
        return _UNITS[word]
    bare = (word.removeprefix(prefix) for prefix in _PREFIXES if word.startswith(prefix))
    return next((_UNITS[unit] for unit in bare if unit in _UNITS), "")


def _abbreviation(family: Family) -> _Wrong:
    for word in family.name.lower().split("_")[1:]:
        if word in _ABBREVIATIONS:
            yield "scrape.unit-abbreviation", f"{family.name} abbreviates a unit: {word}"


def _counter(family: Family) -> _Wrong:
    if family.type in _UNTYPED:
        return
    total = family.name.endswith("_total") or all(s.name.endswith(("_total", "_created")) for s in family.samples)
    if family.type == "counter" and not total:
        yield "scrape.counter-total", f"counter {family.name} does not end in _total"
    if family.type != "counter" and family.name.endswith("_total"):
        yield "scrape.counter-total", f"{family.type} {family.name} ends in _total, as only counters do"


def _reserved(family: Family) -> _Wrong:
    if family.type in _UNTYPED:
        return
    name, kind = family.name, family.type
    if kind != "histogram" and name.endswith("_bucket"):
        yield "scrape.reserved-suffix", f"{kind} {name} ends in _bucket, as only histograms do"
    if kind not in ("histogram", "summary") and name.endswith(("_count", "_sum")):
        yield (
            "scrape.reserved-suffix",
            f"{kind} {name} ends in {name[name.rindex('_') :]}, as histograms and summaries do",
        )
    labels = {label for sample in family.samples for label, _ in sample.labels}
    for label, owner in (("le", "histogram"), ("quantile", "summary")):
        if label in labels and kind != owner:
            yield "scrape.reserved-suffix", f"{kind} {name} has label {label}, which belongs to a {owner}"


def _type_in_name(family: Family) -> _Wrong:
    for word in _TYPE_WORDS:
        if word in family.name.lower().split("_")[1:]:
            yield "scrape.type-in-name", f"{family.name} has its type in the name: {word}"


def _characters(family: Family) -> _Wrong:
    if ":" in family.name:
        yield "scrape.reserved-chars", f"{family.name} has a colon"
    labels = dict.fromkeys(label for sample in family.samples for label, _ in sample.labels)
    for name in (family.name, *labels):
        if _CAMEL.search(name):
            yield "scrape.camel-case", f"{quoted(name)} is not snake_case"


_LOOKS: Sequence[Callable[[Family], _Wrong]] = (
    *(_help, _unit, _abbreviation, _counter, _reserved, _type_in_name, _characters),
)


def _duplicates(scrape: Scrape, file: str) -> Iterator[Finding]:
    seen: dict[object, int] = {}
    told = 0
    for family in scrape.families.values():
        for sample in family.samples:
            first = seen.setdefault((sample.name, frozenset(sample.labels)), sample.line)
            if first != sample.line and told < MAX_BAD_SERIES:
                told += 1
                message = f"the same series of {sample.name} is on line {first}"
                yield Finding(BY_ID["scrape.duplicate"], Place(file, sample.line), family.name, message)


# -- contract


def _contract_name(family: Family, declared: Mapping[str, Metric]) -> str:
    """OpenMetrics names a counter's family without its ``_total``."""
    return family.name if family.name in declared else f"{family.name}_total"


def _against(family: Family, metric: Metric) -> _Wrong:
    if family.type not in _UNTYPED and family.type != metric.type:
        yield "scrape.type", f"{family.name} is a {family.type}, the contract says {metric.type}"
        return
    yield from _labels(family, metric)
    if metric.type is MetricType.HISTOGRAM and metric.buckets:
        yield from _buckets(family, metric)
    count = sum(not sample.name.endswith("_created") for sample in family.samples)
    if metric.series_budget is not None and count > metric.series_budget:
        yield "scrape.series-budget", f"{family.name} has {count} series, the budget is {metric.series_budget}"


def _labels(family: Family, metric: Metric) -> _Wrong:
    own = {"le", "quantile"}
    found = {frozenset(label for label, _ in sample.labels) - own for sample in family.samples}
    for labels in sorted(found, key=sorted):
        if fault := metric.label_fault(labels):
            yield "scrape.labels", f"a series of {family.name} {fault}"


def _buckets(family: Family, metric: Metric) -> _Wrong:
    bounds = Counter(_bound(sample) for sample in family.samples if sample.name.endswith("_bucket"))
    found = sorted(bound for bound in bounds if bound is not None and bound != float("inf"))
    if None in bounds or found != list(metric.buckets):
        there, wanted = (", ".join(f"{bound:g}" for bound in some) for some in (found, metric.buckets))
        yield "scrape.buckets", f"{family.name} has buckets {there or 'none'}, the contract says {wanted}"


def _bound(sample: Sample) -> float | None:
    try:
        return float(dict(sample.labels).get("le", ""))
    except ValueError:
        return None
