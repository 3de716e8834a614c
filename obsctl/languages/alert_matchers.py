"""Matchers as Alertmanager writes them: ``alertname="Down"``, ``severity=~"page|ticket"``, ``{a="b",c!="d"}``."""

from __future__ import annotations

import re
from typing import Literal, cast

from obsctl.languages.errors import QueryError
from obsctl.languages.labels import Matcher
from obsctl.languages.quoting import excerpt

Op = Literal["=", "!=", "=~", "!~"]

_QUOTED = r'"(?:\\.|[^"\\])*"'
_ONE = re.compile(
    rf"""\s*(?P<name>{_QUOTED}|[^\s{{}}!=~,\\"'`]+)\s*(?P<op>=~|!=|!~|=)
    \s*(?P<value>{_QUOTED}|[^\s{{}}!=~,\\"'`]*)\s*(?P<end>,|\Z)""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n"}


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """Matchers separated by commas, in braces or not. ``QueryError`` when they are none."""
    stripped = text.strip()
    inner = stripped[1:-1] if stripped.startswith("{") and stripped.endswith("}") else stripped
    found: list[Matcher] = []
    at = 0
    while inner[at:].strip():
        one = _ONE.match(inner, at)
        if not one:
            raise QueryError(f"bad matcher format: {text[:200]}")
        found.append(matcher(_plain(one["name"]), cast(Op, one["op"]), _plain(one["value"])))
        at = one.end()
    return tuple(found)


def parse_matcher(text: str) -> Matcher:
    """One matcher, without braces. ``QueryError`` when it is none."""
    found = parse_matchers(text)
    if len(found) != 1 or text.lstrip().startswith("{"):
        raise QueryError(f"bad matcher format: {text[:200]}")
    return found[0]


def matcher(name: str, op: Op, value: str) -> Matcher:
    """A matcher. ``QueryError`` when its regular expression is none."""
    try:
        return Matcher(name, op, value)
    except ValueError as error:
        raise QueryError(f"bad matcher format: {excerpt(name + op + value)}: {error}") from error


def operator(*, is_regex: bool, is_equal: bool) -> Op:
    """The operator of a matcher of a silence."""
    if is_regex:
        return "=~" if is_equal else "!~"
    return "=" if is_equal else "!="


def _plain(text: str) -> str:
    if not text.startswith('"'):
        return text
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), text[1:-1], flags=re.DOTALL)
