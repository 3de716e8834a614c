"""Starting, stopping, and living without the things around: collector, Redis, faults."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from obsctl.wait import Deadline, until
from tests.unit.sample_service.processes import ROOT, Stack, free_ports, stack

CV = {"name": "Ada", "email": "ada@example.com", "text": "python"}


@pytest.fixture(scope="module")
def lonely(starts_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Api, worker and ai without Redis, faults disabled, and a collector that is not there."""
    (dead,) = free_ports(1)
    with stack(tmp_path_factory.mktemp("lonely"), OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{dead}") as running:
        for name in ("api", "worker", "ai"):
            running.processes[name].start()
        assert until(lambda: running.ready("ai"), Deadline.after(30))
        for name in ("api", "worker"):
            assert until(lambda name=name: answers(running, name), Deadline.after(30)), name
        yield running


def answers(running: Stack, name: str) -> bool:
    try:
        return running.http.get(running.url(name, "/healthz")).status_code == 200
    except httpx.HTTPError:
        return False


def test_readiness_says_what_is_missing(lonely: Stack) -> None:
    for name in ("api", "worker"):
        answer = lonely.call(name, "GET", "/readyz")
        assert answer.status == 503
        assert answer.json()["checks"]["database"] == "ok"
        assert answer.json()["checks"]["redis"] == "ConnectionError"


def test_faults_are_not_there_unless_enabled(lonely: Stack) -> None:
    for name in ("api", "worker", "ai"):
        assert lonely.call(name, "GET", "/faults").status == 404
        assert lonely.call(name, "PUT", "/faults", {"latency_ms": 1}).status == 404


def test_requests_do_not_mind_a_dead_collector(lonely: Stack) -> None:
    assert [lonely.call("api", "POST", "/cvs", CV).status for _ in range(50)] == [201] * 50
    api = lonely.processes["api"]
    assert until(lambda: any(line["level"] == "warning" for line in api.lines()), Deadline.after(20))
    assert [lonely.call("api", "POST", "/cvs", CV).status for _ in range(50)] == [201] * 50
    about_export = [line for line in api.lines() if line["logger"].startswith(("opentelemetry", "urllib3"))]
    assert 1 <= len(about_export) <= 2  # one of each library, however many batches were lost


def test_without_redis_a_match_is_refused_and_later_works(lonely: Stack) -> None:
    cv_id, project_id = lonely.add_pair("late redis")
    refused = lonely.call("api", "POST", "/matches", {"cv_id": cv_id, "project_id": project_id})
    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    lonely.start("redis")
    lonely.wait_ready("api", "worker")
    assert lonely.match()[1]["status"] == "done"
    # Redis goes, and comes back without its data: stream and group have to be made anew.
    assert lonely.processes["redis"].stop() == 0
    assert until(lambda: not lonely.ready("worker"), Deadline.after(10))
    lonely.start("redis")
    lonely.wait_ready("api", "worker")
    assert lonely.match()[1]["status"] == "done"


def test_asked_to_stop_they_leave_with_status_0(lonely: Stack) -> None:
    """Last of those with this stack: it ends the processes, whose collector never answered."""
    for process in lonely.processes.values():
        process.send(signal.SIGTERM)
    assert {name: process.stop() for name, process in lonely.processes.items()} == dict.fromkeys(lonely.processes, 0)


def test_the_job_at_hand_is_finished_before_stopping(sample: Stack) -> None:
    sample.match()  # the first job of a worker has to wait for the client of the vector store to be loaded
    cv_id, project_id = sample.add_pair("in flight")
    with sample.fault("ai", latency_ms=150):
        asked = sample.call("api", "POST", "/matches", {"cv_id": cv_id, "project_id": project_id})
        busy = 'jobs_processing{type="match"}'
        assert until(lambda: sample.metric("worker", busy) == 1, Deadline.after(10), interval=0.005)
        assert sample.processes["worker"].stop() == 0
    job = sample.ended(asked.json()["job_id"])
    sample.start("worker")
    assert job["status"] == "done"


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sample_service", *arguments],
        env={"PATH": "", "PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_bad_usage_is_a_sentence(sample: Stack) -> None:
    for arguments, env in ((("nothing",), {}), (("api",), {"API_PORT": "eighty"}), (("ai",), {"AI_PORT": "70000"})):
        done = run(*arguments, **env)
        assert done.returncode == 2
        assert "error:" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_status_1(sample: Stack, tmp_path: Path) -> None:
    taken = str(sample.processes["redis"].port)
    for name in ("ai", "redis"):
        done = run(name, "--port", taken, DATABASE_URL=f"sqlite:///{tmp_path / 'x.db'}")
        assert done.returncode == 1
        assert "Traceback" not in done.stdout + done.stderr
