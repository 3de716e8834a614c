"""A terminal that shows whole screens and gives keys; it is as it was before when the block ends, however it ends."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Self

_KEYS = {
    **{b"\x1b[" + letter: name for letter, name in ((b"A", "up"), (b"B", "down"), (b"C", "right"), (b"D", "left"))},
    **{b"\x1bO" + letter: name for letter, name in ((b"A", "up"), (b"B", "down"), (b"C", "right"), (b"D", "left"))},
    b"\x1b[5~": "pgup",
    b"\x1b[6~": "pgdn",
    b"\x1b[H": "home",
    b"\x1b[F": "end",
    b"\x1b[1~": "home",
    b"\x1bOH": "home",
    b"\x1bOF": "end",
    b"\x1b[4~": "end",
    b"\x1b[Z": "backtab",
    b"\r": "enter",
    b"\n": "enter",
    b"\t": "tab",
    b"\x7f": "backspace",
    b"\x08": "backspace",
}
_ESC = b"\x1b"
_ESC_SECONDS = 0.05
"""How long the rest of a key that begins with Escape may take."""

_MOST_KEYS = 4096
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l"
"""The other screen, without a cursor and without folding; and back."""


def keys_of(data: bytes) -> tuple[list[str], bytes]:
    """The keys that bytes of a terminal stand for, and the beginning of one that is not there yet."""
    found: list[str] = []
    while data:
        length = _length(data)
        if not length:
            break
        key, data = data[:length], data[length:]
        if name := _KEYS.get(key) or _character(key):
            found.append(name)
    return found, data


def _length(data: bytes) -> int:
    """Bytes of the first key; 0 where more have to come."""
    if data[:1] == _ESC:
        if len(data) == 1:
            return 0
        if data[1:2] not in (b"[", b"O"):
            return 1
        ends = (i + 1 for i in range(2, len(data)) if 0x40 <= data[i] <= 0x7E)
        return next(ends, 0)
    first = data[0]
    wanted = 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    return wanted if len(data) >= wanted else 0


def _character(key: bytes) -> str:
    """A printable character, ``esc``, or "" for what is no key of ours."""
    if key == _ESC:
        return "esc"
    text = key.decode("utf-8", "ignore")
    return text if len(text) == 1 and text.isprintable() else ""


class TopTerminal:
    """Standard input and output, which must be a terminal. Use it as a context manager, in the main thread."""

    def __init__(self) -> None:
        self._in, self._out = sys.stdin.fileno(), sys.stdout
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        self._before = termios.tcgetattr(self._in)
        self._handlers: dict[signal.Signals, object] = {}
        self._rest = b""
        self._shown: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        for number, handler in ((signal.SIGWINCH, self._on_resize), (signal.SIGTSTP, self._on_stop)):
            self._handlers[number] = signal.signal(number, handler)
        self._take()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._give_back()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal gave
        os.close(self._woken)
        waker, self._waker = self._waker, -1
        os.close(waker)

    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        found = os.get_terminal_size(self._out.fileno())
        return max(1, found.columns), max(1, found.lines)

    def wake(self) -> None:
        """End the wait for keys. From any thread."""
        with contextlib.suppress(OSError):  # full, which wakes as well, or closed
            os.write(self._waker, b".")

    def show(self, lines: Sequence[str]) -> None:
        """Show lines, styled and no wider than the screen; nothing is written where they stand there already."""
        if tuple(lines) != self._shown:
            self._shown = tuple(lines)
            self._write("\x1b[H" + "\r\n".join(f"{line}\x1b[0m\x1b[K" for line in lines) + "\x1b[J")

    def keys(self, seconds: float) -> list[str]:
        """The keys that were pressed, once there are any; () after so long, or when woken. EOFError at the end."""
        ready, _, _ = select.select([self._in, self._woken], [], [], _ESC_SECONDS if self._rest else seconds)
        if self._woken in ready:
            os.read(self._woken, _MOST_KEYS)
        if self._in not in ready:
            return self._given_up() if not ready else []
        data = os.read(self._in, _MOST_KEYS)
        if not data:
            raise EOFError
        found, self._rest = keys_of(self._rest + data)
        return found

    def _given_up(self) -> list[str]:
        """What a beginning stands for when nothing follows it."""
        rest, self._rest = self._rest, b""
        return ["esc"] if rest.startswith(_ESC) else []

    def _take(self) -> None:
        tty.setcbreak(self._in)
        self._shown = ()
        self._write(_ENTER)

    def _give_back(self) -> None:
        with contextlib.suppress(OSError):  # the terminal may be gone
            self._write(_LEAVE)
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self._in, termios.TCSADRAIN, self._before)

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()

    def _on_resize(self, _number: int, _frame: FrameType | None) -> None:
        self._shown = ()
        self.wake()

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        """Ctrl-Z: the shell gets its terminal, and we ours when we go on."""
        self._give_back()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._take()
        self.wake()


def is_interactive() -> bool:
    """Whether there is a terminal to show screens on and to take keys from."""
    dumb = os.environ.get("TERM", "") in ("", "dumb", "unknown")
    return not dumb and sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


@contextlib.contextmanager
def top_terminal() -> Iterator[TopTerminal]:
    """The terminal, taken for the block."""
    with TopTerminal() as terminal:
        yield terminal
