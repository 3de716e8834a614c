"""``top``: the overview of a stack in the terminal, whatever it runs on."""

from __future__ import annotations

import time
from pathlib import Path

from obsctl.endpoints import Endpoints
from obsctl.errors import BackendError, NotFoundError, ObsctlError, UsageError
from obsctl.languages.units import seconds_or_duration_ms
from obsctl.ops.session import Session, open_session
from obsctl.ops.trace import trace
from obsctl.ops.ui_source import shown_stack
from obsctl.overview.document import document
from obsctl.overview.frame import Frame
from obsctl.overview.read import OverviewReaders, OverviewScope, read_frame, readers_of
from obsctl.result import Problem, Result
from obsctl.trace.model import TraceTree

SHORTEST, LONGEST = 60.0, 7 * 86_400.0
"""Seconds that the overview may look back."""


def since_seconds(text: str) -> float:
    """A time to look back as options give it (``15m``, ``1h30m``, ``900``), in seconds. UsageError."""
    try:
        seconds = seconds_or_duration_ms(text) / 1000
    except ValueError:
        seconds = 0.0
    if not SHORTEST <= seconds <= LONGEST:
        raise UsageError(f"--since {text!r} is no time from 1m to 7d", hint="such as 15m or 6h")
    return seconds


class TopSource:
    """The stack of a folder, asked again and again. The spec is read anew after anything went wrong."""

    def __init__(self, folder: Path, *, service: str, window: float) -> None:
        self._folder = folder
        self._service = service
        self._window = window
        self._session: Session | None = None
        self._readers: tuple[Endpoints, OverviewReaders] | None = None

    def frame(self) -> Frame:
        """The overview now. ObsctlError where no stack runs; a backend that does not answer is said in the frame."""
        try:
            self._session = self._session or open_session(self._folder)
            stack = shown_stack(self._session)
        except ObsctlError:
            self._session = None
            raise
        if self._readers is None or self._readers[0] != stack.endpoints:
            self._readers = (stack.endpoints, readers_of(stack.endpoints))
        known = tuple(component.name for service in stack.services for component in service.components)
        scope = OverviewScope(stack.name, stack.runtime, self._window, known, self._service)
        return read_frame(self._readers[1], scope, float(int(time.time())))

    def trace(self, ident: str) -> TraceTree:
        """A trace as ``obsctl trace`` shows it. ObsctlError."""
        return trace(self._folder, ident, wait=0.0)


def status_of(frame: Frame, service: str) -> int:
    """3 where something could not be asked, 1 where nothing is known of the service that was named, else 0."""
    if frame.problems:
        return BackendError.exit_status
    found = frame.services.rows or frame.calls.rows or frame.traces.rows
    return NotFoundError.exit_status if service and not found else 0


def top_result(frame: Frame, service: str) -> Result:
    """One frame as the verb's result."""
    problems = tuple(Problem(BackendError.code, message) for message in frame.problems)
    status = status_of(frame, service)
    if status == NotFoundError.exit_status:
        problems = (Problem(NotFoundError.code, f"nothing is known of a service {service!r} in this time"),)
    return Result("top", document(frame), problems=problems, exit_status=status)
