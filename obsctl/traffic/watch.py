"""Watches a service that has no requests to drive: what others sent it, as its stored traces tell."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence

from obsctl.clients.telemetry import Span
from obsctl.clients.traces import TracesClient
from obsctl.errors import BackendError
from obsctl.probes import ProbeRequest, ProbeRun
from obsctl.spec.stack import Service
from obsctl.wait import Deadline, until

TRACES = 20
"""Most traces of a component that are looked at."""

_METHOD = ("http.request.method", "http.method")
_ROUTE = ("http.route", "http.target", "url.path")
_STATUS = ("http.response.status_code", "http.status_code")


def watch_traffic(service: Service, client: TracesClient | None, *, window: float, deadline: Deadline) -> ProbeRun:
    """A run that sends nothing. Its requests are the traces of the service that began in the last ``window`` seconds.

    Where the contract describes traces and none is there, one is waited for until the deadline. A backend that cannot
    be asked leaves none; the checks say why.
    """
    started = time.time() - window
    expects_traces = client is not None and bool(service.contract.traces)

    def look() -> tuple[ProbeRequest, ...]:
        return tuple(_requests(service, client, started)) if client else ()

    requests = (until(look, deadline, interval=0.2) or ()) if expects_traces else look()
    run_id = f"{random.randrange(1, 16**12):012x}"  # noqa: S311 - unique, not secret
    return ProbeRun(run_id, "", started, time.time(), requests, window=window)


def _requests(service: Service, client: TracesClient, started: float) -> Iterator[ProbeRequest]:
    found: dict[str, Sequence[Span]] = {}
    try:
        for component in service.contract.components:
            search = client.search(
                component, start_ns=int(started * 1e9), end_ns=int((time.time() + 1.0) * 1e9), limit=TRACES
            )
            found.update((spans[0].trace_id, spans) for spans in search.traces if spans)
    except BackendError:
        return
    for trace_id, spans in found.items():
        yield _request(trace_id, spans, service.contract.components)


def _request(trace_id: str, spans: Sequence[Span], components: Sequence[str]) -> ProbeRequest:
    """A trace as the request that caused it. Its sender need not be stored: the first span has the parent."""
    ids = {span.span_id for span in spans}
    first = min((s for s in spans if s.parent_id not in ids), key=lambda s: s.start_ns, default=spans[0])
    served = next((s for s in spans if s.service in components and s.kind in ("server", "consumer")), first)
    method, route = _asked(served)
    status = _status(served)
    return ProbeRequest(
        step="",
        method=method,
        route=route,
        url="",
        trace_id=trace_id,
        parent_id=first.parent_id,
        request_id="",
        trace_state=first.trace_state,
        sent_at=first.start_ns / 1e9,
        seconds=(first.end_ns - first.start_ns) / 1e9,
        status=status,
        error=f"was answered {status}" if status >= 400 else "",
    )


def _asked(span: Span) -> tuple[str, str]:
    """Method and route by the span's attributes, else by its name (``POST /orders``)."""
    name_method, _, name_route = span.name.partition(" ")
    return _first(span, _METHOD) or name_method, _first(span, _ROUTE) or name_route


def _status(span: Span) -> int:
    text = _first(span, _STATUS)
    if text.isascii() and text.isdecimal():
        return int(text)
    return 500 if span.status == "error" else 200


def _first(span: Span, keys: Sequence[str]) -> str:
    return next((str(span.attributes[key]) for key in keys if span.attributes.get(key) not in (None, "")), "")
