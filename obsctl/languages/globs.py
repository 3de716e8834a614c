"""Globs of files as Alloy and Promtail match them (Go's ``doublestar``).

``*`` and ``?`` stay within a folder, ``**`` as a whole part stands for any number of folders, ``{a,b}`` for either,
``[a-z]`` and ``[^a-z]`` for one character; a backslash takes the next character literally. Names that begin with a dot
match like others. ``**`` does not follow symbolic links, so a walk ends.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

_MOST = 1000
"""Patterns that the braces of one may stand for."""


class GlobError(ValueError):
    """A pattern that cannot be read; the message says why."""


def escape(path: str) -> str:
    """A pattern that matches exactly this path."""
    return re.sub(r"([\\*?\[\]{},])", r"\\\1", path)


def check(pattern: str) -> None:
    """Raises GlobError where a pattern cannot be read."""
    for alternative in _expanded(pattern):
        _parts(alternative)


def matching_files(pattern: str) -> list[str]:
    """The files that an absolute pattern matches, in order; a pattern that is the name of a file is just that."""
    if Path(pattern).is_file():
        return [pattern]
    found = {path for one in _expanded(pattern) for path in _walk("/", _parts(one)[1:])}
    return sorted(found)


@lru_cache(maxsize=256)
def _expanded(pattern: str) -> tuple[str, ...]:
    """The patterns without braces that a pattern stands for."""
    begin = _find(pattern, "{", 0)
    if begin < 0:
        return (pattern,)
    choices, start, depth, at = [], begin + 1, 0, begin + 1
    while True:
        at = _find(pattern, "{,}", at)
        if at < 0:
            raise GlobError(f"a brace of {pattern!r} is not closed")
        match pattern[at]:
            case "{":
                depth += 1
            case "}" if depth:
                depth -= 1
            case "," if depth:
                pass
            case closing:
                choices.append(pattern[start:at])
                start = at + 1
                if closing == "}":
                    break
        at += 1
    expanded = tuple(one for choice in choices for one in _expanded(pattern[:begin] + choice + pattern[start:]))
    if len(expanded) > _MOST:
        raise GlobError(f"the braces of {pattern[:80]!r} stand for more than {_MOST} patterns")
    return expanded


def _find(pattern: str, wanted: str, start: int) -> int:
    """Where one of these characters is, not counting escaped ones and those of a class; -1 where none is."""
    at = start
    while at < len(pattern):
        if pattern[at] in wanted:
            return at
        if pattern[at] == "[":
            at = _class_end(pattern, at)
        at += 2 if pattern[at] == "\\" else 1
    return -1


def _class_end(text: str, begin: int) -> int:
    """Where the ``]`` is of a class that begins there."""
    at = begin + 1 + (text[begin + 1 : begin + 2] in ("^", "!"))
    first = at
    while at < len(text) and (text[at] != "]" or at == first):
        at += 2 if text[at] == "\\" else 1
    if at >= len(text) or "/" in text[begin:at]:
        raise GlobError(f"a class of {text!r} is not closed: write \\[ for a bracket")
    return at


@lru_cache(maxsize=256)
def _parts(pattern: str) -> tuple[str | re.Pattern[str], ...]:
    """The parts of a path: literal names, ``**``, and patterns of names."""
    return tuple(_part(text) for text in pattern.split("/"))


def _part(text: str) -> str | re.Pattern[str]:
    if text == "**":
        return text
    regex, literal, at = "", "", 0
    plain = True
    while at < len(text):
        character, end = text[at], at + 1
        if character in "*?":
            regex, plain = regex + (".*" if character == "*" else "."), False
        elif character == "[":
            end = _class_end(text, at) + 1
            regex, plain = regex + _class(text[at + 1 : end - 1]), False
        else:
            if character == "\\":
                character, end = text[at + 1 : at + 2] or "\\", at + 2
            regex, literal = regex + re.escape(character), literal + character
        at = end
    return literal if plain else _compiled(regex, text)


def _class(inside: str) -> str:
    negated = inside[:1] in ("^", "!")
    content = re.sub(r"([\[&~|^])", r"\\\1", inside[negated:])
    return f"[{'^' * negated}{content}]"


def _compiled(regex: str, text: str) -> re.Pattern[str]:
    try:
        return re.compile(regex, re.DOTALL)
    except re.error as error:
        raise GlobError(f"{text!r} is not a pattern of file names: {error}") from error


def _walk(folder: str, parts: Sequence[str | re.Pattern[str]]) -> Iterator[str]:
    """The files below a folder that match the parts."""
    if not parts:
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _any_depth(folder, rest or (re.compile(".*"),))
    elif isinstance(part, str):
        yield from _reached(os.path.join(folder, part), rest)  # noqa: PTH118 - Path would normalise
    else:
        for entry in _entries(folder):
            if part.fullmatch(entry.name):
                yield from _reached(entry.path, rest)


def _reached(path: str, rest: Sequence[str | re.Pattern[str]]) -> Iterator[str]:
    if rest:
        yield from _walk(path, rest)
    elif Path(path).is_file():
        yield path


def _any_depth(folder: str, rest: Sequence[str | re.Pattern[str]]) -> Iterator[str]:
    yield from _walk(folder, rest)
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _any_depth(entry.path, rest)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder; nothing where it is gone, or may not be read."""
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:
        return []
