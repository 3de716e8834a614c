"""What the embedded server stores and reads back. Ids are raw bytes here (16 and 8); hex is the APIs' business."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
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
