"""What could be extracted from lines: fields, their likely type, how many values they have, and who parses them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from obsctl.embedded.query.logql.entry import Entry, QueriedLine
from obsctl.embedded.query.logql.hints import ALL
from obsctl.embedded.query.logql.parsers import json_parser, logfmt_parser
from obsctl.languages.logql.literals import number, size_bytes
from obsctl.languages.logql.tree import Json, Logfmt
from obsctl.languages.units import go_duration_ns

MAX_FIELDS = 1_000
_PARSERS = (("json", json_parser(Json(), ALL)), ("logfmt", logfmt_parser(Logfmt(strict=True), ALL)))


@dataclass
class DetectedField:
    """One field. ``parsers`` is empty for structured metadata, which needs none."""

    name: str
    values: set[str] = field(default_factory=set)
    parsers: set[str] = field(default_factory=set)

    @property
    def type(self) -> str:
        """The narrowest of Loki's types that all values seen have."""
        return next(kind for kind, fits in _TYPES if all(map(fits, self.values)))


def detected(lines: Iterable[QueriedLine]) -> Sequence[DetectedField]:
    """The fields of some lines, sorted by name; at most ``MAX_FIELDS``."""
    found: dict[str, DetectedField] = {}

    def see(name: str, value: str, parser: str = "") -> None:
        if name not in found and len(found) >= MAX_FIELDS:
            return
        one = found.setdefault(name, DetectedField(name))
        one.values.add(value)
        one.parsers |= {parser} if parser else set()

    for line in lines:
        for name, value in (*line.metadata, *line.parsed):
            see(name, value)
        for parser, run in _PARSERS:
            entry = Entry(dict(line.stream), line.time_ns, line.line, ())
            run(entry)
            if not entry.error and entry.parsed:
                for name, value in entry.parsed.items():
                    see(name, value, parser)
                break
    return [found[name] for name in sorted(found)]


def _reads(read: Callable[[str], float]) -> Callable[[str], bool]:
    def fits(text: str) -> bool:
        try:
            read(text)
        except ValueError:
            return False
        return True

    return fits


_TYPES: Sequence[tuple[str, Callable[[str], bool]]] = (
    ("boolean", lambda text: text in ("true", "false")),
    ("int", lambda text: text.removeprefix("-").isdecimal() and text.isascii()),
    ("float", _reads(number)),
    ("duration", _reads(go_duration_ns)),
    ("bytes", _reads(size_bytes)),
    ("string", lambda _: True),
)
