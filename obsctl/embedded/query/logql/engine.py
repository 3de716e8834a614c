"""Runs a log query over a ``LogReader``: lazily, in time order, so that a limit bounds the work and the memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from obsctl.embedded.query.logql.entry import QueriedLine
from obsctl.embedded.query.logql.source import Direction, LogSource, Scan
from obsctl.languages.errors import ExecutionError
from obsctl.languages.logql.tree import LogQuery

MAX_RESULT_CHARACTERS = 64 << 20
"""Characters of all lines of an answer."""


@dataclass(frozen=True)
class LogWindow:
    """Which lines of the matching ones: times in nanoseconds, ``end`` excluded; at most ``limit``.

    ``interval`` (ns, 0 is off) keeps one line per interval, of whatever stream.
    """

    start: int
    end: int
    limit: int
    direction: Direction = "backward"
    interval: int = 0


def run(scan: Scan, query: LogQuery, wanted: LogWindow) -> list[QueriedLine]:
    """The first ``limit`` lines in the wanted direction. ``QueryTimeoutError`` when the scan takes too long."""
    entries = LogSource(scan, query).entries(wanted.start, wanted.end, wanted.direction)
    lines = (entry.result() for entry in entries)
    found: list[QueriedLine] = []
    size = 0
    for line in islice(_thinned(lines, wanted.interval) if wanted.interval else lines, wanted.limit):
        size += len(line.line)
        if size > MAX_RESULT_CHARACTERS:
            raise ExecutionError(f"the answer is larger than {MAX_RESULT_CHARACTERS} characters; lower the limit")
        found.append(line)
    return found


def _thinned(lines: Iterator[QueriedLine], interval: int) -> Iterator[QueriedLine]:
    last: int | None = None
    for line in lines:
        if last is None or abs(line.time_ns - last) >= interval:
            last = line.time_ns
            yield line
