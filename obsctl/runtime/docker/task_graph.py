"""Work on many things at once, each as soon as what it needs is done. Ctrl-C reaches the waiting main thread at once.

The threads are daemons: a call to an engine that hangs keeps no process alive.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping

WORKERS = 8
GRACE = 20.0
"""Seconds that calls already under way are given to end, once the work has failed or was interrupted: what they make
has to be taken back."""


class TaskStopped(Exception):  # noqa: N818 - an event, not a fault
    """Raised in a worker to say that something else has failed, or that the user wants it to end."""


class TaskGraph:
    """Runs one action for each name, in the order of their needs."""

    def __init__(
        self,
        needs: Mapping[str, Collection[str]],
        action: Callable[[str], None],
        stop: threading.Event,
        leave: float = GRACE,
    ) -> None:
        self._needs = {name: [n for n in needed if n in needs] for name, needed in needs.items()}
        self._action = action
        self._stop = stop
        self._grace = leave
        self._changed = threading.Condition()
        self._done: set[str] = set()
        self._under_way = 0
        self._threads: list[threading.Thread] = []
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Return once all are done. The first failure stops the rest, and is raised when no call is under way."""
        try:
            self._run(list(self._needs))
        except BaseException:
            self._leave()
            raise
        if self._failure:
            self._leave()
            raise self._failure

    def _run(self, waiting: list[str]) -> None:
        with self._changed:
            while (waiting or self._under_way) and not self._failure:
                for name in [n for n in waiting if self._is_ready(n)]:
                    waiting.remove(name)
                    self._begin(name)
                if not self._under_way:
                    raise RuntimeError(f"these need each other: {', '.join(waiting)}")
                self._changed.wait(1.0)

    def _is_ready(self, name: str) -> bool:
        return self._under_way < WORKERS and all(n in self._done for n in self._needs[name])

    def _begin(self, name: str) -> None:
        thread = threading.Thread(target=self._work, args=(name,), daemon=True, name=f"obsctl {name}")
        self._threads.append(thread)
        self._under_way += 1
        thread.start()

    def _work(self, name: str) -> None:
        failure: BaseException | None = None
        try:
            if not self._stop.is_set():
                self._action(name)
        except TaskStopped:
            pass
        except BaseException as error:  # noqa: BLE001 - the edge of a thread: the main one raises it
            failure = error
        with self._changed:
            self._under_way -= 1
            self._done.add(name)
            if failure and not self._failure:
                self._failure = failure
                self._stop.set()
            self._changed.notify_all()

    def _leave(self) -> None:
        """Wait for calls that are under way. A second Ctrl-C ends this."""
        self._stop.set()
        until = time.monotonic() + self._grace
        for thread in (t for t in self._threads if t.is_alive()):
            thread.join(max(0.0, until - time.monotonic()))
