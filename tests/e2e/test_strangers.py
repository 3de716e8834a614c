"""Services that nobody described: three commands from their URL to a verdict, with the draft left as it is."""

from __future__ import annotations

import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from obsctl.render.dashboards import dashboard_files
from obsctl.render.rulegroups import Alert
from obsctl.render.rules import service_rules
from obsctl.runtime.ports import free_ports
from obsctl.spec.load import load_stack
from obsctl.wait import Deadline, until
from tests.e2e.clients.install import argv, installed
from tests.e2e.conftest import Folder, free_offset
from tests.e2e.listening import listened
from tests.e2e.strangers.catalogue import Stranger, load
from tests.required import missing

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

NOTHING_OF_THE_STACK = "dashboards.provisioned"
"""Skipped on every embedded stack: it has no dashboard page."""

HARDLY_WORTH_IT = 2
"""Checks that an untouched draft may leave without anything to look at."""

EXPORTS = {
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_METRIC_EXPORT_INTERVAL": "1000",
    "OTEL_METRIC_EXPORT_TIMEOUT": "900",
    "OTEL_BSP_SCHEDULE_DELAY": "200",
    "OTEL_BLRP_SCHEDULE_DELAY": "200",
}
"""What a user sets who does not want to wait."""


def ask(port: int, method: str, path: str) -> bool:
    """Whether somebody answers."""
    data = b"{}" if method == "POST" else None
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"})
    request.method = method
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:
            return bool(reply.read())
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def running(stranger: Stranger, user: Folder, port: int, page: int) -> Iterator[None]:
    """The service, with its output in a file beside the user's folder."""
    folder = installed(stranger) if stranger.install else stranger.folder
    env = {
        "PORT": str(port),
        "METRICS_PORT": str(page),
        "OTEL_SERVICE_NAME": "stranger",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{4318 + user.offset}",
    }
    with (user.path / "stranger.out").open("ab") as output:
        command, changed = argv(stranger.command, folder), {**os.environ, **EXPORTS, **env}
        process = subprocess.Popen(command, cwd=folder, env=changed, stdout=output, stderr=output)
    try:
        assert until(lambda: ask(port, *stranger.requests[0]), Deadline.after(60))
        yield
    finally:
        process.kill()
        process.wait(10)


@pytest.mark.parametrize("stranger", load(), ids=lambda stranger: stranger.name)
def test_an_untouched_draft_is_green_and_worth_having(stranger: Stranger, tmp_path: Path) -> None:
    if stranger.missing:
        missing("clients", f"{stranger.name} needs {', '.join(stranger.missing)}")
    user = Folder(tmp_path, free_offset())
    port, page = free_ports(2)
    with running(stranger, user, port, page):
        drafted(stranger, user, port, page if stranger.own_page else port)
        draft = Folder(tmp_path / "draft", user.offset)
        assert draft.run("check", "--json", "--no-rule-tests").status == 0
        worth_having(draft.path, stranger.kinds)
        draft.up("--runtime", "embedded")
        try:
            verified = draft.run("verify", "--json", "--timeout", "30", timeout=120)
        finally:
            draft.run("down", "--volumes")
    statuses = {check["id"]: check["status"] for check in verified.data["checks"]}
    red = [f"{one['id']}: {one['summary']}" for one in verified.data["checks"] if one["status"] in ("fail", "error")]
    assert verified.status == 0, "\n".join(red)
    skipped = {name for name, status in statuses.items() if status == "skip"} - {NOTHING_OF_THE_STACK}
    assert skipped == {*stranger.lacks}
    assert len(skipped) <= HARDLY_WORTH_IT
    assert {statuses[name] for name in ("metrics.targets", "traces.complete", "slo.sanity", "dashboards.queries")} == {
        "pass"
    }


def drafted(stranger: Stranger, user: Folder, port: int, page: int) -> None:
    """Listen until what people do with the service was seen, and write the draft."""
    source = ("--from", f"http://127.0.0.1:{page}/metrics", "--service", "stranger")

    def use() -> None:
        for method, path in stranger.requests * 2:
            assert ask(port, method, path)

    listened(user, "draft", *source, seconds=90, enough=lambda heard: heard.count("stranger") >= 2, use=use)


def worth_having(folder: Path, kinds: tuple[str, ...]) -> None:
    """HTTP is recognised: a dashboard, SLOs and alerts; only GETs are sent, to the service's own port."""
    stack = load_stack(folder)
    (service,) = stack.services
    assert sorted(kind.name for kind in service.contract.kinds) == [*kinds]
    assert "http" in kinds
    assert [slo.name for slo in service.contract.slos] == ["http-errors", "http-latency"]
    assert "d/http.json" in [file.path for file in dashboard_files(stack, "d", "jaeger")]
    rules = [rule for found in service_rules(service.contract) for group in found.groups for rule in group.rules]
    assert {"HttpErrorRateHigh", "ErrorBudgetBurn"} <= {rule.name for rule in rules if isinstance(rule, Alert)}
    assert service.drive
    assert {step.method for step in service.drive} == {"GET"}
