from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from obsctl.endpoints import Dialect, Endpoint, Endpoints, Role


class Probe(BaseHTTPRequestHandler):
    """Answers /<status> with that status."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def probes() -> Iterator[str]:
    """Base URL of a server whose /200 is ready and whose /503 is not."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Probe) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def ready(probes: str) -> Endpoints:
    return Endpoints((Endpoint("metrics", Role.METRICS, probes, Dialect.PROMQL, f"{probes}/200"),))


@pytest.fixture(scope="session")
def unready(probes: str) -> Endpoints:
    return Endpoints((Endpoint("logs", Role.LOGS, probes, Dialect.LOGQL, f"{probes}/503"),))
