"""Stored spans as queries and APIs read them: plain Python values, whatever encoding they are stored in.

Ids are raw bytes (16 and 8), times nanoseconds since the epoch. ``encoded`` is the same as OTLP protobuf, for APIs that
answer in OTLP.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias


class Attributes(Protocol):
    """Attributes in the order they came in. A key may repeat: OTLP forbids it, but nothing checks it."""

    def __iter__(self) -> Iterator[tuple[str, AttributeValue]]:
        """Pairs of key and value."""
        ...

    def names(self) -> Iterator[str]:
        """Their keys."""
        ...

    def first(self, key: str) -> AttributeValue:
        """The value of the first attribute with a key; None when there is none."""
        ...

    def all(self, key: str) -> Iterator[AttributeValue]:
        """The values of every attribute with a key."""
        ...


@dataclass(frozen=True, slots=True)
class AttributeList:
    """Attributes, or a map inside a value, as pairs; see ``Attributes``."""

    pairs: tuple[tuple[str, AttributeValue], ...] = ()

    def __iter__(self) -> Iterator[tuple[str, AttributeValue]]:
        return iter(self.pairs)

    def names(self) -> Iterator[str]:
        """See ``Attributes.names``."""
        return (key for key, _ in self.pairs)

    def first(self, key: str) -> AttributeValue:
        """See ``Attributes.first``."""
        for name, value in self.pairs:
            if name == key:
                return value
        return None

    def all(self, key: str) -> Iterator[AttributeValue]:
        """See ``Attributes.all``."""
        return (value for name, value in self.pairs if name == key)


AttributeValue: TypeAlias = "str | bool | int | float | bytes | tuple[AttributeValue, ...] | AttributeList | None"
"""Arrays are tuples, maps are ``AttributeList``, and None is OTLP's empty value."""

NO_ATTRIBUTES = AttributeList()


@dataclass(frozen=True, slots=True)
class StoredResource:
    """What sent a span. Spans of one resource share it."""

    attributes: Attributes = NO_ATTRIBUTES
    encoded: bytes = b""


@dataclass(frozen=True, slots=True)
class StoredScope:
    """The instrumentation that made a span. Spans of one scope share it."""

    name: str = ""
    version: str = ""
    attributes: Attributes = NO_ATTRIBUTES
    encoded: bytes = b""


@dataclass(frozen=True, slots=True)
class StoredStatus:
    """The outcome of a span; ``code`` is OTLP's number."""

    code: int = 0
    message: str = ""


ERROR_CODE = 2
"""``STATUS_CODE_ERROR``."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event of a span."""

    name: str
    time_ns: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class StoredLink:
    """A link of a span to another one."""

    trace_id: bytes
    span_id: bytes
    attributes: Attributes


class SpanDetails(Protocol):
    """What few searches look at, so that a store may decode it when it is read."""

    @property
    def status(self) -> StoredStatus:
        """The outcome."""
        ...

    @property
    def attributes(self) -> Attributes:
        """The attributes of the span itself."""
        ...

    @property
    def events(self) -> Sequence[StoredEvent]:
        """Its events, in the order they came in."""
        ...

    @property
    def links(self) -> Sequence[StoredLink]:
        """Its links, in the order they came in."""
        ...

    @property
    def trace_state(self) -> str:
        """The W3C ``tracestate``."""
        ...

    @property
    def flags(self) -> int:
        """OTLP's flags; the lower 8 bits are those of the W3C ``traceparent``."""
        ...


@dataclass(frozen=True, slots=True)
class PlainDetails:
    """Details as they are; see ``SpanDetails``."""

    status: StoredStatus = StoredStatus()
    attributes: Attributes = NO_ATTRIBUTES
    events: Sequence[StoredEvent] = ()
    links: Sequence[StoredLink] = ()
    trace_state: str = ""
    flags: int = 0


_NO_RESOURCE, _NO_SCOPE, _NO_DETAILS = StoredResource(), StoredScope(), PlainDetails()


class StoredSpan(NamedTuple):
    """One span. ``kind`` is OTLP's number; ``parent_id`` is empty for a root.

    No dataclass: to make a frozen one of so many fields takes longer than to parse the span.
    """

    service: str = ""
    resource: StoredResource = _NO_RESOURCE
    scope: StoredScope = _NO_SCOPE
    trace_id: bytes = b""
    span_id: bytes = b""
    parent_id: bytes = b""
    name: str = ""
    kind: int = 0
    start_ns: int = 0
    end_ns: int = 0
    details: SpanDetails = _NO_DETAILS
    encoded: bytes = b""

    @property
    def duration_ns(self) -> int:
        """How long it took; 0 for a span that ends before it starts."""
        return max(0, self.end_ns - self.start_ns)

    @property
    def status(self) -> StoredStatus:
        """See ``SpanDetails.status``."""
        return self.details.status

    @property
    def attributes(self) -> Attributes:
        """See ``SpanDetails.attributes``."""
        return self.details.attributes

    @property
    def events(self) -> Sequence[StoredEvent]:
        """See ``SpanDetails.events``."""
        return self.details.events

    @property
    def links(self) -> Sequence[StoredLink]:
        """See ``SpanDetails.links``."""
        return self.details.links
