"""The pages' data: what is no backend's own answer."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from obsctl.clients.http import Http, understood
from obsctl.clients.intake import intake_counts
from obsctl.clients.logql import LogqlClient
from obsctl.clients.losses import reported_losses
from obsctl.clients.promql import PromqlClient
from obsctl.clients.traces import traces_client
from obsctl.endpoints import Role
from obsctl.errors import NotFoundError
from obsctl.json_types import Json, JsonObject, items, mapping
from obsctl.trace.export import to_json
from obsctl.trace.fetch import Sources, find
from obsctl.ui.answers import answer
from obsctl.ui.shown import ShownStack, StackSource


def data_routes(source: StackSource) -> list[BaseRoute]:
    """The routes below ``/api`` that read."""
    return [
        _got("/api/stack", lambda _request: source.stack().document()),
        _got("/api/dashboards", lambda _request: [_listed(board) for board in source.dashboards()]),
        _got("/api/dashboards/{uid}", lambda request: dashboard(source, request.path_params["uid"])),
        _got("/api/traces/{ident}", lambda request: assembled(source, request.path_params["ident"])),
        _got("/api/runbooks/{alert}", lambda request: {"markdown": source.runbook(request.path_params["alert"])}),
        _got("/api/alerts/notifications", lambda _request: notifications(source.stack())),
        _got("/api/intake", lambda _request: intake(source.stack())),
    ]


def _got(path: str, value: Callable[[Request], object]) -> Route:
    """A route that answers GET with JSON, which is made in a thread."""

    async def got(request: Request) -> Response:
        return await run_in_threadpool(lambda: answer(value(request)))

    return Route(path, got, methods=["GET"])


def dashboard(source: StackSource, uid: str) -> JsonObject:
    """A dashboard as Grafana's JSON. NotFoundError."""
    for board in source.dashboards():
        if board.get("uid") == uid:
            return board
    raise NotFoundError(f"the stack has no dashboard {uid!r}", hint="/api/dashboards lists those that it has")


def _listed(board: JsonObject) -> JsonObject:
    panels = [mapping(panel) for panel in items(board.get("panels") or [])]
    inside = [inner for panel in panels for inner in items(panel.get("panels") or [])]
    shown = len(inside) + sum(panel.get("type") != "row" for panel in panels)
    named = {key: board.get(key) or "" for key in ("uid", "title", "description")}
    return {**named, "tags": board.get("tags") or [], "panels": shown}


def assembled(source: StackSource, ident: str) -> JsonObject:
    """A trace, by its id, a request id or ``last``, as ``obsctl trace`` assembles it."""
    stack = source.stack()
    traces, logs = stack.endpoint(Role.TRACES), stack.endpoints.first(Role.LOGS)
    sources = Sources(traces_client(traces), LogqlClient(logs.url, access=logs.access) if logs else None)
    last = source.last_trace() if ident == "last" else None
    return to_json(find(ident, sources, last=last).tree())


_RECEIVED = "received"
_REFUSED = ("rejected", "refused", "collector refused", "export failed", "queue full")
"""Kinds of counts; see ``clients/intake.py``."""


def intake(stack: ShownStack) -> JsonObject:
    """What receivers of the stack have counted since they started, by signal, and what was lost, a sentence each."""
    receiver, metrics = stack.endpoints.first(Role.OTLP_HTTP), stack.endpoints.first(Role.METRICS)
    counted = intake_counts(
        receiver if stack.runtime == "embedded" else None,
        PromqlClient(metrics.url, access=metrics.access) if metrics else None,
    )
    signals: dict[str, Json] = {}
    for signal in ("traces", "metrics", "logs"):
        refused = sum(counted.total(kind, signal) for kind in _REFUSED)
        signals[signal] = {"received": counted.total(_RECEIVED, signal), "refused": refused}
    losses = reported_losses(stack.endpoints) if stack.runtime == "embedded" else []
    return {"at": time.time(), "signals": signals, "losses": losses, "supported": bool(counted.counts)}


def notifications(stack: ShownStack) -> list[JsonObject]:
    """The notifications that the embedded server's receiver took, newest first; none on other runtimes."""
    receiver = stack.endpoints.first(Role.OTLP_HTTP)
    if stack.runtime != "embedded" or receiver is None:
        return []
    with Http(receiver.url, name="the receiver of notifications", access=receiver.access) as http:
        reply = http.get_json("/api/v1/notifications")
    with understood(reply):
        taken = [mapping(one) for one in items(reply.json())]
        return [
            {"at": one["receivedAt"], **{key: one[key] for key in ("receiver", "status", "alerts")}} for one in taken
        ]
