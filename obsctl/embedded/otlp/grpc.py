"""OTLP over gRPC: the three ``Export`` methods as generic handlers on raw bytes, so the one parse is ours."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from obsctl.embedded.otlp.ingest import Ingest, RefusedError
from obsctl.embedded.otlp.signals import SIGNALS, OtlpSignal

_THREADS = 16
"""Requests under way at once. Each waits for its commit, and all that wait together share one."""

_COMMIT_TIMEOUT = 30.0
_STATUS = {400: grpc.StatusCode.INVALID_ARGUMENT, 503: grpc.StatusCode.UNAVAILABLE}


def start(
    address: str, ingest: Ingest, body_limit: int, authorized: Callable[[str], bool] | None = None
) -> grpc.Server:
    """Serve OTLP on ``host:port``.

    A message over the body limit, judged after decompression, is answered by gRPC itself with ``RESOURCE_EXHAUSTED``
    and without retry information, so clients do not send it again. ``authorized`` judges the credentials of calls.

    Raises:
        OSError: the address cannot be had.
    """
    options = [
        ("grpc.so_reuseport", 0),  # a taken port must be an error, not a shared port
        ("grpc.max_receive_message_length", body_limit),
        ("grpc.max_concurrent_streams", 256),
    ]
    server = grpc.server(ThreadPoolExecutor(_THREADS, "otlp-grpc"), options=options)
    server.add_generic_rpc_handlers(
        tuple(
            grpc.method_handlers_generic_handler(
                signal.service, {"Export": grpc.unary_unary_rpc_method_handler(_export(signal, ingest, authorized))}
            )
            for signal in SIGNALS
        )
    )
    try:
        bound = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(str(error)) from error
    if bound == 0:
        raise OSError(f"cannot listen on {address}")
    server.start()
    return server


def _export(
    signal: OtlpSignal, ingest: Ingest, authorized: Callable[[str], bool] | None
) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    def export(body: bytes, context: grpc.ServicerContext) -> bytes:
        if authorized and not authorized(_authorization(context)):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "every call needs `authorization: Bearer …` in its metadata")
        try:
            pending = ingest.submit(signal, body, "protobuf", "grpc")
            return ingest.finish(pending, _COMMIT_TIMEOUT).SerializeToString()
        except RefusedError as refusal:
            _refuse(context, refusal)
            raise

    return export


def _authorization(context: grpc.ServicerContext) -> str:
    metadata = context.invocation_metadata() or ()
    return next((str(value) for name, value in metadata if name == "authorization"), "")


def _refuse(context: grpc.ServicerContext, refusal: RefusedError) -> None:
    """End the call with the status of the refusal; ``RetryInfo`` when trying again can help."""
    code = _STATUS.get(refusal.http_status, grpc.StatusCode.INTERNAL)
    if refusal.retry_after:
        detail = AnyMessage()
        detail.Pack(RetryInfo(retry_delay=Duration(seconds=refusal.retry_after)))
        rich = Status(code=code.value[0], message=str(refusal), details=[detail])
        context.set_trailing_metadata((("grpc-status-details-bin", rich.SerializeToString()),))
    context.abort(code, str(refusal))
