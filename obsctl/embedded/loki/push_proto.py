"""Loki's push request as protobuf (``logproto.PushRequest``, pkg/push/push.proto), built from a table."""

from __future__ import annotations

from typing import Any

from obsctl.embedded.http.proto_table import Table, messages

_MESSAGES: Table = {
    "Timestamp": ((1, "seconds", "int64"), (2, "nanos", "int32")),
    "LabelPair": ((1, "name", "string"), (2, "value", "string")),
    "Entry": ((1, "timestamp", "Timestamp"), (2, "line", "string"), (3, "metadata", "*LabelPair")),
    "Stream": ((1, "labels", "string"), (2, "entries", "*Entry")),
    "PushRequest": ((1, "streams", "*Stream"),),
}
PushRequest: Any = messages("obsctl.loki_push", _MESSAGES)["PushRequest"]
