"""JSON as Loki reads it: field by field, so that what stands before a mistake counts.

A value is known by its first character, nested ones by their brackets alone; what stands behind the end of the object
is not looked at. Error texts are those of the library that Loki uses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["string", "number", "boolean", "null", "object", "array"]


class JsonTextError(ValueError):
    """The text is not JSON from here on."""


_MALFORMED = "Malformed JSON error"
_NO_OBJECT = "Value looks like object, but can't find closing '}' symbol"
_NO_ARRAY = "Value is array, but can't find closing ']' symbol"
_NO_STRING = "Value is string, but can't find closing '\"' symbol"
_UNKNOWN = "Unknown value type"
BAD_ESCAPE = "Encountered an invalid escape sequence in a string"

_TOKEN = re.compile(r"[^ \n\r\t]")
_STRING_END = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_WORD = re.compile(r"[^ \n\r\t,}\]]*")
_BRACKETS = {"{": re.compile(r'["{}]'), "[": re.compile(r'["\[\]]')}
_ESCAPE = re.compile(r"\\(?:([\"\\/bfnrt])|u([0-9a-fA-F]{4})(?:\\u([0-9a-fA-F]{4}))?)?")
_SIMPLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LAST_CODE = 0x10FFFF


@dataclass(frozen=True, slots=True)
class JsonValue:
    """A value as it is written (a string without its quotes), and where what follows it begins."""

    kind: Kind
    text: str
    end: int


def token(text: str, position: int) -> int:
    """The place of the next character that is no white space; -1 when there is none."""
    found = _TOKEN.search(text, position)
    return found.start() if found else -1


def string_end(text: str, position: int) -> int:
    """The place behind the quote that ends a string which begins here (behind its first quote); -1 without one."""
    found = _STRING_END.match(text, position)
    return found.end() if found else -1


def block_end(text: str, position: int) -> int:
    """The place behind the bracket that closes the one here; -1 without one."""
    opening = text[position]
    pattern, level = _BRACKETS[opening], 0
    while found := pattern.search(text, position):
        position = found.end()
        if found[0] == '"':
            position = string_end(text, position)
            if position < 0:
                return -1
            continue
        level += 1 if found[0] == opening else -1
        if not level:
            return position
    return -1


def value_at(text: str, position: int) -> JsonValue:
    """The value that begins here. ``JsonTextError`` when there is none."""
    start = token(text, position)
    if start < 0:
        raise JsonTextError(_MALFORMED)
    first = text[start]
    if first == '"':
        end = string_end(text, start + 1)
        if end < 0:
            raise JsonTextError(_NO_STRING)
        return JsonValue("string", text[start + 1 : end - 1], end)
    if first in "{[":
        end = block_end(text, start)
        if end < 0:
            raise JsonTextError(_NO_OBJECT if first == "{" else _NO_ARRAY)
        return JsonValue("object" if first == "{" else "array", text[start:end], end)
    return _word(text, start)


def _word(text: str, start: int) -> JsonValue:
    found = _WORD.match(text, start)
    word = found[0] if found else ""
    if word in ("true", "false"):
        return JsonValue("boolean", word, start + len(word))
    if word == "null":
        return JsonValue("null", word, start + len(word))
    if word[:1] and word[0] in "0123456789-":
        return JsonValue("number", word, start + len(word))
    raise JsonTextError(_UNKNOWN)


def unescaped(text: str) -> str | None:
    """What a string means; None for an escape that does not exist."""
    if "\\" not in text:
        return text
    pieces: list[str] = []
    position = 0
    while found := _ESCAPE.search(text, position):
        pieces.append(text[position : found.start()])
        simple, first, second = found.groups()
        position = found.end()
        if simple:
            pieces.append(_SIMPLE.get(simple, simple))
            continue
        code = int(first, 16) if first else -1
        if 0xD800 <= code <= 0xDFFF:
            low = int(second, 16) if second else -1
            if low < 0xDC00:
                return None
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
        elif second:
            position -= 6  # the escape behind it stands for itself
        if code < 0:
            return None
        pieces.append(chr(code) if code <= _LAST_CODE and not 0xD800 <= code <= 0xDFFF else "\ufffd")
    return "".join((*pieces, text[position:]))


def clean(text: str) -> str:
    """A string as a label's value: nothing for one with a wrong escape, a blank for what is no character."""
    found = unescaped(text)
    return "" if found is None else found.replace("\ufffd", " ")


def fields(text: str) -> Iterator[tuple[str, JsonValue]]:
    """Keys and values of an object, in order. ``JsonTextError`` where it stops being one."""
    position = token(text, 0)
    if position < 0 or text[position] != "{":
        raise JsonTextError(_NO_OBJECT)
    position = _next(text, position + 1, _MALFORMED)
    while text[position] != "}":
        if text[position] != '"':
            raise JsonTextError(_NO_OBJECT)
        end = string_end(text, position + 1)
        if end < 0:
            raise JsonTextError(_MALFORMED)
        key = unescaped(text[position + 1 : end - 1])
        if key is None:
            raise JsonTextError(BAD_ESCAPE)
        colon = token(text, end)
        if colon < 0 or text[colon] != ":":
            raise JsonTextError(_MALFORMED)
        value = value_at(text, colon + 1)
        yield key, value
        position = _next(text, value.end, _NO_ARRAY)
        if text[position] == ",":
            position = _next(text, position + 1, _NO_ARRAY)
        elif text[position] != "}":
            raise JsonTextError(_NO_OBJECT)


def _next(text: str, position: int, problem: str) -> int:
    found = token(text, position)
    if found < 0:
        raise JsonTextError(problem)
    return found


def items(text: str, position: int) -> Iterator[tuple[JsonValue | None, int]]:
    """The values of an array that begins here, each with the place behind it; the last is None, at the array's end.

    An array that breaks off ends where it does.
    """
    position = token(text, position + 1)
    if position < 0:
        yield None, len(text)
        return
    while text[position] != "]":
        try:
            value = value_at(text, position)
        except JsonTextError:
            break
        yield value, value.end
        after = token(text, value.end)
        position = value.end if after < 0 else after
        if after < 0 or text[position] != ",":
            break
        position += 1
    yield None, position


class ObjectPairs(list[tuple[str, object]]):
    """An object of a document that is read at once."""


class Digits(str):
    """A number in its own digits."""

    __slots__ = ()


def _constant(word: str) -> object:
    raise ValueError(word)


_DECODER = json.JSONDecoder(
    object_pairs_hook=ObjectPairs, parse_int=Digits, parse_float=Digits, parse_constant=_constant
)


def document(text: str) -> ObjectPairs | None:
    """The object that a text is when nothing is unusual about it, much faster than field by field; else None."""
    if "\\u" in text or "\ufffd" in text:
        return None
    try:
        found = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, ObjectPairs) else None
