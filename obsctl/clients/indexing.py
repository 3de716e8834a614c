"""How far the embedded server is behind with what its searches are fast by, as its own ``/metrics`` say."""

from __future__ import annotations

from dataclasses import dataclass

from obsctl.clients.exposition import own_metrics
from obsctl.endpoints import Endpoint

LATE_RECORDS, LATE_SECONDS = 20_000, 10.0
"""From how many records without a summary, or how long a wait for it, on it is worth a line in ``status``."""

_ITEMS, _SECONDS = "obsctl_index_behind_items", "obsctl_index_behind_seconds"


@dataclass(frozen=True)
class IndexLag:
    """Stored records of a signal (``traces``, ``logs``) that have no summary yet, and how long they wait for it."""

    signal: str
    records: int
    seconds: float

    @property
    def note(self) -> str:
        """A sentence about it; "" while it is not worth one."""
        if self.records < LATE_RECORDS and self.seconds < LATE_SECONDS:
            return ""
        return (
            f"indexing of {self.signal} is behind by {self.records:,} records and {self.seconds:.0f} s; "
            "until it has caught up, searches read these one by one"
        )


def index_lags(endpoint: Endpoint) -> list[IndexLag]:
    """By signal; none where the server does not say, as every product but ours."""
    shown = own_metrics(endpoint)
    if shown is None:
        return []
    waits = {labels.get("signal", ""): value for labels, value in shown.samples.get(_SECONDS, ())}
    found = ((labels.get("signal", ""), value) for labels, value in shown.samples.get(_ITEMS, ()))
    return [IndexLag(signal, int(items), waits.get(signal, 0.0)) for signal, items in sorted(found)]
