"""Plain values -> YAML text that a person can read. Pure; the same values, the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def yaml_text(value: Mapping[str, Any], comment: str) -> str:
    """A mapping of mappings, lists, texts and numbers as a YAML document, with a comment on top."""
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    return head + "".join(f"{line}\n" if line else "\n" for line in _mapping(value))


def _mapping(value: Mapping[str, Any]) -> Iterator[str]:
    for key, inner in value.items():
        yield from _entry(f"{key}:", inner)


def _sequence(value: Sequence[Any]) -> Iterator[str]:
    for inner in value:
        if isinstance(inner, Mapping) and inner:
            lines = list(_mapping(inner))
            yield f"- {lines[0]}"
            yield from (f"  {line}" if line else "" for line in lines[1:])
        else:
            yield from _entry("-", inner)


def _entry(lead: str, value: Any) -> Iterator[str]:
    """A value behind its key or its dash: on the same line if it is short, below it if not."""
    if isinstance(value, Mapping | list | tuple) and value:
        yield lead
        lines = _mapping(value) if isinstance(value, Mapping) else _sequence(value)
        yield from (f"  {line}" if line else "" for line in lines)
    elif isinstance(value, str) and "\n" in value:
        yield f"{lead} |-"
        yield from (f"  {line}" if line else "" for line in value.splitlines())
    else:
        yield f"{lead} {json.dumps(value, ensure_ascii=False)}"
