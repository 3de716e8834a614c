"""Bytes that must occur in a serialized message before a scrubbing rule can apply to it.

Walking the attributes of a span costs more than parsing it. Protobuf stores every string as its UTF-8 bytes, so a rule
that needs ``@`` cannot touch a message without that byte. What is found here is necessary, never sufficient: where a
rule allows no such conclusion the answer is empty, and every message is walked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_GLOB_SPECIAL = re.compile(r"[*?]|\[[^\]]*\]?")
_CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*\]", re.DOTALL)
_REPEAT = re.compile(r"\{\d*,?\d*\}")
_OPTIONAL = ("?", "*", "{")
_SYNTAX = frozenset(".^$*+?{}[]\\|()#")


def key_literal(glob: str) -> bytes:
    """Bytes of every key that a glob matches. A key may be spread over nested maps, so no more than one dotted part."""
    parts = [part for run in _GLOB_SPECIAL.split(glob) for part in run.split(".")]
    return max(parts, key=len).encode()


def pattern_literal(pattern: re.Pattern[str]) -> bytes:
    """Bytes of every text that a pattern matches; empty when there are none, or none that are plain to see.

    Only single characters outside groups and classes count, in a pattern without alternatives and flags.
    """
    if pattern.flags != re.UNICODE or "(?#" in pattern.pattern:
        return b""
    runs = _required_runs(pattern.pattern)
    return max(runs, key=len, default="").encode()


def traces(globs: Sequence[str], patterns: Sequence[re.Pattern[str]]) -> tuple[bytes, ...]:
    """Bytes of which at least one occurs in every message that any rule applies to, cheapest first."""
    found = {*map(key_literal, globs), *map(pattern_literal, patterns)}
    return (b"",) if b"" in found else tuple(sorted(found, key=len))


def _required_runs(text: str) -> list[str]:
    runs, position, depth = [""], 0, 0
    while position < len(text):
        character = text[position]
        size, literal = 1, ""
        if character == "|":
            if depth == 0:
                return []
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif character == "[":
            match = _CLASS.match(text, position)
            if match is None:
                return []
            size = match.end() - position
        elif character == "{":
            match = _REPEAT.match(text, position)
            if match is None:
                return []
            size = match.end() - position
        elif character == "\\":
            size, escaped = 2, text[position + 1 : position + 2]
            literal = "" if escaped.isalnum() else escaped
            if escaped in ("x", "u", "U", "N") or escaped.isdigit():
                return []
        elif character not in _SYNTAX:
            literal = character
        position += size
        needed = literal and depth == 0 and text[position : position + 1] not in _OPTIONAL
        if needed:
            runs[-1] += literal
        if not needed or text[position : position + 1] == "+":
            runs.append("")
    return runs
