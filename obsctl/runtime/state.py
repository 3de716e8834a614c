"""What is remembered between two commands: ``.obsctl/state.json``, behind a lock that one command holds at a time."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from obsctl.endpoints import Dialect, Endpoint, Endpoints, Role
from obsctl.errors import StartError

SCHEMA = "obsctl.state/1"


@dataclass(frozen=True)
class Recorded:
    """A process that was started. ``created`` is the process's own start time, so that a reused pid is not mistaken."""

    name: str
    pid: int
    created: float
    fingerprint: str


@dataclass(frozen=True)
class State:
    """``settled`` is False while a command is changing the stack; found so under a free lock, that command died.

    ``port_offset`` is what the stack was started with, so that a repair brings it back where it was.
    """

    runtime: str = ""
    settled: bool = True
    port_offset: int = 0
    processes: tuple[Recorded, ...] = ()
    endpoints: Endpoints = Endpoints()


class StateFile:
    """The state folder of one stack."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._path = home / "state.json"

    def read(self) -> State:
        """The last state written; an empty one where there is none. A damaged file is an error with a way out."""
        try:
            return _from_json(json.loads(self._path.read_text(encoding="utf8")))
        except FileNotFoundError:
            return State()
        except (ValueError, KeyError, TypeError, OSError) as error:
            hint = f"remove {self._path}, then `obsctl up`; `obsctl doctor` lists processes that are left"
            raise StartError(f"{self._path} cannot be read: {error}", hint=hint) from error

    def write(self, state: State) -> None:
        """Replace the state in one step, so that a crash leaves the old one or the new one."""
        prepare(self.home)
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(_to_json(state), indent=1) + "\n", encoding="utf8")
        fresh.replace(self._path)

    def forget(self) -> None:
        """Remove the state."""
        self._path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def lock(self, command: str, *, patience: float, waiting: Callable[[str], None]) -> Iterator[None]:
        """Hold the stack's lock; ``waiting`` is told once who holds it. StartError after ``patience`` seconds."""
        prepare(self.home)
        with (self.home / "lock").open("a+", encoding="utf8") as file:
            _acquire(file, time.monotonic() + patience, waiting)
            file.truncate(0)
            file.write(f"`obsctl {command}` (pid {os.getpid()})")
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)


def _acquire(file: Any, deadline: float, waiting: Callable[[str], None]) -> None:
    told = False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            file.seek(0)
            holder = file.read() or "another obsctl"
            if time.monotonic() > deadline:
                raise StartError(f"{holder} is still working on this stack", hint="wait for it, or stop it") from None
            if not told:
                waiting(holder)
                told = True
            time.sleep(0.05)


def prepare(home: Path) -> None:
    """Make the state folder, invisible to git."""
    try:
        for folder in (home, home / "logs", home / "data", home / "rendered"):
            folder.mkdir(parents=True, exist_ok=True)
        ignore = home / ".gitignore"
        if not ignore.exists():
            ignore.write_text("# made by obsctl: state, data and logs of a running stack\n*\n", encoding="utf8")
    except OSError as error:
        hint = "choose another folder with --directory, or make this one writable"
        raise StartError(f"cannot write to {home}: {error.strerror}", hint=hint) from error


def _to_json(state: State) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "runtime": state.runtime,
        "settled": state.settled,
        "port_offset": state.port_offset,
        "processes": [asdict(p) for p in state.processes],
        "endpoints": [asdict(e) for e in state.endpoints],
    }


def _from_json(raw: dict[str, Any]) -> State:
    if raw["schema"] != SCHEMA:
        raise ValueError(f"its schema is {raw['schema']!r}, this obsctl reads {SCHEMA!r}")
    endpoints = tuple(
        Endpoint(e["name"], Role(e["role"]), e["url"], Dialect(e["dialect"]), e["probe"]) for e in raw["endpoints"]
    )
    processes = tuple(Recorded(**p) for p in raw["processes"])
    return State(raw["runtime"], raw["settled"], raw["port_offset"], processes, Endpoints(endpoints))
