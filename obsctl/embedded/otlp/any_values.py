"""OTLP attribute values as the strings that labels and metadata hold, and the service name of a resource."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

UNKNOWN_SERVICE = "unknown_service"
"""Semantic conventions: the service name of a resource that has none."""

_NOT_IN_LABEL = re.compile(r"[^a-zA-Z0-9_]")


def text(value: AnyValue) -> str:
    """A value as text: strings as they are, scalars in JSON's spelling, lists and maps as JSON, bytes as base64."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind is None:
        return ""
    plain = _plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def _plain(value: AnyValue) -> object:
    """The JSON value; nesting is bounded by the protobuf parser (100 levels)."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {item.key: _plain(item.value) for item in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind) if kind else None


def label_name(key: str) -> str:
    """An attribute key as a label name: letters, digits and underscores; no digit and no single underscore at first."""
    name = _NOT_IN_LABEL.sub("_", key)
    if name.startswith("_") and not name.startswith("__"):
        return f"key{name}"
    return f"key_{name}" if name[:1].isdigit() else name


def labels(attributes: Iterable[KeyValue]) -> dict[str, str]:
    """Attributes as labels; keys that become the same name have their values joined with ``;``, by key."""
    found: dict[str, str] = {}
    for attribute in sorted(attributes, key=lambda attribute: attribute.key):
        name, value = label_name(attribute.key), text(attribute.value)
        if name and value:
            found[name] = f"{found[name]};{value}" if name in found else value
    return found


def service_name(resource: Resource) -> str:
    """``service.name`` of a resource, or what the conventions say in its place."""
    for attribute in resource.attributes:
        if attribute.key == "service.name":
            return attribute.value.string_value or UNKNOWN_SERVICE
    return UNKNOWN_SERVICE
