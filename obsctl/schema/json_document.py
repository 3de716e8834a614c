"""JSON documents that one program writes for another: read like any file; a mistake is one sentence, without a line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeVar

from obsctl.errors import SpecError, UsageError
from obsctl.languages.units import prom_duration_ms
from obsctl.schema.findings import Findings
from obsctl.schema.source import SourceCursor, SourceNode, Spot, from_json, joined, plain
from obsctl.schema.types import ScalarType, ValidationError, ValueType, read_or_report

T = TypeVar("T")
_SHOWN = 60


class JsonFindings(Findings):
    """Mistakes in the words of a server's configuration: the path of the key is the subject of the sentence."""

    null_is_absent = True

    def add(self, spot: Spot, message: str, hint: str = "") -> None:  # noqa: ARG002 - a sentence is all there is
        """Note a mistake. A message that starts with a colon is another parser's own sentence."""
        space = "" if message.startswith(":") else " "
        self.errors.append(SpecError(f"{spot.path or 'the configuration'}{space}{message}"))

    def misfit(self, spot: Spot, expected: str, node: SourceNode, hint: str = "") -> None:
        """A value is not of its type."""
        self.add(spot, f"must be {expected}, not {kind_of(node)}", hint)

    def missing(self, cursor: SourceCursor, title: str, key: str, meaning: str) -> None:  # noqa: ARG002
        """An object lacks a required key."""
        self.add(Spot(0, joined(cursor.path, key)), "is missing")

    def unknown(self, cursor: SourceCursor, title: str, key: str, known: Sequence[str]) -> None:  # noqa: ARG002
        """An object has a key that nobody reads."""
        message = f"unknown key {joined(cursor.path, key)}; known here: {', '.join(sorted(known))}"
        self.errors.append(SpecError(message))

    def mapping(self, title: str, *, or_name: bool) -> str:  # noqa: ARG002
        """What is expected where an object is."""
        return "an object"


def read_json(document: object, value_type: ValueType[T], path: str = "") -> T:
    """The value of a JSON document, ``path`` being where it is in a larger one. ``UsageError`` names one mistake."""
    findings = JsonFindings()
    for value in read_or_report(value_type, SourceCursor(from_json(document), path), findings):
        if not findings.errors:
            return value
    raise UsageError(findings.errors[0].message)


def kind_of(node: SourceNode) -> str:
    """How a JSON value is called in a sentence."""
    if isinstance(node.value, tuple | Mapping):
        return "a list" if isinstance(node.value, tuple) else "an object"
    text = json.dumps(plain(node), ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _non_empty(node: SourceNode) -> str:
    if not isinstance(node.value, str) or not node.value:
        raise ValidationError
    return node.value


def _strings(node: SourceNode) -> tuple[str, ...]:
    if not isinstance(node.value, tuple):
        raise ValidationError(expected="a list")
    texts = tuple(item.value for item in node.items if isinstance(item.value, str) and item.value)
    if len(texts) < len(node.items):
        raise ValidationError("must be a list of non-empty strings")
    return texts


def _strings_by_key(node: SourceNode) -> Mapping[str, str]:
    texts = {key: item.value for key, item in node.entries.items() if isinstance(item.value, str)}
    if not isinstance(node.value, Mapping) or len(texts) < len(node.value):
        raise ValidationError
    return texts


def _duration_ms(node: SourceNode) -> int:
    try:
        return prom_duration_ms(_non_empty(node))
    except ValueError as error:
        raise ValidationError(f": {error}") from error


NON_EMPTY = ScalarType("a non-empty string", _non_empty, {"type": "string", "minLength": 1})
STRINGS = ScalarType(
    "a list of non-empty strings", _strings, {"type": "array", "items": {"type": "string", "minLength": 1}}
)
STRING_MAP = ScalarType(
    "an object of strings", _strings_by_key, {"type": "object", "additionalProperties": {"type": "string"}}
)
DURATION_MS = ScalarType("a non-empty string", _duration_ms, NON_EMPTY.json)
"""A Prometheus duration, read as milliseconds."""
