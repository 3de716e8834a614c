"""What templates do to texts in more than one language."""

from __future__ import annotations

from typing import Any

from obsctl.languages.gotemplate.syntax import TemplateError
from obsctl.languages.regex import compiled_regex, expand


def replaced(pattern: str, replacement: str, text: str, *, literal: bool = False) -> str:
    """Every match replaced; ``$1`` and ``${1}`` stand for groups unless it is ``literal``."""
    parts, last = [], 0
    for match in regex(pattern).finditer(text):
        parts += [text[last : match.start()], replacement if literal else expand(replacement, match)]
        last = match.end()
    return "".join([*parts, text[last:]])


def regex(pattern: str) -> Any:
    """A compiled pattern. ``TemplateError`` when it is none."""
    try:
        return compiled_regex(pattern, dot_all=False)
    except ValueError as error:
        raise TemplateError(f"error parsing regexp: {error}") from error


def titled(text: str) -> str:
    """Every word with a capital, as Go's ``strings.Title``."""
    before = [" ", *text]
    return "".join(c.upper() if not (p.isalnum() or p in "_'") else c for p, c in zip(before, text, strict=False))
