"""Text in double quotes, as Go prints it and as query languages read it."""

from __future__ import annotations

import json

_ESCAPES = {
    '"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a", "\b": "\\b", "\v": "\\v", "\f": "\\f",
}  # fmt: skip


def go_quoted(text: str) -> str:
    """A string as Go's ``%q`` prints it: what does not print is escaped."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_ESCAPES.get(c) or (c if c.isprintable() else _code(c)) for c in text) + '"'


def excerpt(text: str, longest: int = 100) -> str:
    """A piece of the user's input as ``go_quoted`` prints it, cut to a length that fits into an error message."""
    return go_quoted(text if len(text) <= longest else f"{text[:longest]}…")


def string_literal(text: str) -> str:
    """A string literal in double quotes, uncut, as PromQL, LogQL, TraceQL, YAML and JSON all read it."""
    return json.dumps(text, ensure_ascii=False)


def _code(character: str) -> str:
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
