"""A scrape target that exposes what the suites look for, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

TRACE_ID = "5b8efff798038103d269b633813fc60c"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
STEADY = f"""\
# HELP demo_requests Requests seen.
# TYPE demo_requests counter
demo_requests_total{{route="/cvs",status="200"}} 7
demo_requests_total{{route="/cvs",status="500"}} 1
demo_requests_total{{route="/matches",status="202"}} 3
# HELP demo_seconds How long it took.
# TYPE demo_seconds histogram
demo_seconds_bucket{{le="0.1"}} 4
demo_seconds_bucket{{le="1.0"}} 9 # {{trace_id="{TRACE_ID}"}} 0.25
demo_seconds_bucket{{le="+Inf"}} 10
demo_seconds_count 10
demo_seconds_sum 5.5
# HELP demo_depth Jobs waiting.
# TYPE demo_depth gauge
demo_depth 1e-07
"""


@dataclass
class Target:
    """The target: its address, and lines that a test adds to or takes from what it exposes."""

    url: str = ""
    extra: list[str] = field(default_factory=list)

    def exposition(self) -> bytes:
        return "".join([STEADY, *self.extra, "# EOF\n"]).encode()


@contextmanager
def running_target() -> Iterator[Target]:
    """Serve a target until the block ends."""
    target = Target()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = target.exposition()
            self.send_response(200)
            self.send_header("Content-Type", OPENMETRICS)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        target.url = f"http://127.0.0.1:{server.server_port}/metrics"
        try:
            yield target
        finally:
            server.shutdown()
            thread.join()
