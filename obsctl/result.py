"""The outcome of a verb. Text and JSON are two views of it, failures included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from obsctl.errors import ObsctlError

ENVELOPE = "obsctl.result/1"
"""Version of the JSON envelope; it changes only when a key is removed or changes its meaning."""


@dataclass(frozen=True)
class Problem:
    """An error as data."""

    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Result:
    """What a verb did. ``data`` holds JSON values only; ``notes`` are sentences for people."""

    command: str
    data: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    exit_status: int = 0

    def envelope(self) -> dict[str, object]:
        """The result as one JSON object."""
        return {
            "schema": ENVELOPE,
            "command": self.command,
            "ok": self.exit_status == 0,
            "exit_status": self.exit_status,
            "data": dict(self.data),
            "notes": list(self.notes),
            "errors": [{"code": p.code, "message": p.message, "hint": p.hint} for p in self.problems],
        }


def failed(command: str, error: ObsctlError) -> Result:
    """The result of a verb that ended in an error."""
    return Result(command, problems=(Problem(error.code, error.message, error.hint),), exit_status=error.exit_status)
