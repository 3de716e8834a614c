"""Message types of gRPC methods, from a descriptor file or from the server by reflection (``grpc.reflection.v1``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from obsctl.errors import BackendError

_VERSIONS = ("v1", "v1alpha")
_FIELD = descriptor_pb2.FieldDescriptorProto
_NO_REFLECTION = "name a file under `grpc: {descriptor: …}`, which protoc writes with --descriptor_set_out"

_SPELT = "write the route as /package.Service/Method"

Asked = Callable[[str, str], list[bytes]]
"""Asks a server for files: by which field of the request, and its value."""


def method_of(
    route: str, files: Iterable[descriptor_pb2.FileDescriptorProto]
) -> tuple[MethodDescriptor, DescriptorPool]:
    """The method at ``/package.Service/Method``, and the types around it. Raises BackendError."""
    service, _, name = route[1:].rpartition("/")
    pool = DescriptorPool()
    try:
        for file in _in_order({file.name: file for file in files}):
            pool.AddSerializedFile(file.SerializeToString())
        method = pool.FindServiceByName(service).methods_by_name[name]
    except KeyError:
        raise BackendError(
            f"there is no method {route} in the descriptors", hint="is the route spelt as there?"
        ) from None
    except TypeError as error:
        raise BackendError(f"the descriptors of {route} do not fit together: {error}") from error
    if method.client_streaming or method.server_streaming:
        raise BackendError(f"{route} is a stream", hint="verify sends unary calls: choose a method without `stream`")
    return method, pool


def _in_order(
    files: dict[str, descriptor_pb2.FileDescriptorProto],
) -> Iterator[descriptor_pb2.FileDescriptorProto]:
    """Each file after those that it imports."""
    while files:
        ready = [name for name, file in files.items() if not {*file.dependency} & files.keys()]
        if not ready:
            raise TypeError("files import each other")
        yield from (files.pop(name) for name in ready)


def files_in(path: Path) -> list[descriptor_pb2.FileDescriptorProto]:
    """The files of a descriptor set. Raises BackendError."""
    try:
        return list(descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()).file)
    except OSError as error:
        raise BackendError(f"cannot read {path}: {error.strerror}", hint="see `descriptor` below `grpc`") from error
    except DecodeError:
        raise BackendError(f"{path} is no descriptor set", hint=_NO_REFLECTION) from None


def files_by_reflection(channel: grpc.Channel, route: str, timeout: float) -> list[descriptor_pb2.FileDescriptorProto]:
    """The files that a server tells of a method. Raises BackendError."""
    symbol = route[1:].rpartition("/")[0]
    for version in _VERSIONS:
        try:
            return _files(_asking(channel, version, timeout), symbol)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise BackendError(f"{symbol} cannot be asked by reflection: {error.details()}") from error
    raise BackendError("the server has no reflection", hint=_NO_REFLECTION)


def _files(asked: Asked, symbol: str) -> list[descriptor_pb2.FileDescriptorProto]:
    """The file with a symbol, and all that it imports."""
    found: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    fresh = asked("file_containing_symbol", symbol)
    while fresh:
        for data in fresh:
            file = descriptor_pb2.FileDescriptorProto.FromString(data)
            found[file.name] = file
        wanted = {name for file in found.values() for name in file.dependency} - found.keys()
        fresh = [data for name in sorted(wanted) for data in asked("file_by_filename", name)]
    return list(found.values())


def _asking(channel: grpc.Channel, version: str, timeout: float) -> Asked:
    request, response = _messages(f"grpc.reflection.{version}")
    method = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    stream = channel.stream_stream(method, request.SerializeToString, response.FromString)

    def asked(by: str, value: str) -> list[bytes]:
        answer = next(iter(stream(iter([request(**{by: value})]), timeout=timeout)), response())
        if answer.error_response.error_message or not answer.file_descriptor_response.file_descriptor_proto:
            said = answer.error_response.error_message or "it has no such file"
            raise BackendError(f"the server does not know {value}: {said}", hint=_SPELT)
        return list(answer.file_descriptor_response.file_descriptor_proto)

    return asked


def _messages(package: str) -> tuple[Any, Any]:
    """Request and response of the reflection service, as far as they are needed here."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    text, octets, number = _FIELD.TYPE_STRING, _FIELD.TYPE_BYTES, _FIELD.TYPE_INT32
    request = file.message_type.add(name="ServerReflectionRequest")
    request.field.add(name="file_by_filename", number=3, type=text, label=_FIELD.LABEL_OPTIONAL, oneof_index=0)
    request.field.add(name="file_containing_symbol", number=4, type=text, label=_FIELD.LABEL_OPTIONAL, oneof_index=0)
    request.oneof_decl.add(name="message_request")
    files = file.message_type.add(name="FileDescriptorResponse")
    files.field.add(name="file_descriptor_proto", number=1, type=octets, label=_FIELD.LABEL_REPEATED)
    error = file.message_type.add(name="ErrorResponse")
    error.field.add(name="error_code", number=1, type=number, label=_FIELD.LABEL_OPTIONAL)
    error.field.add(name="error_message", number=2, type=text, label=_FIELD.LABEL_OPTIONAL)
    response = file.message_type.add(name="ServerReflectionResponse")
    for name, place, kind in (("file_descriptor_response", 4, files.name), ("error_response", 7, error.name)):
        typed = f".{package}.{kind}"
        response.field.add(
            name=name, number=place, type=_FIELD.TYPE_MESSAGE, type_name=typed, label=_FIELD.LABEL_OPTIONAL
        )
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    found = (pool.FindMessageTypeByName(f"{package}.{kind.name}") for kind in (request, response))
    asked, told = (GetMessageClass(kind) for kind in found)
    return asked, told
