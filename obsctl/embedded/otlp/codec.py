"""OTLP messages to and from bytes, in both encodings (OTLP specification, "Binary/JSON Protobuf Encoding").

Text that is not valid Unicode is repaired in both, for one broken character must not cost the batch.
"""

from __future__ import annotations

import json
from typing import Literal, TypeVar

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from obsctl.embedded.http.unicode import OnRepair, ignored, json_text, parsed
from obsctl.embedded.otlp.json_reader import fill

Encoding = Literal["protobuf", "json"]

CONTENT_TYPES: dict[str, Encoding] = {"application/x-protobuf": "protobuf", "application/json": "json"}
MEDIA_TYPES = {encoding: media_type for media_type, encoding in CONTENT_TYPES.items()}
M = TypeVar("M", bound=Message)


class MalformedError(Exception):
    """The body is not what its content type says."""


def decode(body: bytes, message_type: type[M], encoding: Encoding, on_repair: OnRepair = ignored) -> M:
    """Parse a request body; ``MalformedError`` says what is wrong with it, and where."""
    name = message_type.DESCRIPTOR.name
    if encoding == "protobuf":
        try:
            return parsed(body, message_type, on_repair)
        except DecodeError as error:
            raise MalformedError(f"the body is not a protobuf {name}: {error}") from error
    message = message_type()
    try:
        document = json.loads(json_text(body, on_repair))
        if not isinstance(document, dict):
            raise MalformedError("the body must be a JSON object")
        fill(message, document)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"the body is not a JSON {name}: {str(error)[:400]}") from error
    return message


def encode(message: Message, encoding: Encoding) -> bytes:
    """Serialize an answer."""
    if encoding == "protobuf":
        return message.SerializeToString()
    return json_format.MessageToJson(message, indent=None).encode()


def status(code: int, message: str, encoding: Encoding) -> bytes:
    """Serialize a ``google.rpc.Status``."""
    return encode(Status(code=code, message=message), encoding)
