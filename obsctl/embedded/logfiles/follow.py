"""Following log files: what is appended is in the store a moment later, with the position in the same transaction.

So a restart neither loses a line nor stores one twice. When the store is full, reading waits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from obsctl.embedded.config import LogFields, LogFiles
from obsctl.embedded.logfiles.lines import parse
from obsctl.embedded.logfiles.tail import Tail, TailedLine, renamed
from obsctl.embedded.records import Batch, FilePosition, LogRecord, log_time_fault
from obsctl.embedded.redaction import Redactor
from obsctl.embedded.self_metrics import (
    ACCEPTED,
    DUPLICATE,
    LOG_LINES_DROPPED,
    LOG_LINES_TRUNCATED,
    RECEIVED,
    SelfMetrics,
)
from obsctl.embedded.store.base import Sink, StoreFailedError, StoreFullError
from obsctl.languages.globs import matching_files

_POLL_SECONDS = 0.05
_GLOB_SECONDS = 0.25
_GLOB_SHARE = 10
"""How much longer than a look for files the pause after it is: ``**`` may find many folders."""

_CHUNKS = 8
"""Reads of one file before the next one has its turn."""

_REMEMBERED = 10_000
"""Files that are gone and whose positions are kept."""

_LABELS = ("logs", "file")
_OFF = "time too old or too new"


@dataclass(frozen=True)
class _Followed:
    tail: Tail
    labels: Mapping[str, str]


class LogFollower:
    """A thread that follows all files."""

    def __init__(
        self,
        rules: Iterable[LogFiles],
        fields: LogFields,
        sink: Sink,
        redactor: Redactor,
        metrics: SelfMetrics,
        positions: Iterable[FilePosition] = (),
    ) -> None:
        self._rules = tuple(rules)
        self._fields = fields
        self._sink = sink
        self._redactor = redactor
        self._metrics = metrics
        self._left = {(position.device, position.inode): position for position in positions}
        self._followed: dict[str, _Followed] = {}
        self._globbed_at = float("-inf")
        self._glob_pause = _GLOB_SECONDS
        self._arrival = 0
        self._stop = threading.Event()
        for family in (RECEIVED, ACCEPTED, DUPLICATE):
            metrics.add(family, 0, *_LABELS)
        for reason in ("empty", _OFF, "too many streams"):
            metrics.add(LOG_LINES_DROPPED, 0, reason)
        metrics.add(LOG_LINES_TRUNCATED, 0)
        self._thread = threading.Thread(target=self._work, name="log-files", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Store what is there, then stop."""
        self._stop.set()
        self._thread.join()
        for followed in self._followed.values():
            followed.tail.close()

    def _work(self) -> None:
        while not self._stop.wait(_POLL_SECONDS):
            self._poll()
        self._globbed_at = float("-inf")
        self._poll()

    def _poll(self) -> None:
        begun = time.monotonic()
        if begun - self._globbed_at >= self._glob_pause:
            self._discover()
            self._globbed_at = time.monotonic()
            self._glob_pause = max(_GLOB_SECONDS, _GLOB_SHARE * (self._globbed_at - begun))
        for path, followed in list(self._followed.items()):
            try:
                self._follow(path, followed)
            except OSError:
                self._leave(self._followed.pop(path).tail)  # if it can be read again, it is discovered again

    def _discover(self) -> None:
        for rule in self._rules:
            for path in matching_files(rule.path):
                if path not in self._followed:
                    self._open(path, rule.labels)

    def _open(self, path: str, labels: Mapping[str, str]) -> None:
        """Follow a file from where it was left, under whatever name; first finish the one that had this name."""
        try:
            tail = Tail(path)
        except OSError:
            return  # it vanished, or may not be read; the next discovery tries again
        if any(one.tail.identity == tail.identity for one in self._followed.values()):
            tail.close()  # renamed, and still followed under its old name
            return
        self._finish(path, tail, labels)
        left = self._left.pop(tail.identity, None)
        if left is not None:
            tail.resume(left)
        self._followed[path] = _Followed(tail, labels)
        if left is not None and left.path != path:
            self._store(Batch(positions=(tail.position,)))

    def _finish(self, path: str, successor: Tail, labels: Mapping[str, str]) -> None:
        """Read what was appended to a file between our last look, before a restart, and its rotation."""
        left = next((one for one in self._left.values() if one.path == path), None)
        if left is None or (left.device, left.inode) == successor.identity:
            return
        moved = renamed(left)
        if moved is None:
            return
        rest = Tail(moved, name=path)
        rest.resume(left)
        self._drain(rest, labels, final=True)
        self._leave(rest)

    def _follow(self, path: str, followed: _Followed) -> None:
        replaced = followed.tail.replaced
        self._drain(followed.tail, followed.labels, final=replaced)
        if replaced and not self._stop.is_set():
            self._leave(self._followed.pop(path).tail)
            if Path(path).is_file():
                self._open(path, followed.labels)

    def _leave(self, tail: Tail) -> None:
        """Close a file and remember how far it was read: it may turn up under another name."""
        while len(self._left) >= _REMEMBERED:
            self._left.pop(next(iter(self._left)))
        self._left[tail.identity] = tail.position
        tail.close()

    def _drain(self, tail: Tail, labels: Mapping[str, str], *, final: bool = False) -> None:
        """Read on, a megabyte a transaction; to the end if the file is ``final``."""
        for _ in count() if final else range(_CHUNKS):
            lines = tail.read(final=final)
            if lines:
                parsed = [self._record(line, labels) for line in lines if line.text.strip()]
                records = [record for record in parsed if not log_time_fault(record.time_ns, self._arrival)]
                self._metrics.add(LOG_LINES_DROPPED, len(lines) - len(parsed), "empty")
                self._metrics.add(LOG_LINES_DROPPED, len(parsed) - len(records), _OFF)
                self._metrics.add(LOG_LINES_TRUNCATED, sum(line.cut for line in lines))
                self._store(Batch(logs=records, positions=(tail.position,)))
            if tail.at_end:
                return

    def _record(self, line: TailedLine, labels: Mapping[str, str]) -> LogRecord:
        # Every arrival is a nanosecond after the one before, which keeps equal lines apart and in order.
        self._arrival = max(time.time_ns(), self._arrival + 1)
        return parse(line.text, self._arrival, labels, self._fields, self._redactor)

    def _store(self, batch: Batch) -> None:
        """Store, however long it takes; meanwhile nothing more is read."""
        self._metrics.add(RECEIVED, len(batch.logs), *_LABELS)
        written = None
        while written is None:
            try:
                written = self._sink.submit(batch).result()
            except (StoreFullError, StoreFailedError):
                if self._stop.wait(_POLL_SECONDS):
                    return
        self._metrics.add(ACCEPTED, written.stored, *_LABELS)
        self._metrics.add(DUPLICATE, written.duplicates, *_LABELS)
        self._metrics.add(LOG_LINES_DROPPED, len(batch.logs) - written.stored - written.duplicates, "too many streams")
