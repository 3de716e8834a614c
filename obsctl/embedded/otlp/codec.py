"""OTLP messages to and from bytes, in both encodings (OTLP specification, "Binary/JSON Protobuf Encoding").

OTLP's JSON is proto3 JSON, except that trace and span ids are hexadecimal. Reading is lenient where the specification
allows it (unknown fields, snake_case, enum names, numbers as strings), writing is strict.
"""

from __future__ import annotations

import base64
import json
from typing import Literal, TypeVar

from google.protobuf import json_format
from google.protobuf.message import DecodeError, EncodeError, Message
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

Encoding = Literal["protobuf", "json"]

CONTENT_TYPES: dict[str, Encoding] = {"application/x-protobuf": "protobuf", "application/json": "json"}
MEDIA_TYPES = {encoding: media_type for media_type, encoding in CONTENT_TYPES.items()}

_ID_KEYS = frozenset(("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"))

M = TypeVar("M", bound=Message)


class MalformedError(Exception):
    """The body is not what its content type says."""


def decode(body: bytes, message_type: type[M], encoding: Encoding) -> M:
    """Parse a request body; ``MalformedError`` says what is wrong with it."""
    if encoding == "protobuf":
        try:
            return message_type.FromString(body)
        except DecodeError as error:
            raise MalformedError(f"the body is not a protobuf {message_type.DESCRIPTOR.name}: {error}") from error
    message = message_type()
    try:
        document = json.loads(body.decode())
        if not isinstance(document, dict):
            raise MalformedError("the body must be a JSON object")
        _hex_to_base64(document)
        json_format.ParseDict(document, message, ignore_unknown_fields=True)
        message.SerializeToString()
    except (ValueError, TypeError, AttributeError, RecursionError, json_format.Error, EncodeError) as error:
        name = message_type.DESCRIPTOR.name
        raise MalformedError(f"the body is not a JSON {name}: {str(error)[:300]}") from error
    return message


def encode(message: Message, encoding: Encoding) -> bytes:
    """Serialize an answer."""
    if encoding == "protobuf":
        return message.SerializeToString()
    return json_format.MessageToJson(message, indent=None).encode()


def status(code: int, message: str, encoding: Encoding) -> bytes:
    """Serialize a ``google.rpc.Status``."""
    return encode(Status(code=code, message=message), encoding)


def _hex_to_base64(document: dict[str, object]) -> None:
    """Rewrite every id in place. Iterative, so that depth is no danger."""
    waiting: list[dict[str, object] | list[object]] = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(item for item in node if isinstance(item, dict | list))
            continue
        for key, value in node.items():
            if isinstance(value, dict | list):
                waiting.append(value)
            elif key in _ID_KEYS and isinstance(value, str):
                node[key] = _base64(key, value)


def _base64(key: str, value: str) -> str:
    try:
        return base64.b64encode(bytes.fromhex(value)).decode()
    except ValueError as error:
        raise MalformedError(f"{key} must be hexadecimal, not {value[:40]!r}") from error
