"""The application of the pages: who may ask, then files, the proxy, and the pages' data."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from obsctl.endpoints import Role
from obsctl.errors import ObsctlError
from obsctl.ui.answers import failure, refusal
from obsctl.ui.body import bounded_body
from obsctl.ui.data import data_routes
from obsctl.ui.files import BUILT, BuiltPages
from obsctl.ui.guard import METHODS, PageGuard, PageToken
from obsctl.ui.proxy import PATIENCE, UpstreamProxy
from obsctl.ui.runs import VerifyRuns
from obsctl.ui.shown import StackSource
from obsctl.ui.tail import MOST_TAILS, end, tail
from obsctl.ui.targets import TAIL, allowed_call
from obsctl.ui.verdicts import verdict_routes


def application(
    source: StackSource, runs: VerifyRuns, *, static: Path = BUILT, token: str = "", patience: float = PATIENCE
) -> ASGIApp:
    """Everything that the pages ask for. ``token`` is made at random when none is given."""
    known = PageToken(token or secrets.token_urlsafe(32))
    pages, proxy = BuiltPages(static, known.text), UpstreamProxy(source, patience)
    routes: list[BaseRoute] = [
        *data_routes(source),
        *verdict_routes(source, runs, known),
        Route("/proxy/{role}/{path:path}", _proxied(proxy, known), methods=[*METHODS]),
        WebSocketRoute(f"/proxy/logs/{TAIL}", _Tails(source)),
        Route("/d/{uid}", _moved, methods=["GET"]),
        Route("/d/{uid}/{slug}", _moved, methods=["GET"]),
        Route("/{path:path}", _page(pages), methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers={ObsctlError: _failed})
    app.router.redirect_slashes = False
    return PageGuard(app)


async def _failed(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ObsctlError)
    return failure(error)


async def _moved(request: Request) -> Response:
    """A link of Grafana's to a dashboard, as alerts and other tools have it."""
    query = urlencode(request.query_params.multi_items())
    path = f"/dashboards/{quote(request.path_params['uid'], safe='')}"
    return Response(status_code=302, headers={"location": f"{path}?{query}" if query else path})


def _page(pages: BuiltPages) -> Callable[[Request], object]:
    async def page(request: Request) -> Response:
        segments = request.scope["segments"]
        if segments[:1] in (("api",), ("proxy",)):
            return refusal(404, "this server answers nothing there", "docs/ui.md lists what it answers")
        return await run_in_threadpool(pages.get, segments, request.headers)

    return page


def _proxied(proxy: UpstreamProxy, token: PageToken) -> Callable[[Request], object]:
    async def proxied(request: Request) -> Response:
        _, role, *path = request.scope["segments"]
        call = allowed_call(request.method, role, path)
        if call is None:
            return refusal(404, "pages may not ask that of a backend", "docs/ui.md lists what they may")
        if call.writes and (refused := token.refuses(request.headers)):
            return refusal(refused.status, refused.error, refused.hint)
        body = await bounded_body(request, call.body) if call.body else b""
        if isinstance(body, Response):
            return body
        return await run_in_threadpool(proxy.call, call, request.url.query, body)

    return proxied


class _Tails:
    """Tails that are open, up to so many."""

    def __init__(self, source: StackSource) -> None:
        self._source = source
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        if self._open >= MOST_TAILS:
            await end(socket, "too many tails are open")
            return
        self._open += 1
        try:
            stack = await run_in_threadpool(self._source.stack)
            await tail(socket, stack.endpoint(Role.LOGS))
        except ObsctlError as error:
            await end(socket, error.message)
        finally:
            self._open -= 1
