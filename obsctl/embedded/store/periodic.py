"""Threads that do background work on the store again and again."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError

from obsctl.embedded.self_metrics import MAINTENANCE_FAILURES, OwnMetrics
from obsctl.embedded.store.base import DamagedError


class Periodic:
    """Calls ``work`` every ``interval`` seconds until it is closed or the writer has stopped. Failures are counted."""

    def __init__(self, name: str, interval: float, work: Callable[[], None], metrics: OwnMetrics) -> None:
        self._interval = interval
        self._work = work
        self._metrics = metrics
        self._stop = threading.Event()
        metrics.add(MAINTENANCE_FAILURES, 0)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def stopping(self) -> bool:
        """Whether to end between two pieces of work."""
        return self._stop.is_set()

    def close(self) -> None:
        """Stop between two pieces of work."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                self._work()
            except CancelledError:
                return
            except (sqlite3.Error, OSError, DamagedError):
                self._metrics.add(MAINTENANCE_FAILURES)
