"""A terminal of our own for a program: what it shows, and the keys that it gets."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_HOME = "\x1b[H"
PATIENCE = 60.0


@dataclass
class TerminalOf:
    """A running program, and all that it has written to its terminal."""

    process: subprocess.Popen[bytes]
    master: int
    slave: int
    written: str = ""

    @property
    def screen(self) -> str:
        """The last whole screen, without styles."""
        return _STYLE.sub("", self.written.rpartition(_HOME)[2])

    def wait_for(self, text: str, *, gone: str = "") -> str:
        """The screen, once it has a text, and another one not."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.screen or (gone and gone in self.screen):
            ready, _, _ = select.select([self.master], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{text!r} did not come: {self.screen}"
            self._read()
        return self.screen

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def end(self) -> int:
        """The status with which it ends, within the patience; what it wrote last is read."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.screen
            if select.select([self.master], [], [], 0.05)[0]:
                self._read()
        while select.select([self.master], [], [], 0.0)[0]:
            self._read()
        return self.process.returncode

    def _read(self) -> None:
        self.written += os.read(self.master, 1 << 16).decode(errors="replace")


@contextlib.contextmanager
def terminal_of(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], *, columns: int = 80, lines: int = 40
) -> Iterator[TerminalOf]:
    """A program in a terminal of so many cells, whose session leader it is. It is killed at the end, if need be."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, "TERM": "xterm-256color", **env},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no threads here
    )
    try:
        yield TerminalOf(process, master, slave)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()
        os.close(master)
        os.close(slave)
