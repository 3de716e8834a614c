"""What happens to the containers of a stack, from the engine's events: no polling, and nothing missed in between.

A slow look at the container itself is the safety net for engines that send no health events.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from obsctl.errors import StartError
from obsctl.render.containers import HealthCheck
from obsctl.runtime.docker import compose_labels
from obsctl.runtime.docker.connection import Engine, EngineJson, Sdk
from obsctl.runtime.docker.faults import engine_faults
from obsctl.runtime.docker.logs import last_lines
from obsctl.runtime.docker.project import ProjectContainer
from obsctl.runtime.docker.task_graph import TaskStopped

_LINES = 5
_HINT = "correct its configuration, or its image, in obsctl.yaml"

LOOK = 3.0
"""Seconds after which a container is looked at, whatever events say."""

_FIRST, _LONGER = 0.1, 1.2
"""Seconds until a health check is asked, and how much longer each time."""


@dataclass
class _Start:
    """What is known of the start of one container: its health, how often it has ended, and its last exit code."""

    health: str = ""
    ends: int = 0
    code: int = 0

    @property
    def decided(self) -> bool:
        """Whether it is well, or certainly not: an engine may have to start a container twice."""
        return self.health in ("healthy", "unhealthy") or self.ends >= 2


class _Check:
    """The health check of a container, run ahead of the engine's turn: that comes only every few seconds.

    Runs go on by themselves, so that one that hangs stops nobody.
    """

    def __init__(self, engine: Engine, ident: str, health: HealthCheck | None) -> None:
        self._engine, self._ident = engine, ident
        kind, *self._command = health.test if health else ("",)
        self._runs = kind == "CMD"
        self._run = ""

    def passed(self) -> bool:
        """Whether a run has passed. Begins one where none is under way."""
        if not self._runs:
            return False
        import docker.errors

        with engine_faults("cannot run a health check"), contextlib.suppress(docker.errors.APIError):
            return self._ended() == 0 if self._run else self._begin()
        return False  # its container has ended, or starts again, of which events tell

    def _begin(self) -> bool:
        api = self._engine.client
        self._run = api.exec_create(self._ident, self._command, stdout=False, stderr=False)["Id"]
        api.exec_start(self._run, detach=True)
        return False

    def _ended(self) -> int | None:
        """The exit code of a run; None while it goes on."""
        run, self._run = self._run, ""
        state = self._engine.client.exec_inspect(run)
        if state.get("Running"):
            self._run = run
            return None
        code: int | None = state.get("ExitCode")
        return code


class Watch:
    """A context: watches the events of a stack in a thread of its own."""

    def __init__(self, engine: Engine, project: str, stop: threading.Event) -> None:
        self._engine, self._project, self._stop = engine, project, stop
        self._changed = threading.Condition()
        self._starts: dict[str, _Start] = {}
        self._stream: Sdk = None

    def __enter__(self) -> Self:
        filters = {
            "type": ["container"],
            "label": [f"{compose_labels.PROJECT}={self._project}"],
            "event": ["health_status", "die"],
        }
        with engine_faults("cannot watch the engine's events"):
            self._stream = self._engine.client.events(since=int(time.time()), filters=filters, decode=True)
        threading.Thread(target=self._follow, daemon=True, name="obsctl events").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(Exception):
            self._stream.close()

    def _follow(self) -> None:
        try:
            for event in self._stream:
                self._take(event)
        except Exception:  # noqa: BLE001 - the edge of a thread: the connection ended, the looks go on without it
            return

    def _take(self, event: EngineJson) -> None:
        action, ident = str(event.get("Action", "")), str((event.get("Actor") or {}).get("ID", ""))
        attributes = (event.get("Actor") or {}).get("Attributes") or {}
        with self._changed:
            start = self._starts.setdefault(ident, _Start())
            if action == "die":
                start.ends += 1
                code = str(attributes.get("exitCode", "0"))
                start.code = int(code) if code.lstrip("-").isdigit() else 0
                start.health = ""
            elif action.startswith("health_status: "):
                start.health = action.removeprefix("health_status: ")
            self._changed.notify_all()

    def healthy(self, container: ProjectContainer, ident: str, patience: float) -> None:
        """Return once the container is healthy. StartError when it ends, is found unhealthy, or takes too long."""
        name, deadline, looked, pause = container.name, time.monotonic() + patience, time.monotonic(), _FIRST
        start, check = self._start_of(ident), _Check(self._engine, ident, container.spec.health)
        self._look(ident, start)
        while not self._wait(start, min(pause, deadline - time.monotonic())):
            if check.passed():
                return
            if time.monotonic() > deadline:
                message = (
                    f"{name} was not healthy after {patience:g} s{self._last_check(ident)}{self._exit_log(name, ident)}"
                )
                raise StartError(message, hint="give it more time with --timeout")
            if time.monotonic() - looked > LOOK:
                looked = time.monotonic()
                self._look(ident, start)
            pause = min(LOOK, pause * _LONGER)
        if start.health != "healthy":
            raise StartError(f"{name} {_trouble(start)}{self._exit_log(name, ident)}", hint=_HINT)

    def _start_of(self, ident: str) -> _Start:
        with self._changed:
            return self._starts.setdefault(ident, _Start())

    def _wait(self, start: _Start, seconds: float) -> bool:
        """Whether it is known within ``seconds`` how the start of a container went."""
        until = time.monotonic() + seconds
        with self._changed:
            while not start.decided:
                if self._stop.is_set():
                    raise TaskStopped
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, 0.5))  # whoever sets the stop event does not notify
        return True

    def _exit_log(self, name: str, ident: str) -> str:
        """Its last lines: it will be gone when somebody could ask for them."""
        with contextlib.suppress(StartError):
            found = last_lines(self._engine, ident, name, _LINES)
            return "; its last lines:" + "".join(f"\n    {line.text}" for line in found) if found else ""
        return ""

    def _last_check(self, ident: str) -> str:
        """What its last health check said."""
        with contextlib.suppress(StartError), engine_faults("cannot look at a container"):
            health = (self._engine.client.inspect_container(ident).get("State") or {}).get("Health") or {}
            checks = health.get("Log") or []
            said = " ".join(str(checks[-1].get("Output", "")).split()) if checks else ""
            return f"; its last check said: {said}" if said else ""
        return ""

    def _look(self, ident: str, start: _Start) -> None:
        with engine_faults("cannot look at a container"):
            state = self._engine.client.inspect_container(ident).get("State") or {}
        health = (state.get("Health") or {}).get("Status", "")
        if health in ("healthy", "unhealthy"):
            start.health = health
        if state.get("Status") in ("exited", "dead"):
            start.ends, start.code = max(start.ends, 2), int(state.get("ExitCode") or 0)


def _trouble(start: _Start) -> str:
    return f"ended with exit code {start.code} while starting" if start.ends else "is unhealthy"
