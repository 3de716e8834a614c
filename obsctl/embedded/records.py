"""What the embedded server stores and reads back. Ids are raw bytes here (16 and 8); hex is the APIs' business."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from obsctl.languages.labels import Labels

LINE_BYTES = 256 * 1024
"""The longest log line that is stored, as in Loki."""


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """One span on its way into the store, with the fields that are searched taken out of it.

    ``payload`` is the serialized ``Span``; ``resource`` and ``scope`` are serialized too, and shared between records.
    """

    trace_id: bytes
    span_id: bytes
    service: str
    name: str
    kind: int
    status: int
    start_ns: int
    end_ns: int
    resource: bytes
    scope: bytes
    payload: bytes
    parent_id: bytes = b""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One log line. ``labels`` select the stream (Loki's index labels); ``metadata`` is per line, not indexed."""

    labels: Labels
    time_ns: int
    line: str
    metadata: Labels = ()


OLDEST_LOG_NS = 168 * 3600 * 10**9
NEWEST_LOG_NS = 600 * 10**9
"""How far behind and ahead of the clock a log line may be: Loki's ``reject_old_samples_max_age`` and grace period."""

_UNITS = (("seconds", 10**9), ("milliseconds", 10**6), ("microseconds", 10**3))


def log_time_fault(time_ns: int, now_ns: int) -> str:
    """Why a log line of this time is refused, in Loki's words; empty when it is not."""
    if time_ns > now_ns + NEWEST_LOG_NS:
        return f"has timestamp too new: {_shown_time(time_ns)}"
    oldest = now_ns - OLDEST_LOG_NS
    if time_ns >= oldest:
        return ""
    meant = [unit for unit, factor in _UNITS if oldest <= time_ns * factor <= now_ns + NEWEST_LOG_NS]
    hint = f" (times are nanoseconds since the epoch, and {time_ns} looks like {meant[0]})" if meant else ""
    return f"has timestamp too old: {_shown_time(time_ns)}, oldest acceptable timestamp is: {_shown_time(oldest)}{hint}"


def _shown_time(time_ns: int) -> str:
    """RFC 3339 in UTC, to the second; 64-bit nanoseconds are all within years that have four digits."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time_ns // 10**9)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class SampleRecord(NamedTuple):
    """One sample. ``labels`` include ``__name__``; time in milliseconds. ``value`` may be the staleness marker."""

    labels: Labels
    time_ms: int
    value: float


@dataclass(frozen=True, slots=True)
class ExemplarRecord:
    """One exemplar: ``series`` includes ``__name__``; ``labels`` hold ``trace_id``; time in milliseconds."""

    series: Labels
    labels: Labels
    time_ms: int
    value: float


@dataclass(frozen=True, slots=True)
class MetadataRecord:
    """Type, help and unit of a metric family, as scraped."""

    family: str
    type: str
    help: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class FilePosition:
    """How far a followed log file has been read. ``head`` are its first bytes, to tell it from a later file."""

    path: str
    device: int
    inode: int
    offset: int
    head: bytes = b""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written in one transaction: all of it or nothing."""

    spans: Sequence[SpanRecord] = ()
    logs: Sequence[LogRecord] = ()
    samples: Sequence[SampleRecord] = ()
    exemplars: Sequence[ExemplarRecord] = ()
    metadata: Sequence[MetadataRecord] = ()
    positions: Sequence[FilePosition] = ()

    @property
    def items(self) -> int:
        """How many records it holds."""
        return sum(map(len, (self.spans, self.logs, self.samples, self.exemplars, self.metadata)))


@dataclass(frozen=True)
class TargetStatus:
    """A scrape target as ``/api/v1/targets`` shows it. Times in seconds since the epoch; 0.0 means never."""

    job: str
    url: str
    labels: Labels
    health: Literal["unknown", "up", "down"] = "unknown"
    last_error: str = ""
    last_scrape: float = 0.0
    last_duration: float = 0.0
    interval: float = 2.0
    timeout: float = 2.0


STALE_BITS = 0x7FF0000000000002
"""Prometheus' staleness marker: this exact NaN bit pattern."""

STALE: float = struct.unpack("<d", struct.pack("<Q", STALE_BITS))[0]
"""The same as a value of a sample."""
