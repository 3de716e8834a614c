"""Which attributes a block of spans may have: a Bloom filter of tokens, one for each key and one for each value.

The filter never gives a false "no", and a false "yes" about once in a hundred times. A number is the same token
whatever its kind. Elements of an array are values of its key, too.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Collection, Iterable, Iterator

import numpy as np
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

_BITS_PER_MEMBER = 10
_PROBES = 6


def bloom_filter(members: Collection[bytes]) -> bytes:
    """The filter of these members."""
    size = max(8, -(-len(members) * _BITS_PER_MEMBER // 8))
    bits = np.zeros(size * 8, dtype=np.uint8)
    if members:
        hashes = np.frombuffer(b"".join(map(_digest, members)), dtype="<u4").reshape(-1, 2).astype(np.uint64)
        probes = np.arange(_PROBES, dtype=np.uint64)
        bits[(hashes[:, :1] + probes * hashes[:, 1:]) % np.uint64(size * 8)] = 1
    return np.packbits(bits, bitorder="little").tobytes()


def bloom_probes(member: bytes) -> tuple[int, int]:
    """The two hashes of a member that ``may_hold`` needs, worked out once for many filters."""
    digest = _digest(member)
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")


def may_hold(bloom: bytes, wanted: tuple[int, int]) -> bool:
    """Whether a filter may have a member."""
    size = len(bloom) * 8
    first, step = wanted
    places = ((first + probe * step) % size for probe in range(_PROBES))
    return all(bloom[place >> 3] >> (place & 7) & 1 for place in places)


def may_hold_any(bloom: bytes, wanted: Iterable[tuple[int, int]]) -> bool:
    """Whether a filter may have one of some members."""
    return any(may_hold(bloom, probes) for probes in wanted)


def _digest(member: bytes) -> bytes:
    return hashlib.blake2b(member, digest_size=8).digest()


Scalar = str | bool | int | float

_INT64 = 1 << 63


def attribute_groups(span: Span) -> Iterator[Iterable[KeyValue]]:
    """The attributes of a span, and of each of its events and links."""
    yield span.attributes
    for event in span.events:
        yield event.attributes
    for link in span.links:
        yield link.attributes


def attribute_tokens(attributes: Iterable[KeyValue]) -> Iterator[bytes]:
    """Tokens of attributes: each key, and each value under its key."""
    for item in attributes:
        key, value = item.key, item.value
        yield key_token(key)
        kind = value.WhichOneof("value")
        if kind == "string_value":
            yield value_token(key, value.string_value)
        elif kind in ("array_value", "kvlist_value", "bytes_value"):
            yield nested_token(key)
            yield from (value_token(key, scalar) for scalar in _elements(value))
        elif kind:
            yield value_token(key, getattr(value, kind))


def _elements(value: AnyValue) -> Iterator[Scalar]:
    for item in value.array_value.values:
        kind = item.WhichOneof("value")
        if kind in ("string_value", "bool_value", "int_value", "double_value"):
            yield getattr(item, kind)


def key_token(key: str) -> bytes:
    """That there is such an attribute."""
    return b"k" + _utf8(key)


def nested_token(key: str) -> bytes:
    """That an attribute is an array, a map or bytes."""
    return b"*" + _utf8(key)


def value_token(key: str, value: Scalar) -> bytes:
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
    if value != value:
        return ()  # NaN has many encodings
    doubles = (0.0, -0.0) if value == 0 else (float(value),)
    found = [b"\x21" + struct.pack("<d", double) for double in doubles]
    if -_INT64 <= value < _INT64 and value == int(value):
        found.append(AnyValue(int_value=int(value)).SerializeToString())
    return tuple(found)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")
