"""The OpenTelemetry Collector, with an exporter for each case. The contract is in ../README.md."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from obsctl.wait import Deadline, until
from tests.conformance.products import free_ports
from tests.e2e.clients.documents import COUNT, HALVES, PAUSE, document

SECONDS = 30
SIGNALS_OF = {
    "remote-write-1": ("metrics",),
    "http/protobuf-to-prometheus": ("metrics",),
    "http/protobuf-to-loki": ("logs",),
}
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def exporter(protocol: str, compression: str) -> tuple[str, dict[str, Any]]:
    """The kind of an exporter and its settings."""
    http, prometheus, loki = (os.environ[f"MATRIX_{name}"] for name in ("HTTP", "PROMETHEUS", "LOKI"))
    packed = {"compression": compression}
    if protocol == "grpc":
        return "otlp", {"endpoint": os.environ["MATRIX_GRPC"], "tls": {"insecure": True}, **packed}
    if protocol == "remote-write-1":
        return "prometheusremotewrite", {"endpoint": f"{prometheus}/api/v1/write"}
    endpoint = {
        "http/protobuf-to-prometheus": f"{prometheus}/api/v1/otlp",
        "http/protobuf-to-loki": f"{loki}/otlp",
    }.get(protocol, http)
    return "otlphttp", {"endpoint": endpoint, "encoding": "json" if protocol == "http/json" else "proto", **packed}


def configuration(cases: list[str], ports: list[int]) -> dict[str, Any]:
    """A receiver, an exporter and pipelines for each case."""
    receivers, exporters, pipelines = {}, {}, {}
    for case, port in zip(cases, ports, strict=True):
        service, protocol, compression = case.split(",")
        kind, settings = exporter(protocol, compression)
        receivers[f"otlp/{service}"] = {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}
        exporters[f"{kind}/{service}"] = settings
        way = {"receivers": [f"otlp/{service}"], "exporters": [f"{kind}/{service}"]}
        pipelines |= {f"{signal}/{service}": way for signal in signals(protocol)}
    quiet = {"metrics": {"level": "none"}, "logs": {"level": "warn"}}
    return {
        "receivers": receivers, "exporters": exporters, "service": {"pipelines": pipelines, "telemetry": quiet},
    }  # fmt: skip


def signals(protocol: str) -> tuple[str, ...]:
    return SIGNALS_OF.get(protocol, ("traces", "metrics", "logs"))


def send(case: str, port: int, first: int) -> None:
    service, protocol, _ = case.split(",")
    for signal in signals(protocol):
        body = document(service, signal, first, time.time_ns())
        url, headers = f"http://127.0.0.1:{port}/v1/{signal}", {"Content-Type": "application/json"}
        with OPENER.open(urllib.request.Request(url, body, headers), timeout=SECONDS) as answer:
            assert json.load(answer) == {"partialSuccess": {}}, answer


def listens(port: int) -> bool:
    try:
        OPENER.open(
            urllib.request.Request(f"http://127.0.0.1:{port}/v1/traces", b"{}", {"Content-Type": "application/json"})
        )
    except urllib.error.HTTPError:
        return True  # a receiver of other signals
    except OSError:
        return False
    return True


def main() -> None:
    cases = os.environ["MATRIX_CASES"].split()
    ports = free_ports(len(cases))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config.json")
        file.write_text(json.dumps(configuration(cases, ports)))
        with subprocess.Popen([os.environ["MATRIX_PROGRAM"], f"--config={file}"], stderr=sys.stderr) as collector:
            until(lambda: collector.poll() is not None or all(map(listens, ports)), Deadline.after(SECONDS))
            for first in HALVES:
                for case, port in zip(cases, ports, strict=True):
                    send(case, port, first)
                if not first:
                    time.sleep(PAUSE)
            collector.terminate()  # it sends what is in its queues first
            status = collector.wait(SECONDS)
    if status:
        sys.exit(f"the collector ended with {status}")
    print(json.dumps({case.split(",")[0]: 2 * COUNT for case in cases}))


main()
