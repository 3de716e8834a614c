"""OTLP's JSON as messages, along the descriptors of the messages (OTLP specification, "JSON Protobuf Encoding").

OTLP's JSON is proto3 JSON, except that trace and span ids are hexadecimal. Reading is lenient where the Collector is:
snake_case, numbers as strings, enums by their full names. Unknown fields are ignored, for the specification wants that.
Everything else that does not fit is an error that names the field: a value that was dropped would be lost in silence.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

_DEEPEST = 100
"""Levels of nested messages, as protobuf's parser allows them."""

_DIGITS = re.compile(r"-?[0-9]{1,40}")
_IDS = frozenset(("trace_id", "span_id", "parent_span_id"))
_RANGES = {
    **dict.fromkeys((FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SFIXED64), (-(1 << 63), (1 << 63) - 1)),
    **dict.fromkeys((FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64), (0, (1 << 64) - 1)),
    **dict.fromkeys((FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32), (-(1 << 31), (1 << 31) - 1)),
    **dict.fromkeys((FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_FIXED32), (0, (1 << 32) - 1)),
}


class FieldError(ValueError):
    """A value does not fit its field; the text has the path of the field, then what is wrong."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self._problem = problem
        self._path = ""

    def within(self, key: str | int) -> FieldError:
        """The same error, seen from one level further up."""
        step = f"[{key}]" if isinstance(key, int) else key
        self._path = f"{step}.{self._path}" if self._path and not self._path.startswith("[") else step + self._path
        return self

    def __str__(self) -> str:
        return f"{self._path}: {self._problem}" if self._path else self._problem


@dataclass(frozen=True, slots=True)
class _Field:
    """``convert`` is None for a message; ``oneof`` is the group of which only one field may be given."""

    name: str
    is_list: bool
    oneof: str
    convert: Callable[[Any], Any] | None


def fill(message: Message, node: object, depth: int = 0) -> None:
    """Set the fields of a message from a JSON object.

    Raises:
        FieldError: a value does not fit.
    """
    if not isinstance(node, dict):
        raise FieldError(f"must be an object, not {_shown(node)}")
    if depth > _DEEPEST:
        raise FieldError(f"is nested deeper than {_DEEPEST} levels")
    fields = _fields(message.DESCRIPTOR)
    for key, value in node.items():
        field = fields.get(key)
        if field is None or value is None:
            continue
        try:
            _set(message, field, value, depth)
        except FieldError as error:
            raise error.within(key) from None


def _set(message: Message, field: _Field, value: object, depth: int) -> None:
    if field.is_list:
        _extend(getattr(message, field.name), field, value, depth)
        return
    if field.oneof and message.WhichOneof(field.oneof):
        raise FieldError(f"is given beside another field of the same {field.oneof}")
    if field.convert is not None:
        setattr(message, field.name, field.convert(value))
        return
    inner: Message = getattr(message, field.name)
    inner.SetInParent()
    fill(inner, value, depth + 1)


def _extend(into: Any, field: _Field, value: object, depth: int) -> None:
    if not isinstance(value, list):
        raise FieldError(f"must be an array, not {_shown(value)}")
    for index, item in enumerate(value):
        try:
            if field.convert is not None:
                into.append(field.convert(item))
            else:
                fill(into.add(), {} if item is None else item, depth + 1)
        except FieldError as error:
            raise error.within(index) from None


@lru_cache(maxsize=256)
def _fields(descriptor: Descriptor) -> Mapping[str, _Field]:
    """The fields of a message by both spellings of their names."""
    found: dict[str, _Field] = {}
    for field in descriptor.fields:
        oneof = field.containing_oneof.name if field.containing_oneof else ""
        found[field.name] = found[field.json_name] = _Field(
            field.name, _is_repeated(field), "" if oneof.startswith("_") else oneof, _converter(field)
        )
    return found


def _is_repeated(field: Any) -> bool:
    """Older releases of protobuf have the label, newer ones only the property."""
    if hasattr(field, "is_repeated"):
        return bool(field.is_repeated)
    return bool(field.label == FieldDescriptor.LABEL_REPEATED)


def _converter(field: FieldDescriptor) -> Callable[[Any], Any] | None:
    kind = field.type
    if kind == FieldDescriptor.TYPE_MESSAGE:
        return None
    if kind == FieldDescriptor.TYPE_ENUM:
        return _enum_reader(field.enum_type)
    if kind in _RANGES:
        lowest, highest = _RANGES[kind]
        return lambda value: _integer(value, lowest, highest)
    if kind == FieldDescriptor.TYPE_BYTES:
        return _hexadecimal if field.name in _IDS else _bytes
    return {FieldDescriptor.TYPE_STRING: _string, FieldDescriptor.TYPE_BOOL: _boolean}.get(kind, _number)


def _enum_reader(enum: Any) -> Callable[[Any], int]:
    """Numbers, known or not, and names, which must be known."""
    numbers: dict[str, int] = {value.name: value.number for value in enum.values}
    lowest, highest = _RANGES[FieldDescriptor.TYPE_INT32]

    def read(value: object) -> int:
        if not isinstance(value, str):
            return _integer(value, lowest, highest)
        if value not in numbers:
            raise FieldError(f"unknown string value {_shown(value)}, use a number or one of {', '.join(numbers)}")
        return numbers[value]

    return read


def _integer(value: object, lowest: int, highest: int) -> int:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    is_whole = is_whole or (isinstance(value, float) and value.is_integer())
    if not is_whole and not (isinstance(value, str) and _DIGITS.fullmatch(value)):
        raise FieldError(f"must be an integer, not {_shown(value)}")
    number: int = int(value)  # type: ignore[call-overload]
    if not lowest <= number <= highest:
        raise FieldError(f"must be between {lowest} and {highest}, not {_shown(value)}")
    return number


def _number(value: object) -> float:
    if isinstance(value, float):
        return value
    if isinstance(value, int | str) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise FieldError(f"must be a number, not {_shown(value)}")


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise FieldError(f"must be a string, not {_shown(value)}")
    return value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise FieldError(f"must be true or false, not {_shown(value)}")
    return value


def _hexadecimal(value: object) -> bytes:
    text = _string(value)
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise FieldError(f"must be hexadecimal, not {_shown(text)}") from None


def _bytes(value: object) -> bytes:
    """Base64 of either alphabet, with or without padding, as proto3 JSON has it."""
    text = _string(value).translate(_STANDARD).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise FieldError(f"must be base64, not {_shown(value)}") from None


_STANDARD = str.maketrans("-_", "+/")
_NAMES = {dict: "an object", list: "an array", type(None): "null", bool: "a boolean"}


def _shown(value: object) -> str:
    """A value for a message: short ones as they are."""
    name = _NAMES.get(type(value))
    return name or ascii(value)[:40]
