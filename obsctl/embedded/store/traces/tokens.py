"""Attributes as byte strings: what the filter of a block of spans holds, and what can be found in a stored span.

A number is the same token whatever its kind. Elements of an array are values of its key, too.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Scalar = str | bool | int | float

_INT64 = 1 << 63


def of_span(span: Span) -> Iterator[bytes]:
    """Tokens of every attribute of a span, its events and its links."""
    yield from of_attributes(span.attributes)
    for event in span.events:
        yield from of_attributes(event.attributes)
    for link in span.links:
        yield from of_attributes(link.attributes)


def of_attributes(attributes: Iterable[KeyValue]) -> Iterator[bytes]:
    """Tokens of attributes: each key, and each value under its key."""
    for item in attributes:
        key, value = item.key, item.value
        yield of_key(key)
        kind = value.WhichOneof("value")
        if kind == "string_value":
            yield of_value(key, value.string_value)
        elif kind in ("array_value", "kvlist_value", "bytes_value"):
            yield of_nested(key)
            yield from (of_value(key, scalar) for scalar in _elements(value))
        elif kind:
            yield of_value(key, getattr(value, kind))


def _elements(value: AnyValue) -> Iterator[Scalar]:
    for item in value.array_value.values:
        kind = item.WhichOneof("value")
        if kind in ("string_value", "bool_value", "int_value", "double_value"):
            yield getattr(item, kind)


def of_key(key: str) -> bytes:
    """That there is such an attribute."""
    return b"k" + _utf8(key)


def of_nested(key: str) -> bytes:
    """That an attribute is an array, a map or bytes."""
    return b"*" + _utf8(key)


def of_value(key: str, value: Scalar) -> bytes:
    """That an attribute has a value."""
    if isinstance(value, str):
        return b"s%b\0%b" % (_utf8(key), _utf8(value))
    if isinstance(value, bool):
        return b"b%b\0%d" % (_utf8(key), value)
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    return b"n%b\0%b" % (_utf8(key), repr(number).encode())


def needles(value: Scalar) -> tuple[bytes, ...]:
    """Bytes of which a serialized span with this value has at least one; none where nothing can be said."""
    if isinstance(value, str):
        return (_utf8(value),) if value else ()
    if isinstance(value, bool):
        return (AnyValue(bool_value=value).SerializeToString(),)
    doubles = (0.0, -0.0) if value == 0 else (float(value),)
    found = [b"\x21" + struct.pack("<d", double) for double in doubles]
    if -_INT64 <= value < _INT64 and value == int(value):
        found.append(AnyValue(int_value=int(value)).SerializeToString())
    return tuple(found)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")
