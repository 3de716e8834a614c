"""A verification that waits no longer than it can matter, however slow or fast the machine is."""

from __future__ import annotations

import threading
from collections.abc import Collection
from fnmatch import fnmatchcase

from obsctl.checks import CHECKS
from obsctl.events import Event

TOGETHER = {
    ("metrics.targets", "metrics.present"): ("metrics.[!e]*", "slo.sanity", "dashboards.queries", "privacy.patterns"),
    ("traces.sampling", "traces.lost", "traces.complete", "traces.shape"): (
        "traces.*",
        "time.skew",
        "metrics.units",
        "logs.fields",
        "correlation.exemplar",
        "privacy.*",
    ),
    ("time.skew",): ("logs.*", "correlation.request_id", "privacy.*", "dashboards.queries"),
    ("logs.present",): ("logs.fields", "time.skew", "correlation.request_id", "privacy.*", "dashboards.queries"),
}
"""What these look for others wait for, too, as far as one deadline allows."""

ALWAYS = "time.lag"
"""Waits for all that others wait for."""


def waiting_for(check: str) -> set[str]:
    """The checks that end with their deadline where this one is broken."""
    patterns = (check, ALWAYS, *(p for names, waits in TOGETHER.items() if check in names for p in waits))
    return {c.id for c in CHECKS if any(fnmatchcase(c.id, p) for p in patterns)}


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
