"""What readers ask of a trace backend, whatever dialect it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from obsctl.clients.http import Http
from obsctl.clients.jaeger import JaegerClient
from obsctl.clients.telemetry import LatestTraces, Span, TraceSearch
from obsctl.clients.tempo import TempoClient
from obsctl.endpoints import Dialect, Endpoint


class TracesClient(Protocol):
    """Trace queries. Every method raises ``BackendError`` with the server's message, or ``UnsupportedError``.

    Spans come with ids of full length and by start time. Safe to share between threads.
    """

    url: str
    http: Http

    def trace(self, trace_id: str) -> tuple[Span, ...]:
        """The spans of a trace; () where the server does not know the id."""
        ...

    def services(self) -> list[str]:
        """Names of all services, sorted."""
        ...

    def operations(self, service: str) -> list[str]:
        """Distinct span names of a service, sorted."""
        ...

    def search(
        self,
        service: str,
        *,
        operation: str | None = None,
        tags: Mapping[str, str] | None = None,
        start_ns: int,
        end_ns: int,
        limit: int = 20,
    ) -> TraceSearch:
        """Whole traces with a span of the service that has the name and all tags; newest first.

        Times are nanoseconds since the epoch and hold for the span's start.
        """
        ...

    def latest(
        self, service: str = "", *, failed: bool = False, start_ns: int, end_ns: int, limit: int = 20
    ) -> LatestTraces:
        """Traces with a span of the service, or of any where none is named; with a span that ``failed``, if asked."""
        ...


_CLIENTS: Mapping[Dialect, type[JaegerClient | TempoClient]] = {
    Dialect.JAEGER: JaegerClient,
    Dialect.TRACEQL: TempoClient,
}


def traces_client(endpoint: Endpoint) -> TracesClient:
    """The client for the dialect of an endpoint that answers trace queries."""
    return _CLIENTS[endpoint.dialect](endpoint.url, access=endpoint.access)
