"""Orders by gRPC. ``handlers`` is the service and its reflection; run, the file serves both with telemetry."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import grpc

from tests.e2e.orders.protos import FILES, kind

Around = Callable[[str, grpc.ServicerContext], AbstractContextManager[object]]
"""What is done around each call of a method."""


class Orders:
    """The orders that were placed. Without ``token`` in the metadata, where one is set, nobody is known."""

    def __init__(self, token: str = "", around: Around = lambda _route, _context: nullcontext()) -> None:
        self.token, self.around = token, around
        self.placed: dict[str, Any] = {}
        self.seen: list[dict[str, str]] = []

    def place(self, request: Any, context: grpc.ServicerContext) -> Any:
        known = {key: str(value) for key, value in context.invocation_metadata()}
        self.seen.append(known)
        with self.around("/shop.Orders/Place", context):
            if self.token and known.get("authorization") != f"Bearer {self.token}":
                context.abort(grpc.StatusCode.UNAUTHENTICATED, f"{known.get('authorization')} is not known")
            order = kind("shop.Order")(id=uuid.uuid4().hex[:8], state="placed", item=request.item)
            self.placed[order.id] = order
            return order

    def read(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self.around("/shop.Orders/Read", context):
            if request.id not in self.placed:
                context.abort(grpc.StatusCode.NOT_FOUND, f"no order {request.id}")
            return self.placed[request.id]

    def handlers(self, *, reflection: bool = True) -> list[grpc.GenericRpcHandler]:
        """The service, with its reflection."""
        order = kind("shop.Order")
        unary = {
            "Place": grpc.unary_unary_rpc_method_handler(
                self.place, kind("shop.PlaceRequest").FromString, order.SerializeToString
            ),
            "Read": grpc.unary_unary_rpc_method_handler(
                self.read, kind("shop.ReadRequest").FromString, order.SerializeToString
            ),
        }
        made = [grpc.method_handlers_generic_handler("shop.Orders", unary)]
        package = "grpc.reflection.v1"
        asked, told = kind(f"{package}.ServerReflectionRequest"), kind(f"{package}.ServerReflectionResponse")
        info = grpc.stream_stream_rpc_method_handler(_reflect, asked.FromString, told.SerializeToString)
        if reflection:
            made.append(
                grpc.method_handlers_generic_handler(f"{package}.ServerReflection", {"ServerReflectionInfo": info})
            )
        return made


def _reflect(requests: Iterable[Any], _context: grpc.ServicerContext) -> Iterator[Any]:
    """Only the file that was asked for, so that what it imports has to be asked for, too."""
    answer = kind("grpc.reflection.v1.ServerReflectionResponse")
    symbols = {f"{file.package}.{service.name}": file for file in FILES for service in file.service}
    for request in requests:
        by_name = {file.name: file for file in FILES}.get(request.file_by_filename)
        file = symbols.get(request.file_containing_symbol) or by_name
        if file:
            yield answer(file_descriptor_response={"file_descriptor_proto": [file.SerializeToString()]})
        else:
            yield answer(error_response={"error_code": 5, "error_message": "not found"})


@contextmanager
def serving(orders: Orders, *, reflection: bool = True, credentials: Any = None) -> Iterator[int]:
    """The port of a server that answers while the block runs."""
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers(orders.handlers(reflection=reflection))
    here = "127.0.0.1:0"
    port = server.add_secure_port(here, credentials) if credentials else server.add_insecure_port(here)
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


def _watched() -> Around:
    """Telemetry as OpenTelemetry's instrumentation makes it: a server span below the caller's, and a line."""
    from opentelemetry import propagate, trace
    from opentelemetry._logs import LogRecord
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=100))
    records = LoggerProvider()
    records.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(), schedule_delay_millis=100))

    @contextmanager
    def around(route: str, context: grpc.ServicerContext) -> Iterator[None]:
        parent = propagate.extract({key: str(value) for key, value in context.invocation_metadata()})
        attributes = {"rpc.system": "grpc", "rpc.service": route.split("/")[1], "rpc.method": route.split("/")[2]}
        tracer = provider.get_tracer("orders")
        with tracer.start_as_current_span(route[1:], parent, trace.SpanKind.SERVER, attributes):
            yield
            records.get_logger("orders").emit(LogRecord(timestamp=time.time_ns(), severity_text="INFO", body=route))

    return around


def main() -> None:
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers(Orders(os.environ["ORDERS_TOKEN"], _watched()).handlers())
    assert server.add_insecure_port(f"127.0.0.1:{os.environ['ORDERS_PORT']}")
    server.start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
