"""Whether the collector can use a contract's patterns. Its regular expressions are RE2's: no lookaround, no references.

The contract's are Python's, so a pattern may be right there and still keep the collector from starting.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from obsctl.errors import Place, SpecError

_BEYOND_RE2 = (
    (r"\(\?<?[=!]", "lookaround"),
    (r"\(\?P=", "a reference to a group"),
    (r"\(\?\(", "a condition"),
    (r"\(\?>", "an atomic group"),
    (r"\(\?#", "a comment"),
    (r"\(\?[ims-]*[auxL]", "a flag other than i, m and s"),
    (r"\\[1-9]", "a reference to a group"),
    (r"\\[ZuUN]", "an escape that only Python knows"),
    (r"(?:[*+?]|\{\d+(?:,\d*)?\})\+", "a possessive repetition"),
)
_CLASS = r"\[\^?\]?(?:\\.|[^\]\\])*\]"
_LITERALS = re.compile(rf"\\[^A-Za-z0-9]|{_CLASS}", re.DOTALL)
"""Escaped punctuation and character classes, in which none of the above means anything."""

_GROUP = re.compile(rf"\\.|{_CLASS}|\((?!\?)|\(\?P<\w+>", re.DOTALL)
_MAX_REPEAT = 1000


def require_re2(patterns: Mapping[str, str], place: Place | None) -> None:
    """Raise SpecError for the first pattern that the collector could not use; ``place`` is the contract's."""
    for name, pattern in sorted(patterns.items()):
        found = beyond_re2(pattern)
        if found:
            message = f"forbidden.patterns.{name}: the collector cannot use {found}"
            raise SpecError(message, place=place, hint="Its regular expressions are RE2's; write the pattern without.")


def beyond_re2(pattern: str) -> str:
    """What in a pattern of Python's RE2 does not have, in words; "" if it has all of it."""
    bare = _LITERALS.sub("x", pattern)
    found = next((words for regex, words in _BEYOND_RE2 if re.search(regex, bare)), "")
    if found:
        return found
    repeats = (int(number) for group in re.findall(r"\{(\d+)?,?(\d+)?\}", bare) for number in group if number)
    return f"more than {_MAX_REPEAT} repetitions" if max(repeats, default=0) > _MAX_REPEAT else ""


def without_groups(pattern: str) -> str:
    """The pattern with its capturing groups made plain, so that a whole match can be captured around it."""
    return _GROUP.sub(lambda found: "(?:" if found[0].startswith("(") else found[0], pattern)
