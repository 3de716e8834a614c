"""Runs the application on a listening socket until it is stopped, its parent has gone, or nobody asks any more."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

_GRACE_SECONDS = 1
_STDIN = 0
_LONGEST_MESSAGE = 1 << 16


@dataclass
class _Use:
    """How many requests are under way, and when the last one ended."""

    active: int = 0
    last: float = 0.0


class _Counted:
    """An application whose use is known."""

    def __init__(self, app: ASGIApp, use: _Use) -> None:
        self._app, self._use = app, use

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._use.active += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._use.active -= 1
            self._use.last = time.monotonic()


class PageServer:
    """The application on a socket. It ends by ``stop``, or by SIGINT and SIGTERM, which are raised again."""

    def __init__(self, app: ASGIApp) -> None:
        self._use = _Use(last=time.monotonic())
        config = uvicorn.Config(
            _Counted(app, self._use),
            http="h11",
            ws="wsproto",
            loop="asyncio",
            ws_max_size=_LONGEST_MESSAGE,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        self._server = uvicorn.Server(config)

    def run(self, listener: socket.socket, ready: Callable[[], None], *, idle: float = 0.0) -> None:
        """Serve. ``ready`` is called once it answers.

        With ``idle`` the server belongs to a parent: it ends when standard input does, or after so many seconds
        without a request.
        """

        async def main() -> None:
            with self._owned(idle) if idle else contextlib.nullcontext():
                asyncio.get_running_loop().call_soon(ready)
                await self._server.serve(sockets=[listener])

        asyncio.run(main())

    def stop(self) -> None:
        """End soon."""
        self._server.should_exit = True

    @contextlib.contextmanager
    def _owned(self, idle: float) -> Iterator[None]:
        """Within the block, the server ends with its parent, and when it is idle."""
        loop = asyncio.get_running_loop()

        def parent_spoke() -> None:
            if not os.read(_STDIN, 1):
                loop.remove_reader(_STDIN)
                self.stop()

        def look() -> None:
            left = idle if self._use.active else self._use.last + idle - time.monotonic()
            if left <= 0:
                self.stop()
            else:
                loop.call_later(left, look)

        loop.add_reader(_STDIN, parent_spoke)
        look()
        try:
            yield
        finally:
            loop.remove_reader(_STDIN)
