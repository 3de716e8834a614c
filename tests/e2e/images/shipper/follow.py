"""What the stand-ins of both shippers do: follow files, take their lines apart by a plan, and send them to Loki.

It keeps its place in the files over a restart.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PAUSE_SECONDS = 0.2
MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Plan:
    """What the configuration says: labels by path, masks, names of labels and metadata, and Loki's address."""

    targets: dict[str, dict[str, str]]
    masks: tuple[tuple[Any, str], ...]
    labels: tuple[str, ...]
    metadata: tuple[str, ...]
    url: str
    raw: tuple[int, dict[str, str]] | None = None
    """A port that takes lines over HTTP, and their labels."""


def entry(plan: Plan, line: str, labels: dict[str, str]) -> tuple[dict[str, str], list[Any]]:
    """The stream that a line belongs to, and the line as Loki takes it."""
    for expression, mask in plan.masks:
        line = expression.sub(lambda _, mask=mask: mask, line)
    try:
        fields = json.loads(line)
    except ValueError:
        fields = {}
    texts = {name: str(value) for name, value in fields.items() if value} if isinstance(fields, dict) else {}
    stream = {**labels, **{name: texts[name] for name in plan.labels if name in texts}}
    return stream, [
        _time(texts.get("timestamp", "")),
        line,
        {name: texts[name] for name in plan.metadata if name in texts},
    ]


def _time(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return str(time.time_ns())
    return str(int(moment.timestamp()) * 10**9 + moment.microsecond * 1000)


def new_lines(path: str, positions: dict[str, list[int]]) -> Iterator[str]:
    """Whole lines that were written since the last look; from the start where the file is another one now."""
    try:
        with Path(path).open("rb") as file:
            number = Path(path).stat().st_ino
            known, offset = positions.get(path, [number, 0])
            file.seek(offset if known == number and offset <= Path(path).stat().st_size else 0)
            start = file.tell()
            data = file.read(MOST_BYTES)
    except OSError:
        return
    whole = data[: data.rfind(b"\n") + 1]
    positions[path] = [number, start + len(whole)]
    yield from whole.decode(errors="replace").splitlines()


def push(url: str, streams: Sequence[dict[str, Any]], stop: threading.Event) -> None:
    """Send until it is taken; what Loki refuses for good is dropped and said."""
    request = urllib.request.Request(
        url, json.dumps({"streams": streams}).encode(), {"Content-Type": "application/json"}
    )
    while not stop.is_set():
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                print(f"refused with {error.code}: {error.read(300)!r}", file=sys.stderr, flush=True)
                return
        except OSError:
            pass  # not up yet, or away for a while
        else:
            return
        stop.wait(1)


def follow(plan: Plan, kept: Path, stop: threading.Event) -> None:
    """Look again and again, until told to stop."""
    positions = json.loads(kept.read_text()) if kept.exists() else {}
    while not stop.wait(PAUSE_SECONDS):
        streams: dict[str, dict[str, Any]] = {}
        for path, labels in plan.targets.items():
            for line in new_lines(path, positions):
                stream, value = entry(plan, line, labels)
                streams.setdefault(json.dumps(stream), {"stream": stream, "values": []})["values"].append(value)
        if streams:
            push(plan.url, list(streams.values()), stop)
            kept.write_text(json.dumps(positions))


class Health(BaseHTTPRequestHandler):
    """Ready wherever it is asked, and metrics to be scraped."""

    def do_GET(self) -> None:
        body = b"shipper_standin_up 1\n" if self.path == "/metrics" else b"ready\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """No line for every request."""


def take_lines(plan: Plan, stop: threading.Event) -> None:
    """Serve Alloy's ``/loki/api/v1/raw``: lines in the body of a POST."""
    if plan.raw is None:
        return
    port, labels = plan.raw

    class Lines(Health):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode(errors="replace")
            values = [[str(time.time_ns()), line] for line in text.splitlines() if line]
            if self.path == "/loki/api/v1/raw" and values:
                push(plan.url, [{"stream": labels, "values": values}], stop)
            self.send_response(204 if self.path == "/loki/api/v1/raw" else 404)
            self.end_headers()

    threading.Thread(target=ThreadingHTTPServer(("0.0.0.0", port), Lines).serve_forever, daemon=True).start()


def run(plan: Plan, kept: Path, port: int) -> int:
    """Follow until SIGTERM. ``kept`` is the file that keeps its place, ``port`` where it says that it is ready."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=ThreadingHTTPServer(("0.0.0.0", port), Health).serve_forever, daemon=True).start()
    take_lines(plan, stop)
    print(f"following {', '.join(plan.targets)}", flush=True)
    follow(plan, kept, stop)
    return 0
