"""The store: every table behind the protocols of ``base``."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

from obsctl.embedded.records import Batch, ExemplarRecord, FilePosition, LogRecord, MetadataRecord
from obsctl.embedded.self_metrics import (
    INDEX_ITEMS,
    INDEX_SECONDS,
    QUEUE_ITEMS,
    QUEUE_LIMIT,
    SERIES,
    STORE_BYTES,
    STREAMS,
    SelfMetrics,
)
from obsctl.embedded.spans import StoredSpan
from obsctl.embedded.store.background import BlockIndexer, IndexBacklog
from obsctl.embedded.store.base import (
    FOREVER,
    LogVolume,
    RetentionLimits,
    Samples,
    SeriesReader,
    SpanScan,
    StoredSeries,
    WriteCounts,
    Written,
)
from obsctl.embedded.store.database import WAY_OUT, Database
from obsctl.embedded.store.dictionary import Dictionary
from obsctl.embedded.store.logs.line_blocks import LINES
from obsctl.embedded.store.logs.lines import LogTable
from obsctl.embedded.store.maintenance import Maintenance
from obsctl.embedded.store.metrics.samples import SampleTable
from obsctl.embedded.store.schema import REFRESH_SECONDS
from obsctl.embedded.store.traces.span_blocks import SPANS
from obsctl.embedded.store.traces.spans import SpanTable
from obsctl.embedded.store.writer import StoreWriter
from obsctl.errors import StartError
from obsctl.languages.labels import Labels, Matcher

SERIES_LIMIT = 200_000
STREAM_LIMIT = 20_000
"""Label sets are kept in memory, so there is an end to them."""


class Tables:
    """All tables together, as the writer sees them."""

    def __init__(self, database: Database) -> None:
        self._refreshed = 0.0
        self.names: Dictionary[str] = Dictionary("names")
        self.blobs: Dictionary[bytes] = Dictionary("blobs")
        self.spans = SpanTable(database, self.names, self.blobs)
        self.samples = SampleTable(database, SERIES_LIMIT)
        self.logs = LogTable(database, STREAM_LIMIT)

    def write(self, connection: sqlite3.Connection, batch: Batch) -> Written:
        """Insert one batch; items for which there was no room are neither stored nor duplicates."""
        # The wall clock, because ``seen`` is wall-clock time; it may have been set back.
        if not 0 <= time.time() - self._refreshed < REFRESH_SECONDS:
            self.forget()
        spans = self.spans.write(connection, batch.spans) if batch.spans else WriteCounts(0)
        counts = [spans]
        counts += [WriteCounts(*self.logs.write(connection, batch.logs))] if batch.logs else []
        samples = self.samples.write(connection, batch.samples) if batch.samples else WriteCounts(0)
        counts.append(samples)
        counts += [self.samples.write_exemplars(connection, batch.exemplars)] if batch.exemplars else []
        if batch.metadata:
            self.samples.write_metadata(connection, batch.metadata)
        if batch.positions:
            self.logs.write_positions(connection, batch.positions)
        stored = len(batch.metadata) + sum(one.stored for one in counts)
        conflicting = sum(one.conflicting for one in counts)
        duplicates = batch.items - stored - conflicting - sum(one.no_room for one in counts)
        return Written(stored, duplicates, conflicting, spans.replaced, spans.known, samples.unwritten)

    def commit(self) -> None:
        """Show to readers what was written."""
        self.samples.commit()
        self.logs.labels.commit()

    def rollback(self) -> None:
        """Forget what was written."""
        self.samples.rollback()
        self.logs.labels.rollback()
        self.forget()

    def forget(self) -> None:
        """Drop what is remembered of dictionaries; see ``Dictionary``."""
        self._refreshed = time.time()
        self.names.forget()
        self.blobs.forget()
        self.spans.forget()


def _opened(database: Database) -> Tables:
    """Read what is kept in memory, so that a damaged file is reported before anything starts. ``StartError``."""
    try:
        return Tables(database)
    except (sqlite3.DatabaseError, ValueError, TypeError) as error:
        database.close()
        raise StartError(f"{database.path} is damaged: {error}.", hint=WAY_OUT) from error


class SqliteStore:
    """``base.Store`` in one file. Raises ``StartError`` when the folder or the file cannot be used."""

    def __init__(
        self,
        folder: Path,
        *,
        queue_items: int = 200_000,
        retention: RetentionLimits = FOREVER,
        metrics: SelfMetrics | None = None,
    ) -> None:
        self.database = Database(folder)
        self.metrics = metrics or SelfMetrics()
        self.tables = _opened(self.database)
        self.writer = StoreWriter(self.database.writer, self.tables, queue_items, self.metrics)
        self.maintenance = Maintenance(self.database, self.tables, self.writer, retention, self.metrics)
        self.span_indexer = BlockIndexer(SPANS, self.database, self.writer, self.metrics)
        self.line_indexer = BlockIndexer(LINES, self.database, self.writer, self.metrics)
        self._show_backlog("traces", self.span_indexer.backlog)
        self._show_backlog("logs", self.line_indexer.backlog)
        self.metrics.gauge(QUEUE_ITEMS, lambda: self.writer.items)
        self.metrics.gauge(QUEUE_LIMIT, lambda: queue_items)
        self.metrics.gauge(SERIES, lambda: len(self.tables.samples.labels))
        self.metrics.gauge(STREAMS, lambda: len(self.tables.logs.labels))
        self.metrics.gauge(STORE_BYTES, self.database.file_bytes, "file")
        self.metrics.gauge(STORE_BYTES, lambda: self.database.file_bytes("-wal"), "write-ahead log")

    def _show_backlog(self, signal: str, backlog: Callable[[], IndexBacklog]) -> None:
        self.metrics.gauge(INDEX_ITEMS, lambda: backlog().rows, signal)
        self.metrics.gauge(INDEX_SECONDS, lambda: backlog().seconds, signal)

    def submit(self, batch: Batch) -> Future[Written]:
        """See ``Sink.submit``."""
        return self.writer.submit(batch)

    def services(self) -> list[str]:
        """See ``SpanReader.services``."""
        return self.tables.spans.services()

    def operations(self, service: str) -> list[tuple[str, int]]:
        """See ``SpanReader.operations``."""
        return self.tables.spans.operations(service)

    def trace(self, trace_id: bytes) -> list[StoredSpan]:
        """See ``SpanReader.trace``."""
        return self.tables.spans.trace(trace_id)

    def scan(self, scan: SpanScan) -> Iterator[StoredSpan]:
        """See ``SpanReader.scan``."""
        return self.tables.spans.scan(scan)

    def snapshot(self) -> AbstractContextManager[SeriesReader]:
        """See ``SampleReader.snapshot``."""
        return self.tables.samples.snapshot()

    def series(
        self, matchers: Sequence[Matcher], start: int | None = None, end: int | None = None
    ) -> list[StoredSeries]:
        """See ``SeriesReader.series``."""
        return self.tables.samples.series(matchers, start, end)

    def samples(self, series: Sequence[StoredSeries], start: int, end: int) -> Samples:
        """See ``SeriesReader.samples``."""
        return self.tables.samples.samples(series, start, end)

    def metadata(self) -> list[MetadataRecord]:
        """See ``SampleReader.metadata``."""
        return self.tables.samples.metadata()

    def exemplars(self, matchers: Sequence[Matcher], start: int, end: int) -> list[ExemplarRecord]:
        """See ``SampleReader.exemplars``."""
        return self.tables.samples.exemplars(matchers, start, end)

    def streams(self, matchers: Sequence[Matcher], start: int | None = None, end: int | None = None) -> list[Labels]:
        """See ``LogReader.streams``."""
        return self.tables.logs.streams(matchers, start, end)

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
        """See ``LogReader.lines``."""
        return self.tables.logs.lines(matchers, start, end, direction=direction, metadata=metadata, contains=contains)

    def volumes(self, matchers: Sequence[Matcher], start: int, end: int, step: int) -> list[LogVolume]:
        """See ``LogReader.volumes``."""
        return self.tables.logs.volumes(matchers, start, end, step)

    def arrivals(self, matchers: Sequence[Matcher], after: int | None, limit: int) -> tuple[list[LogRecord], int]:
        """See ``LogReader.arrivals``."""
        return self.tables.logs.arrivals(matchers, after, limit)

    def positions(self) -> list[FilePosition]:
        """How far every followed log file was read."""
        return self.tables.logs.positions()

    def close(self) -> None:
        """See ``Store.close``."""
        self.span_indexer.close()
        self.line_indexer.close()
        self.maintenance.close()
        self.writer.close()
        self.database.close()
