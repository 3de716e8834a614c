"""The descriptors of the orders, in two files of which one imports the other; and of the reflection service."""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

FIELD = descriptor_pb2.FieldDescriptorProto
TEXT, WHOLE, OCTETS, MESSAGE = FIELD.TYPE_STRING, FIELD.TYPE_INT32, FIELD.TYPE_BYTES, FIELD.TYPE_MESSAGE


def message(file: descriptor_pb2.FileDescriptorProto, name: str, *fields: tuple[str, int, Any]) -> None:
    """Add a message; the type of a field is a number, the name of a message, or a list of one."""
    made = file.message_type.add(name=name)
    for field, number, said in fields:
        many = isinstance(said, list)
        kind = said[0] if many else said
        label = FIELD.LABEL_REPEATED if many else FIELD.LABEL_OPTIONAL
        if isinstance(kind, str):
            made.field.add(name=field, number=number, type=MESSAGE, type_name=kind, label=label)
        else:
            made.field.add(name=field, number=number, type=kind, label=label)


ITEMS = descriptor_pb2.FileDescriptorProto(name="items.proto", package="shop", syntax="proto3")
message(ITEMS, "Item", ("item_name", 1, TEXT), ("count", 2, WHOLE))

ORDERS = descriptor_pb2.FileDescriptorProto(
    name="orders.proto", package="shop", syntax="proto3", dependency=["items.proto"]
)
message(ORDERS, "PlaceRequest", ("item", 1, ".shop.Item"), ("note", 2, TEXT))
message(ORDERS, "ReadRequest", ("id", 1, TEXT))
message(ORDERS, "Order", ("id", 1, TEXT), ("state", 2, TEXT), ("item", 3, ".shop.Item"))
service = ORDERS.service.add(name="Orders")
service.method.add(name="Place", input_type=".shop.PlaceRequest", output_type=".shop.Order")
service.method.add(name="Read", input_type=".shop.ReadRequest", output_type=".shop.Order")
service.method.add(name="Watch", input_type=".shop.ReadRequest", output_type=".shop.Order", server_streaming=True)

REFLECTION = descriptor_pb2.FileDescriptorProto(name="reflection.proto", package="grpc.reflection.v1", syntax="proto3")
message(
    REFLECTION,
    "ServerReflectionRequest",
    *(("host", 1, TEXT), ("file_by_filename", 3, TEXT), ("file_containing_symbol", 4, TEXT)),
)
message(REFLECTION, "FileDescriptorResponse", ("file_descriptor_proto", 1, [OCTETS]))
message(REFLECTION, "ErrorResponse", ("error_code", 1, WHOLE), ("error_message", 2, TEXT))
message(
    REFLECTION,
    "ServerReflectionResponse",
    ("valid_host", 1, TEXT),
    ("original_request", 2, ".grpc.reflection.v1.ServerReflectionRequest"),
    ("file_descriptor_response", 4, ".grpc.reflection.v1.FileDescriptorResponse"),
    ("error_response", 7, ".grpc.reflection.v1.ErrorResponse"),
)

FILES = (ITEMS, ORDERS)
_pool = DescriptorPool()
for _file in (*FILES, REFLECTION):
    _pool.AddSerializedFile(_file.SerializeToString())


def kind(name: str) -> Any:
    """The class of a message, by its full name."""
    return GetMessageClass(_pool.FindMessageTypeByName(name))
