"""The context of an evaluation: where samples come from, the steps, limits and annotations; the shapes of functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from obsctl.embedded.query.vectors.annotations import Notes
from obsctl.embedded.query.vectors.limits import Budget
from obsctl.embedded.query.vectors.values import Bools, Floats, Scalar, Steps, StringValue, Value, Vector, Windows
from obsctl.embedded.store.base import SeriesReader
from obsctl.languages.promql.tree import Call

LOOKBACK_MS = 300_000
INTERVAL_MS = 60_000
"""Steps of a subquery that names none: Prometheus' default evaluation interval."""


@dataclass(frozen=True)
class Evaluation:
    """One evaluation. ``span`` are the first and last step of the whole query (``@ start()``); times in ms."""

    samples: SeriesReader
    steps: Steps
    span: tuple[int, int]
    lookback: int = LOOKBACK_MS
    budget: Budget = field(default_factory=Budget)
    notes: Notes = field(default_factory=Notes)

    def at(self, steps: Steps) -> Evaluation:
        """The same at other steps."""
        return replace(self, steps=steps)


@dataclass(frozen=True)
class Given:
    """What a function gets: the call, and its arguments evaluated at every step (a range vector is not among them)."""

    query: Evaluation
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
        assert isinstance(value, StringValue)
        return value.value


Plain = Callable[[Given], Value]
"""A function of evaluated arguments."""

Ranged = Callable[[Given, Windows], tuple[Floats, Bools]]
"""A function that also gets the windows of its range vector. Returns values and where there are any, both (S, T)."""
