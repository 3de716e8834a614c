"""What could be extracted from lines: fields, their likely type, how many values they have, and who parses them.

Source: Loki 3.7.6, ``pkg/querier/queryrange/detected_fields.go``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from obsctl.embedded.query.logql import json_text
from obsctl.embedded.query.logql.entry import EXTRACTED, Entry, QueriedLine
from obsctl.embedded.query.logql.hints import ALL
from obsctl.embedded.query.logql.parsers import joined_name, json_parser, logfmt_parser
from obsctl.languages.logql.literals import number, size_bytes
from obsctl.languages.logql.tree import Json, Logfmt
from obsctl.languages.units import go_duration_ns

_PARSERS = (("json", json_parser(Json(), ALL)), ("logfmt", logfmt_parser(Logfmt(), ALL)))
_BOOLEANS = frozenset(("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"))
_BYTE_UNITS = ("b", *(f"{prefix}{suffix}" for prefix in "kmgtpe" for suffix in ("", "i")))
_BYTE_NAMES = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


@dataclass
class DetectedField:
    """One field. ``parsers`` is empty for structured metadata, which needs none; ``type`` is that of the last value.

    ``shown`` are the values as a query may say them; ``path`` is where a JSON line has the field.
    """

    name: str
    type: str = "string"
    values: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    parsers: list[str] = field(default_factory=list)
    path: Sequence[str] = ()


@dataclass
class _Detection:
    """The fields seen so far, at most ``limit``."""

    limit: int
    found: dict[str, DetectedField] = field(default_factory=dict)

    def see(self, name: str, value: str, shown: str) -> DetectedField | None:
        if name not in self.found and len(self.found) >= self.limit:
            return None
        one = self.found.setdefault(name, DetectedField(name))
        one.values.add(value)
        one.shown.add(shown)
        one.type = _type(value)
        return one

    def look(self, line: QueriedLine) -> None:
        for name, value in line.metadata:
            self.see(name, value, value)
        parsed, parser = _parsed(line)
        paths = _paths(line.line) if parser == "json" else {}
        for name, value in {**dict(line.parsed), **parsed}.items():
            one = self.see(name, value, _queryable(value))
            if one and parser:
                one.parsers += [parser] if parser not in one.parsers else []
                one.path = paths.get(name, paths.get(name.removesuffix(EXTRACTED), one.path))


def detected(lines: Iterable[QueriedLine], limit: int) -> Sequence[DetectedField]:
    """The fields of some lines, sorted by name; the first ones where there are more than ``limit``."""
    detection = _Detection(limit)
    for line in lines:
        detection.look(line)
    return [detection.found[name] for name in sorted(detection.found)]


def _parsed(line: QueriedLine) -> tuple[Mapping[str, str], str]:
    """What the first parser that fits finds in a line, and its name; "" where none does."""
    for name, run in _PARSERS:
        entry = Entry(dict(line.stream), line.time_ns, line.line, ())
        run(entry)
        if not entry.error:
            return entry.parsed, name
    return {}, ""


def _paths(line: str) -> dict[str, Sequence[str]]:
    """Label -> the keys that lead to its value."""
    found: dict[str, Sequence[str]] = {}

    def walk(value: object, prefix: str, keys: tuple[str, ...]) -> None:
        if isinstance(value, json_text.ObjectPairs):
            for key, inner in value:
                walk(inner, joined_name(prefix, key), (*keys, key))
        else:
            found.setdefault(prefix, keys)

    walk(json_text.document(line), "", ())
    return found


def _queryable(value: str) -> str:
    """A value as a query may say it: sizes without a blank, in the units of LogQL."""
    if not value.lower().endswith(_BYTE_UNITS):
        return value
    try:
        size = size_bytes(value)
    except ValueError:
        return value
    if size < 10:
        return f"{size:.0f}B"
    power = math.floor(math.log(size) / math.log(1000))
    scaled = math.floor(size / 1000**power * 10 + 0.5) / 10
    return f"{scaled:.{1 if scaled < 10 else 0}f}{_BYTE_NAMES[power]}"


def _reads(read: Callable[[str], float]) -> Callable[[str], bool]:
    def fits(text: str) -> bool:
        try:
            read(text)
        except ValueError:
            return False
        return True

    return fits


def _is_int(text: str) -> bool:
    digits = text[1:] if text.startswith(("-", "+")) else text
    return digits.isascii() and digits.isdecimal() and -(1 << 63) <= int(text[:30]) < 1 << 63


_TYPES: Sequence[tuple[str, Callable[[str], bool]]] = (
    ("int", _is_int),
    ("float", _reads(number)),
    ("boolean", lambda text: text in _BOOLEANS),
    ("duration", _reads(go_duration_ns)),
    ("bytes", _reads(size_bytes)),
    ("string", lambda _: True),
)
"""In the order in which Loki tries them."""


def _type(value: str) -> str:
    return next(kind for kind, fits in _TYPES if fits(value))
