"""What is remembered between two commands: ``.obsctl/state.json``, behind a lock that one command holds at a time."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from obsctl.access.options import read_access
from obsctl.endpoints import Dialect, Endpoint, Endpoints, Feature, Role
from obsctl.errors import StartError

SCHEMA = "obsctl.state/1"
LOCK = "lock"

PRIVATE_UMASK = 0o077
"""What is in a state folder is its owner's alone: telemetry may hold what nobody else should read."""


@dataclass(frozen=True)
class Recorded:
    """A process that was started. ``created`` is the process's own start time, so that a reused pid is not mistaken.

    ``log_start`` is where in its log file its output begins, in bytes.
    """

    name: str
    pid: int
    created: float
    fingerprint: str
    log_start: int = 0


@dataclass(frozen=True)
class State:
    """``settled`` is False while a command is changing the stack; found so under a free lock, that command died.

    ``port_offset`` is what the stack was started with, so that a repair brings it back where it was. ``stack`` is the
    name that its containers carry, ``engine`` the address of the one that runs them.
    """

    runtime: str = ""
    settled: bool = True
    port_offset: int = 0
    processes: tuple[Recorded, ...] = ()
    endpoints: Endpoints = Endpoints()
    stack: str = ""
    engine: str = ""


class StateFile:
    """The state folder of one stack."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._path = home / "state.json"

    def read(self) -> State:
        """The last state written; an empty one where there is none. A damaged file is an error with a way out."""
        try:
            return _from_json(json.loads(self._path.read_text(encoding="utf8")))
        except (FileNotFoundError, NotADirectoryError):
            return State()
        except (ValueError, KeyError, TypeError, OSError) as error:
            hint = f"remove {self._path}, then `obsctl up`; `obsctl doctor` lists processes that are left"
            raise StartError(f"{self._path} cannot be read: {error}", hint=hint) from error

    def write(self, state: State) -> None:
        """Replace the state in one step, so that a crash leaves the old one or the new one."""
        prepare(self.home)
        try:
            replace_file(self._path, json.dumps(_to_json(state), indent=1) + "\n")
        except OSError as error:
            raise _cannot_write(self._path, error) from error

    def forget(self) -> None:
        """Remove the state."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise _cannot_write(self._path, error) from error

    @contextlib.contextmanager
    def lock(
        self, command: str, *, patience: float, waiting: Callable[[str], None], file: str = LOCK
    ) -> Iterator[None]:
        """Hold the stack's lock; ``waiting`` is told once who holds it. StartError after ``patience`` seconds.

        ``file`` is another name for a lock of another purpose.
        """
        prepare(self.home)
        try:
            handle = os.open(self.home / file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _cannot_write(self.home / file, error) from error
        try:
            _acquire(handle, time.monotonic() + patience, waiting)
            _note(handle, f"`obsctl {command}` (pid {os.getpid()})")
            try:
                yield
            finally:
                _note(handle, "")
        finally:
            os.close(handle)


def _note(handle: int, text: str) -> None:
    """Say in the lock's file who holds it; on a full disk nobody does."""
    with contextlib.suppress(OSError):
        os.ftruncate(handle, 0)
        os.pwrite(handle, text.encode(), 0)


def _acquire(handle: int, deadline: float, waiting: Callable[[str], None]) -> None:
    import fcntl  # Unix alone has it: elsewhere obsctl must be able to say so

    announced = False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = os.pread(handle, 200, 0).decode("utf8", "replace") or "another obsctl"
            if time.monotonic() > deadline:
                raise StartError(f"{holder} is still working on this stack", hint="wait for it, or stop it") from None
            if not announced:
                waiting(holder)
                announced = True
            time.sleep(0.05)


def replace_file(path: Path, text: str) -> None:
    """Put a text in place in one step: a crash or a full disk leaves the old file, or none. Raises OSError."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        write_private(fresh, text)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def private(path: str, flags: int) -> int:
    """Open a file, for ``open(opener=…)``, which nobody but its owner may read."""
    handle = os.open(path, flags, 0o600)
    os.fchmod(handle, 0o600)  # one that was there before may have been open to others
    return handle


def write_private(path: Path, text: str) -> None:
    """Write a text that nobody but its owner may read. Raises OSError."""
    with open(path, "w", encoding="utf8", opener=private) as file:
        file.write(text)


def make_private(folder: Path) -> None:
    """Make a folder that nobody but its owner may look into. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) & PRIVATE_UMASK:
        folder.chmod(0o700)


def prepare(home: Path) -> None:
    """Make the state folder, invisible to git and to other users."""
    try:
        for folder in (home, home / "logs", home / "data", home / "rendered"):
            make_private(folder)
    except OSError as error:
        raise _cannot_write(home, error) from error
    ignore = home / ".gitignore"
    if not ignore.exists():
        with contextlib.suppress(OSError):  # what matters says so itself when it cannot be written
            replace_file(ignore, "# made by obsctl: state, data and logs of a running stack\n*\n")


def _cannot_write(path: Path, error: OSError) -> StartError:
    hint = "choose another folder with --directory, or make this one writable"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "make room on that disk, or choose another folder with --directory"
    return StartError(f"cannot write to {path}: {error.strerror}", hint=hint)


def _to_json(state: State) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "runtime": state.runtime,
        "stack": state.stack,
        "engine": state.engine,
        "settled": state.settled,
        "port_offset": state.port_offset,
        "processes": [asdict(p) for p in state.processes],
        "endpoints": [_endpoint_json(e) for e in state.endpoints],
    }


def _endpoint_json(endpoint: Endpoint) -> dict[str, Any]:
    plain = {field.name: getattr(endpoint, field.name) for field in fields(endpoint)}
    return {**plain, "access": endpoint.access.document()}


def _from_json(raw: dict[str, Any]) -> State:
    if raw["schema"] != SCHEMA:
        raise ValueError(f"its schema is {raw['schema']!r}, this obsctl reads {SCHEMA!r}")
    endpoints = tuple(
        Endpoint(
            *(e["name"], Role(e["role"]), e["url"], Dialect(e["dialect"]), e["probe"]),
            without=tuple(Feature(name) for name in e.get("without", ())),
            lag=float(e.get("lag", 0.0)),
            access=read_access(e.get("access", {})),
        )
        for e in raw["endpoints"]
    )
    processes = tuple(Recorded(**p) for p in raw["processes"])
    return State(
        runtime=raw["runtime"],
        settled=raw["settled"],
        port_offset=raw["port_offset"],
        processes=processes,
        endpoints=Endpoints(endpoints),
        stack=raw.get("stack", ""),
        engine=raw.get("engine", ""),
    )
