"""Between receivers and store: spans that were stored are counted on a thread of their own, and written as samples."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from itertools import chain

from obsctl.embedded.records import Batch, SpanRecord
from obsctl.embedded.self_metrics import SPANS_NOT_COUNTED, SelfMetrics
from obsctl.embedded.spanmetrics import graph, red
from obsctl.embedded.spanmetrics.instruments import written
from obsctl.embedded.store.base import Sink, StoreFullError, Written

INTERVAL = 2.0
"""How often samples are written, in seconds."""

_PAUSE = 0.5
_MAX_WAITING = 100_000
"""Spans that may wait to be counted; more than these are not counted, and their number is told."""


class SpanMetrics:
    """A ``Sink`` that passes everything on. A span whose ids were stored before is not counted again."""

    def __init__(self, sink: Sink, metrics: SelfMetrics) -> None:
        self._sink = sink
        self._metrics = metrics
        metrics.add(SPANS_NOT_COUNTED, 0)
        self._queue: deque[Sequence[SpanRecord]] = deque()
        self._waiting = 0
        self._lock = threading.Lock()
        self._red, self._graph = red.Red(), graph.Graph()
        self._described = False
        self._emitted = time.time()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="span-metrics", daemon=True)
        self._thread.start()

    def submit(self, batch: Batch) -> Future[Written]:
        """See ``Sink.submit``."""
        done = self._sink.submit(batch)
        if batch.spans:
            done.add_done_callback(partial(self._stored, batch.spans))
        return done

    def close(self) -> None:
        """Count and write what waits, then end."""
        self._stop.set()
        self._thread.join()

    def _stored(self, sent: Sequence[SpanRecord], done: Future[Written]) -> None:
        if done.cancelled() or done.exception() is not None or not done.result().stored:
            return
        known = done.result().known_spans
        spans = [span for index, span in enumerate(sent) if index not in known] if known else sent
        if not spans:
            return
        with self._lock:
            room = self._waiting + len(spans) <= _MAX_WAITING
            if room:
                self._queue.append(spans)
                self._waiting += len(spans)
        if not room:
            self._metrics.add(SPANS_NOT_COUNTED, len(spans))

    def _work(self) -> None:
        stopped = False
        while not stopped:
            stopped = self._stop.wait(_PAUSE)
            now = time.time()
            self._count(now)
            if stopped or not 0 <= now - self._emitted < INTERVAL:
                self._emit(now)

    def _count(self, now: float) -> None:
        with self._lock:
            batches = list(self._queue)
            self._queue.clear()
            self._waiting = 0
        # All at once: most of the work is by label set, not by span.
        spans = list(chain.from_iterable(batches))
        if spans:
            self._red.observe(spans, now)
        self._graph.observe(spans, now)

    def _emit(self, now: float) -> None:
        """Write what changed. When there is no room it stays to be written the next time."""
        before, self._emitted = min(self._emitted, now - 0.001), now
        rows = [*self._red.rows.due(now), *self._graph.rows.due(now)]
        if not rows:
            return
        batch = Batch(
            samples=[sample for row in rows for sample in row.samples(now, before)],
            exemplars=self._red.exemplars(),
            metadata=[] if self._described else [*red.described(), *graph.described()],
        )
        try:
            self._sink.submit(batch)
        except StoreFullError:
            return
        self._described = True
        written(rows, now)
