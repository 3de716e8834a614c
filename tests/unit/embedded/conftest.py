"""Real servers, stores and targets for the tests of the embedded server."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from obsctl.access.options import AuthOptions, ComponentAccess
from obsctl.access.secret_text import SecretText
from obsctl.embedded.store.database import FILE
from obsctl.embedded.store.sqlite import SqliteStore
from obsctl.wait import Deadline, until

ROLES = ("otlp_grpc", "otlp_http", "prometheus", "loki", "jaeger", "traceql", "alerts")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers or {})
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def eventually(probe: Callable[[], Any], seconds: float = 15.0) -> Any:
    """What ``probe`` gives once it is truthy; the last look is the failure's message."""
    found = until(probe, Deadline.after(seconds), interval=0.02)
    assert found, f"never came true; last seen: {found!r}"
    return found


def make_config(folder: Path, **changes: Any) -> dict[str, Any]:
    config: dict[str, Any] = {
        "data_dir": str(folder / "data"),
        "listen": {role: f"127.0.0.1:{port}" for role, port in zip(ROLES, free_ports(len(ROLES)), strict=True)},
        "scrape": {"interval_seconds": 0.2, "timeout_seconds": 2.0, "targets": []},
        "log_files": [],
        "log_fields": {"labels": ["level"], "metadata": ["trace_id", "span_id", "request_id"]},
        "scrub": {"attributes": ["user.email", "*.password"], "patterns": {"email": r"[\w.+-]+@[\w-]+\.[a-z]{2,}"}},
        "retention": {"age_seconds": 86_400, "size_bytes": 2 << 30},
        "limits": {"body_bytes": 4 << 20, "queue_items": 200_000},
    }
    return config | changes


@dataclass
class Embedded:
    """A server process that tests may kill, stop and start again."""

    folder: Path
    config: dict[str, Any]
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        file = self.folder / "config.json"
        file.write_text(json.dumps(self.config))
        command = [sys.executable, "-W", "error", "-m", "obsctl.embedded", "--config", str(file)]
        with (self.folder / "errors.txt").open("ab") as errors:
            self.process = subprocess.Popen(command, stderr=errors)
        try:
            eventually(self._ready, 60.0)
        except AssertionError:
            self.kill()
            raise

    def _ready(self) -> bool:
        assert self.process.poll() is None, f"the server ended: {self._gone()}"
        try:
            return ask("GET", self.url("jaeger", "/-/ready")).status == 200
        except OSError:
            return False

    def address(self, role: str) -> str:
        return self.config["listen"][role]

    def url(self, role: str, path: str) -> str:
        return f"http://{self.address(role)}{path}"

    def get(self, role: str, path: str) -> Answer:
        return ask("GET", self.url(role, path))

    def own(self, name: str) -> float:
        """The sum of one of the server's own metrics; ``name`` may go on with labels."""
        lines = self.get("otlp_http", "/metrics").body.decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def stop(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGTERM)
        return self._gone()

    def kill(self) -> None:
        self.process.kill()
        self._gone()

    def _gone(self) -> tuple[int, str]:
        """Exit status, and everything that was ever written to standard error."""
        return self.process.wait(20), (self.folder / "errors.txt").read_text()


@contextmanager
def embedded_server(folder: Path, kind: type[Embedded] = Embedded, **changes: Any) -> Iterator[Embedded]:
    server = kind(folder, make_config(folder, **changes))
    try:
        yield server
    finally:
        if server.process.poll() is None:
            status, errors = server.stop()
            assert (status, errors) == (0, "")


@contextmanager
def held_up(server: Embedded) -> Iterator[None]:
    """Nothing can be written meanwhile: another connection holds the database's write lock."""
    with closing(sqlite3.connect(Path(server.config["data_dir"]) / FILE, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@pytest.fixture
def embedded(starts_programs: None, tmp_path: Path) -> Iterator[Callable[..., Embedded]]:
    """Starts servers with a changed configuration; they must end well."""
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(embedded_server(tmp_path, **changes))


@pytest.fixture(scope="module")
def shared(starts_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """One server for all tests of a module that do not mind each other's data."""
    with embedded_server(tmp_path_factory.mktemp("embedded")) as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "data")
    yield opened
    opened.close()


@dataclass
class Page:
    """What a scrape target says next."""

    body: bytes = b""
    content_type: str = "text/plain; version=0.0.4; charset=utf-8"
    status: int = 200
    encoding: str = ""
    requests: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def http_target(port: int = 0) -> Iterator[tuple[str, Page]]:
    """A real HTTP server with one page that a test may change; gives its URL and the page."""
    page = Page()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page.requests.append({k.lower(): v for k, v in self.headers.items()})
            self.send_response(page.status)
            if page.content_type:
                self.send_header("Content-Type", page.content_type)
            if page.encoding:
                self.send_header("Content-Encoding", page.encoding)
            self.send_header("Content-Length", str(len(page.body)))
            self.end_headers()
            self.wfile.write(page.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/metrics", page
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def target() -> Iterator[tuple[str, Page]]:
    with http_target() as served:
        yield served


@pytest.fixture
def bearer(tmp_path: Path) -> Callable[[str], ComponentAccess]:
    """Gives what a client needs that carries a token."""

    def access(token: str) -> ComponentAccess:
        (tmp_path / "bearer").write_text(token)
        return ComponentAccess(auth=AuthOptions(bearer=SecretText("", "file", str(tmp_path / "bearer"))))

    return access
