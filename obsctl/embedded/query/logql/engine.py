"""Runs a log query over a ``LogReader``: lazily, in time order, so that a limit bounds the work and the memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from obsctl.embedded.query.errors import QueryError, QueryTimeoutError
from obsctl.embedded.query.logql.parse import EMPTY_COMPATIBLE
from obsctl.embedded.query.logql.tree import AllOf, AnyOf, Condition, LabelFilter, LineFilter, LogQuery, Match, Stage
from obsctl.embedded.query.regex import searcher, translate
from obsctl.embedded.signals import Labels, LogRecord, Matcher
from obsctl.embedded.store.base import LogReader

TIMEOUT = 30.0
HINTS = ("trace_id", "span_id", "request_id")
"""Structured metadata that a store may have an index for."""

Direction = Literal["backward", "forward"]
Test = Callable[[str, Mapping[str, str]], bool]


@dataclass(frozen=True)
class LogRange:
    """Which lines of the matching ones: times in nanoseconds, ``end`` excluded; at most ``limit``.

    ``interval`` (ns, 0 is off) keeps one line of each stream per interval.
    """

    start: int
    end: int
    limit: int
    direction: Direction = "backward"
    interval: int = 0


def matcher(match: Match) -> Matcher:
    """A matcher of the tree as the store understands it."""
    return Matcher(match.name, match.op, translate(match.value) if match.op.endswith("~") else match.value)


def selector_matchers(selector: Sequence[Match]) -> tuple[Matcher, ...]:
    """Matchers for the store. ``QueryError`` unless one of them rules out the empty value, as Loki demands."""
    found = tuple(map(matcher, selector))
    if not any(m.op in ("=", "=~") and not m.matches("") for m in found):
        raise QueryError(EMPTY_COMPATIBLE)
    return found


def run(logs: LogReader, query: LogQuery, wanted: LogRange, *, timeout: float = TIMEOUT) -> list[LogRecord]:
    """The first ``limit`` lines in the wanted direction. ``QueryTimeoutError`` when the scan takes too long (s)."""
    matchers = selector_matchers(query.selector)
    tests = [_test(stage) for stage in query.stages]
    lines = logs.lines(
        matchers,
        wanted.start,
        wanted.end,
        direction=wanted.direction,
        metadata=_hint(logs, query, matchers, wanted),
    )
    if any(isinstance(stage, LabelFilter) for stage in query.stages):
        pairs = ((record, merged(record)) for record in lines)
    else:
        pairs = ((record, {}) for record in lines)  # nothing looks at labels, so do not build them
    kept = _passing(pairs, tests, time.monotonic() + timeout)
    return list(islice(_thinned(kept, wanted.interval) if wanted.interval else kept, wanted.limit))


def merged(record: LogRecord) -> dict[str, str]:
    """Stream labels and structured metadata as one label set; a metadata name that is taken gets ``_extracted``."""
    found = dict(record.labels)
    taken = frozenset(found)
    for name, value in record.metadata:
        found[f"{name}_extracted" if name in taken else name] = value
    return found


def _passing(
    pairs: Iterator[tuple[LogRecord, dict[str, str]]], tests: Sequence[Test], give_up: float
) -> Iterator[LogRecord]:
    for record, labels in pairs:
        if time.monotonic() > give_up:
            raise QueryTimeoutError(
                "context deadline exceeded: the scan took too long, narrow the query or its time range"
            )
        if all(test(record.line, labels) for test in tests):
            yield record


def _thinned(lines: Iterator[LogRecord], interval: int) -> Iterator[LogRecord]:
    last: dict[Labels, int] = {}
    for record in lines:
        before = last.get(record.labels)
        if before is None or abs(record.time_ns - before) >= interval:
            last[record.labels] = record.time_ns
            yield record


def _hint(logs: LogReader, query: LogQuery, matchers: Sequence[Matcher], wanted: LogRange) -> Mapping[str, str] | None:
    """Ids that every line must carry in its metadata, unless some stream has that name as a label instead."""
    required = {m.name: m.value for m in _required(query.stages) if m.name in HINTS and m.op == "=" and m.value}
    if required:
        labels = {name for stream in logs.streams(matchers, wanted.start, wanted.end) for name, _ in stream}
        required = {name: value for name, value in required.items() if name not in labels}
    return required or None


def _required(stages: Sequence[Stage]) -> Iterator[Match]:
    for stage in stages:
        if isinstance(stage, LabelFilter):
            condition = stage.condition
            parts = condition.parts if isinstance(condition, AllOf) else (condition,)
            yield from (part for part in parts if isinstance(part, Match))


def _test(stage: Stage) -> Test:
    if isinstance(stage, LineFilter):
        return _line_test(stage)
    holds = _condition(stage.condition)
    return lambda _line, labels: holds(labels)


def _line_test(stage: LineFilter) -> Test:
    wanted = stage.op in ("|=", "|~")
    if stage.op in ("|=", "!="):
        texts = stage.texts
        return lambda line, _labels: any(text in line for text in texts) is wanted
    patterns = [searcher(text) for text in stage.texts]
    return lambda line, _labels: any(pattern.search(line) is not None for pattern in patterns) is wanted


def _condition(condition: Condition) -> Callable[[Mapping[str, str]], bool]:
    if isinstance(condition, Match):
        found = matcher(condition)
        return lambda labels: found.matches(labels.get(found.name, ""))
    parts = [_condition(part) for part in condition.parts]
    if isinstance(condition, AnyOf):
        return lambda labels: any(part(labels) for part in parts)
    return lambda labels: all(part(labels) for part in parts)
