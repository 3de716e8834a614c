"""Progress vocabulary: what a verb says while it works. Values only; ``report`` turns them into text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Event:
    """One step of progress.

    ``subject`` is what it is about (a process, a role, a check); ``seconds`` is how long the step took, if it ended.
    ``progress`` comes often while a step lasts, with ``done`` of ``total`` bytes, ``total`` 0 while it is not known.
    """

    kind: Literal["started", "ready", "stopped", "checked", "noted", "failed", "progress"]
    subject: str
    detail: str = ""
    seconds: float | None = None
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class LogText:
    """One line of output of one process, without its line end."""

    source: str
    line: str


Emit = Callable[[Event], None]


def silent(_event: Event) -> None:
    """Drop every event."""
