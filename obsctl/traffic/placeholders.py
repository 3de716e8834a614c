"""Renders the placeholders of a step, and picks values out of JSON answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from obsctl.languages.placeholders import REQUEST, Placeholder

_MISSING = object()


class StepError(Exception):
    """A step cannot be sent, or its answer does not hold what should be captured."""


def render_value(value: object, values: Mapping[str, object]) -> object:
    """A body or header value with each ``{name}`` replaced by its value, at any depth; keys are left alone.

    A string that is nothing but one placeholder becomes the value itself, so that a captured number stays a number.
    Raises StepError for a name without a value.
    """
    if isinstance(value, str):
        alone = REQUEST.whole(value)
        if alone:
            return _value(alone, values)
        return REQUEST.render(value, lambda placeholder: str(_value(placeholder, values)))
    if isinstance(value, Mapping):
        return {key: render_value(item, values) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [render_value(item, values) for item in value]
    return value


def render_path(route: str, values: Mapping[str, object]) -> str:
    """A route as a path, each value quoted so that it stays one segment."""
    return REQUEST.render(route, lambda placeholder: quote(str(_value(placeholder, values)), safe=""))


def render_headers(headers: Mapping[str, str], values: Mapping[str, object]) -> dict[str, str]:
    """Header values with their placeholders replaced.

    Raises StepError for a value that cannot be sent: one with control or non-Latin characters.
    """
    rendered = {key: str(render_value(text, values)) for key, text in headers.items()}
    for key, text in rendered.items():
        if any(ord(c) < 32 or ord(c) in (127, *range(128, 160)) or ord(c) > 255 for c in text):
            raise StepError(f"header {key} would hold characters that cannot be sent")
    return rendered


def _value(placeholder: Placeholder, values: Mapping[str, object]) -> object:
    """The value of a name; a reference is its own name, so that nothing captured can be taken for it."""
    name = placeholder.text if placeholder.format else placeholder.name
    if name not in values:
        raise StepError(f"has no value for {placeholder.text}")
    return values[name]


def pick(answer: object, path: str) -> object:
    """The value at a dotted path of a JSON answer; numbers index lists. Raises StepError where there is none."""
    found = answer
    for part in path.split("."):
        found = _step(found, part)
        if found is _MISSING:
            raise StepError(f"the answer has no {path}")
    return found


def _step(value: object, part: str) -> object:
    if isinstance(value, Mapping):
        return value.get(part, _MISSING)
    if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
        return value[int(part)]
    return _MISSING


def meets(answer: object, wanted: Mapping[str, object]) -> bool:
    """Whether a JSON answer has all these values (dotted path -> value)."""
    try:
        return all(pick(answer, path) == value for path, value in wanted.items())
    except StepError:
        return False
