"""A real Docker engine of the tests' own: private data root and socket, so that a user's engine is never touched.

    python -m tests.e2e.engine start     # prints the DOCKER_HOST to use
    python -m tests.e2e.engine status
    python -m tests.e2e.engine stop --wipe

Needs root and Debian's ``docker.io`` (for ``dockerd``, ``containerd`` and ``runc``). Standard library only, apart
from ``obsctl.wait``.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from obsctl.wait import Deadline, until

VARIABLE = "OBSCTL_TEST_ENGINE"
"""The URL of the engine that the tests use."""

HOME = Path(os.environ.get("OBSCTL_ENGINE_HOME") or Path(tempfile.gettempdir()) / "obsctl-engine")
_START_SECONDS = 60
_STOP_SECONDS = 60
_SOCKET_PATH_MOST = 100  # the kernel allows 107 bytes


class EngineError(Exception):
    """The engine cannot be started or stopped; one sentence and what to do."""


@dataclass(frozen=True)
class Engine:
    """An engine with everything it owns below ``home``."""

    home: Path = HOME

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.home / "docker.sock"

    @property
    def url(self) -> str:
        """What ``DOCKER_HOST`` must be for it."""
        return f"unix://{self.socket}"

    @property
    def log(self) -> Path:
        """What the daemon says."""
        return self.home / "dockerd.log"

    @property
    def pid(self) -> int | None:
        """The daemon's process, if it runs; a number that was given to another process since does not count."""
        return self._recorded(self.home / "dockerd.pid")

    def answers(self) -> bool:
        """Whether the API answers."""
        connection = _UnixConnection(self.socket)
        try:
            connection.request("GET", "/_ping")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers.

        Raises:
            EngineError: with the end of the daemon's log where it stopped by itself or did not answer in time.
        """
        if self.pid and until(self.answers, Deadline.after(_START_SECONDS)):
            return
        _require(self.home)
        self.home.mkdir(parents=True, exist_ok=True)
        self._forget_the_dead()
        with self.log.open("wb") as log:
            daemon = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        until(lambda: self.answers() or daemon.poll() is not None, Deadline.after(_START_SECONDS))
        if daemon.poll() is not None or not self.answers():
            self._end(daemon.pid)
            raise EngineError(f"the engine did not start; the end of {self.log}:\n{_tail(self.log)}")

    def stop(self, *, wipe: bool = False) -> None:
        """Stop it and every container on it; ``wipe`` removes its images, volumes and everything else it kept."""
        if not self.pid and self._shims():
            self.start()  # it was killed and its containers were not: only an engine ends them in order
        if pid := self.pid:
            self._end(pid)
        if wipe and self.home.exists():
            for place in mounts_below(self.home, Path("/proc/self/mountinfo").read_text()):
                subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)
            try:
                shutil.rmtree(self.home)
            except OSError as error:  # something is still mounted there
                raise EngineError(f"{error.filename} cannot be removed: {error.strerror}.") from error

    def _command(self) -> list[str]:
        return [
            *("dockerd", "--host", self.url, "--pidfile", str(self.home / "dockerd.pid")),
            *("--data-root", str(self.home / "data"), "--exec-root", str(self.home / "exec")),
        ]

    def _recorded(self, file: Path) -> int | None:
        """The process that a file names, if it runs and is of this engine."""
        try:
            pid = int(file.read_text())
        except (OSError, ValueError):
            return None
        return pid if str(self.home).encode() in _command_line(pid) else None

    def _forget_the_dead(self) -> None:
        """A daemon does not start while another process has the number that it left when it was killed."""
        for file in (self.home / "dockerd.pid", self.home / "exec" / "containerd" / "containerd.pid"):
            if not self._recorded(file):
                file.unlink(missing_ok=True)

    def _shims(self) -> bool:
        """Whether containers of it run."""
        socket_ = str(self.home / "exec" / "containerd").encode()
        return any(socket_ in _command_line(int(p.name)) for p in _processes())

    def _end(self, pid: int) -> None:
        _send(pid, signal.SIGTERM)
        until(lambda: not _alive(pid), Deadline.after(_STOP_SECONDS))
        if _alive(pid):
            _send(pid, signal.SIGKILL)
            until(lambda: not _alive(pid), Deadline.after(_STOP_SECONDS))


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def mounts_below(home: Path, mountinfo: str) -> list[str]:
    """What is still mounted there, as when a daemon was killed; the innermost first. Blanks are escaped in the list."""
    places = [line.split()[4].encode().decode("unicode_escape") for line in mountinfo.splitlines()]
    return sorted((p for p in places if Path(p).is_relative_to(home)), key=len, reverse=True)


def other_engine() -> int | None:
    """A ``dockerd`` in this network namespace. Each one clears the firewall chains of the others when it starts."""
    mine = _network(Path("/proc/self"))
    return next((int(p.name) for p in _processes() if _name(p) == "dockerd" and _network(p) == mine), None)


def _require(home: Path) -> None:
    if len(str(home)) > _SOCKET_PATH_MOST:
        raise EngineError(f"{home} is too long a path for a socket; give a shorter --home.")
    if os.geteuid() != 0:
        raise EngineError(f"an engine of its own needs root; or name one that runs in {VARIABLE}.")
    missing = [program for program in ("dockerd", "containerd", "runc") if not shutil.which(program)]
    if missing:
        raise EngineError(
            f"{', '.join(missing)} not found; install Debian's docker.io, or name an engine that runs in {VARIABLE}."
        )
    if pid := other_engine():
        raise EngineError(
            f"dockerd {pid} already runs here, and two would break each other's networks: stop it, or name it in "
            f"{VARIABLE} to let the tests use it."
        )


def _processes() -> list[Path]:
    return [path for path in Path("/proc").iterdir() if path.name.isdigit()]


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return ""


def _network(process: Path) -> str:
    try:
        return str((process / "ns" / "net").readlink())
    except OSError:
        return ""


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _alive(pid: int) -> bool:
    """Whether it runs; one that has ended and waits for its parent's look does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z"


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it has just ended, which is what is wanted


def _tail(path: Path, lines: int = 15) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def main(arguments: list[str] | None = None) -> int:
    """Exit 0; 3 when it cannot be started; ``status`` exits 1 when it does not run."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.engine", description=__doc__.splitlines()[0])
    parser.add_argument("verb", choices=("start", "stop", "status"))
    parser.add_argument("--home", type=Path, default=HOME, help="where everything it owns lies (default: %(default)s)")
    parser.add_argument("--wipe", action="store_true", help="stop: also remove its images, volumes and logs")
    options = parser.parse_args(arguments)
    engine = Engine(options.home.absolute())
    try:
        if options.verb == "start":
            engine.start()
        elif options.verb == "stop":
            engine.stop(wipe=options.wipe)
    except EngineError as error:
        print(error, file=sys.stderr)
        return 3
    runs = engine.answers()
    print(f"DOCKER_HOST={engine.url}" if runs else f"no engine runs at {engine.home}")
    return 1 if options.verb == "status" and not runs else 0


if __name__ == "__main__":
    sys.exit(main())
