"""A Redis-protocol server in a process of its own, for machines without Redis. Everything is in memory.

It is fakeredis' TCP server with repairs that a queue needs: an error reply leaves the connection open, a blocking
XREADGROUP with COUNT waits, and idle connections do not wake up a hundred times a second. Each repair is left out
where a version of fakeredis has nothing to repair.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable
from socketserver import BaseRequestHandler
from types import ModuleType
from typing import ParamSpec, cast

import redis
from fakeredis import TcpFakeServer
from fakeredis.commands_mixins.streams_mixin import StreamsCommandsMixin

P = ParamSpec("P")
log = logging.getLogger(__name__)

IDLE_SECONDS = 0.25
"""Between looks whether an idle connection was closed or the server stops; commands are read at once."""


class RedisServer(TcpFakeServer):
    """The repaired server. Binds at once; ``serve_forever`` serves until ``shutdown``."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__((host, port), server_type="redis")
        self.daemon_threads = True
        self.block_on_close = False
        self.RequestHandlerClass = _open_after_errors(cast("type[BaseRequestHandler]", self.RequestHandlerClass))
        _wait_in_xreadgroup()
        _idle_quietly(sys.modules[TcpFakeServer.__module__])


def _open_after_errors(base: type[BaseRequestHandler]) -> type[BaseRequestHandler]:
    """The connection handler, which upstream answers an error and then hangs up."""

    class Handler(base):  # type: ignore[misc,valid-type]
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            self.current_client.read_response = _returning_errors(self.current_client.read_response)

    return Handler


def _returning_errors(read: Callable[P, object]) -> Callable[P, object]:
    def reply(*args: P.args, **kwargs: P.kwargs) -> object:
        try:
            return read(*args, **kwargs)
        except redis.ResponseError as error:
            return error

    return reply


def _wait_in_xreadgroup() -> None:
    """Upstream takes "no entries yet" for an answer; None is what makes the command wait for them."""
    original = getattr(StreamsCommandsMixin, "_xreadgroup", None)
    if original is None or getattr(original, "repaired", False):
        return

    def xreadgroup(self: StreamsCommandsMixin, *args: object, **kwargs: object) -> object:
        # the last argument tells the first look from later ones, whose entries upstream would drop
        *others, _first = args
        return original(self, *others, False, **kwargs) or None

    xreadgroup.repaired = True  # type: ignore[attr-defined]
    StreamsCommandsMixin._xreadgroup = xreadgroup  # type: ignore[method-assign,assignment] # noqa: SLF001


def _idle_quietly(module: ModuleType) -> None:
    if hasattr(module, "_POLL_INTERVAL"):
        setattr(module, "_POLL_INTERVAL", IDLE_SECONDS)  # noqa: B010


def serve(host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Raises OSError if the port cannot be bound."""
    server = RedisServer(host, port)

    def stop(*_: object) -> None:
        # shutdown waits for the loop that this handler interrupts
        threading.Thread(target=server.shutdown, daemon=True).start()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    log.info("redis: listening", extra={"fields": {"port": server.server_address[1]}})
    server.serve_forever(poll_interval=IDLE_SECONDS)
    server.server_close()
