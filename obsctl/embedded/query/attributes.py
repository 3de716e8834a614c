"""Attribute values as JSON and as text. Nesting is followed to ``MAX_DEPTH`` levels, deeper is cut."""

from __future__ import annotations

import base64
import json
import math

from obsctl.embedded.spans import AttributeList, AttributeValue
from obsctl.languages.numbers import format_value

MAX_DEPTH = 32
CUT = "…"


def plain(value: AttributeValue, depth: int = MAX_DEPTH) -> object:
    """A value as JSON would hold it: arrays as lists, maps as dicts, bytes as base64, an empty value as None.

    NaN and infinities become text, since JSON has none.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return format_value(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, tuple):
        return [plain(item, depth - 1) for item in value] if depth else CUT
    if isinstance(value, AttributeList):
        return {key: plain(item, depth - 1) for key, item in value} if depth else CUT
    return value


def text(value: AttributeValue) -> str:
    """A value as text: what a search compares with (``true``, ``42``, ``1.5``, arrays and maps as JSON)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format_value(value)
    shown = plain(value)
    if shown is None:
        return ""
    return shown if isinstance(shown, str) else json.dumps(shown, separators=(",", ":"), ensure_ascii=False)
