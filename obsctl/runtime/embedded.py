"""The embedded runtime: local processes. It starts and observes them; the command line and HTTP are the only link."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Literal

import psutil

from obsctl.endpoints import Endpoints
from obsctl.errors import StartError
from obsctl.events import Emit, Event, LogText
from obsctl.render.desired import Desired, Process
from obsctl.runtime import processes
from obsctl.runtime.base import Cancelled, Observed, Operation, Runtime
from obsctl.runtime.interrupts import uninterrupted
from obsctl.runtime.parts import require_parts
from obsctl.runtime.ports import require_free
from obsctl.runtime.state import Recorded, StateFile, make_private, prepare, private, write_private

_TOKEN_BYTES = 32


class EmbeddedRuntime(Runtime[Desired]):
    """The stack of one folder. Callers hold the state lock around everything that changes something."""

    name = "embedded"
    supervised = False
    foreign = False

    def __init__(self, home: Path) -> None:
        self.home = home
        self.state = StateFile(home)
        self._broke_up = False
        """Whether the last ``apply`` stopped something that ran."""

    def observe(self, *, memory: bool = True) -> tuple[Observed, ...]:  # noqa: ARG002 - it costs nothing here
        """Every recorded process, as it is now."""
        return tuple(_observe(recorded) for recorded in self.state.read().processes)

    def endpoints(self) -> Endpoints:
        """As applied last."""
        return self.state.read().endpoints

    def require(self) -> None:
        """What runs this runs processes, too."""

    def is_there(self) -> bool:
        """Whether any process of it runs."""
        return any(o.state == "running" for o in self.observe())

    def plan(self, desired: Desired) -> tuple[Operation, ...]:
        """What ``apply`` would do."""
        return plan(desired, self.observe())

    def apply(self, desired: Desired, emit: Emit) -> tuple[str, ...]:
        """Carry out the plan. On any failure, Ctrl-C included, ``undo`` what this call did."""
        self._clear_wreckage(emit)
        operations = self.plan(desired)
        wanted = {p.name: p for p in desired.processes}
        starts = [o for o in operations if o.kind in ("start", "replace")]
        ends = [o.name for o in operations if o.kind in ("stop", "replace")]
        require_parts({wanted[o.name].module for o in starts})
        self._require_ports(desired, [o.name for o in starts], ends)
        self.state.write(
            replace(
                self.state.read(),
                runtime=self.name,
                endpoints=desired.endpoints,
                port_offset=desired.port_offset,
                settled=False,
            )
        )
        if desired.generated_token:
            _make_token(self.home / desired.generated_token)
        self._broke_up = bool(ends)
        started: list[str] = []
        try:
            with uninterrupted():
                self.stop(ends, emit)
            for operation in starts:
                with uninterrupted():
                    self._start(wanted[operation.name], operation, emit)
                    started.append(operation.name)
        except BaseException:
            self.undo(started, emit)
            raise
        self.state.write(replace(self.state.read(), settled=True))
        return tuple(started)

    def _require_ports(self, desired: Desired, starts: Sequence[str], ends: Sequence[str]) -> None:
        """Ports of what will start must be free, or become so. Asked before anything is changed."""
        ending = [process for p in self.state.read().processes if p.name in ends and (process := processes.alive(p))]
        released = processes.listening(ending)
        wanted = {key: port for p in desired.processes if p.name in starts for key, port in p.ports.items()}
        needed = {key: port for key, port in wanted.items() if port not in released}
        require_free(desired.bind, needed, offset=desired.port_offset)

    def undo(self, names: Sequence[str], emit: Emit) -> None:
        """Stop what an ``apply`` started and forget it: nothing half-started is left behind.

        An ``apply`` that had replaced something leaves nothing at all, rather than a stack with a hole in it.
        """
        with uninterrupted():
            state = self.state.read()
            ended = [p for p in state.processes if self._broke_up or p.name in names]
            self._end(ended, emit)
            left = tuple(p for p in state.processes if p not in ended)
            if not left:
                self.state.forget()
                return
            with contextlib.suppress(StartError):  # the reason for undoing is the one to tell, not a full disk
                self.state.write(replace(state, processes=left, settled=True))

    def _start(self, process: Process, operation: Operation, emit: Emit) -> None:
        for file in process.files:
            target = self.home / file.path
            make_private(target.parent)
            write_private(target, file.text)
        recorded = processes.spawn(process, self.log_file(process.name))
        state = self.state.read()
        others = tuple(p for p in state.processes if p.name != recorded.name)
        self.state.write(replace(state, processes=(*others, recorded)))
        emit(Event("started", process.name, operation.cause))

    def _clear_wreckage(self, emit: Emit) -> None:
        """End what nobody recorded: left by a command that was killed half-way, or by a removed state folder."""
        state = self.state.read()
        if state.settled and state.processes:
            return
        unknown = self._unrecorded()
        processes.stop(unknown)
        for process in unknown:
            emit(Event("stopped", f"pid {process.pid}", "left over from an earlier command"))

    def _unrecorded(self) -> list[psutil.Process]:
        """Processes of this stack that the state does not name."""
        known = {p.pid for p in self.state.read().processes}
        return [p for p in processes.of_stack(self.home) if p.pid not in known]

    def orphans(self) -> tuple[int, ...]:
        """The pids of those."""
        return tuple(p.pid for p in self._unrecorded())

    def log_file(self, name: str) -> Path:
        """Where the output of a process is."""
        return self.home / "logs" / f"{name}.log"

    def exit_log(self, name: str, count: int) -> list[str]:
        """The last lines that a process has written since it was started."""
        begin = next((p.log_start for p in self.state.read().processes if p.name == name), 0)
        return processes.last_lines(self.log_file(name), count, begin=begin)

    def logs(self, names: Sequence[str], *, follow: bool, cancelled: Cancelled, tail: int) -> Iterator[LogText]:
        """The last lines of each file, then, with ``follow``, new ones as they come."""
        chosen = names or self.log_names()
        files = {name: self.log_file(name) for name in chosen}
        offsets = {name: path.stat().st_size if path.exists() else 0 for name, path in files.items()}
        for name, path in files.items():
            yield from (LogText(name, line) for line in processes.last_lines(path, tail))
        while follow and not cancelled():
            fresh = [text for name, path in files.items() for text in _read_new(name, path, offsets)]
            yield from fresh
            if not fresh:
                time.sleep(0.1)

    def log_names(self) -> list[str]:
        """The processes that have written output, in start order where that is known."""
        recorded = [p.name for p in self.state.read().processes]
        return recorded or sorted(p.stem for p in (self.home / "logs").glob("*.log"))

    def stop(self, names: Sequence[str], emit: Emit) -> tuple[str, ...]:
        """Stop the named processes and forget them."""
        state = self.state.read()
        chosen = [p for p in state.processes if p.name in names]
        if not chosen:
            return ()
        running = self._end(chosen, emit)
        self.state.write(replace(state, processes=tuple(p for p in state.processes if p.name not in names)))
        return running

    def _end(self, chosen: Sequence[Recorded], emit: Emit) -> tuple[str, ...]:
        """Stop processes, and write nothing: a full disk must not keep anything running. The names that ran."""
        running = {p.name: process for p in chosen if (process := processes.alive(p))}
        processes.stop(list(running.values()))
        for name in running:
            emit(Event("stopped", name))
        return tuple(running)

    def down(self, emit: Emit, *, volumes: bool) -> tuple[str, ...]:
        """Stop everything of this stack. Data and logs stay, unless ``volumes``."""
        with uninterrupted():
            try:
                stopped = self._end(self.state.read().processes, emit)
            except StartError:  # a damaged state file: its processes are found by their environment
                stopped = ()
            left = processes.of_stack(self.home)
            processes.stop(left)
            self.state.forget()
        if volumes:
            for folder in ("data", "logs", "rendered", "runs"):
                shutil.rmtree(self.home / folder, ignore_errors=True)
            (self.home / "last_run.json").unlink(missing_ok=True)
            prepare(self.home)
        return (*stopped, *(f"pid {p.pid}" for p in left))


def plan(desired: Desired, observed: Sequence[Observed]) -> tuple[Operation, ...]:
    """What to do: first stop what the spec no longer names, then each process in start order."""
    running = {o.name: o for o in observed}
    wanted = {p.name for p in desired.processes}
    stops = [Operation("stop", o.name, "no longer in the spec") for o in observed if o.name not in wanted]
    return (*stops, *(_decide(p, running.get(p.name)) for p in desired.processes))


def _decide(process: Process, existing: Observed | None) -> Operation:
    if existing is None:
        return Operation("start", process.name, "not running")
    if existing.state == "dead":
        return Operation("start", process.name, "it had died")
    if existing.fingerprint != process.fingerprint:
        return Operation("replace", process.name, "its configuration changed")
    return Operation("keep", process.name, "running, nothing changed")


def _make_token(file: Path) -> None:
    """A random token that only this user can read; one that is there already stays."""
    try:
        with open(file, "x", encoding="utf8", opener=private) as made:
            made.write(secrets.token_urlsafe(_TOKEN_BYTES) + "\n")
    except FileExistsError:
        return
    except OSError as error:
        raise StartError(f"cannot write to {file}: {error.strerror}", hint="make that folder writable") from error


def _observe(recorded: Recorded) -> Observed:
    process = processes.alive(recorded)
    memory = 0
    if process:
        try:
            memory = process.memory_info().rss
        except psutil.Error:
            process = None
    state: Literal["running", "dead"] = "running" if process else "dead"
    return Observed(recorded.name, state, recorded.fingerprint, recorded.pid, recorded.created, memory)


def _read_new(name: str, path: Path, offsets: dict[str, int]) -> Iterator[LogText]:
    """Whole lines that were added since the last look; a file that shrank is read from its start."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            offsets[name] = 0 if size < offsets[name] else offsets[name]
            yield from _whole_lines(name, file, offsets)
    except FileNotFoundError:
        return


def _whole_lines(name: str, file: BinaryIO, offsets: dict[str, int]) -> Iterator[LogText]:
    file.seek(offsets[name])
    for raw in file:
        if not raw.endswith(b"\n"):
            return
        offsets[name] += len(raw)
        yield LogText(name, raw.decode("utf8", "replace").rstrip("\r\n"))
