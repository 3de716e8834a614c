"""Starts real processes of the sample on free ports, and talks to them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import redis

from obsctl.wait import Deadline, until

ROOT = Path(__file__).parents[3]
PARENT = "00f067aa0ba902b7"


def free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]


@dataclass
class Process:
    name: str
    port: int
    log: Path
    command: list[str]
    env: dict[str, str]
    child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.child = subprocess.Popen(
                self.command, env=self.env, cwd=self.log.parent, stdout=output, stderr=subprocess.STDOUT
            )

    def send(self, number: int = signal.SIGTERM) -> None:
        assert self.child is not None
        if self.child.poll() is None:
            self.child.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit status after a signal."""
        self.send(number)
        assert self.child is not None
        try:
            return self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise

    def lines(self) -> list[dict[str, Any]]:
        """Its log lines; fails if one of them is not a JSON object."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        assert all(isinstance(line, dict) for line in lines)
        return lines


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str
    trace_id: str
    request_id: str

    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Stack:
    folder: Path
    processes: dict[str, Process]
    http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=10))

    def url(self, name: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.processes[name].port}{path}"

    def call(self, name: str, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request in a trace of its own."""
        trace_id, request_id = uuid.uuid4().hex, f"test-{uuid.uuid4().hex}"
        sent = {
            "traceparent": f"00-{trace_id}-{PARENT}-01",
            "tracestate": "obsctl=run1",
            "X-Request-Id": request_id,
            **{key.replace("_", "-"): value for key, value in headers.items()},
        }
        answer = self.http.request(method, self.url(name, path), json=body, headers=sent)
        return Answer(answer.status_code, answer.headers, answer.text, trace_id, request_id)

    def ready(self, name: str) -> bool:
        if name == "redis":
            with redis.Redis(port=self.processes[name].port, protocol=2) as client:
                try:
                    return bool(client.ping())
                except redis.RedisError:
                    return False
        try:
            return self.http.get(self.url(name, "/readyz")).status_code == 200
        except httpx.HTTPError:
            return False

    def wait_ready(self, *names: str) -> None:
        for name in names:
            assert until(lambda name=name: self.ready(name), Deadline.after(30), interval=0.02), (
                name,
                self.processes[name].log.read_text(),
            )

    def start(self, *names: str) -> None:
        for name in names:
            self.processes[name].start()
        self.wait_ready(*names)

    def metric(self, name: str, series: str) -> float:
        """The value of one series in the text format, 0.0 if it is not there."""
        for line in self.http.get(self.url(name, "/metrics")).text.splitlines():
            text, _, value = line.rpartition(" ")
            if text == series:
                return float(value)
        return 0.0

    def add_pair(self, text: str) -> tuple[str, str]:
        """A new CV and a new project with texts that no cache knows."""
        cv = self.call("api", "POST", "/cvs", {"name": "Ada", "email": "ada@example.com", "text": text})
        project = self.call("api", "POST", "/projects", {"title": "Engine", "text": f"project {text}"})
        return cv.json()["cv_id"], project.json()["project_id"]

    def match(self, text: str | None = None) -> tuple[Answer, dict[str, Any]]:
        """The answer to POST /matches, and the job once it has ended."""
        cv_id, project_id = self.add_pair(text or f"python {uuid.uuid4().hex}")
        asked = self.call("api", "POST", "/matches", {"cv_id": cv_id, "project_id": project_id})
        assert asked.status == 202, asked.text
        return asked, self.ended(asked.json()["job_id"])

    def ended(self, job_id: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            job: dict[str, Any] = self.call("api", "GET", f"/matches/{job_id}").json()
            return job if job["status"] != "queued" else None

        job = until(look, Deadline.after(20), interval=0.02)
        assert job is not None, self.processes["worker"].log.read_text()
        return job

    @contextmanager
    def fault(self, name: str, **values: float) -> Iterator[None]:
        assert self.call(name, "PUT", "/faults", values).status == 200
        try:
            yield
        finally:
            self.call(name, "PUT", "/faults", dict.fromkeys(values, 0))

    def close(self) -> None:
        for process in self.processes.values():
            if process.child is not None:
                process.stop(signal.SIGKILL)
        self.http.close()


@contextmanager
def stack(folder: Path, **extra: str) -> Iterator[Stack]:
    """Processes that are described, but not started yet. Those that were started are gone afterwards."""
    names = ("redis", "api", "worker", "ai")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "SAMPLE_", "JOB_"))}
    env = {
        **clean,
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": f"sqlite:///{folder / 'sample.db'}",
        "REDIS_URL": f"redis://127.0.0.1:{ports['redis']}/0",
        "AI_BASE_URL": f"http://127.0.0.1:{ports['ai']}",
        "AI_TIMEOUT": "1",
        "JOB_BACKOFF": "0.05",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        **{f"{name.upper()}_PORT": str(port) for name, port in ports.items()},
        **extra,
    }
    processes = {
        name: Process(name, port, folder / f"{name}.log", [sys.executable, "-m", "sample_service", name], env)
        for name, port in ports.items()
    }
    running = Stack(folder, processes)
    try:
        yield running
    finally:
        running.close()
