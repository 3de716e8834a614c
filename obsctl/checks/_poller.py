"""Polls a backend once for every check that needs the answer: fifteen checks do not fetch one trace fifteen times."""

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


class RunCache:
    """The objects that the checks of one run share, made when the first check asks for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[type, object] = {}

    def once(self, kind: type[T], make: Callable[[], T]) -> T:
        """The only instance of ``kind`` in this run."""
        with self._lock:
            instance = self._made.get(kind)
            if not isinstance(instance, kind):
                instance = make()
                self._made[kind] = instance
            return instance

    def made(self, kind: type[T]) -> T | None:
        """The instance of ``kind``, where a check asked for one."""
        with self._lock:
            instance = self._made.get(kind)
            return instance if isinstance(instance, kind) else None


class Poller(ABC):
    """Reads a backend's answers about one run until they are complete. One check at a time polls for all."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.is_last_look = False
        self._began = time.monotonic()
        self._next_look = 0.0
        self._failing_since: float | None = None
        self._error: BackendError | None = None
        self._given_up = False
        self._settled = False

    @abstractmethod
    def look(self) -> bool:
        """Ask the backend once. True when everything expected is there and has been unchanged for a quiet period.

        ``is_last_look`` says that time is up, so an answer that is not settled yet is taken as it is.
        """

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
            self.is_last_look = deadline.passed
            settled = self.look()
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
