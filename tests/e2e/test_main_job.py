"""The main job as a newcomer does it: an empty folder, up, verify, trace, down."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sys
import termios
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import requests

from obsctl.assets import templates, templates_from
from obsctl.events import silent
from obsctl.ops.verify import verify
from obsctl.report.formats import envelope
from tests.architecture.test_imports import imported_of, in_one_of
from tests.e2e.conftest import Done, Folder, stack_processes
from tests.e2e.terminals import terminal_of

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def verified(stack: Folder) -> Done:
    """One whole ``verify``, shared by the tests that look at what it said or left."""
    return stack.run("verify", "--json")


def test_every_check_passes(verified: Done) -> None:
    checks = verified.data["checks"]
    apart = {"dashboards.provisioned": "this stack has no dashboard page"}
    assert {c["id"]: c["summary"] for c in checks if c["status"] != "pass"} == apart
    assert verified.status == 0
    assert len(checks) >= 14
    for check in (c for c in checks if c["id"] not in apart):
        assert check["evidence"], f"{check['id']} passed without evidence"
        assert all(e["query"] and e["answer"] for e in check["evidence"])


def test_verify_again_and_again_stays_exact(stack: Folder) -> None:
    for _ in range(2):
        done = stack.run("verify", "--only", "metrics.exact", "--only", "traces.*")
        assert done.status == 0, done.out


def test_two_at_once_do_not_count_each_others_requests(stack: Folder) -> None:
    both = [stack.popen("verify", "--only", "metrics.exact") for _ in range(2)]
    ended = [(*process.communicate(timeout=60), process.returncode) for process in both]
    assert [status for _, _, status in ended] == [0, 0], ended
    assert sum("waiting for it" in err for _, err, _ in ended) == 1


@pytest.mark.usefixtures("verified")
@pytest.mark.parametrize(
    "arguments", [("verify",), ("check", "--no-rule-tests"), ("trace", "last"), ("status",), ("top",)]
)
def test_looking_at_a_stack_loads_nothing_that_only_its_processes_need(
    stack: Folder, arguments: tuple[str, ...]
) -> None:
    watched = replace(stack, command=(sys.executable, "-X", "importtime", "-m", "obsctl"))
    lines = watched.ok(*arguments).err.splitlines()
    loaded = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    assert "obsctl.ops.session" in loaded or "obsctl.ops.home" in loaded or "obsctl.ops.check" in loaded
    of_the_extras = imported_of("embedded", "sample")
    assert not {name for name in loaded if in_one_of(name, of_the_extras)}


@pytest.mark.usefixtures("verified")
def test_one_request_crosses_api_worker_and_ai(stack: Folder) -> None:
    tree = json.loads(stack.ok("trace", "last", "--json").out)
    data = tree.get("data", tree)
    assert {"api", "worker", "ai"} <= {s["service"] for s in data["spans"]}
    assert data["counts"]["orphans"] == 0
    text = stack.ok("trace", "last").out
    assert all(name in text for name in ("api", "worker", "ai", "POST /matches"))
    assert "\x1b" not in text


def test_a_request_id_finds_its_trace(stack: Folder, verified: Done) -> None:
    requests = verified.data["requests"]
    match = next(r for r in requests if r["request"] == "POST /matches")
    by_request = stack.ok("trace", match["request_id"], "--json").out
    assert match["trace_id"] in by_request


@pytest.mark.parametrize(
    ("ident", "status"),
    [("f" * 32, 1), ("no-such-request", 1), ("", 2), ("a b", 2), ("x" * 300, 2), ("\x1b[31m", 2), ("0" * 32, 2)],
)
def test_unknown_and_malformed_ids(stack: Folder, ident: str, status: int) -> None:
    done = stack.run("trace", ident)
    assert done.status == status, done
    assert "Traceback" not in done.err
    assert "\x1b" not in done.err + done.out


def test_selected_checks_and_formats(stack: Folder) -> None:
    only = stack.run("verify", "--only", "traces.*", "--format", "junit")
    assert only.out.startswith("<?xml")
    assert re.search(r'name="traces\.', only.out)
    wrong = stack.run("verify", "--only", "trases.complete")
    assert wrong.status == 2
    assert "traces.complete" in wrong.err
    written = stack.path / "report.md"
    stack.run("verify", "--only", "readiness", "--format", "markdown", "--output", str(written))
    assert written.read_text().startswith("## obsctl verify")


def red_with(stack: Folder, changed: Path) -> dict[str, str]:
    """What is red when ``verify`` reads other templates than those that the stack was started with."""
    with templates_from(changed):
        verification = verify(stack.path, service=None, only=[], skip=[], timeout=12, emit=silent)
    result = envelope(verification)
    assert result.exit_status == 1
    return {c["id"]: c["summary"] for c in result.data["checks"] if c["status"] not in ("pass", "skip")}


def edited(tmp_path: Path, file: str, old: str, new: str) -> Path:
    """A copy of the templates in which one text of one file is another one."""
    changed = tmp_path / "templates"
    shutil.copytree(templates(), changed)
    text = (changed / file).read_text()
    assert text.count(old) == 1
    (changed / file).write_text(text.replace(old, new))
    return changed


@pytest.mark.usefixtures("verified")
def test_what_a_running_stack_has_received_becomes_a_contract(stack: Folder) -> None:
    page = f"http://127.0.0.1:{8000 + stack.offset}/metrics"
    stack.ok("init", "drafted", "--from", page, "--stack", ".", "--service", "mine", "--force")
    assert stack.ok("check", "-C", "drafted", "--json").data["findings"] == []
    text = (stack.path / "drafted" / "contract.yaml").read_text()
    assert 'components: ["api", "worker", "ai"]' in text
    assert '# - request: "POST /matches"' in text
    assert '#   edges: ["api -> worker", "worker -> ai"]' in text
    assert re.search(r'^  fields: .*"trace_id"', text, re.MULTILINE)


def test_a_metric_renamed_in_its_family_is_asked_for_under_its_new_name(stack: Folder, tmp_path: Path) -> None:
    """The family is the only place: the sample, which was not changed with it, lacks exactly that metric."""
    changed = edited(tmp_path, "families/jobs.yaml", "jobs_queue_depth", "jobs_waiting")
    assert red_with(stack, changed) == {"metrics.present": "1 required metric missing: jobs_waiting (any component)"}


def test_a_panel_that_asks_for_what_nothing_has_is_found(stack: Folder, tmp_path: Path) -> None:
    old = "sum(@{jobs.processing}{@{scope}})"
    changed = edited(tmp_path, "dashboards/jobs.yaml", old, 'sum(@{jobs.processing}{@{scope}, type="none"})')
    red = red_with(stack, changed)
    assert red.keys() == {"dashboards.queries"}
    assert "queries without data: Jobs: Running now" in red["dashboards.queries"]


@pytest.mark.usefixtures("verified")
def test_top_prints_one_frame(stack: Folder) -> None:
    frame = stack.ok("top", "--json", "--since", "15m").data
    lists = {name: frame[name]["rows"] for name in ("services", "calls", "alerts", "traces")}
    assert {row["service"] for row in lists["services"]} == {"api", "worker", "ai"}
    assert all(row["requests_per_second"] > 0 and row["p95_seconds"] > 0 for row in lists["services"])
    assert {("api", "worker"), ("worker", "ai")} <= {(row["from"], row["to"]) for row in lists["calls"]}
    assert any(row["name"] == "POST /matches" for row in lists["traces"])
    text = stack.ok("top", "--once", "--service", "worker", "--width", "60").out
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 60
    assert "api → worker" in text
    assert "api → redis" not in text
    unknown = stack.run("top", "--json", "--service", "nobody")
    assert (unknown.status, unknown.envelope["errors"][0]["code"]) == (1, "not_found")
    assert stack.run("top", "--since", "yesterday").status == 2


@pytest.mark.usefixtures("verified")
def test_top_in_a_terminal_opens_a_trace_and_leaves_the_terminal_as_it_was(stack: Folder) -> None:
    with terminal_of([*stack.command, "top"], stack.path, stack.env, columns=70) as terminal:
        before = termios.tcgetattr(terminal.slave)
        assert "worker → ai" in terminal.wait_for("TRACES")
        terminal.press("/post /matches\r")
        terminal.wait_for("filter: post /matches", gone="worker → ai")
        terminal.press("\r")
        assert "POST /matches" in terminal.wait_for("SPAN", gone="looking")
        terminal.resize(130, 30)
        terminal.wait_for("█")  # bars need the room
        terminal.press("G")
        terminal.wait_for("on the critical path")
        terminal.press("\x1b")
        terminal.wait_for("TRACES")
        terminal.press("\x1b")
        terminal.wait_for("worker → ai", gone="filter")
        terminal.press("q")
        assert terminal.end() == 0
        assert terminal.written.endswith("\x1b[?1049l")
        assert termios.tcgetattr(terminal.slave) == before


def test_top_ends_with_ctrl_c_and_has_no_colour_where_none_is_wanted(stack: Folder) -> None:
    with terminal_of([*stack.command, "top"], stack.path, {**stack.env, "NO_COLOR": "1"}) as terminal:
        terminal.wait_for("SERVICES")
        terminal.press("\x03")
        assert terminal.end() == 130
        screens, left, said = terminal.written.partition("\x1b[?1049l")
        assert left
        assert said.endswith("interrupted\r\n")
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", screens)


@pytest.mark.usefixtures("verified")
def test_status_shows_what_is_left_of_the_error_budgets(stack: Folder) -> None:
    budgets = stack.ok("status", "--json").data["budgets"]
    assert {b["slo"]: b["why"] for b in budgets} == {"http-errors": "", "http-latency": ""}
    assert all(b["budget_left_ratio"] <= 1.05 for b in budgets)
    assert "BUDGET LEFT" in stack.ok("status").out


def test_the_pages_are_served_from_the_first_request_on(stack: Folder, verified: Done) -> None:
    """At port 3000: the stack, a trace, a dashboard, and a whole verify that is watched as it goes."""
    pages = f"http://localhost:{3000 + stack.offset}"
    [ui] = [e for e in stack.ok("status", "--json").data["endpoints"] if e["role"] == "ui"]
    assert (ui["url"], ui["ready"]) == (pages, True)
    assert not _servers_of_pages(stack)

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NO_PROXY", "*")
        page = requests.get(pages, timeout=60)
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        token = re.search(r'name="obsctl-token" content="([^"]+)"', page.text)[1]
        shown = requests.get(f"{pages}/api/stack", timeout=30).json()
        assert [service["name"] for service in shown["services"]] == ["cv-job-matching"]
        last = stack.ok("trace", "last", "--json").data["trace_id"]
        assert requests.get(f"{pages}/api/traces/last", timeout=30).json()["trace_id"] == last
        listed = requests.get(f"{pages}/api/dashboards", timeout=30).json()
        board = requests.get(f"{pages}/api/dashboards/{listed[0]['uid']}", timeout=30).json()
        assert board["title"] == listed[0]["title"]
        up = requests.get(f"{pages}/proxy/metrics/api/v1/query", {"query": "up"}, timeout=30).json()
        assert len(up["data"]["result"]) == 3
        assert requests.get(f"{pages}/api/intake", timeout=30).json()["signals"]["traces"]["received"] > 0
        assert "5 %" in requests.get(f"{pages}/api/runbooks/HttpErrorRateHigh", timeout=30).json()["markdown"]

        asked = {"headers": {"x-obsctl-token": token}, "json": {"service": None}, "timeout": 30}
        started = requests.post(f"{pages}/api/verify", **asked)
        assert started.status_code == 202
        events = requests.get(f"{pages}/api/verify/events", timeout=90).text
        names = re.findall(r"^event: (\w+)$", events, re.MULTILINE)
        assert names == [*["check"] * (len(names) - 1), "done"]
        runs = requests.get(f"{pages}/api/verify", timeout=30).json()["runs"]
        assert runs[0]["id"] == started.json()["id"]
        assert len(runs) > 1  # those of the command line are there, too
        whole = requests.get(f"{pages}/api/verify/runs/{runs[0]['id']}", timeout=30).json()
        assert [c["id"] for c in whole["checks"]] == [c["id"] for c in verified.data["checks"]]
        assert len(names) - 1 == len([c for c in whole["checks"] if not c["summary"].startswith("not among")])
    assert len(_servers_of_pages(stack)) == 1


def test_pages_in_the_foreground_say_where_they_are_and_end_with_ctrl_c(stack: Folder) -> None:
    process = stack.popen("ui", "--port", str(3001 + stack.offset), "--json")
    assert process.stdout is not None
    url = json.loads(process.stdout.readline())["data"]["url"]
    assert url == f"http://localhost:{3001 + stack.offset}"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NO_PROXY", "*")
        assert requests.get(f"{url}/api/stack", timeout=30).json()["runtime"] == "embedded"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in err) == (130, False)


def _servers_of_pages(stack: Folder) -> list[int]:
    """The pids of the program that the stack starts when somebody opens a page."""
    return [pid for pid in stack_processes(stack) if "--socket" in psutil.Process(pid).cmdline()]
