#!/usr/bin/env python3
"""In Loki's place: the embedded server behind Loki's port, its paths and its data folder. Loki's flags are ignored.

The embedded server listens on loopback only, so this program passes requests on to it: OTLP logs to the port for OTLP,
everything else to the one that speaks Loki's API.
"""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT = 3100
DATA = Path("/loki")
BODY_BYTES = 64 << 20
LISTEN = {"otlp_grpc": 13101, "otlp_http": 13102, "prometheus": 13103, "loki": 13104, "jaeger": 13105}
CONFIG = {
    "data_dir": str(DATA / "embedded"),
    "listen": {role: f"127.0.0.1:{port}" for role, port in LISTEN.items()},
    "scrape": {"interval_seconds": 15, "timeout_seconds": 10, "targets": []},
    "log_files": [],
    "log_fields": {"labels": [], "metadata": []},
    "scrub": {"attributes": [], "patterns": {}},
    "retention": {"age_seconds": 86400, "size_bytes": 1 << 30},
    "limits": {"body_bytes": BODY_BYTES, "queue_items": 100_000},
}
_HOP = {"connection", "keep-alive", "transfer-encoding", "host"}


class Passing(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        otlp = self.path.startswith("/otlp/")
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_BYTES or "chunked" in self.headers.get("Transfer-Encoding", ""):
            self.close_connection = True
            self.send_error(413)
            return
        connection = http.client.HTTPConnection("127.0.0.1", LISTEN["otlp_http" if otlp else "loki"], timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            path = self.path.removeprefix("/otlp") if otlp else self.path
            connection.request(self.command, path, self.rfile.read(length), headers)
            self._answer(connection.getresponse())
        except OSError as error:
            self.send_error(503, f"starting: {error.strerror}")
        finally:
            connection.close()

    def _answer(self, response: http.client.HTTPResponse) -> None:
        body = response.read()
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in _HOP | {"content-length", "date"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """No line for every request."""


def main() -> int:
    """Serve until SIGTERM or until the server behind ends; its exit status."""
    config = DATA / "embedded.json"
    config.write_text(json.dumps(CONFIG))
    behind = subprocess.Popen([sys.executable, "-m", "obsctl.embedded", "--config", str(config)])
    front = ThreadingHTTPServer(("0.0.0.0", PORT), Passing)
    threading.Thread(target=front.serve_forever, daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: behind.terminate())
    return behind.wait()


if __name__ == "__main__":
    sys.exit(main())
