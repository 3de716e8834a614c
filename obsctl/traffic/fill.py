"""Pure: placeholders into text, values out of JSON answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_MISSING = object()


class StepError(Exception):
    """A step cannot be sent, or its answer does not hold what should be captured."""


def fill(value: Any, values: Mapping[str, Any]) -> Any:
    """A body or header value with each ``{name}`` filled in, at any depth; keys are left alone.

    A string that is nothing but one placeholder becomes the value itself, so that a captured number stays a number.
    Raises StepError for a name without a value.
    """
    if isinstance(value, str):
        alone = _PLACEHOLDER.fullmatch(value)
        return _value(alone[1], values) if alone else _PLACEHOLDER.sub(lambda m: str(_value(m[1], values)), value)
    if isinstance(value, Mapping):
        return {key: fill(item, values) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill(item, values) for item in value]
    return value


def fill_path(route: str, values: Mapping[str, Any]) -> str:
    """A route as a path, each value quoted so that it stays one segment."""
    return _PLACEHOLDER.sub(lambda m: quote(str(_value(m[1], values)), safe=""), route)


def fill_headers(headers: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
    """Header values filled in. Raises StepError for one that cannot be sent: control or non-Latin characters."""
    filled = {key: str(fill(text, values)) for key, text in headers.items()}
    for key, text in filled.items():
        if any(ord(c) < 32 or ord(c) in (127, *range(128, 160)) or ord(c) > 255 for c in text):
            raise StepError(f"header {key} would hold characters that cannot be sent")
    return filled


def _value(name: str, values: Mapping[str, Any]) -> Any:
    if name not in values:
        raise StepError(f"has no value for {{{name}}}")
    return values[name]


def pick(answer: Any, path: str) -> Any:
    """The value at a dotted path of a JSON answer; numbers index lists. Raises StepError where there is none."""
    found = answer
    for part in path.split("."):
        found = _step(found, part)
        if found is _MISSING:
            raise StepError(f"the answer has no {path}")
    return found


def _step(value: Any, part: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(part, _MISSING)
    if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
        return value[int(part)]
    return _MISSING


def meets(answer: Any, wanted: Mapping[str, Any]) -> bool:
    """Whether a JSON answer has all these values (dotted path -> value)."""
    try:
        return all(pick(answer, path) == value for path, value in wanted.items())
    except StepError:
        return False
