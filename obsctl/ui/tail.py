"""The live tail of the logs backend, from its WebSocket to that of a page."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from obsctl.access.connect import tls_context
from obsctl.clients.http import excerpt, is_loopback
from obsctl.endpoints import Endpoint
from obsctl.ui.proxy import parameters
from obsctl.ui.targets import TAIL

MOST_TAILS = 16
_KEYS = ("query", "limit", "start", "delay_for")
_LARGEST = 8 << 20
_PATIENCE = 10.0
_SAID = 120
"""Bytes of a sentence that fit into the end of a WebSocket (RFC 6455, 5.5: 125 with the code)."""

_TRY_LATER = 1013


class _Unredirected(connect):
    """A connection to the very server that was asked: a redirect is an error."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def upstream_url(endpoint: Endpoint, query: str) -> str:
    """The address of a tail; of the page's parameters only those that a tail has."""
    given = parameters(query)
    kept = {name: given[name] for name in _KEYS if name in given}
    return f"ws{endpoint.url.removeprefix('http')}/{TAIL}?{urlencode(kept, doseq=True)}"


async def tail(socket: WebSocket, endpoint: Endpoint) -> None:
    """Pass on what the backend sends until either side ends. What is wrong is said as the reason of the end."""
    try:
        async with _connection(endpoint, socket.url.query) as upstream:
            await _pass_on(upstream, socket)
    except ConnectionClosed as error:
        await end(socket, error.rcvd.reason if error.rcvd and error.rcvd.reason else "the logs backend ended the tail")
    except (OSError, TimeoutError, WebSocketException) as error:
        await end(socket, f"the logs backend does not answer: {excerpt(str(error) or 'timeout')}")


def _connection(endpoint: Endpoint, query: str) -> connect:
    return _Unredirected(
        upstream_url(endpoint, query),
        additional_headers=endpoint.access.auth.request_headers(),
        user_agent_header=None,
        ssl=tls_context(endpoint.access.tls) if endpoint.url.startswith("https") else None,
        proxy=None if is_loopback(endpoint.url) else True,
        compression=None,
        open_timeout=_PATIENCE,
        max_size=_LARGEST,
    )


async def _pass_on(upstream: ClientConnection, socket: WebSocket) -> None:
    leaving = asyncio.create_task(_left(socket))
    try:
        while True:
            coming = asyncio.ensure_future(upstream.recv(decode=True))
            await asyncio.wait({coming, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                coming.cancel()
                return
            await socket.send_text(coming.result())
    except WebSocketDisconnect:
        return
    finally:
        leaving.cancel()


async def _left(socket: WebSocket) -> None:
    """Returns when the page has gone; what it says is nothing to anybody."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def end(socket: WebSocket, reason: str) -> None:
    """End a tail with a sentence."""
    said = reason.encode()[:_SAID].decode("utf-8", "ignore")
    await socket.close(_TRY_LATER, said)
