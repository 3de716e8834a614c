"""HTTP/1 on a connection, as clients that really exist use it: what uvicorn's fast protocol lacks.

RFC 9110, 7.8: a server may ignore an offer to upgrade, but not the request that came with it. Java's HttpClient and
``curl --http2`` offer ``h2c`` with each first request. RFC 9112, 9.6: a client may close its sending side and wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

KEEP_ALIVE_SECONDS = 600
"""How long an idle connection lives. Exporters flush every 5, 10 or 60 seconds: a server that closes in the same moment
loses the batch."""

READ_SECONDS = 60.0
"""How long the head of a request may take, and how long a body may pause."""

MAX_HEAD = 1 << 16
"""Bytes of a request line and its headers."""

_WEBSOCKET = b"websocket"
_OFFERS = (b"upgrade", b"http2-settings")
_TOO_LARGE = "the head of the request is too large"


_OTHERS = {b"PRI * HTTP/2": "http2", b"\x16\x03": "tls"}
"""What a connection begins with that speaks another protocol (RFC 9113, 3.4; RFC 8446, 5.1)."""


class _HeadTooLargeError(Exception):
    """Raised inside the parser's callbacks."""


def _forget(_protocol: str, _port: int) -> None:
    """Count nothing."""


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits on heads and slow clients, without upgrades other than WebSocket.

    ``on_wrong_protocol`` is told which other protocol a connection spoke, and to which port.
    """

    read_seconds = READ_SECONDS

    def __init__(self, *args: Any, on_wrong_protocol: Callable[[str, int], None] = _forget, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._on_wrong_protocol = on_wrong_protocol
        self._head = 0
        """Bytes of the head that is being read, as they came in; 0 between heads."""
        self._parsed = 0
        """Bytes of the head that is being read, as far as they are parsed."""
        self._offered = False
        self._begun = False
        self._patience: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Parse what has come. Every fault is answered, and ends the connection."""
        self._unset_keepalive_if_required()
        if not self._begun and self._is_another_protocol(data):
            return
        self._begun = True
        if self._head:
            self._head += len(data)  # on_message_begin begins anew where another head does
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, _HeadTooLargeError):
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, _TOO_LARGE)
            else:
                self._refuse(HTTPStatus.BAD_REQUEST, "this is not a request of HTTP/1")
            return
        if self._head > MAX_HEAD:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, _TOO_LARGE)
            return
        self._be_patient()

    def _is_another_protocol(self, data: bytes) -> bool:
        """Refuse a connection that does not speak HTTP/1, in words that such a client may show."""
        protocol = next((name for start, name in _OTHERS.items() if data.startswith(start)), "")
        if not protocol:
            return False
        self._on_wrong_protocol(protocol, self.server[1] if self.server and self.server[1] else 0)
        self._refuse(HTTPStatus.BAD_REQUEST, "this port speaks HTTP/1 without TLS; OTLP over gRPC has another port")
        return True

    def _feed(self, data: bytes) -> None:
        while True:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as offer:
                if not self._offered:
                    self.handle_websocket_upgrade()
                    return
                # The parser stops at an offer, whatever comes of it: another one reads the request without the offer.
                data = self._head_without_offer() + data[offer.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self._offered = False

    def _head_without_offer(self) -> bytes:
        method = self.parser.get_method()
        lines = [b"%s %s HTTP/%s" % (method, self.url, self.parser.get_http_version().encode())]
        for name, value in self.headers:
            kept = value
            if name == b"connection":
                kept = b", ".join(t for t in (t.strip() for t in value.split(b",")) if t.lower() not in _OFFERS)
            if name not in _OFFERS and (kept or not value):
                lines.append(b"%s: %s" % (name, kept))
        return b"\r\n".join((*lines, b"", b""))

    def on_message_begin(self) -> None:
        """Begin to count the head, and to wait for its end."""
        super().on_message_begin()
        self._head, self._parsed = 1, 0

    def on_url(self, url: bytes) -> None:
        """Count it."""
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count it."""
        super().on_header(name, value)
        self._count(len(name) + len(value) + 4)

    def _count(self, size: int) -> None:
        self._parsed += size
        if self._parsed > MAX_HEAD:
            raise _HeadTooLargeError

    def on_headers_complete(self) -> None:
        """Hand the request on, unless it will be read again without its offer."""
        self._head = 0
        method = self.parser.get_method()
        if method == b"CONNECT":
            raise httptools.HttpParserError("this is no proxy")
        self._offered = bool(self.parser.should_upgrade()) and not self._should_upgrade()
        if not self._offered:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Hand it on."""
        if not self._offered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Hand it on."""
        if not self._offered:
            super().on_message_complete()

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The client sends no more. What it has asked for in full is answered before the connection ends."""
        waiting = self.cycle is not None and not self.cycle.response_complete
        if waiting and not self.cycle.more_body:
            self.cycle.keep_alive = False
            return True
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _be_patient(self) -> None:
        """Wait for the rest of a request: a head as a whole, a body piece by piece."""
        if self._head:
            if self._patience is None:
                self._patience = self.loop.call_later(self.read_seconds, self._lose_patience)
            return
        self._stop_waiting()
        if self._reads_body():
            self._patience = self.loop.call_later(self.read_seconds, self._lose_patience)

    def _reads_body(self) -> bool:
        return self.cycle is not None and self.cycle.more_body and not self.cycle.response_complete

    def _lose_patience(self) -> None:
        self._patience = None
        if not self._head and (not self._reads_body() or self.flow.read_paused):
            self._be_patient()  # it is this server that does not read
            return
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the rest of the request did not come")

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _refuse(self, status: HTTPStatus, problem: str) -> None:
        """Answer, unless an answer is under way, and end the connection."""
        self._stop_waiting()
        self._head = 0
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            body = f"{problem}\n".encode()
            self.transport.write(
                b"HTTP/1.1 %d %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
                b"connection: close\r\n\r\n%s" % (status, status.phrase.encode(), len(body), body)
            )
        self.transport.close()
