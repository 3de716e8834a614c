"""The rendered configuration in the collector itself: which pages may send, and how soon a store is found again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from obsctl.errors import SpecError
from obsctl.spec.presets import preset_names
from obsctl.spec.stack import AllowedAccess, Stack
from obsctl.wait import Deadline, until
from tests.conformance.products import answers, free_ports
from tests.unit.render.stacks import default_stack, files, rendered
from tests.unit.render.test_compose_validators import COLLECTORS, tool

pytestmark = pytest.mark.usefixtures("starts_programs")

PATIENCE = 30.0
PAGE = "https://a.shop.example"
SPANS = {
    "resourceSpans": [
        {"scopeSpans": [{"spans": [{"traceId": "1" * 32, "spanId": "1" * 16, "name": "x", "startTimeUnixNano": "1"}]}]}
    ]
}


@dataclass(frozen=True)
class Collector:
    """A collector that runs: where it takes OTLP, where it sends traces, what it has said."""

    url: str
    traces_port: int
    log: Path


@contextmanager
def collector(stack: Stack, folder: Path) -> Iterator[Collector]:
    made, preset = rendered(stack), stack.choices.preset
    inside = ("4317", "4318", "8888", "13133")
    ports = dict(zip((*inside, "traces"), free_ports(len(inside) + 1), strict=True))
    text = files(made)["collector/config.yaml"].replace("0.0.0.0", "127.0.0.1")
    for port in inside:
        text = re.sub(rf"(127\.0\.0\.1:|port: ){port}\b", rf"\g<1>{ports[port]}", text)
    (folder / "config.yaml").write_text(text)
    (own,) = (c.environment for c in made.containers if c.name == "otel-collector")
    env = {**os.environ, **own, "TRACES_ENDPOINT": f"http://127.0.0.1:{ports['traces']}"}
    log = folder / "log"
    with log.open("w") as out:
        command = [tool(COLLECTORS[preset], preset), "--config=config.yaml"]
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        try:
            ready = until(lambda: answers(f"http://127.0.0.1:{ports['13133']}"), Deadline.after(PATIENCE))
            assert ready, log.read_text()[-3000:]
            yield Collector(f"http://127.0.0.1:{ports['4318']}/v1/traces", ports["traces"], log)
        finally:
            process.terminate()
            process.wait(PATIENCE)


@pytest.fixture(scope="module", params=preset_names())
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    stack = replace(default_stack(preset=request.param), access=AllowedAccess(origins=("https://*.shop.example",)))
    with collector(stack, tmp_path_factory.mktemp("collector")) as one:
        yield one


def preflight(url: str, origin: str) -> httpx.Response:
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,traceparent"}
    return httpx.options(url, headers={"Origin": origin, **wanted}, trust_env=False)


@pytest.mark.parametrize(
    "origin", ["http://localhost:5173", "http://localhost", "https://127.0.0.1:8443", "http://[::1]:3000", PAGE]
)
def test_pages_of_this_machine_and_of_the_spec_may_send(running: Collector, origin: str) -> None:
    asked = preflight(running.url, origin)
    assert asked.headers["access-control-allow-origin"] == origin, asked.headers
    assert {"content-type", "traceparent"} <= set(
        re.split(r",\s*", asked.headers["access-control-allow-headers"].lower())
    )
    sent = httpx.post(running.url, json=SPANS, headers={"Origin": origin}, trust_env=False)
    assert (sent.status_code, sent.headers["access-control-allow-origin"]) == (200, origin)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost.evil.example", "https://shop.example.evil", "null"]
)
def test_no_other_page_may_send(running: Collector, origin: str) -> None:
    assert "access-control-allow-origin" not in preflight(running.url, origin).headers


def test_an_origin_that_the_collector_would_never_match_is_refused() -> None:
    stack = replace(default_stack(), access=AllowedAccess(origins=("https://*.shop.example:*",)))
    with pytest.raises(SpecError, match=r"https://\*\.shop\.example:\*.* more than one `\*`"):
        rendered(stack)


@contextmanager
def store(port: int) -> Iterator[list[float]]:
    """A store of traces; the times at which it was given some."""
    times: list[float] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            times.append(time.monotonic())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield times
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def waits(log: Path) -> list[float]:
    """Seconds until the next attempt, as the collector has said them."""
    said = re.findall(r'"interval":\s*"([\d.]+)(ms|s)"', log.read_text())
    return [float(number) / (1000 if unit == "ms" else 1) for number, unit in said]


@pytest.mark.parametrize("preset", preset_names())
def test_a_store_that_comes_back_gets_what_was_sent_meanwhile_within_seconds(preset: str, tmp_path: Path) -> None:
    """However long it was away: the time between attempts does not grow beyond three seconds."""
    with collector(default_stack(preset=preset), tmp_path) as one:
        assert httpx.post(one.url, json=SPANS, trust_env=False).status_code == 200
        assert until(lambda: len(waits(one.log)) >= 5, Deadline.after(PATIENCE)), one.log.read_text()[-2000:]
        assert max(waits(one.log)) <= 3.0, json.dumps(waits(one.log))
        with store(one.traces_port) as times:
            assert until(lambda: times, Deadline.after(PATIENCE)), one.log.read_text()[-2000:]
