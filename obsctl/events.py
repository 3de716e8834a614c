"""Progress vocabulary: what a verb says while it works. Values only; ``report`` turns them into text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Event:
    """One step of progress.

    ``subject`` is what it is about (a process, a role, a check); ``seconds`` is how long the step took, if it ended.
    """

    kind: Literal["started", "ready", "stopped", "checked", "noted", "failed"]
    subject: str
    detail: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class LogText:
    """One line of output of one process, without its line end."""

    source: str
    line: str


Emit = Callable[[Event], None]


def silent(_event: Event) -> None:
    """Drop every event."""
