"""The limits of one query: samples that it may hold in memory, and time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from obsctl.languages.errors import ExecutionError, QueryTimeoutError

MAX_SAMPLES = 50_000_000
TIMEOUT_SECONDS = 120.0


@dataclass
class Budget:
    """What is left for one query: samples in memory at a time, and time, unless it is ``cancelled`` before."""

    max_samples: int = MAX_SAMPLES
    seconds: float = TIMEOUT_SECONDS
    held: int = 0
    cancelled: Callable[[], bool] = lambda: False
    _deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.seconds

    def take(self, samples: int) -> None:
        """Count samples that are now in memory. ``ExecutionError`` when they are too many."""
        self.held += samples
        if self.held > self.max_samples:
            raise ExecutionError("query processing would load too many samples into memory in query execution")

    def check(self) -> None:
        """``QueryTimeoutError`` when the time is up; ``ExecutionError`` when nobody waits for the answer any more."""
        if self.cancelled():
            raise ExecutionError("query was canceled in expression evaluation")
        if time.monotonic() > self._deadline:
            raise QueryTimeoutError("query timed out in expression evaluation")
