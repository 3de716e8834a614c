"""``key=value key="quoted value" key``: the pairs of a line in logfmt."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_SPACE = re.compile(r"[\x00-\x20]+")
_KEY = re.compile(r'[^\x00-\x20="]+')
_BARE = re.compile(r"[^\x00-\x20]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


class LogfmtError(ValueError):
    """The line is not logfmt; says at which character."""


def pairs(line: str, *, strict: bool) -> Iterator[tuple[str, str]]:
    """Keys and values in order; a key alone has an empty value.

    What is no pair is left out, up to the next space. With ``strict``, ``LogfmtError`` ends the pairs there.
    """
    position = 0
    while position < len(line):
        if space := _SPACE.match(line, position):
            position = space.end()
            continue
        key = _KEY.match(line, position)
        found = _pair(line, key) if key else f'unexpected "{line[position]}"'
        if isinstance(found, str):
            if strict:
                raise LogfmtError(f"logfmt syntax error at pos {position + 1}: {found}")
            position = _word_end(line, position)
            continue
        name, value, position = found
        yield name, value


def _pair(line: str, key: re.Match[str]) -> tuple[str, str, int] | str:
    """A pair and where it ends, or what is wrong."""
    end = key.end()
    if end == len(line) or line[end] <= " ":
        return key[0], "", end
    if line[end] != "=":
        return f'unexpected "{line[end]}"'
    if line[end + 1 : end + 2] == '"':
        return _quoted(line, key[0], end + 1)
    value = _BARE.match(line, end + 1)
    text = value[0] if value else ""
    wrong = next((c for c in text if c in '="'), None)
    return f'unexpected "{wrong}"' if wrong else (key[0], text, end + 1 + len(text))


def _quoted(line: str, key: str, start: int) -> tuple[str, str, int] | str:
    found = _QUOTED.match(line, start)
    if not found:
        return "unterminated quoted value"
    if found.end() < len(line) and line[found.end()] > " ":
        return f'unexpected "{line[found.end()]}" after the quoted value'
    try:
        value = json.loads(found[0], strict=False) if "\\" in found[1] else found[1]
    except ValueError:
        return "invalid quoted value"
    return key, value, found.end()


def _word_end(line: str, position: int) -> int:
    space = _SPACE.search(line, position)
    return space.start() if space else len(line)
