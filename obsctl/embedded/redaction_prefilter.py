"""Bytes that must occur in a serialized message before a scrubbing rule can apply to it.

Walking the attributes of a span costs more than parsing it. Protobuf stores every string as its UTF-8 bytes, so a rule
that needs ``@`` cannot touch a message without that byte. What is found here is necessary, never sufficient: where a
rule allows no such conclusion the answer is empty, and every message is walked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

_GLOB_SPECIAL = re.compile(r"[*?]|\[[^\]]*\]?")
_TOKEN = re.compile(
    r"""(?P<set>\[\^?\]?(?:[^\]\\]|\\.)*\])
    | (?P<times>[*?]|\{\d*,?\d*\})
    | (?P<plus>\+)
    | (?P<open>\() | (?P<close>\)) | (?P<either>\|)
    | (?P<quoted>\\[^0-9A-Za-z])
    | (?P<other>\\[A-MO-TV-Za-tvwyz]|[.^$])
    | (?P<plain>[^][\\.^$*+?{}|()])""",
    re.VERBOSE | re.DOTALL,
)
"""The syntax of ``re``, as far as it can be told apart without understanding it. Escapes that spell one character
(``\\x41``, ``\\101``) are left out, so a pattern with them gives nothing."""


def traces(globs: Sequence[str], patterns: Sequence[re.Pattern[str]]) -> tuple[bytes, ...]:
    """Bytes of which at least one occurs in every message that any rule applies to, cheapest first."""
    found = {*map(key_literal, globs), *map(pattern_literal, patterns)}
    return (b"",) if b"" in found else tuple(sorted(found, key=len))


def key_literal(glob: str) -> bytes:
    """Bytes of every key that a glob matches. A key may be spread over nested maps, so no more than one dotted part."""
    parts = [part for run in _GLOB_SPECIAL.split(glob) for part in run.split(".")]
    return max(parts, key=len).encode()


def pattern_literal(pattern: re.Pattern[str]) -> bytes:
    """Bytes of every text that a pattern matches; empty when there are none, or none that are plain to see.

    Only characters outside groups and sets count, in a pattern without alternatives, flags and comments.
    """
    if pattern.flags != re.UNICODE or "(?#" in pattern.pattern:
        return b""
    runs, depth = [""], 0
    for (kind, text), (following, _) in pairwise([*_tokens(pattern.pattern), ("end", "")]):
        depth += (kind == "open") - (kind == "close")
        if kind == "unknown" or (kind == "either" and depth == 0):
            return b""
        needed = kind in ("plain", "quoted") and depth == 0 and following != "times"
        if needed:
            runs[-1] += text[-1]
        if not needed or following == "plus":
            runs.append("")
    return max(runs, key=len).encode()


def _tokens(pattern: str) -> list[tuple[str, str]]:
    """Kind and text of every token, up to the first that is not known."""
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(pattern):
        match = _TOKEN.match(pattern, position)
        if match is None:
            return [*found, ("unknown", "")]
        found.append((str(match.lastgroup), match[0]))
        position = match.end()
    return found
