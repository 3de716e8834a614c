"""Unary calls of gRPC: JSON in, JSON out, in the JSON mapping of protobuf."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from obsctl.access.options import ComponentAccess
from obsctl.errors import BackendError
from obsctl.rpc.descriptors import files_by_reflection, files_in, method_of

_HERE = ("127.0.0.1", "localhost", "::1")
_UNANSWERED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
"""Codes that the library gives, too, where no server answered."""


@dataclass(frozen=True)
class CallReply:
    """How a call ended: status code by name, details, the message as JSON (None without one) and its bytes, metadata.

    ``reached`` says whether a server is known to have answered.
    """

    code: str
    details: str = ""
    answer: object = None
    size: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    reached: bool = True


class GrpcCaller:
    """Calls to one server. ``descriptor`` is the file with its descriptors; without it the server is asked for them.

    Safe for one thread. Proxies of the environment are not used for loopback addresses.
    """

    def __init__(self, url: str, descriptor: Path | None, access: ComponentAccess) -> None:
        """Raises BackendError for certificates that cannot be read."""
        self.url = url
        self._descriptor = descriptor
        self._channel = _channel(url, access)
        self._methods: dict[str, tuple[MethodDescriptor, DescriptorPool]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._channel.close()

    def call(self, route: str, message: object, metadata: Mapping[str, str], timeout: float) -> CallReply:
        """Call ``/package.Service/Method``. Raises BackendError for one that cannot be called with that message."""
        method, pool = self._method(route, timeout)
        request, response = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
        try:
            sent = json_format.ParseDict(_object(message), request(), descriptor_pool=pool)
        except (json_format.ParseError, TypeError) as error:
            raise BackendError(f"the body is no {method.input_type.full_name}: {error}") from error
        pairs = tuple((name.lower(), value) for name, value in metadata.items())
        began = time.monotonic()
        unary = self._channel.unary_unary(route, request.SerializeToString, bytes)
        try:
            data, ended = unary.with_call(sent, metadata=pairs, timeout=timeout)
        except grpc.RpcError as error:
            return _failed(error, time.monotonic() - began)
        answer = response.FromString(data)
        told = json_format.MessageToDict(answer, always_print_fields_with_no_presence=True, descriptor_pool=pool)
        known = {**_pairs(ended.initial_metadata()), **_pairs(ended.trailing_metadata())}
        return CallReply("OK", "", told, len(data), known, time.monotonic() - began)

    def _method(self, route: str, timeout: float) -> tuple[MethodDescriptor, DescriptorPool]:
        if route not in self._methods:
            path = self._descriptor
            files = files_in(path) if path else files_by_reflection(self._channel, route, timeout)
            self._methods[route] = method_of(route, files)
        return self._methods[route]


def _object(message: object) -> dict[str, Any]:
    if message is not None and not isinstance(message, dict):
        raise TypeError("it is no JSON object")
    return message or {}


def _failed(call: Any, seconds: float) -> CallReply:
    """The reply of a call that failed: the library raises the call itself."""
    code = call.code()
    known = {**_pairs(call.initial_metadata()), **_pairs(call.trailing_metadata())}
    reached = code not in _UNANSWERED or bool(known)
    return CallReply(code.name, call.details() or "", metadata=known, seconds=seconds, reached=reached)


def _pairs(metadata: object) -> dict[str, str]:
    """Metadata with text values; keys that end in ``-bin`` have octets."""
    pairs = metadata if isinstance(metadata, (tuple, list)) else ()
    return {str(key): value for key, value in pairs if isinstance(value, str)}


def _channel(url: str, access: ComponentAccess) -> grpc.Channel:
    parts = urlsplit(url)
    options: list[tuple[str, object]] = []
    if parts.hostname in _HERE:
        options.append(("grpc.enable_http_proxy", 0))
    if parts.scheme == "http":
        return grpc.insecure_channel(f"{parts.hostname}:{parts.port or 80}", options)
    tls = access.tls
    if tls.insecure:
        raise BackendError(
            "gRPC checks every certificate", hint="name it under `tls: {ca_file: …}` in place of insecure"
        )
    if tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    ca, key, cert = (_file(name) for name in (tls.ca_file, tls.key_file or tls.cert_file, tls.cert_file))
    credentials = grpc.ssl_channel_credentials(ca, key, cert)
    return grpc.secure_channel(f"{parts.hostname}:{parts.port or 443}", credentials, options)


def _file(name: str) -> bytes | None:
    try:
        return Path(name).read_bytes() if name else None
    except OSError as error:
        raise BackendError(f"cannot read {name}: {error.strerror}") from error
