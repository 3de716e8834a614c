"""Scalar types that every file uses: text, numbers, choices, durations, sizes and free JSON."""

from __future__ import annotations

import re

from obsctl.json_types import Json
from obsctl.schema.findings import described
from obsctl.schema.source import SourceNode
from obsctl.schema.text import nearest, quoted
from obsctl.schema.types import JsonType, ScalarType, ValidationError

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_DURATION = r"(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?"
_BYTES = {
    **{unit: 1000**power for power, unit in enumerate(("B", "kB", "MB", "GB", "TB"))},
    **{unit: 1024**power for power, unit in enumerate(("KiB", "MiB", "GiB", "TiB"), start=1)},
}
_SIZE = r"(\d{1,12}(?:\.\d{1,6})?) ?([A-Za-z]+)"
_MAX_TEXT = 4096


def read_text(node: SourceNode) -> str:
    """The text of a node, as it stands there. Raises ValidationError for anything else."""
    if not isinstance(node.value, str):
        if isinstance(node.value, bool | int | float):
            raise ValidationError(f"expected text, got {described(node)}", f'Put it in quotes: "{node.text}".')
        raise ValidationError
    if node.ambiguous:
        message = f"expected text, got a bare {node.text[:20]}, which some YAML readers take for something else"
        raise ValidationError(message, f'Put it in quotes: "{node.text[:20]}".')
    if len(node.value) > _MAX_TEXT:
        raise ValidationError(f"longer than {_MAX_TEXT} characters")
    return node.value


def _matching(node: SourceNode, pattern: re.Pattern[str]) -> str:
    value = read_text(node)
    if not pattern.fullmatch(value):
        raise ValidationError
    return value


def text_like(pattern: str, expected: str) -> ScalarType[str]:
    """Text that matches a pattern as a whole."""
    compiled = re.compile(pattern)
    json: dict[str, Json] = {"type": "string", "pattern": f"^(?:{pattern})$"}
    return ScalarType(expected, lambda node: _matching(node, compiled), json)


def whole(low: int, high: int, what: str = "a whole number", unit: str = "") -> ScalarType[int]:
    """A whole number within bounds, both included."""

    def parse(node: SourceNode) -> int:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int):
            hint = "Write plain decimal digits, without quotes or a leading zero."
            raise ValidationError(hint=hint if isinstance(value, str) else "")
        if not low <= value <= high:
            raise ValidationError
        return value

    expected = f"{what} from {low} to {high}"
    return ScalarType(expected, parse, {"type": "integer", "minimum": low, "maximum": high}, unit)


def number(low: float, high: float, unit: str = "") -> ScalarType[float]:
    """A number within bounds, both included."""

    def parse(node: SourceNode) -> float:
        value = _number(node)
        if not low <= value <= high:
            raise ValidationError
        return value

    expected = f"a number from {low:g} to {high:g}"
    return ScalarType(expected, parse, {"type": "number", "minimum": low, "maximum": high}, unit)


def _number(node: SourceNode) -> float:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        raise ValidationError
    return float(node.value)


def _flag(node: SourceNode) -> bool:
    if not isinstance(node.value, bool):
        raise ValidationError
    return node.value


def duration(least: str, most: str) -> ScalarType[float]:
    """A Prometheus duration, read as seconds."""
    low, high = duration_seconds(least), duration_seconds(most)

    def parse(node: SourceNode) -> float:
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            raise ValidationError(hint=f"Add a unit: {node.text}s, {node.text}m or {node.text}h.")
        value = duration_seconds(read_text(node)) if isinstance(node.value, str) else 0.0
        if not value:
            raise ValidationError
        if not low <= value <= high:
            raise ValidationError(f"expected a duration from {least} to {most}, got {described(node)}")
        return value

    return ScalarType("a duration such as 2s, 500ms or 1h30m", parse, {"type": "string", "pattern": f"^{_DURATION}$"})


def duration_seconds(text: str) -> float:
    """Seconds of a Prometheus duration (``1h30m``; units y w d h m s ms, biggest first); 0.0 if it is none."""
    found = re.fullmatch(_DURATION, text, re.ASCII) if len(text) <= 40 else None
    parts = [part for part in found.groups() if part] if found else []
    return sum(int(part.rstrip("ywdhms")) * _UNITS[part.lstrip("0123456789")] for part in parts)


def size(least: int) -> ScalarType[int]:
    """An amount of bytes with a unit, decimal (kB, MB) or binary (KiB, MiB)."""

    def parse(node: SourceNode) -> int:
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            raise ValidationError(hint="Add a unit such as MiB or GiB.")
        found = re.fullmatch(_SIZE, read_text(node), re.ASCII)
        if not found:
            raise ValidationError
        if found[2] not in _BYTES:
            message = f"unknown unit {quoted(found[2])}{nearest(found[2], _BYTES)}"
            raise ValidationError(message, f"Units: {', '.join(_BYTES)}.")
        value = int(float(found[1]) * _BYTES[found[2]])
        if value < least:
            raise ValidationError(f"expected at least {least // 1024**2}MiB, got {described(node)}")
        return value

    return ScalarType("a size such as 2GiB or 500MB", parse, {"type": "string", "pattern": f"^{_SIZE}$"})


def _plain(node: SourceNode) -> str:
    """A text, number or truth value as text, as attributes and labels are compared."""
    if isinstance(node.value, bool):
        return node.text.lower()
    return node.text if isinstance(node.value, int | float) else read_text(node)


TEXT = ScalarType("text", read_text, {"type": "string"})
PROSE = ScalarType("text", lambda node: read_text(node).strip(), {"type": "string"})
"""Text of more than a word; space around it, which YAML's blocks end with, does not count."""

PLAIN = ScalarType("text or a number", _plain, {"type": ["string", "number", "boolean"]})
NUMBER = ScalarType("a number", _number, {"type": "number"})
FLAG = ScalarType("true or false", _flag, {"type": "boolean"})
JSON = JsonType(TEXT)
