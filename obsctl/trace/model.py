"""An assembled trace as frozen values. Times and durations are nanoseconds; ``report`` and ``ui`` draw from these."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from obsctl.clients.telemetry import Span
from obsctl.json_types import JsonObject

Place = Literal["root", "continued", "child", "orphan", "cycle", "duplicate"]
"""How a span came to its place.

``root`` has no parent. ``continued`` is the root of a trace that somebody outside began: its parent is not part of it.
``orphan`` has a parent that never arrived. ``cycle`` is where a ring of parents was cut. ``duplicate`` has the id of
the span above it but is not the same span.
"""


@dataclass(frozen=True)
class LogEntry:
    """One log line of the trace. ``level`` is TRACE, DEBUG, INFO, WARN, ERROR, FATAL or ""; ``raw`` is the stored line.

    ``fields`` are the line's own fields without those that are spelled out here.
    """

    time_ns: int
    level: str
    message: str
    service: str
    span_id: str
    raw: str
    fields: JsonObject = field(default_factory=dict)


@dataclass(frozen=True)
class Segment:
    """A stretch of the critical path, spent in ``node`` (an index). ``waiting``: after that span had ended, before the
    work that it set off began. ``node`` is -1 where no root was active.
    """

    node: int
    start_ns: int
    end_ns: int
    waiting: bool = False

    @property
    def duration_ns(self) -> int:
        """How long it is."""
        return self.end_ns - self.start_ns


@dataclass(frozen=True)
class Gap:
    """A long stretch in which nothing below ``node`` was active, between the two children named ("" at the ends).

    ``waiting`` as in ``Segment``: the time between a message and its consumer, for one.
    """

    node: int
    start_ns: int
    end_ns: int
    after: str = ""
    before: str = ""
    waiting: bool = False

    @property
    def duration_ns(self) -> int:
        """How long it is."""
        return self.end_ns - self.start_ns


@dataclass(frozen=True)
class Warn:
    """Something that is wrong with the trace. Codes: ``orphan_parent``, ``cycle``, ``duplicate_span``,
    ``same_span_twice``, ``clock_skew``, ``logs_unavailable``.
    """

    code: str
    message: str
    span_id: str = ""
    parent_id: str = ""


@dataclass(frozen=True)
class SpanNode:
    """One span in its place. ``parent`` and ``children`` are indexes into ``TraceTree.nodes``.

    ``self_ns`` is the time in which no child was active; ``critical_ns`` the part of the critical path spent here.
    ``skew_ns`` is by how much the span lies outside its caller in another service: negative for too early.
    """

    index: int
    span: Span
    place: Place
    depth: int
    parent: int | None
    children: tuple[int, ...]
    self_ns: int
    critical_ns: int
    skew_ns: int = 0
    logs: tuple[LogEntry, ...] = ()

    @property
    def duration_ns(self) -> int:
        """The span's duration."""
        return self.span.end_ns - self.span.start_ns

    @property
    def failed(self) -> bool:
        """Whether the span's status is an error."""
        return self.span.status == "error"


@dataclass(frozen=True)
class TraceTree:
    """A whole trace: ``nodes`` depth first (a parent before its children, siblings by start), main roots first.

    ``critical`` is in time order and covers ``critical_window`` without holes or overlaps. ``logs`` are lines of the
    trace that name no span of it. ``dropped`` counts exact copies of spans that were left out.
    """

    trace_id: str
    nodes: tuple[SpanNode, ...]
    critical: tuple[Segment, ...] = ()
    gaps: tuple[Gap, ...] = ()
    warnings: tuple[Warn, ...] = ()
    logs: tuple[LogEntry, ...] = ()
    dropped: int = 0

    @cached_property
    def roots(self) -> tuple[SpanNode, ...]:
        """Nodes without a parent in the trace."""
        return tuple(n for n in self.nodes if n.parent is None)

    @property
    def root(self) -> SpanNode | None:
        """The first main root; None for an empty trace."""
        return self.nodes[0] if self.nodes else None

    @cached_property
    def start_ns(self) -> int:
        """The earliest start of any span."""
        return min((n.span.start_ns for n in self.nodes), default=0)

    @cached_property
    def end_ns(self) -> int:
        """The latest end of any span."""
        return max((n.span.end_ns for n in self.nodes), default=0)

    @property
    def duration_ns(self) -> int:
        """From the earliest start to the latest end."""
        return self.end_ns - self.start_ns

    @cached_property
    def critical_window(self) -> tuple[int, int]:
        """Start and end of the critical path."""
        return (self.critical[0].start_ns, self.critical[-1].end_ns) if self.critical else (0, 0)

    @cached_property
    def services(self) -> tuple[str, ...]:
        """Service names in the order in which they appear."""
        return tuple(dict.fromkeys(n.span.service for n in self.nodes))

    @cached_property
    def errors(self) -> tuple[SpanNode, ...]:
        """Failed spans."""
        return tuple(n for n in self.nodes if n.failed)

    @property
    def status(self) -> str:
        """``error`` when any span failed, else ``ok``."""
        return "error" if self.errors else "ok"

    @cached_property
    def log_count(self) -> int:
        """All log lines, attached or not."""
        return len(self.logs) + sum(len(n.logs) for n in self.nodes)

    @cached_property
    def depth(self) -> int:
        """Levels of the tree; 0 for an empty trace."""
        return max((n.depth for n in self.nodes), default=-1) + 1

    @cached_property
    def complete(self) -> bool:
        """Whether every span has its parent (or is a root) and no ids clash."""
        return not any(n.place in ("orphan", "cycle", "duplicate") for n in self.nodes)
