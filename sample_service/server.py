"""Runs an ASGI app until SIGTERM or SIGINT, then lets it finish and leaves with status 0."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

BACKLOG = 1024
KEEP_ALIVE_SECONDS = 600
"""How long an idle connection lives: longer than scrapers and clients pause between requests."""

GRACE_SECONDS = 1
"""How long requests that are under way may take after the signal."""


class HttpServer(uvicorn.Server):
    """uvicorn's server, without its habit of raising the signal again: being asked to stop is not a failure."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on the first signal. The handlers stay, so that another one does not cut the end short."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self.handle_exit)
        yield


def serve(app: ASGIApp, host: str, port: int) -> None:
    """Serve ``app``; returns after a clean stop. Raises OSError if the port cannot be bound."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.create_server((host, port), family=family, backlog=BACKLOG)
    config = uvicorn.Config(
        app,
        log_config=None,  # our own JSON logs
        access_log=False,
        ws="none",
        server_header=False,
        # Takes an offer to upgrade (Java's HttpClient, curl --http2) for what it is; httptools loses the body with it.
        http="h11",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    HttpServer(config).run(sockets=[bound])
