"""What an evaluation carries along: where samples come from, the steps, limits and annotations."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from obsctl.embedded.query.vectors.annotations import Notes
from obsctl.embedded.query.vectors.values import Scalar, Steps, Text, Value, Vector
from obsctl.embedded.store.base import SeriesReader
from obsctl.languages.errors import ExecutionError, QueryTimeoutError
from obsctl.languages.promql.tree import Call

LOOKBACK_MS = 300_000
MAX_SAMPLES = 50_000_000
TIMEOUT_SECONDS = 120.0
INTERVAL_MS = 60_000
"""Steps of a subquery that names none: Prometheus' default evaluation interval."""


@dataclass
class Budget:
    """What is left for one query: samples in memory at a time, and time."""

    max_samples: int = MAX_SAMPLES
    seconds: float = TIMEOUT_SECONDS
    held: int = 0
    _deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.seconds

    def take(self, samples: int) -> None:
        """Count samples that are now in memory. ``ExecutionError`` when they are too many."""
        self.held += samples
        if self.held > self.max_samples:
            raise ExecutionError("query processing would load too many samples into memory in query execution")

    def check(self) -> None:
        """``QueryTimeoutError`` when the time is up."""
        if time.monotonic() > self._deadline:
            raise QueryTimeoutError("query timed out in expression evaluation")


@dataclass(frozen=True)
class Query:
    """One evaluation. ``span`` are the first and last step of the whole query (``@ start()``); times in ms."""

    samples: SeriesReader
    steps: Steps
    span: tuple[int, int]
    lookback: int = LOOKBACK_MS
    budget: Budget = field(default_factory=Budget)
    notes: Notes = field(default_factory=Notes)

    def at(self, steps: Steps) -> Query:
        """The same at other steps."""
        return replace(self, steps=steps)


@dataclass(frozen=True)
class Given:
    """What a function gets: the call, and its arguments evaluated at every step (a range vector is not among them)."""

    query: Query
    call: Call
    args: tuple[Value, ...]

    def vector(self, index: int) -> Vector:
        """An argument that is an instant vector."""
        value = self.args[index]
        assert isinstance(value, Vector)
        return value

    def scalar(self, index: int) -> Scalar:
        """An argument that is a scalar."""
        value = self.args[index]
        assert isinstance(value, Scalar)
        return value

    def text(self, index: int) -> str:
        """An argument that is a string."""
        value = self.args[index]
        assert isinstance(value, Text)
        return value.value
