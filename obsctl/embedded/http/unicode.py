"""Text that is not valid Unicode: the broken character becomes U+FFFD, so that it does not cost the whole request.

The Collector, Loki and Jaeger do the same: their protobuf code does not look at UTF-8, and their JSON readers replace
half a surrogate pair. Python's parsers refuse both, so requests are repaired here, once a parser has refused them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

M = TypeVar("M", bound=Message)
OnRepair = Callable[[int], None]
"""Is called with the number of characters that were replaced, if any."""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_REPLACEMENT_BYTES = REPLACEMENT.encode()
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DEEPEST = 100
"""Levels of nested messages, as protobuf's parser allows them."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
"""Every escape of a JSON document from left to right, so that an escaped backslash is never taken for one's start."""


def ignored(_: int) -> None:
    """An ``OnRepair`` for callers who do not count."""


def json_text(body: bytes, on_repair: OnRepair) -> str:
    """A JSON document as text that has no lone surrogate, neither as bytes nor as an escape."""
    try:
        text, count = body.decode(), 0
    except UnicodeDecodeError:
        text, count = _replaced(body)
    if _SURROGATE.search(text):
        text, halves = _whole_pairs(text)
        count += halves
    if count:
        on_repair(count)
    return text


def _whole_pairs(text: str) -> tuple[str, int]:
    halves = 0

    def spelled(escape: re.Match[str]) -> str:
        nonlocal halves
        if escape["half"] is None:
            return escape[0]
        halves += 1
        return REPLACEMENT

    return _ESCAPE.sub(spelled, text), halves


def parsed(body: bytes, message_type: type[M], on_repair: OnRepair) -> M:
    """Parse a message; strings that are not UTF-8 are repaired.

    Raises:
        DecodeError: it is not this message, whatever is done to its strings.
    """
    try:
        return message_type.FromString(body)
    except DecodeError:
        repaired, count = _message(memoryview(body), message_type.DESCRIPTOR, 0)
        if not count:
            raise
    message = message_type.FromString(repaired)
    on_repair(count)
    return message


def _message(body: memoryview, descriptor: Any, depth: int) -> tuple[bytes, int]:
    """A message whose strings are valid, and how many characters were replaced.

    Only the parts that the parser refuses are walked, so the cost is a parse for each level of nesting.
    """
    parts: list[bytes | memoryview] = []
    replaced = 0
    for number, start, content, end in _fields(body):
        field = descriptor.fields_by_number.get(number) if content is not None else None
        whole, count = (b"", 0) if field is None or content is None else _content(content, field, depth)
        if count:
            replaced += count
            parts += [_varint(number << 3 | _BYTES), _varint(len(whole)), whole]
        else:
            parts.append(body[start:end])
    return b"".join(parts), replaced


def _content(content: memoryview, field: FieldDescriptor, depth: int) -> tuple[bytes, int]:
    """The content of a field made valid; zero replacements when there was nothing to do."""
    if field.type == FieldDescriptor.TYPE_STRING:
        text, count = _replaced(bytes(content))
        return text.encode(), count
    if field.type != FieldDescriptor.TYPE_MESSAGE or depth >= _DEEPEST:
        return b"", 0
    inner: Any = field.message_type
    try:
        GetMessageClass(inner).FromString(bytes(content))
    except DecodeError:
        return _message(content, inner, depth + 1)
    return b"", 0


def _replaced(raw: bytes) -> tuple[str, int]:
    text = raw.decode(errors="replace")
    return text, text.count(REPLACEMENT) - raw.count(_REPLACEMENT_BYTES)


def _fields(body: memoryview) -> Iterator[tuple[int, int, memoryview | None, int]]:
    """Number, start, content and end of each field; the content is None unless it has a length.

    ``DecodeError`` where the encoding is broken.
    """
    position = 0
    while position < len(body):
        start = position
        tag, position = _read_varint(body, position)
        if not tag >> 3:
            raise DecodeError("field number 0")  # no parser takes it, so that megabytes of zeros are refused at once
        kind, content = tag & 7, None
        if kind == _BYTES:
            size, position = _read_varint(body, position)
            content = body[position : position + size]
            position += size
        elif kind == _VARINT:
            _, position = _read_varint(body, position)
        elif kind in (_FIXED64, _FIXED32):
            position += 8 if kind == _FIXED64 else 4
        else:
            raise DecodeError(f"wire type {kind}")
        if position > len(body):
            raise DecodeError("truncated message")
        yield tag >> 3, start, content, position


def _read_varint(body: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(body) and shift < 70:
        byte = body[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise DecodeError("truncated message")


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
