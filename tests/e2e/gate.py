"""A gateway before an API: it lets in who brings the right headers, and remembers what was asked."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

HOP_BY_HOP = ("connection", "content-length", "host", "keep-alive", "transfer-encoding")


@dataclass(frozen=True)
class GateRequest:
    """A request as it came; ``admitted`` says whether it was passed on."""

    method: str
    target: str
    admitted: bool

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def seconds(self) -> float:
        """How long a time it asks about; 0 where it names no times. Nanoseconds and microseconds are recognised."""
        query = parse_qs(urlsplit(self.target).query)
        if "start" not in query or "end" not in query:
            return 0.0
        began, ended = (_epoch(float(query[name][0])) for name in ("start", "end"))
        return ended - began


def _epoch(value: float) -> float:
    while value > 1e11:
        value /= 1000
    return value


@dataclass
class Gate:
    """Where it listens, and what it has seen."""

    url: str
    seen: list[GateRequest] = field(default_factory=list)


@contextmanager
def gate(port: int, demanded: Mapping[str, str], tls: ssl.SSLContext | None = None) -> Iterator[Gate]:
    """A gateway to a port of this machine that demands these headers. Answers 401 without them."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._pass_on()

        def do_POST(self) -> None:
            self._pass_on()

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            admitted = all(self.headers.get(name) == value for name, value in demanded.items())
            made.seen.append(GateRequest(self.command, self.path, admitted))
            if not admitted:
                self._answer(401, {"Content-Type": "text/plain"}, b"who are you?")
                return
            inner = HTTPConnection("127.0.0.1", port, timeout=30)
            kept = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            inner.request(self.command, self.path, body or None, {**kept, "Host": f"127.0.0.1:{port}"})
            reply = inner.getresponse()
            text = reply.read()
            self._answer(reply.status, {k: v for k, v in reply.headers.items() if k.lower() not in HOP_BY_HOP}, text)
            inner.close()

        def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    made = Gate(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
