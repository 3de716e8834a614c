"""The text of a scrape, line by line: what is there, where, and which lines are no part of the format. Never raises."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from obsctl.languages.exposition_lines import (
    END,
    ExpositionError,
    Metadata,
    exposition_lines,
    looks_like_openmetrics,
    read_comment,
    read_values,
    series_end,
    series_labels,
)

_PARTS = {
    "histogram": ("_bucket", "_count", "_sum", "_created"),
    "summary": ("_count", "_sum", "_created"),
    "counter": ("_total", "_created"),
    "gaugehistogram": ("_bucket", "_gcount", "_gsum"),
    "info": ("_info",),
}
MAX_PROBLEMS = 20


@dataclass(frozen=True)
class Sample:
    """One sample; ``line`` counts from 1. Labels are in the order of the text; one with an empty value is none."""

    name: str
    labels: tuple[tuple[str, str], ...]
    line: int
    value: float = 0.0


@dataclass
class Family:
    """A metric as scraped: its type ("" where the text has none), help, first line, and samples."""

    name: str
    line: int
    type: str = ""
    help: str | None = None
    samples: list[Sample] = field(default_factory=list)


@dataclass(frozen=True)
class Scrape:
    """A whole text: families by name, and bad lines with what is wrong (at most ``MAX_PROBLEMS``)."""

    families: dict[str, Family]
    problems: tuple[tuple[int, str], ...]


def parse_scrape(text: str, *, openmetrics: bool | None = None) -> Scrape:
    """The families of a text and the lines that are wrong. Without a format, the text tells which one it is in."""
    openmetrics = looks_like_openmetrics(text) if openmetrics is None else openmetrics
    families: dict[str, Family] = {}
    problems: list[tuple[int, str]] = []
    try:
        lines = exposition_lines(text, openmetrics=openmetrics)
    except ExpositionError as error:
        lines = text.split("\n")
        lines = [line for line in (lines[:-1] if lines[-1] == "" else lines) if line != END]
        problems.append((len(lines) + 1, str(error)))
    for number, line in enumerate(lines, 1):
        try:
            _line(line, number, families, openmetrics=openmetrics)
        except ExpositionError as error:
            problems += [(number, str(error))] if len(problems) < MAX_PROBLEMS else []
    return Scrape(families, tuple(problems))


def _line(line: str, number: int, families: dict[str, Family], *, openmetrics: bool) -> None:
    """Take a line. Raises ExpositionError for one that is wrong."""
    start = line if openmetrics else line.lstrip(" \t")
    if start.startswith("#"):
        told = read_comment(line, openmetrics=openmetrics)
        if told is not None:
            _metadata(told, _family_of(told, number, families, openmetrics=openmetrics))
    elif start or openmetrics:
        end = series_end(line, openmetrics=openmetrics)
        labels = series_labels(line[:end], openmetrics=openmetrics)
        value, _, _ = read_values(line[end:], openmetrics=openmetrics)
        name = labels.pop("__name__")
        family = _family(name, families) or families.setdefault(name, Family(name, number))
        family.samples.append(Sample(name, tuple(pair for pair in labels.items() if pair[1]), number, value))


def _family_of(told: Metadata, number: int, families: dict[str, Family], *, openmetrics: bool) -> Family:
    """The family that a line is about.

    OpenMetrics takes ``_total`` off a counter's family, so a gauge may have the same name, as in Go's runtime metrics:
    that counter is listed with its ``_total``.
    """
    known = families.get(told.family)
    if known is None or not openmetrics or not known.samples:
        return families.setdefault(told.family, Family(told.family, number))
    total = f"{told.family}_total"
    if known.type != "counter":
        return families.setdefault(total, Family(total, number))
    families[total] = replace(known, name=total)
    families[told.family] = Family(told.family, number)
    return families[told.family]


def _metadata(told: Metadata, family: Family) -> None:
    if told.kind == "HELP":
        family.help = told.text
    elif told.kind == "TYPE":
        apart = family.name != told.family and told.text != "counter"
        if family.type or family.samples or apart:
            name = told.family
            second = f"a second TYPE line of {name}"
            raise ExpositionError(second if family.type or apart else f"TYPE of {name} after its samples")
        family.type = told.text


def _family(name: str, families: dict[str, Family]) -> Family | None:
    """The family that a sample's name belongs to by its suffix, or by itself."""
    if name in families:
        return families[name]
    for kind, suffixes in _PARTS.items():
        for suffix in suffixes:
            family = families.get(name.removesuffix(suffix)) if name.endswith(suffix) else None
            if family is not None and family.type == kind:
                return family
    return None
