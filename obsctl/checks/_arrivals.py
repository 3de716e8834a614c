"""When telemetry that was sent was first found: what a poller saw at each look, for the lag of a signal."""

from __future__ import annotations

import statistics
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from obsctl.checks.base import Signal, SignalLag

NEAR = 0.5
"""Seconds: what the first look finds within them of being sent has a lag that is known well enough."""


@dataclass(frozen=True)
class Arrival:
    """One thing that was sent, in seconds since the epoch: a span, a line, a count.

    ``absent_at`` is the last look that did not find it, 0.0 for none; ``found_at`` the first that did, None for none.
    """

    sent_at: float
    absent_at: float = 0.0
    found_at: float | None = None

    @property
    def proven(self) -> float:
        """Seconds after which it is known that it was not there."""
        return max(0.0, self.absent_at - self.sent_at)


class Arrivals:
    """Arrivals of named things that were all sent at the same moment."""

    def __init__(self, sent_at: float) -> None:
        self._sent_at = sent_at
        self._asked_at = 0.0
        self._asked_before = 0.0
        self._arrived: dict[str, Arrival] = {}
        self._expected: dict[str, None] = {}

    def ask(self) -> None:
        """A look begins."""
        self._asked_before, self._asked_at = self._asked_at, time.time()

    def looked(self, found: Collection[str], expected: Collection[str]) -> None:
        """The look that began last found these, of those that are ``expected``."""
        self._expected = dict.fromkeys(expected)
        for name in found:
            self._arrived.setdefault(name, Arrival(self._sent_at, self._asked_before, time.time()))

    def so_far(self) -> tuple[Arrival, ...]:
        """Each expected thing, found or not."""
        return tuple(self._arrived.get(name) or Arrival(self._sent_at, self._asked_at) for name in self._expected)


def lag_of(signal: Signal, arrivals: Sequence[Arrival]) -> SignalLag | None:
    """The lag of a signal; None where nothing was waited for, or no look was answered.

    What the first look finds tells little when it was sent long before: it counts only where all of it is so.
    """
    arrivals = [a for a in arrivals if a.absent_at or a.found_at is not None]
    if not arrivals:
        return None
    took = [(a.found_at - a.sent_at, a.proven) for a in arrivals if a.found_at is not None]
    exact = [seconds for seconds, proven in took if proven or seconds <= NEAR]
    known = exact or [min(seconds for seconds, _ in took)] if took else []
    return SignalLag(
        signal,
        p50=statistics.median(known) if known else 0.0,
        worst=max(known, default=0.0),
        items=len(took),
        missing=len(arrivals) - len(took),
        at_most=not exact,
        proven=max(a.proven for a in arrivals),
    )
