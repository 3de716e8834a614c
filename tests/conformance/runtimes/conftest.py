"""Each runtime behind the same handle: a stack of small web servers, which say what they were given to say."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil
import pytest

from obsctl.endpoints import Dialect, Endpoint, Endpoints, Role
from obsctl.events import Event
from obsctl.render.containers import Mount
from obsctl.render.desired import Desired, File, Process
from obsctl.runtime.base import Observed
from obsctl.runtime.embedded import EmbeddedRuntime
from obsctl.runtime.state import prepare
from obsctl.wait import Deadline, until
from tests.e2e.docker.boxes import Lab, engine, free_port, web

__all__ = ["engine"]


class Handle(Protocol):
    """A stack of one folder on one runtime. ``texts``: server -> what it prints when it starts, and serves."""

    runtime: Any
    ports: dict[str, int]
    events: list[Event]

    def up(self, texts: Mapping[str, str]) -> tuple[str, ...]: ...
    def kill(self, name: str) -> None: ...
    def stored(self) -> bool: ...


@dataclass
class OnProcesses:
    """The embedded runtime: the servers are Python's own, each with a folder that holds its text."""

    path: Path
    ports: dict[str, int]
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        prepare(self.path / ".obsctl")
        self.runtime = EmbeddedRuntime(self.path / ".obsctl")

    def up(self, texts: Mapping[str, str]) -> tuple[str, ...]:
        home = self.path / ".obsctl"
        processes = tuple(self._process(home, name, text) for name, text in texts.items())
        endpoints = Endpoints(tuple(_endpoint(name, self.ports[name]) for name in texts))
        desired = Desired("s", home, "127.0.0.1", 0, processes, endpoints)
        return self.runtime.apply(desired, self.events.append)

    def _process(self, home: Path, name: str, text: str) -> Process:
        arguments = (text, str(self.ports[name]), str(home / "data" / name))
        environment = {"OBSCTL_STACK": str(home), "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
        ports = {name: self.ports[name]}
        return Process(
            name, "tests.conformance.runtimes.server", arguments, environment, ports, (File(f"{name}.txt", text),)
        )

    def kill(self, name: str) -> None:
        (found,) = (o for o in self.runtime.observe() if o.name == name)
        process = psutil.Process(found.pid)
        process.send_signal(signal.SIGKILL)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.wait(10)

    def stored(self) -> bool:
        return any((self.path / ".obsctl/data").iterdir())


class OnContainers(Lab):
    """The Docker runtime."""

    ports: dict[str, int]

    def up(self, texts: Mapping[str, str]) -> tuple[str, ...]:  # type: ignore[override]
        return super().up(*(self._container(name, text) for name, text in texts.items()))

    def _container(self, name: str, text: str) -> Any:
        plain = web(name, self.ports[name], text)
        return web(name, self.ports[name], text, mounts=(*plain.mounts, Mount("volume", name, "/data", False)))

    def kill(self, name: str) -> None:
        self.engine.client.kill(self.ids()[name])

    def stored(self) -> bool:
        mine = {"label": f"com.docker.compose.project={self.stack}"}
        return bool(self.engine.client.volumes(filters=mine)["Volumes"])


def _endpoint(name: str, port: int) -> Endpoint:
    url = f"http://127.0.0.1:{port}"
    return Endpoint(name, Role.SERVICE, url, Dialect.HTTP, f"{url}/")


@pytest.fixture(params=["embedded", "docker"])
def handle(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Handle]:
    """An empty folder on each runtime."""
    ports = {name: free_port() for name in ("one", "two", "three")}
    if request.param == "embedded":
        made = OnProcesses(tmp_path, ports)
        yield made
        made.runtime.down(made.events.append, volumes=True)
        return
    lab = OnContainers(request.getfixturevalue("engine"), tmp_path)
    lab.ports = ports
    yield lab
    lab.wipe()


def states(handle: Handle) -> dict[str, str]:
    return {o.name: o.state for o in handle.runtime.observe()}


def observed(handle: Handle) -> dict[str, Observed]:
    return {o.name: o for o in handle.runtime.observe()}


def said(handle: Handle, names: Sequence[str] = (), tail: int = 100) -> list[tuple[str, str]]:
    """What was printed so far."""
    found = handle.runtime.logs(names, follow=False, cancelled=lambda: False, tail=tail)
    return [(line.source, line.line) for line in found]


def served(handle: Handle, name: str) -> str:
    """What a server says, once it listens."""

    def ask() -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{handle.ports[name]}/index.html", timeout=5) as answer:
                return answer.read().decode().strip()
        except OSError:
            return ""

    return until(ask, Deadline.after(15)) or ""


def eventually(probe: Callable[[], bool]) -> bool:
    return bool(until(probe, Deadline.after(15)))
