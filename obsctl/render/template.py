"""Text files with holes. Boring on purpose: what a person reads in a template is what ends up in the file.

``@{name}`` is replaced by a value. Three kinds of lines, which do not end up in the file, decide about others:

    #if name        the lines up to ``#end`` stay if the value is true (or a list with something in it)
    #unless name    they stay if it is not
    #each name      they are repeated for each item of a list; the item's values come before the others

They may stand inside each other. A name that has no value is an error, so a typing mistake cannot go unnoticed.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_HOLE = re.compile(r"@\{([a-z][a-z0-9_]*)\}")
_LINE = re.compile(r"\s*#(if|unless|each|end)\b *([a-z][a-z0-9_]*)?\s*\n?")

Values = Mapping[str, Any]


class TemplateError(Exception):
    """A template that cannot be filled in: a bug of ours, never of a spec."""


def fill(text: str, values: Values) -> str:
    """The text with everything filled in. Raises TemplateError."""
    lines = text.splitlines(keepends=True)
    end, filled = _block(lines, 0, values)
    if end < len(lines):
        raise TemplateError(f"#end on line {end + 1} ends nothing")
    return filled


def _block(lines: Sequence[str], start: int, values: Values) -> tuple[int, str]:
    """From ``start`` to the ``#end`` of this block: where that is, and the text before it."""
    out: list[str] = []
    at = start
    while at < len(lines):
        directive = _LINE.fullmatch(lines[at])
        if directive is None:
            out.append(inline(lines[at], values))
        elif directive[1] == "end":
            break
        else:
            end = _end(lines, at)
            out.extend(_block(lines, at + 1, scope)[1] for scope in _scopes(directive[1], directive[2], values))
            at = end
        at += 1
    return at, "".join(out)


def _end(lines: Sequence[str], start: int) -> int:
    """The line of the ``#end`` that belongs to the directive on line ``start``."""
    depth = 0
    for at in range(start, len(lines)):
        directive = _LINE.fullmatch(lines[at])
        if directive:
            depth += -1 if directive[1] == "end" else 1
            if depth == 0:
                return at
    raise TemplateError(f"line {start + 1} has no #end: {lines[start].strip()}")


def _scopes(kind: str, name: str | None, values: Values) -> Iterator[Values]:
    """The values with which a block is written, once for each time."""
    value = _value(name or "", values)
    if kind == "each":
        yield from (ChainMap(dict(item), dict(values)) for item in value)
    elif bool(value) == (kind == "if"):
        yield values


def inline(text: str, values: Values) -> str:
    """A text with its holes filled in. Raises TemplateError."""
    return _HOLE.sub(lambda hole: _text(hole[1], _value(hole[1], values)), text)


def _value(name: str, values: Values) -> Any:
    if name not in values:
        raise TemplateError(f"there is no value {name!r}")
    return values[name]


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TemplateError(f"{name!r} is no text")
    return str(value)
