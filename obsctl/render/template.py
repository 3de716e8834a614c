"""Templates of text files. Boring on purpose: what a person reads in a template is what ends up in the file.

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
from typing import TypeAlias

from obsctl.languages.placeholders import TEMPLATE, Placeholder

_LINE = re.compile(r"\s*#(if|unless|each|end)\b *([a-z][a-z0-9_]*)?\s*\n?")

Scalar = str | int | bool
Value: TypeAlias = "Scalar | Sequence[Mapping[str, Value]]"
Context: TypeAlias = Mapping[str, Value]
"""What a template may name: texts, numbers, truth values, and lists of more of that to repeat lines for."""


class RenderError(Exception):
    """A template that cannot be rendered: a bug of ours, never of a spec."""


def render_template(text: str, context: Context) -> str:
    """The text with its directives obeyed and its placeholders rendered. Raises RenderError."""
    lines = text.splitlines(keepends=True)
    end, rendered = _block(lines, 0, context)
    if end < len(lines):
        raise RenderError(f"#end on line {end + 1} ends nothing")
    return rendered


def _block(lines: Sequence[str], start: int, context: Context) -> tuple[int, str]:
    """From ``start`` to the ``#end`` of this block: where that is, and the text before it."""
    out: list[str] = []
    at = start
    while at < len(lines):
        directive = _LINE.fullmatch(lines[at])
        if directive is None:
            out.append(render_inline(lines[at], context))
        elif directive[1] == "end":
            break
        else:
            end = _end(lines, at)
            out.extend(_block(lines, at + 1, scope)[1] for scope in _scopes(directive[1], directive[2], context))
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
    raise RenderError(f"line {start + 1} has no #end: {lines[start].strip()}")


def _scopes(kind: str, name: str | None, context: Context) -> Iterator[Context]:
    """The contexts with which a block is rendered, once for each time."""
    value = _value(name or "", context)
    if kind != "each":
        yield from (context,) if bool(value) == (kind == "if") else ()
        return
    if isinstance(value, Scalar):
        raise RenderError(f"{name!r} is no list")
    yield from (ChainMap(dict(item), dict(context)) for item in value)


def render_inline(text: str, context: Context) -> str:
    """A text with its placeholders rendered. Raises RenderError."""
    return TEMPLATE.render(text, lambda placeholder: _text(placeholder, _value(placeholder.name, context)))


def _value(name: str, context: Context) -> Value:
    if name not in context:
        raise RenderError(f"there is no value {name!r}")
    return context[name]


def _text(placeholder: Placeholder, value: Value) -> str:
    if placeholder.format:
        raise RenderError(f"{placeholder.name!r} has no format {placeholder.format!r}")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise RenderError(f"{placeholder.name!r} is no text")
    return str(value)
