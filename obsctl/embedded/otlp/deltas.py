"""Delta points as cumulative ones: the total of each stream is added up here.

Source: OpenTelemetry metrics data model, "Sums: Delta-to-Cumulative". The sums live in memory. After a restart a stream
begins anew with a zero just after its point's start, which PromQL reads as the counter reset that it is.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from obsctl.languages.labels import Labels

STREAMS = 50_000
"""The streams that are remembered; of more, those without a point for the longest time are forgotten."""


@dataclass
class _Stream:
    time_ns: int = 0
    time_ms: int = 0
    totals: dict[Hashable, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Total:
    """The total of a stream, by part, whether this point is its first, and when its samples are (ms).

    That is one later than those of the point before it where both are within one millisecond: none may be lost.
    """

    parts: Mapping[Hashable, float]
    is_first: bool
    time_ms: int


class Deltas:
    """The totals of all streams. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streams: OrderedDict[Labels, _Stream] = OrderedDict()

    def add(self, stream: Labels, time_ns: int, parts: Mapping[Hashable, float]) -> Total | None:
        """Add a point, which has any number of parts (buckets, count, sum).

        A point at the time of the last one is that one sent again, and changes nothing. None for an earlier one: it is
        in the total already, or was never part of it.
        """
        with self._lock:
            known = self._streams.setdefault(stream, _Stream())
            self._streams.move_to_end(stream)
            if len(self._streams) > STREAMS:
                self._streams.popitem(last=False)
            if time_ns < known.time_ns:
                return None
            is_first = known.time_ns == 0
            if time_ns > known.time_ns:
                known.time_ns = time_ns
                known.time_ms = max(time_ns // 1_000_000, 0 if is_first else known.time_ms + 1)
                for part, amount in parts.items():
                    known.totals[part] = known.totals.get(part, 0) + amount
            return Total(dict(known.totals), is_first, known.time_ms)
