"""A verification that waits no longer than it can matter, however slow or fast the machine is."""

from __future__ import annotations

import threading
from collections.abc import Collection

from obsctl.checks import CHECKS
from obsctl.events import Event


class Decided:
    """Told of every check that ends; once only those are left that cannot pass, they take their last look.

    So a broken thing costs no timeout, and the timeout of everything else may be as long as any machine needs.
    """

    def __init__(self, broken: Collection[str]) -> None:
        self.cancelled = threading.Event()
        self._broken = frozenset(broken)
        self._left = {check.id for check in CHECKS}

    def __call__(self, event: Event) -> None:
        """Takes the events of a verification."""
        self._left.discard(event.subject)
        if self._left <= self._broken:
            self.cancelled.set()
