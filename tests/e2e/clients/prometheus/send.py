"""Prometheus, which scrapes a page of ours and sends it on by remote write. The contract is in ../README.md.

It scrapes once in a pause, so that its connections are idle between.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from obsctl.wait import Deadline, until
from tests.conformance.products import free_ports
from tests.e2e.clients.documents import COUNT, PAUSE

SECONDS = 60
MESSAGES = {"remote-write-1": "prometheus.WriteRequest", "remote-write-2": "io.prometheus.write.v2.Request"}
PAGE = """\
# TYPE matrix_units_total counter
matrix_units_total {total}
# TYPE matrix_size histogram
matrix_size_bucket{{le="5"}} {low}
matrix_size_bucket{{le="+Inf"}} {total}
matrix_size_sum {sum}
matrix_size_count {total}
"""


SCRAPES: Counter[str] = Counter()
"""By path."""


class Target(BaseHTTPRequestHandler):
    """The page of each service at its own path: with the first half when it is read first, with both from then on."""

    def do_GET(self) -> None:
        SCRAPES[self.path] += 1
        total = COUNT * min(SCRAPES[self.path], 2)
        sizes = [seq % 10 for seq in range(total)]
        body = PAGE.format(total=total, low=sum(size <= 5 for size in sizes), sum=sum(sizes)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def configuration(cases: list[str], target: str) -> dict[str, Any]:
    """A job and a remote write for each case."""
    jobs, writes = [], []
    for case in cases:
        service, protocol, _ = case.split(",")
        static = [{"targets": [target]}]
        jobs.append({"job_name": service, "metrics_path": f"/{service}", "static_configs": static})
        keep = {"source_labels": ["job"], "regex": service, "action": "keep"}
        to = f"{os.environ['MATRIX_PROMETHEUS']}/api/v1/write"
        message = {"protobuf_message": MESSAGES[protocol]}
        writes.append({"name": service, "url": to, "write_relabel_configs": [keep], **message})
    interval = f"{PAUSE:g}s"
    times = {"scrape_interval": interval, "scrape_timeout": interval}
    return {"global": times, "scrape_configs": jobs, "remote_write": writes}


def drained(url: str) -> bool:
    """Whether all that was scraped twice has been sent on."""
    try:
        page = httpx.get(f"{url}/metrics", trust_env=False).text
    except httpx.TransportError:
        return False
    pending = [line for line in page.splitlines() if line.startswith("prometheus_remote_storage_samples_pending{")]
    return bool(pending) and all(line.endswith(" 0") for line in pending)


def main() -> None:
    cases = os.environ["MATRIX_CASES"].split()
    services = [case.split(",")[0] for case in cases]
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as folder, ThreadingHTTPServer(("127.0.0.1", 0), Target) as target:
        threading.Thread(target=target.serve_forever, daemon=True).start()
        file = Path(folder, "prometheus.yml")
        file.write_text(json.dumps(configuration(cases, f"127.0.0.1:{target.server_port}")))
        command = [os.environ["MATRIX_PROGRAM"], f"--config.file={file}", f"--storage.tsdb.path={folder}/data"]
        options = [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
        with subprocess.Popen([*command, *options], stderr=sys.stderr) as prometheus:
            until(lambda: all(SCRAPES[f"/{service}"] >= 2 for service in services), Deadline.after(SECONDS))
            until(lambda: drained(f"http://127.0.0.1:{port}"), Deadline.after(SECONDS))
            prometheus.terminate()  # it sends what is in its queues first
            status = prometheus.wait(SECONDS)
        target.shutdown()
    if status:
        sys.exit(f"Prometheus ended with {status}")
    print(json.dumps(dict.fromkeys(services, 2 * COUNT)))


main()
