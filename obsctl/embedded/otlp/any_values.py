"""OTLP attribute values as the strings that labels and metadata hold, and the service name of a resource."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterable, Iterator

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from obsctl.languages.numbers import format_value

UNKNOWN_SERVICE = "unknown_service"
"""Semantic conventions: the service name of a resource that has none."""

_NOT_IN_LABEL = re.compile(r"[^a-zA-Z0-9_]")


def text(value: AnyValue) -> str:
    """A value as text, as the Collector's ``AsString`` gives it, and with it Prometheus' and Loki's OTLP receivers.

    Numbers have JSON's spelling (``1``, ``1e-7``), lists and maps are compact JSON with sorted keys, bytes are base64.
    """
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind == "double_value" and not math.isfinite(value.double_value):
        return f"json: unsupported value: {format_value(value.double_value)}"
    if kind is None:
        return ""
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    try:
        return _json(value)
    except ValueError:
        return ""  # a number in it that JSON has not


def _json(value: AnyValue) -> str:
    """The value as JSON; nesting is bounded by the protobuf parser (100 levels). ``ValueError`` for NaN, infinities."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return f"[{','.join(map(_json, value.array_value.values))}]"
    if kind == "kvlist_value":
        pairs = {item.key: item.value for item in value.kvlist_value.values}
        return "{" + ",".join(f"{_quoted(key)}:{_json(pairs[key])}" for key in sorted(pairs)) + "}"
    if kind == "double_value":
        if not math.isfinite(value.double_value):
            raise ValueError("JSON has no such number")
        return format_value(value.double_value).replace("e-0", "e-")
    if kind == "bytes_value":
        return f'"{base64.b64encode(value.bytes_value).decode()}"'
    return _quoted(value.string_value) if kind == "string_value" else json.dumps(getattr(value, kind) if kind else None)


def _quoted(text: str) -> str:
    """As Go writes it, which escapes the two line separators of Unicode."""
    return json.dumps(text, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def label_name(key: str) -> str:
    """An attribute key as a label name: letters, digits and underscores; no digit and no single underscore at first."""
    name = _NOT_IN_LABEL.sub("_", key)
    if name.startswith("_") and not name.startswith("__"):
        return f"key{name}"
    return f"key_{name}" if name[:1].isdigit() else name


def labels(attributes: Iterable[KeyValue]) -> dict[str, str]:
    """Attributes as labels; keys that become the same name have their values joined with ``;``, by key."""
    return _joined((label_name(item.key), item) for item in sorted(attributes, key=lambda item: item.key))


def flat_labels(attributes: Iterable[KeyValue]) -> dict[str, str]:
    """The same with maps spread out, as in Loki: ``http: {method: GET}`` is ``http_method``."""
    return _joined(_spread(attributes, ""))


def _spread(attributes: Iterable[KeyValue], prefix: str) -> Iterator[tuple[str, KeyValue]]:
    for item in sorted(attributes, key=lambda item: item.key):
        name = label_name(f"{prefix}{item.key}")
        if item.value.WhichOneof("value") == "kvlist_value":
            yield from _spread(item.value.kvlist_value.values, f"{name}_")
        else:
            yield name, item


def _joined(named: Iterable[tuple[str, KeyValue]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, item in named:
        value = text(item.value)
        if name and value:
            found[name] = f"{found[name]};{value}" if name in found else value
    return found


def hex_id(identifier: bytes) -> str:
    """A trace or span id as text; empty for one of zeros, which means that there is none."""
    return identifier.hex() if any(identifier) else ""


def service_name(resource: Resource) -> str:
    """``service.name`` of a resource, or what the conventions say in its place."""
    for attribute in resource.attributes:
        if attribute.key == "service.name":
            return attribute.value.string_value or UNKNOWN_SERVICE
    return UNKNOWN_SERVICE
