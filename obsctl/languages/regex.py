"""Regular expressions of queries, run by RE2: the engine that Prometheus and Loki use, in linear time.

What a query can ask for is bounded by the length of a pattern, and by the memory of a compiled one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import AnyStr, Protocol, cast

import re2

from obsctl.languages.errors import RegexError

MAX_PATTERN = 1_000


class Regex(Protocol):
    """A pattern compiled by RE2, which takes text and UTF-8; matches are what ``re`` gives."""

    @property
    def groups(self) -> int: ...
    @property
    def groupindex(self) -> Mapping[str, int]: ...
    def search(self, text: AnyStr) -> re.Match[AnyStr] | None: ...
    def fullmatch(self, text: AnyStr) -> re.Match[AnyStr] | None: ...
    def finditer(self, text: AnyStr) -> Iterator[re.Match[AnyStr]]: ...


_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})", re.ASCII)

REGEX_MEMORY = 2 << 20
"""Bytes of one compiled pattern: what bounds a regular expression, as RE2 runs in linear time."""


@lru_cache(maxsize=128)
def compiled_regex(pattern: str, *, dot_all: bool) -> Regex:
    """A pattern in RE2's syntax; ``dot_all`` lets ``.`` match a newline. ``ValueError`` when it is not one."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = REGEX_MEMORY
    options.dot_nl = dot_all
    try:
        return cast("Regex", re2.compile(pattern, options))
    except re2.error as cause:
        raise ValueError(cause.args[0].decode("utf-8", "replace")) from cause


# RE2's words for what is wrong, and those of Go's package, which Prometheus and Loki show.
_WORDS = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "bad repetition operator": "invalid nested repetition operator",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "trailing \\": "trailing backslash at end of expression",
}


def checked(pattern: str, *, dot_all: bool = True) -> Regex:
    """A compiled pattern; ``dot_all`` lets ``.`` match a newline. ``RegexError`` when it is not one."""
    if len(pattern) > MAX_PATTERN:
        raise RegexError(pattern, f"regular expression is longer than {MAX_PATTERN} characters")
    try:
        return compiled_regex(pattern, dot_all=dot_all)
    except UnicodeError as cause:
        raise RegexError(pattern, "error parsing regexp: invalid UTF-8") from cause
    except ValueError as cause:
        kind, separator, part = str(cause).partition(": ")
        problem = f"{_WORDS.get(kind, kind)}: `{part}`" if separator or kind in _WORDS else kind
        raise RegexError(pattern, f"error parsing regexp: {problem}") from cause


def translate(pattern: str) -> str:
    """A pattern as a ``Matcher`` takes it: unchanged, once it is known to be one. ``RegexError`` when it is not."""
    checked(pattern)
    return pattern


def searcher(pattern: str) -> Regex:
    """A compiled pattern that is looked for anywhere in a line (LogQL's ``|~``); ``.`` does not match a newline."""
    return checked(pattern, dot_all=False)


def expand(template: str, match: re.Match[str]) -> str:
    """A template of Go's ``Expand``: ``$1``, ``${1}``, ``$name``, ``$$``. Unknown groups are empty."""
    names = match.re.groupindex

    def group(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        name = reference[2] or reference[3]
        number = int(name) if name.isdigit() and len(name) < 9 else names.get(name, -1)
        return (match.group(number) or "") if 0 <= number <= match.re.groups else ""

    return _REFERENCE.sub(group, template)
