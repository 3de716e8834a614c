"""Backends that say what they were asked, over real sockets, and a stack of them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event

from obsctl.endpoints import Dialect, Endpoint, Endpoints, Role
from obsctl.errors import NotFoundError, StartError
from obsctl.json_types import JsonObject
from obsctl.ui.shown import CheckJudged, ShownComponent, ShownService, ShownStack

DIALECTS = {
    Role.METRICS: Dialect.PROMQL,
    Role.LOGS: Dialect.LOGQL,
    Role.TRACES: Dialect.JAEGER,
    Role.ALERTS: Dialect.ALERTS,
}


class Upstream:
    """A server on a port of its own. ``asked`` are the calls that reached it; ``reply`` is what it answers,
    but for ``exceptions`` by path."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.reply = (200, {"content-type": "application/json"}, b'{"status":"success"}')
        self.exceptions: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.delay = 0.0
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                upstream.asked.append((self.command, self.path, headers, body))
                time.sleep(upstream.delay)
                status, headers, text = upstream.exceptions.get(self.path, upstream.reply)
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_DELETE = answer  # noqa: N815 - names of the library

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def says(self, value: object) -> None:
        self.reply = (200, {"content-type": "application/json"}, json.dumps(value).encode())


@contextmanager
def upstream() -> Iterator[Upstream]:
    made = Upstream()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()


class StackOf:
    """A source whose backends are all at one URL."""

    def __init__(self, url: str, roles: Sequence[Role] = tuple(DIALECTS)) -> None:
        endpoints = Endpoints(tuple(Endpoint(role.value, role, url, DIALECTS[role]) for role in roles))
        service = ShownService("shop", (ShownComponent("api", "http://127.0.0.1:8000"),), driven=True)
        self.shown = ShownStack("demo", "embedded", "1", 2.0, (service,), endpoints)
        self.boards: list[JsonObject] = []
        self.kept: list[JsonObject] = []
        self.may_end = Event()
        self.breaks: Exception | None = None

    def stack(self) -> ShownStack:
        return self.shown

    def dashboards(self) -> Sequence[JsonObject]:
        return self.boards

    def last_trace(self) -> str:
        raise StartError("no request was driven yet")

    def runbook(self, alert: str) -> str:
        raise NotFoundError(f"there is no runbook {alert!r}")

    def runs(self) -> Sequence[JsonObject]:
        return self.kept

    def run(self, ident: str) -> JsonObject:
        return next(run for run in self.kept if run["id"] == ident)

    def new_run_id(self) -> str:
        return f"run-{len(self.kept)}"

    def verify(self, ident: str, service: str | None, judged: Callable[[CheckJudged], None], cancelled: Event) -> None:
        """Judges one check, and waits until the test lets it end."""
        judged(CheckJudged(service or "shop", "logs.present", "logs", "fail", "no line", "log", ("x",), 0.1))
        assert self.may_end.wait(20)
        if self.breaks:
            raise self.breaks
        self.kept.insert(0, {"id": ident, "at": 1.0, "verdict": "fail", "services": [service], "checks": []})
