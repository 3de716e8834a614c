"""Steps that Ctrl-C may not cut in two."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back until the block has ended; then KeyboardInterrupt, if one came.

    A block within a block is part of the outer one.

    A Python handler rather than a signal mask or SIG_IGN: those two would be inherited by processes started inside.
    """
    held_already = isinstance(signal.getsignal(signal.SIGINT), _Remember)
    if held_already or threading.current_thread() is not threading.main_thread():
        yield
        return
    remember = _Remember()
    before = {number: signal.signal(number, remember) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if remember.came:
        raise KeyboardInterrupt


@contextlib.contextmanager
def noticing() -> Iterator[threading.Event]:
    """The first Ctrl-C within the block sets the event, and does nothing else: it ends a wait, not the command."""
    came = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = signal.getsignal(signal.SIGINT)

    def first(_number: int, _frame: FrameType | None) -> None:
        came.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, first)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, before)


class _Remember:
    """A signal handler that only notes that a signal came."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self.came = True
