"""Waiting for a condition, always with a deadline: ``until`` it holds, or see that it ``stays``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock, and a way to stop waiting before it."""

    at: float
    cancelled: threading.Event = field(default_factory=threading.Event, compare=False)

    @classmethod
    def after(cls, seconds: float, cancelled: threading.Event | None = None) -> Deadline:
        """A deadline ``seconds`` from now."""
        return cls(time.monotonic() + seconds, cancelled or threading.Event())

    @property
    def left(self) -> float:
        """Seconds left; 0.0 once it has passed or was cancelled."""
        return 0.0 if self.cancelled.is_set() else max(0.0, self.at - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether there is no time left."""
        return self.left == 0.0

    def pause(self, seconds: float) -> None:
        """Wait up to ``seconds``, less if the deadline comes first or the wait is cancelled."""
        self.cancelled.wait(min(seconds, self.left))


def until(probe: Callable[[], T | None], deadline: Deadline, *, interval: float = 0.05) -> T | None:
    """Ask ``probe`` until it gives something truthy; its last answer when time ran out.

    The probe is asked at least once, and once more at the end, so a slow machine never loses by a missed look.
    """
    while not (answer := probe()):
        if deadline.passed:
            return answer
        deadline.pause(interval)
    return answer


def stays(probe: Callable[[], T], quiet: float, deadline: Deadline, *, interval: float = 0.05) -> tuple[T, bool]:
    """The last answer of ``probe``, and whether it was the same for ``quiet`` seconds before the deadline."""
    last, since = probe(), time.monotonic()
    while time.monotonic() - since < quiet:
        if deadline.passed:
            return last, False
        deadline.pause(interval)
        now = probe()
        if now != last:
            last, since = now, time.monotonic()
    return last, True
