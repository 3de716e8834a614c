"""``ui``: the pages of a stack, whatever it runs on."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from obsctl.endpoints import Role
from obsctl.errors import MissingPartError, ObsctlError, StartError
from obsctl.json_types import JsonObject
from obsctl.ops.ui_source import FolderSource
from obsctl.result import Result

if TYPE_CHECKING:
    from obsctl.checks.base import StackVerification

HOST = "127.0.0.1"
FIRST_PORT = 3001
"""Where ``ui`` looks for a free port: beside Grafana's."""

_TRIED = 100
IDLE_SECONDS = 900.0
"""After which a server that the stack started ends; the next request starts it again."""


@dataclass(frozen=True)
class Opening:
    """How the pages are served. ``port`` None takes the first free one; ``inherited`` is a socket of the parent.

    ``browse`` shows a URL to the user; ``ready`` is told once the pages answer. ``document`` makes JSON of a
    verification.
    """

    ready: Callable[[Result], None]
    document: Callable[[StackVerification], JsonObject]
    port: int | None = None
    inherited: int | None = None
    browse: Callable[[str], object] | None = None


def ui(folder: Path, opening: Opening) -> None:
    """Serve the pages of the stack of a folder until Ctrl-C; where it serves them itself, say where.

    Raises StartError where no stack runs or the port is taken, MissingPartError without the extra.
    """
    source = FolderSource(folder, opening.document)
    if opening.inherited is not None:
        with contextlib.suppress(KeyboardInterrupt):  # the parent ends it so
            _serve(source, socket.socket(fileno=opening.inherited), lambda: _told_parent(source), idle=IDLE_SECONDS)
        return
    served = source.stack().endpoints.first(Role.UI)
    if served and opening.port is None:
        _opened(opening, served.url, "served by the stack itself")
        return
    with free_listener(opening.port) as listener:
        url = f"http://localhost:{listener.getsockname()[1]}"
        _serve(source, listener, lambda: _opened(opening, url, "Ctrl-C ends it"))


def _opened(opening: Opening, url: str, note: str) -> None:
    opening.ready(Result("ui", {"url": url}, (f"ui  {url}  ({note})",)))
    if opening.browse:
        opening.browse(url)


def _told_parent(source: FolderSource) -> None:
    """One line on standard output, which the parent reads."""
    threading.Thread(target=_prepare, args=(source,), daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def _prepare(source: FolderSource) -> None:
    """Load in the background what the first question will need."""
    with contextlib.suppress(ObsctlError):  # the answer says it
        source.stack()


def _serve(source: FolderSource, listener: socket.socket, ready: Callable[[], None], *, idle: float = 0.0) -> None:
    try:
        from obsctl.ui.app import application
        from obsctl.ui.runs import VerifyRuns
        from obsctl.ui.serve import PageServer
    except ModuleNotFoundError as error:
        raise MissingPartError({"ui": "the web UI"}, error.name or "") from error
    runs = VerifyRuns(source)
    try:
        PageServer(application(source, runs)).run(listener, ready, idle=idle)
    finally:
        runs.cancel()


def free_listener(port: int | None) -> socket.socket:
    """A listening socket on this machine's own address."""
    from obsctl.ui.listen import listening

    if port is not None:
        return listening(HOST, port)
    for candidate in range(FIRST_PORT, FIRST_PORT + _TRIED):
        with contextlib.suppress(StartError):
            return listening(HOST, candidate)
    return listening(HOST, 0)
