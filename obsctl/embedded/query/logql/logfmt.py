"""``key=value key="quoted value" key``: the pairs of a line in logfmt."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SPACE = re.compile(r"[\x00-\x20]+")
_KEY = re.compile(r'[^\x00-\x20="]*')
_BARE = re.compile(r'[^\x00-\x20="]*')
_WORD = re.compile(r"[^\x00-\x20]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:([\"\\/'bfnrt])|u([0-9a-fA-F]{4})(?:\\u([0-9a-fA-F]{4}))?)?")
_SIMPLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_NO_CHARACTER = "\ufffd"


class LogfmtError(ValueError):
    """The line is not logfmt; says at which character."""


def pairs(line: str, *, strict: bool) -> Iterator[tuple[str, str]]:
    """Keys and values in order; a key alone has an empty value.

    What is no pair is left out, up to the next space or, in quotes, to their end. With ``strict``, ``LogfmtError``
    ends the pairs there.
    """
    position = 0
    while position < len(line):
        if space := _SPACE.match(line, position):
            position = space.end()
            continue
        name, value, position, problem = _pair(line, position)
        if not problem:
            yield name, value
        elif strict:
            raise LogfmtError(problem)


def _wrong(position: int, problem: str) -> str:
    return f"logfmt syntax error at pos {position + 1} : {problem}"


def _pair(line: str, start: int) -> tuple[str, str, int, str]:
    """Key, value, where to go on, and what is wrong with them."""
    found = _KEY.match(line, start)
    key, end = (found[0], found.end()) if found else ("", start)
    if end < len(line) and (line[end] == '"' or (line[end] == "=" and not key)):
        return key, "", _word_end(line, end), _wrong(end, f"unexpected '{line[end]}'")
    if _NO_CHARACTER in key:
        follows = end < len(line) and line[end] == "="
        return key, "", _word_end(line, end) if follows else end, _wrong(end, "invalid key")
    if end == len(line) or line[end] != "=":
        return key, "", end, ""
    if line[end + 1 : end + 2] == '"':
        return _quoted(line, key, end + 1)
    value = _BARE.match(line, end + 1)
    text, after = (value[0], value.end()) if value else ("", end + 1)
    if after < len(line) and line[after] in '="':
        return key, "", _word_end(line, after), _wrong(after, f"unexpected '{line[after]}'")
    return key, text, after, ""


def _quoted(line: str, key: str, start: int) -> tuple[str, str, int, str]:
    found = _QUOTED.match(line, start)
    if not found:
        return key, "", len(line), _wrong(len(line), "unterminated quoted value")
    value = _unescaped(found[1])
    if value is None:
        return key, "", found.end(), _wrong(found.end(), "invalid quoted value")
    return key, value, found.end(), ""


def _unescaped(text: str) -> str | None:
    """A quoted value's text; None for an escape that does not exist. Half a surrogate pair is no character."""
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
        elif not first:
            return None
        else:
            character, both = _character(int(first, 16), int(second, 16) if second else -1)
            pieces.append(character)
            position -= 6 * (second is not None and not both)
    return "".join((*pieces, text[position:]))


def _character(code: int, following: int) -> tuple[str, bool]:
    """The character of an escape, and whether the one behind it is part of it."""
    if not 0xD800 <= code <= 0xDFFF:
        return chr(code), False
    if code < 0xDC00 <= following <= 0xDFFF:
        return chr(0x10000 + ((code - 0xD800) << 10) + (following - 0xDC00)), True
    return _NO_CHARACTER, False


def _word_end(line: str, position: int) -> int:
    word = _WORD.match(line, position)
    return word.end() if word else len(line)
