"""Readiness of endpoints whose paths are written in any alphabet."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from obsctl.clients.ready import is_ready, readiness
from obsctl.endpoints import Dialect, Endpoint, Role


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()


@pytest.mark.parametrize(
    ("path", "sent"), [("/rü", "/r%C3%BC"), ("/a%20b", "/a%20b"), ("/readyz", "/readyz"), ("/✓/x", "/%E2%9C%93/x")]
)
def test_a_probe_is_asked_for_with_its_path_encoded(asked: tuple[str, list[str]], path: str, sent: str) -> None:
    url, paths = asked
    endpoint = Endpoint("web", Role.SERVICE, url, Dialect.HTTP, f"{url}{path}")
    assert is_ready(endpoint)
    assert readiness(endpoint).ready
    assert paths == [sent, sent]
