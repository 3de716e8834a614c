"""What receivers write to and queries read from. Nothing here knows SQLite.

Readers may be called from any thread, and see everything whose ``Accepted`` was resolved before the call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from obsctl.embedded.records import Batch, ExemplarRecord, LogRecord, MetadataRecord
from obsctl.embedded.spans import StoredResource, StoredScope, StoredSpan
from obsctl.languages.labels import Labels, Matcher


class StoreFullError(Exception):
    """The write queue is full; try again after ``retry_after`` seconds."""

    retry_after = 1


class StoreFailedError(Exception):
    """The database could not write (disk full, file damaged); set on the batch's future with the cause chained."""


class DamagedError(Exception):
    """Something stored cannot be read back; the message says what, and what to do."""


CONFLICT = "duplicate sample for timestamp"
"""Prometheus' words for a sample that conflicts; see ``Written``."""
SPAN_CONFLICT = "span sent again with no more in it: the other one is kept"
SPAN_REPLACED = "span sent again with more in it: it replaced the other"


@dataclass(frozen=True)
class UnwrittenSamples:
    """The places in a batch of samples that were not stored, by what became of them; see ``Written``."""

    repeated: frozenset[int] = frozenset()
    conflicting: frozenset[int] = frozenset()
    no_room: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Written:
    """What a committed batch came to; records for which there was no room are in none of the counts.

    A duplicate is an item that was stored before; it is not stored twice. A sample that conflicts has another value
    than one stored for the same series and time, which stays; a span that conflicts has less in it than one stored
    under the same ids. ``replaced`` of the stored ones took the place of one with less in it. ``known_spans`` are the
    places in the batch of spans whose ids were there before, whatever became of them.
    """

    stored: int
    duplicates: int = 0
    conflicting: int = 0
    replaced: int = 0
    known_spans: frozenset[int] = frozenset()
    unwritten: UnwrittenSamples = field(default=UnwrittenSamples(), compare=False)


@dataclass(frozen=True)
class WriteCounts:
    """What became of the records of one table, in the words of ``Written``, and how many had no room."""

    stored: int
    no_room: int = 0
    conflicting: int = 0
    replaced: int = 0
    known: frozenset[int] = frozenset()
    unwritten: UnwrittenSamples = UnwrittenSamples()


class Sink(Protocol):
    """The one way in."""

    def submit(self, batch: Batch) -> Future[Written]:
        """Queue a batch; the future resolves once it is on disk. ``StoreFullError`` when the queue is full."""
        ...


@dataclass(frozen=True)
class StoredSeries:
    """One stored series; ``labels`` include ``__name__``."""

    id: int
    labels: Labels

    @property
    def name(self) -> str:
        """The metric name."""
        if self.labels and self.labels[0][0] == "__name__":  # only capitals sort before it
            return self.labels[0][1]
        return next((value for name, value in self.labels if name == "__name__"), "")


@dataclass(frozen=True)
class Samples:
    """Samples of several series, one series after another and each in time order; staleness markers included.

    Those of row r are ``[bounds[r]:bounds[r + 1]]`` of ``times`` (int64 milliseconds) and ``values`` (float64).
    """

    times: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    bounds: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Points:
    """Samples of one series in time order: int64 milliseconds, float64 values (staleness markers included)."""

    times: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]


@dataclass(frozen=True)
class LogVolume:
    """What a stream has in one step of a time range: lines, and the bytes of their text."""

    labels: Labels
    step: int
    entries: int
    bytes: int


@dataclass(frozen=True)
class ColumnIn:
    """A column of a span is one of these: names as text, kinds and statuses as OTLP's numbers."""

    column: Literal["service", "name", "kind", "status"]
    values: frozenset[str | int]


@dataclass(frozen=True)
class DurationBetween:
    """A span took at least and at most so long (ns); None is open."""

    least: int | None
    most: int | None


@dataclass(frozen=True)
class HasAttribute:
    """The span, one of its events or of its links has an attribute, with one of these values unless they are None.

    Numbers are equal across kinds, and elements of arrays count. With ``nested``, arrays, maps and bytes may be meant.
    """

    key: str
    values: tuple[str | bool | int | float, ...] | None = None
    nested: bool = False


@dataclass(frozen=True)
class ResourceMatches:
    """Something holds for the span's resource."""

    test: Callable[[StoredResource], bool]


@dataclass(frozen=True)
class ScopeMatches:
    """Something holds for the span's instrumentation scope."""

    test: Callable[[StoredScope], bool]


@dataclass(frozen=True)
class Conjunction:
    """Predicates that must all hold."""

    parts: tuple[SpanPredicate, ...]


@dataclass(frozen=True)
class Disjunction:
    """Predicates of which one must hold."""

    parts: tuple[SpanPredicate, ...]


SpanPredicate = ColumnIn | DurationBetween | HasAttribute | ResourceMatches | ScopeMatches | Conjunction | Disjunction


@dataclass(frozen=True)
class SpanScan:
    """Which spans to walk; every given condition holds on one span. Times and durations in nanoseconds.

    ``prefilter`` is what the caller will test next: the store may leave out spans for which it does not hold, but need
    not.
    """

    service: str | None = None
    operation: str | None = None
    start_min: int | None = None
    start_max: int | None = None
    duration_min: int | None = None
    duration_max: int | None = None
    prefilter: SpanPredicate | None = None


class SpanReader(Protocol):
    """Stored spans."""

    def services(self) -> list[str]:
        """Names of all services, sorted."""
        ...

    def operations(self, service: str) -> list[tuple[str, int]]:
        """Distinct (span name, span kind number) of a service, sorted."""
        ...

    def trace(self, trace_id: bytes) -> list[StoredSpan]:
        """All spans of a trace by start time; empty when there is none."""
        ...

    def scan(self, scan: SpanScan) -> Iterator[StoredSpan]:
        """Matching spans, newest start first. Lazy: the caller stops when it has enough."""
        ...


class SeriesReader(Protocol):
    """Stored series. Times are milliseconds, both ends included; None is open."""

    def series(
        self, matchers: Sequence[Matcher], start: int | None = None, end: int | None = None
    ) -> list[StoredSeries]:
        """Series with all matchers and, where a time is given, at least one sample in it, in order of labels."""
        ...

    def samples(self, series: Sequence[StoredSeries], start: int, end: int) -> Samples:
        """Samples of series that ``series`` gave, a row for each in the order given (an empty one if it has none)."""
        ...


class SampleReader(SeriesReader, Protocol):
    """Stored metrics; each call sees what is there by then."""

    def snapshot(self) -> AbstractContextManager[SeriesReader]:
        """What is stored now, for one thread: all its answers are of one moment. Keep it short."""
        ...

    def metadata(self) -> list[MetadataRecord]:
        """Type and help of every family seen."""
        ...

    def exemplars(self, matchers: Sequence[Matcher], start: int, end: int) -> list[ExemplarRecord]:
        """Exemplars of matching series in time order."""
        ...


class LogReader(Protocol):
    """Stored logs. Times are nanoseconds, start included, end excluded."""

    def streams(self, matchers: Sequence[Matcher], start: int | None = None, end: int | None = None) -> list[Labels]:
        """Label sets of matching streams, with at least one line in the time given."""
        ...

    def lines(
        self,
        matchers: Sequence[Matcher],
        start: int,
        end: int,
        *,
        direction: Literal["backward", "forward"] = "backward",
        metadata: Mapping[str, str] | None = None,
        contains: Sequence[str] = (),
    ) -> Iterator[LogRecord]:
        """Matching lines in time order. Lazy. ``metadata`` are exact values that lines must carry: a hint that lets
        the store pass over others, always obeyed. ``contains`` are texts that the caller will look for in lines: those
        without them may be left out, and need not be.
        """
        ...

    def volumes(self, matchers: Sequence[Matcher], start: int, end: int, step: int) -> list[LogVolume]:
        """How much matching streams have in each step (ns) from ``start`` on; what is empty is left out."""
        ...

    def arrivals(self, matchers: Sequence[Matcher], after: int | None, limit: int) -> tuple[list[LogRecord], int]:
        """Matching ones of the next ``limit`` lines in order of arrival, and the place to go on from.

        ``after`` is such a place; None is the end of what is stored now, where nothing is returned.
        """
        ...


@dataclass(frozen=True)
class RetentionLimits:
    """What came more than ``age_seconds`` ago goes; the oldest goes first while more than ``size_bytes`` are used."""

    age_seconds: float
    size_bytes: int


FOREVER = RetentionLimits(float("inf"), 1 << 62)
