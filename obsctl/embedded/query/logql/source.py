"""Stored lines on their way into a query: what the store is asked for, and what it may leave out at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from obsctl.embedded.query.logql.entry import EXTRACTED, Entry
from obsctl.embedded.query.logql.filters import matcher
from obsctl.embedded.query.logql.hints import Hints
from obsctl.embedded.query.logql.pipeline import pipeline
from obsctl.embedded.query.vectors.limits import Budget
from obsctl.embedded.records import LogRecord
from obsctl.embedded.store.base import LogReader
from obsctl.languages.errors import QueryError
from obsctl.languages.labels import Labels, Matcher
from obsctl.languages.logql.parse import EMPTY_COMPATIBLE
from obsctl.languages.logql.tree import AllOf, Bare, LabelFilter, LineFilter, LineFormat, LogQuery, Match, Stage

_CHECK_EVERY = 256
Direction = Literal["backward", "forward"]


def selector_matchers(selector: Sequence[Match]) -> tuple[Matcher, ...]:
    """Matchers for the store. ``QueryError`` unless one of them rules out the empty value, as Loki demands."""
    try:
        found = tuple(map(matcher, selector))
    except QueryError as cause:
        raise QueryError(f"parse error : {cause}") from cause
    if not any(m.op in ("=", "=~") and not m.matches("") for m in found):
        raise QueryError(EMPTY_COMPATIBLE)
    return found


@dataclass
class Scan:
    """One query's reading: where from, how long it may take, and what it has read (lines, characters)."""

    logs: LogReader
    budget: Budget
    lines: int = 0
    characters: int = 0

    def read(self, record: LogRecord) -> None:
        """Count a line. ``QueryTimeoutError`` when the time is up."""
        if not self.lines % _CHECK_EVERY:
            self.budget.check()
        self.lines += 1
        self.characters += len(record.line)


@dataclass
class LogSource:
    """The lines that come through a query's pipeline."""

    scan: Scan
    query: LogQuery
    hints: Hints | None = None
    matchers: tuple[Matcher, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.matchers = selector_matchers(self.query.selector)
        self._passes = pipeline(self.query.stages, self.hints)
        self._bases: dict[Labels, dict[str, str]] = {}

    def records(self, start: int, end: int, direction: Direction) -> Iterator[LogRecord]:
        """Stored lines of the selected streams, without those that the store knows cannot come through."""
        return self.scan.logs.lines(
            self.matchers,
            start,
            end,
            direction=direction,
            metadata=self._hint(start, end),
            contains=_contained(self.query.stages),
        )

    def entries(self, start: int, end: int, direction: Direction) -> Iterator[Entry]:
        """Lines of [start, end) ns that come through, in time order. ``QueryTimeoutError`` when the time is up."""
        for record in self.records(start, end, direction):
            self.scan.read(record)
            entry = self.passes(record)
            if entry is not None:
                yield entry

    def passes(self, record: LogRecord) -> Entry | None:
        """One stored line, if it comes through."""
        base = self._bases.get(record.labels)
        if base is None:
            base = self._bases[record.labels] = dict(record.labels)
        entry = Entry(base, record.time_ns, record.line, record.metadata)
        return entry if self._passes(entry) else None

    def _hint(self, start: int, end: int) -> Mapping[str, str] | None:
        """What every line must carry in its metadata, unless some stream has that name as a label instead."""
        required = {m.name: m.value for m in _required(self.query.stages) if m.op == "=" and m.value}
        required = {k: v for k, v in required.items() if not k.startswith("__") and not k.endswith(EXTRACTED)}
        if required:
            labels = {name for stream in self.scan.logs.streams(self.matchers, start, end) for name, _ in stream}
            required = {name: value for name, value in required.items() if name not in labels}
        return required or None


def _required(stages: Sequence[Stage]) -> Iterator[Match]:
    """Matchers of stored labels that must all hold: those before any stage that makes labels."""
    for stage in stages:
        if isinstance(stage, LabelFilter):
            condition = stage.condition
            parts = condition.parts if isinstance(condition, AllOf) else (condition,)
            yield from (part for part in parts if isinstance(part, Match))
        elif not isinstance(stage, LineFilter):
            return


def _contained(stages: Sequence[Stage]) -> tuple[str, ...]:
    """Texts that every line must have in it as it is stored."""
    found: list[str] = []
    for stage in stages:
        if isinstance(stage, LineFormat | Bare):
            break
        if isinstance(stage, LineFilter) and stage.op == "|=" and len(stage.operands) == 1:
            found += [one for one in stage.operands if isinstance(one, str) and one]
    return tuple(found)
