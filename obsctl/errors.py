"""The error tree. Every error has a stable code, a sentence, a hint for the next step and an exit status.

ObsctlError (3)
├── UsageError (2)            bad options or arguments
│   └── SpecError (2)         a file the user wrote; carries file and line
├── NotFoundError (1)         looked everywhere, it is not there
├── StartError (3)            could not start (port taken, process died, no engine)
│   └── MissingPartError (3)  a part of obsctl is not installed
├── PlatformError (3)         obsctl does not run on this operating system
├── BackendError (3)          could not look (refused, timed out, answered nonsense)
│   ├── UnsupportedError (3)  the backend answered that it cannot do this
│   └── IncompleteError (3)   the backend answered that it did not look at everything
└── InterruptedByUser (130)   Ctrl-C
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class ObsctlError(Exception):
    """An error meant for a person: ``message`` says what happened and where, ``hint`` what to do next."""

    code = "error"
    exit_status = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ObsctlError):
    """Options or arguments that cannot be right."""

    code = "usage"
    exit_status = 2


@dataclass(frozen=True)
class Place:
    """A position in a file the user wrote. Lines and columns count from 1; line 0 means the whole file."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class SpecError(UsageError):
    """A mistake in ``obsctl.yaml``, ``contract.yaml`` or a metric family."""

    code = "spec"

    def __init__(self, message: str, *, place: Place | None = None, hint: str = "") -> None:
        super().__init__(f"{place}: {message}" if place else message, hint=hint)
        self.place = place
        self.parts: tuple[SpecError, ...] = (self,)

    @classmethod
    def together(cls, errors: Sequence[SpecError], *, most: int = 20) -> SpecError:
        """Several mistakes (at least one) as one error: a line each in ``message``, each of them in ``parts``."""
        if len(errors) == 1:
            return errors[0]
        left_out = [f"and {len(errors) - most} more mistakes"] if len(errors) > most else []
        whole = cls("\n".join([e.message for e in errors[:most]] + left_out), hint=errors[0].hint)
        whole.place = errors[0].place
        whole.parts = tuple(errors)
        return whole


class NotFoundError(ObsctlError):
    """What was asked for is in none of the places that were searched."""

    code = "not_found"
    exit_status = 1


class StartError(ObsctlError):
    """Something could not be started."""

    code = "start"


class MissingPartError(StartError):
    """A part of obsctl is not installed: an extra of its distribution. One line says which, and how to get it."""

    code = "missing_part"

    def __init__(self, parts: Mapping[str, str], library: str) -> None:
        """``parts``: extra -> what it is called; ``library``: one that is missing."""
        titles, extras = " and ".join(parts.values()), ",".join(parts)
        verb = "are" if len(parts) > 1 else "is"
        super().__init__(f"{titles} {verb} not installed (no {library}): pip install 'obsctl[{extras}]'")


class PlatformError(ObsctlError):
    """An operating system on which obsctl does not run."""

    code = "platform"


def require_platform(platform: str = sys.platform) -> None:
    """PlatformError on Windows. ``platform`` as in ``sys.platform``."""
    if platform == "win32":
        raise PlatformError("obsctl runs on Linux and macOS; on Windows, install and run it inside WSL")


class BackendError(ObsctlError):
    """A backend could not be asked, or gave an answer that is not one."""

    code = "backend"


class UnsupportedError(BackendError):
    """A backend understood the question and said that it does not support it."""

    code = "unsupported"


class IncompleteError(BackendError):
    """A backend answered, and said that its answer is not complete: nothing can be concluded from what is not in it."""

    code = "incomplete"

    def __init__(self, who: str, said: str) -> None:
        """``who`` answered (name and URL); ``said`` is what it said of its answer."""
        super().__init__(
            f"{who} could not look at everything: {said}",
            hint="ask again when it has caught up (`obsctl status`), or for a shorter time",
        )


class InterruptedByUser(ObsctlError):  # noqa: N818 - an event, not a fault
    """Ctrl-C."""

    code = "interrupted"
    exit_status = 130
