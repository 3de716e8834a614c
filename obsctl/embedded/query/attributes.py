"""OTLP attribute values as Python values and as text. Nesting is followed to ``MAX_DEPTH`` levels, deeper is cut."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from obsctl.languages.numbers import format_value

MAX_DEPTH = 32
CUT = "…"


def plain(value: AnyValue, depth: int = MAX_DEPTH) -> Any:
    """A value as JSON would hold it: arrays as lists, maps as dicts, bytes as base64, an absent value as None.

    NaN and infinities become text, since JSON has none.
    """
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "double_value" and not math.isfinite(value.double_value):
        return format_value(value.double_value)
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    if kind in ("array_value", "kvlist_value"):
        return _nested(value, kind, depth - 1) if depth else CUT
    return getattr(value, kind)


def _nested(value: AnyValue, kind: str, depth: int) -> Any:
    if kind == "array_value":
        return [plain(item, depth) for item in value.array_value.values]
    return {item.key: plain(item.value, depth) for item in value.kvlist_value.values}


def text(value: AnyValue) -> str:
    """A value as text: what a search compares with (``true``, ``42``, ``1.5``, arrays and maps as JSON)."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind == "bool_value":
        return "true" if value.bool_value else "false"
    if kind == "double_value":
        return format_value(value.double_value)
    found = plain(value)
    if found is None:
        return ""
    return found if isinstance(found, str) else json.dumps(found, separators=(",", ":"), ensure_ascii=False)
