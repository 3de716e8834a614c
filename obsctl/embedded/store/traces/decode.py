"""Stored bytes (OTLP protobuf) -> the values of ``embedded.spans``.

A search looks at few attributes of many spans, so the details of a span stay protobuf until they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from obsctl.embedded.spans import (
    NO_ATTRIBUTES,
    AttributeList,
    Attributes,
    AttributeValue,
    StoredEvent,
    StoredLink,
    StoredResource,
    StoredScope,
    StoredSpan,
    StoredStatus,
)


class LazyAttributes:
    """Attributes that are decoded when they are read; see ``Attributes``."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[KeyValue]) -> None:
        self._items = items

    def __iter__(self) -> Iterator[tuple[str, AttributeValue]]:
        return ((item.key, _value(item.value)) for item in self._items)

    def names(self) -> Iterator[str]:
        """See ``Attributes.names``."""
        return (item.key for item in self._items)

    def first(self, key: str) -> AttributeValue:
        """See ``Attributes.first``."""
        for item in self._items:
            if item.key == key:
                return _value(item.value)
        return None

    def all(self, key: str) -> Iterator[AttributeValue]:
        """See ``Attributes.all``."""
        return (_value(item.value) for item in self._items if item.key == key)


def _value(value: AnyValue) -> AttributeValue:
    """An attribute value; nesting is bounded by the protobuf parser (100 levels)."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind == "array_value":
        return tuple(map(_value, value.array_value.values))
    if kind == "kvlist_value":
        return AttributeList(tuple((item.key, _value(item.value)) for item in value.kvlist_value.values))
    plain: str | bool | int | float | bytes | None = getattr(value, kind) if kind else None
    return plain


class LazyDetails:
    """Details of a span that are decoded when they are read; see ``SpanDetails``."""

    __slots__ = ("_message",)

    def __init__(self, message: Span) -> None:
        self._message = message

    @property
    def status(self) -> StoredStatus:
        """See ``SpanDetails.status``."""
        status = self._message.status
        return StoredStatus(status.code, status.message)

    @property
    def attributes(self) -> Attributes:
        """See ``SpanDetails.attributes``."""
        return LazyAttributes(self._message.attributes)

    @property
    def events(self) -> Sequence[StoredEvent]:
        """See ``SpanDetails.events``."""
        return tuple(map(_event, self._message.events))

    @property
    def links(self) -> Sequence[StoredLink]:
        """See ``SpanDetails.links``."""
        return tuple(map(_link, self._message.links))

    @property
    def trace_state(self) -> str:
        """See ``SpanDetails.trace_state``."""
        return self._message.trace_state

    @property
    def flags(self) -> int:
        """See ``SpanDetails.flags``."""
        return self._message.flags


def span(service: str, resource: bytes, scope: bytes, payload: bytes) -> StoredSpan:
    """A stored span."""
    message = Span.FromString(payload)
    return StoredSpan(
        service,
        resource_of(resource),
        scope_of(scope),
        message.trace_id,
        message.span_id,
        message.parent_span_id,
        message.name,
        message.kind,
        message.start_time_unix_nano,
        message.end_time_unix_nano,
        LazyDetails(message),
        payload,
    )


def _event(event: Span.Event) -> StoredEvent:
    return StoredEvent(event.name, event.time_unix_nano, LazyAttributes(event.attributes))


def _link(link: Span.Link) -> StoredLink:
    return StoredLink(link.trace_id, link.span_id, LazyAttributes(link.attributes))


def attributes_of(payload: bytes) -> Attributes:
    """The attributes of a stored span alone."""
    return LazyAttributes(Span.FromString(payload).attributes)


@lru_cache(maxsize=256)
def resource_of(blob: bytes) -> StoredResource:
    """A stored resource."""
    return StoredResource(_eager(Resource.FromString(blob).attributes), blob)


@lru_cache(maxsize=256)
def scope_of(blob: bytes) -> StoredScope:
    """A stored instrumentation scope."""
    message = InstrumentationScope.FromString(blob)
    return StoredScope(message.name, message.version, _eager(message.attributes), blob)


def _eager(items: Iterable[KeyValue]) -> AttributeList:
    """Decoded now: resources and scopes are few, and looked at often."""
    return AttributeList(tuple(LazyAttributes(items))) if items else NO_ATTRIBUTES
