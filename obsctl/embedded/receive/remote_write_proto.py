"""The messages of remote write 1.0 (``prometheus.WriteRequest``), built from a table: nothing is generated.

Source: Prometheus' remote write specification 1.0, "Protocol". Where a field says ``bytes`` and the specification has a
message, the two look the same on the wire; it is left packed because the same labels come again with every request,
and are looked up as they are.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

_PACKAGE = "obsctl.remote_write"
_SCALARS = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "double": FieldDescriptorProto.TYPE_DOUBLE,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "int32": FieldDescriptorProto.TYPE_INT32,
}
_MESSAGES: dict[str, tuple[tuple[int, str, str], ...]] = {
    "Label": ((1, "name", "string"), (2, "value", "string")),
    "Sample": ((1, "value", "double"), (2, "timestamp", "int64")),
    "Exemplar": ((1, "labels", "*Label"), (2, "value", "double"), (3, "timestamp", "int64")),
    "TimeSeries": (
        *((1, "labels", "*bytes"), (2, "samples", "*Sample")),
        *((3, "exemplars", "*Exemplar"), (4, "histograms", "*bytes")),
    ),
    "MetricMetadata": (
        *((1, "type", "int32"), (2, "metric_family_name", "string")),
        *((4, "help", "string"), (5, "unit", "string")),
    ),
    "WriteRequest": ((1, "timeseries", "*TimeSeries"), (3, "metadata", "*MetricMetadata")),
}
"""Fields of each message: number, name, type; ``*`` means repeated."""

METRIC_TYPES = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")
"""``MetricMetadata.MetricType`` by number."""


def _file() -> FileDescriptorProto:
    file = FileDescriptorProto(name="obsctl/remote_write.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, field, kind in fields:
            plain = kind.removeprefix("*")
            label = FieldDescriptorProto.LABEL_REPEATED if plain != kind else FieldDescriptorProto.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label)
            if plain in _SCALARS:
                added.type = _SCALARS[plain]
            else:
                added.type, added.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{_PACKAGE}.{plain}"
    return file


def _classes() -> dict[str, type[Message]]:
    pool = DescriptorPool()
    pool.Add(_file())
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _MESSAGES}


_CLASSES = _classes()
WriteRequest: Any = _CLASSES["WriteRequest"]
Label: Any = _CLASSES["Label"]
