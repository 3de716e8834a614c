"""OTLP messages to and from bytes, in both encodings (OTLP specification, "Binary/JSON Protobuf Encoding").

Text that is not valid Unicode is repaired in both, for one broken character must not cost the batch.
"""

from __future__ import annotations

import json
from typing import Literal, TypeVar

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet
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
            request = parsed(body, message_type, on_repair)
        except DecodeError as error:
            raise MalformedError(f"the body is not a protobuf {name}: {error}") from error
        if _is_of_another_signal(request):
            raise MalformedError(f"the body is no {name}: did you mean the path of another signal?")
        return request
    message = message_type()
    try:
        document = json.loads(json_text(body, on_repair))
        if not isinstance(document, dict):
            raise MalformedError("the body must be a JSON object")
        _check_signal(document, message_type)
        fill(message, document)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"the body is not a JSON {name}: {str(error)[:400]}") from error
    return message


def _check_signal(document: dict[str, object], message_type: type[Message]) -> None:
    """``MalformedError`` for a request of another signal: it would be read as one without anything in it."""
    fields = message_type.DESCRIPTOR.fields
    if document.keys() & {name for field in fields for name in (field.name, field.json_name)}:
        return
    for signal in ("Spans", "Metrics", "Logs"):
        if found := document.keys() & {f"resource{signal}", f"resource_{signal.lower()}"}:
            path = "/v1/traces" if signal == "Spans" else f"/v1/{signal.lower()}"
            raise MalformedError(
                f"the body has {found.pop()!r}, which belongs to {path}: this is another signal's path"
            )


def _is_of_another_signal(request: Message) -> bool:
    """Whether the first item has a field whose bytes are of another type than that of this signal's field."""
    item = _first_item(request)
    if item is None:
        return False
    known, unknown = item.DESCRIPTOR.fields_by_number, UnknownFieldSet(item)
    return any(unknown[index].field_number in known for index in range(len(unknown)))


def _first_item(request: Message) -> Message | None:
    """The first span, data point's metric or log record: resources, scopes and items are fields 1, 2 and 2."""
    found = [request]
    for number in (1, 2, 2):
        name = found[0].DESCRIPTOR.fields_by_number[number].name
        found = [inner for one in found for inner in getattr(one, name)]
        if not found:
            return None
    return found[0]


def encode(message: Message, encoding: Encoding) -> bytes:
    """Serialize an answer."""
    if encoding == "protobuf":
        return message.SerializeToString()
    return json_format.MessageToJson(message, indent=None).encode()


def status(code: int, message: str, encoding: Encoding) -> bytes:
    """Serialize a ``google.rpc.Status``."""
    return encode(Status(code=code, message=message), encoding)
