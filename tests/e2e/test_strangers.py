"""Services that nobody described: three commands from their URL to a verdict, with the draft left as it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from obsctl.render.dashboards import dashboard_files
from obsctl.runtime.ports import free_ports
from obsctl.spec.load import load_stack
from obsctl.wait import Deadline, until
from tests.e2e.conftest import Folder, free_offset

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

STRANGERS = Path(__file__).parent / "strangers"
NOTHING_OF_THE_STACK = "dashboards.provisioned"
"""Skipped on every embedded stack: it has no dashboard page."""


@dataclass(frozen=True)
class Stranger:
    """A service: its program, what people ask of it, and what there is to see of it that a draft cannot promise."""

    program: str
    requests: tuple[tuple[str, str], ...]
    lacks: tuple[str, ...]
    own_page: bool = False


SERVICES = (
    Stranger(
        "starlette_otlp",
        (("GET", "/books"), ("GET", "/books/1"), ("POST", "/loans")),
        ("metrics.exact", "metrics.units", "correlation.request_id", "correlation.exemplar"),
    ),
    Stranger(
        "asgi_page",
        (("GET", "/seats"), ("POST", "/bookings")),
        ("logs.present", "logs.fields", "correlation.exemplar"),
        own_page=True,
    ),
)


def ask(port: int, method: str, path: str) -> bool:
    """Whether somebody answers."""
    data = b"{}" if method == "POST" else None
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, method=method), timeout=5
        ) as reply:
            return bool(reply.read())
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def running(stranger: Stranger, user: Folder, port: int, page: int) -> Iterator[None]:
    env = {
        "PORT": str(port),
        "METRICS_PORT": str(page),
        "OTEL_SERVICE_NAME": "stranger",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{4318 + user.offset}",
    }
    with (user.path / "stranger.out").open("wb") as output:
        command = [sys.executable, str(STRANGERS / f"{stranger.program}.py")]
        process = subprocess.Popen(command, env={**os.environ, **env}, stdout=output, stderr=output)
    try:
        assert until(lambda: ask(port, "GET", "/healthz"), Deadline.after(60))
        yield
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("stranger", SERVICES, ids=lambda one: one.program)
def test_an_untouched_draft_is_green_and_worth_having(stranger: Stranger, tmp_path: Path) -> None:
    user = Folder(tmp_path, free_offset())
    port, page = free_ports(2)
    with running(stranger, user, port, page):
        drafted(stranger, user, port, page if stranger.own_page else port)
        draft = Folder(tmp_path / "draft", user.offset)
        assert draft.run("check", "--json").data["counts"]["error"] == 0
        worth_having(draft.path)
        draft.up("--runtime", "embedded")
        try:
            verified = draft.run("verify", "--json", "--timeout", "30", timeout=120)
        finally:
            draft.run("down", "--volumes")
    statuses = {check["id"]: check["status"] for check in verified.data["checks"]}
    assert verified.status == 0, verified
    skipped = {name for name, status in statuses.items() if status == "skip"} - {NOTHING_OF_THE_STACK}
    assert skipped <= {*stranger.lacks}
    assert {statuses[name] for name in ("metrics.targets", "traces.complete", "slo.sanity", "dashboards.queries")} == {
        "pass"
    }


def drafted(stranger: Stranger, user: Folder, port: int, page: int) -> None:
    """Listen until what people do with the service was seen, and write the draft."""
    source = ("--from", f"http://127.0.0.1:{page}/metrics", "--listen", "90", "--service", "stranger")
    with user.popen("init", "draft", *source, "--port-offset", str(user.offset)) as process:
        assert process.stderr
        assert "listening for 90 s" in process.stderr.readline()
        heard = ""
        while heard.count("stranger") < 2:  # a line for each time that there was more
            for method, path in stranger.requests * 2:
                assert ask(port, method, path)
            heard += process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


def worth_having(folder: Path) -> None:
    """HTTP is recognised: a dashboard, SLOs and an alert; only GETs are sent, to the service's own port."""
    stack = load_stack(folder)
    (service,) = stack.services
    assert [kind.name for kind in service.contract.kinds] == ["http"]
    assert "http-errors" in [slo.name for slo in service.contract.slos]
    assert "d/http.json" in [file.path for file in dashboard_files(stack, "d", "jaeger")]
    assert service.drive
    assert {step.method for step in service.drive} == {"GET"}
