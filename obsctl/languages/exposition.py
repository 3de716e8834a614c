"""The text of a scrape, line by line: what is there, where, and which lines are no part of the format. Never raises.

Prometheus' text format 0.0.4; of OpenMetrics what looks the same (exemplars and ``# EOF`` are passed over).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_NUMBER = (
    r"[-+]?(?:\d++(?:\.\d*+)?(?:[eE][-+]?\d++)?|\.\d++(?:[eE][-+]?\d++)?"
    r"|0[xX][0-9a-fA-F]++|[iI]nf(?:inity)?|[nN]a[nN])"
)
# What may be skipped is skipped for good (`++`), so that no text makes a pattern try again and again.
_SAMPLE = re.compile(
    rf'({_NAME})(?:[ \t]*+\{{((?:[^"{{}}]|"(?:[^"\\]|\\.)*+")*+)\}})?[ \t]*+(?<=[ \t}}])({_NUMBER})((?:[ \t]+.*)?)'
)
_AFTER = re.compile(r"[ \t]*+(?:-?\d++(?:\.\d++)?)?[ \t]*+(?:# \{.*)?")
_LABEL = re.compile(r'[ \t]*+([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*+=[ \t]*+"((?:[^"\\]|\\.)*+)"[ \t]*+(?:,|\Z)')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_TYPES = frozenset(
    ("counter", "gauge", "histogram", "summary", "untyped", "unknown", "info", "stateset", "gaugehistogram")
)
_PARTS = {
    "histogram": ("_bucket", "_count", "_sum", "_created"),
    "summary": ("_count", "_sum", "_created"),
    "counter": ("_total", "_created"),
}
MAX_PROBLEMS = 20


@dataclass(frozen=True)
class Sample:
    """One sample; ``line`` counts from 1. Labels are in the order of the text."""

    name: str
    labels: tuple[tuple[str, str], ...]
    line: int


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


def parse_scrape(text: str) -> Scrape:
    """The families of a text and the lines that are wrong."""
    families: dict[str, Family] = {}
    problems: list[tuple[int, str]] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip(" \t\r")
        if not line:
            continue
        wrong = _comment(line, number, families) if line.startswith("#") else _sample(line, number, families)
        if wrong and len(problems) < MAX_PROBLEMS:
            problems.append((number, wrong))
    return Scrape(families, tuple(problems))


def _comment(line: str, number: int, families: dict[str, Family]) -> str:
    """Take a HELP or TYPE line; what is wrong with it, or ""."""
    words = line.split(None, 3)
    if words[0] != "#" or len(words) < 2 or words[1] not in ("HELP", "TYPE"):
        return ""
    if len(words) < 3 or not re.fullmatch(_NAME, words[2]):
        return f"{words[1]} without the name of a metric"
    family = families.setdefault(words[2], Family(words[2], number))
    rest = words[3] if len(words) > 3 else ""
    if words[1] == "HELP":
        family.help = rest
    elif rest not in _TYPES:
        return f"unknown type {rest[:40]!r}" if rest else "TYPE without a type"
    elif family.type or family.samples:
        return f"a second TYPE line of {family.name}" if family.type else f"TYPE of {family.name} after its samples"
    else:
        family.type = rest
    return ""


def _sample(line: str, number: int, families: dict[str, Family]) -> str:
    """Take a sample line; what is wrong with it, or ""."""
    found = _SAMPLE.fullmatch(line)
    if not found or not _AFTER.fullmatch(found[4]):
        return "expected a metric, labels in braces and a number"
    labels = tuple(_labels(found[2] or ""))
    if None in labels:
        return 'the labels are not name="value", …'
    pairs = tuple(pair for pair in labels if pair)
    if len({name for name, _ in pairs}) < len(pairs):
        return "a label is given twice"
    name = found[1]
    family = _family(name, families) or families.setdefault(name, Family(name, number))
    family.samples.append(Sample(name, pairs, number))
    return ""


def _labels(text: str) -> Iterator[tuple[str, str] | None]:
    """The pairs between the braces; None where they are none."""
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _LABEL.match(text, at)
        if found is None:
            yield None
            return
        yield found[1], _ESCAPE.sub(lambda e: {"n": "\n"}.get(e[1], e[1]), found[2])
        at = found.end()


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
