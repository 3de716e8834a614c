"""One look at a backend, shared by every check that needs it: fifteen checks must not fetch one trace fifteen times."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from obsctl.errors import BackendError, UnsupportedError
from obsctl.wait import Deadline, until

T = TypeVar("T")

PATIENCE = 1.0
"""How long, in seconds, a backend may stumble before its error is an answer."""

SHORTEST, LONGEST = 0.05, 0.5
"""Pause between two looks, in seconds; it grows with the time spent waiting."""


class Shared:
    """What the checks of one run hold in common, made by whoever asks first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[type, object] = {}

    def once(self, kind: type[T], make: Callable[[], T]) -> T:
        """The one ``kind`` of this run."""
        with self._lock:
            found = self._made.get(kind)
            if not isinstance(found, kind):
                found = make()
                self._made[kind] = found
            return found


class Board(ABC):
    """A backend's answers about one run. Whoever waits looks on behalf of all; nobody looks twice at the same time."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._began = time.monotonic()
        self._next_look = 0.0
        self._failing_since: float | None = None
        self._error: BackendError | None = None
        self._given_up = False
        self._settled = False

    @abstractmethod
    def look(self, deadline: Deadline) -> bool:
        """Ask the backend once. True when everything expected is there and has been unchanged for a quiet period."""

    def settle(self, deadline: Deadline) -> bool:
        """Look until settled, or until time is up (False).

        Raises BackendError when the backend keeps failing, or was failing when time ran out. One that was given up is
        not asked again: whoever waited for the same answer gets the same error.
        """
        settled = bool(until(lambda: self._look_if_due(deadline), deadline, interval=SHORTEST))
        if not settled and self._error:
            raise self._error
        return settled

    def _look_if_due(self, deadline: Deadline) -> bool:
        with self.lock:
            if self._error and self._given_up:
                raise self._error
            if not self._settled and (time.monotonic() >= self._next_look or deadline.passed):
                self._settled = self._look_patiently(deadline)
                waited = time.monotonic() - self._began
                self._next_look = time.monotonic() + min(LONGEST, max(SHORTEST, waited / 10))
            return self._settled

    def _look_patiently(self, deadline: Deadline) -> bool:
        began = time.monotonic()
        try:
            settled = self.look(deadline)
        except BackendError as error:
            self._error = error
            self._failing_since = began if self._failing_since is None else self._failing_since
            failed_for = time.monotonic() - self._failing_since
            self._given_up = isinstance(error, UnsupportedError) or failed_for >= PATIENCE
            if self._given_up:
                raise
            return False
        self._error = self._failing_since = None
        return settled
