"""Starting, recognising and stopping local processes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import psutil

from obsctl.errors import StartError
from obsctl.render.desired import Process
from obsctl.runtime.environment import child_environment
from obsctl.runtime.state import PRIVATE_UMASK, Recorded, private

STACK_VARIABLE = "OBSCTL_STACK"
LOG_LIMIT = 20 * 1024**2
GRACE = 5.0
MOST_READ = 16 * 1024**2
"""Bytes of a log file that are read back at most."""

_PACKAGE = Path(__file__).parents[2]


def spawn(process: Process, log: Path) -> Recorded:
    """Start a process in a session of its own, so that Ctrl-C reaches obsctl alone; its output goes to ``log``."""
    _rotate(log)
    command = [sys.executable, "-P", "-m", process.module, *process.args]
    try:
        with open(log, "ab", opener=private) as output:
            log_start = output.tell()
            child = subprocess.Popen(
                command,
                env=child_environment(os.environ, {**process.env, **_named(process, os.environ)}, _PACKAGE),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=PRIVATE_UMASK,
            )
    except OSError as error:
        raise StartError(
            f"{process.name} could not be started: {error}", hint="`obsctl doctor` looks for causes"
        ) from error
    return Recorded(process.name, child.pid, _created(child.pid), process.fingerprint, log_start)


def _named(process: Process, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that the secrets of a process name, and those that hold one. Raises UsageError."""
    names = (text.name for text in process.secrets if text.source == "env")
    named = {name: environment[name] for name in names if name in environment}
    secrets = ((name, text, text.value(environment)) for name, text in process.secret_env.items())
    return named | {name: text.before + quote(value.removeprefix(text.before)) for name, text, value in secrets}


def _created(pid: int) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


def _rotate(log: Path) -> None:
    """Keep one old file, so that logs stay bounded over many starts."""
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))


def alive(recorded: Recorded) -> psutil.Process | None:
    """The process, if it is still the one that was started."""
    try:
        process = psutil.Process(recorded.pid)
        same = abs(process.create_time() - recorded.created) < 1.0
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def of_stack(home: Path) -> list[psutil.Process]:
    """Processes of this stack, recorded or not: recognised by the state folder in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(STACK_VARIABLE) == str(home) and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue
    return found


def stop(processes: Sequence[psutil.Process]) -> None:
    """Ask them to end, then make them; returns when they are gone."""
    for process in processes:
        _quietly(process.terminate)
    _, stubborn = psutil.wait_procs(processes, timeout=GRACE)
    for process in stubborn:
        _quietly(process.kill)
    psutil.wait_procs(stubborn, timeout=GRACE)


def listening(processes: Sequence[psutil.Process]) -> frozenset[int]:
    """The TCP ports on which these processes listen, as far as this user may see."""
    found: set[int] = set()
    for process in processes:
        with contextlib.suppress(psutil.Error):
            found |= {c.laddr.port for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
    return frozenset(found)


def _quietly(action: Callable[[], None]) -> None:
    try:
        action()
    except psutil.Error:
        return


def last_lines(log: Path, count: int, *, begin: int = 0) -> list[str]:
    """The last lines of a log file from the byte ``begin`` on, as many as ``MOST_READ`` bytes hold.

    Reads no more than it has to.
    """
    size = 64 * 1024
    try:
        with log.open("rb") as file:
            whole = file.seek(0, os.SEEK_END)
            while True:
                start = max(begin, whole - size)
                file.seek(start)
                lines = file.read(max(0, whole - start)).split(b"\n")
                if start == begin or len(lines) > count + 1 or size >= MOST_READ:
                    break
                size *= 4
    except OSError:
        return []
    lines = lines[1:] if start > begin and len(lines) > 1 else lines  # the first one was cut
    lines = lines[:-1] if not lines[-1] else lines
    return [line.decode("utf8", "replace").rstrip("\r") for line in lines[max(0, len(lines) - count) :]]
