"""``ui``: the pages of a stack, whatever it runs on."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from obsctl import __version__
from obsctl.backends import DATA_SOURCES
from obsctl.endpoints import Dialect, Role
from obsctl.errors import MissingPartError, StartError
from obsctl.json_types import JsonObject
from obsctl.ops.last_run import recall
from obsctl.ops.session import located, open_session
from obsctl.render.dashboards import dashboard_files
from obsctl.result import Result
from obsctl.ui.shown import ShownComponent, ShownService, ShownStack

T = TypeVar("T")

FIRST_PORT = 3001
"""Where ``ui`` looks for a free port: beside Grafana's."""

_TRIED = 100
HOST = "127.0.0.1"
IDLE_SECONDS = 900.0
"""After which a server that the stack started ends; the next request starts it again."""

_KEPT_SECONDS = 2.0
"""How long what was read of a spec is used again: a page asks several times at once."""


@dataclass
class _Kept(Generic[T]):
    """A value that is made anew when it is older than ``_KEPT_SECONDS``. Safe to share between threads."""

    make: Callable[[], T]
    _lock: Lock = field(default_factory=Lock)
    _value: tuple[float, T] | None = None

    def get(self) -> T:
        with self._lock:
            now = time.monotonic()
            if self._value is None or now - self._value[0] > _KEPT_SECONDS:
                self._value = (now, self.make())
            return self._value[1]


class FolderSource:
    """The stack of a folder, for its pages."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._session = _Kept(lambda: open_session(folder))
        self._stack = _Kept(self._shown)
        self._dashboards = _Kept(self._rendered)

    def stack(self) -> ShownStack:
        """The stack as it runs now. StartError where it does not."""
        return self._stack.get()

    def dashboards(self) -> Sequence[JsonObject]:
        """Those of the spec as it is now."""
        return self._dashboards.get()

    def last_trace(self) -> str:
        """The one that ``obsctl trace last`` shows."""
        return recall(self._session.get().runtime.home)

    def _shown(self) -> ShownStack:
        session = self._session.get()
        endpoints, stack = session.running(), session.stack
        services = (located(service, endpoints) for service in stack.services)
        shown = tuple(
            ShownService(s.name, tuple(ShownComponent(c.name, c.url) for c in s.components), bool(s.drive))
            for s in services
        )
        return ShownStack(stack.name, session.runtime.name, __version__, stack.scrape_interval, shown, endpoints)

    def _rendered(self) -> Sequence[JsonObject]:
        session = self._session.get()
        traces = session.running().first(Role.TRACES)
        kind = DATA_SOURCES[traces.dialect if traces else Dialect.JAEGER]
        return [json.loads(file.text) for file in dashboard_files(session.stack, "dashboards", kind)]


@dataclass(frozen=True)
class Opening:
    """How the pages are served. ``port`` None takes the first free one; ``inherited`` is a socket of the parent.

    ``browse`` shows a URL to the user; ``ready`` is told once the pages answer.
    """

    ready: Callable[[Result], None]
    port: int | None = None
    inherited: int | None = None
    browse: Callable[[str], object] | None = None


def ui(folder: Path, opening: Opening) -> None:
    """Serve the pages of the stack of a folder until Ctrl-C; where it serves them itself, say where.

    Raises StartError where no stack runs or the port is taken, MissingPartError without the extra.
    """
    source = FolderSource(folder)
    if opening.inherited is not None:
        _serve(source, socket.socket(fileno=opening.inherited), _told_parent, idle=IDLE_SECONDS)
        return
    served = source.stack().endpoints.first(Role.UI)
    if served and opening.port is None:
        _opened(opening, served.url, "served by the stack itself")
        return
    with _free(opening.port) as listener:
        url = f"http://localhost:{listener.getsockname()[1]}"
        _serve(source, listener, lambda: _opened(opening, url, "Ctrl-C ends it"))


def _opened(opening: Opening, url: str, note: str) -> None:
    opening.ready(Result("ui", {"url": url}, (f"ui  {url}  ({note})",)))
    if opening.browse:
        opening.browse(url)


def _told_parent() -> None:
    """One line on standard output, which the parent reads."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def _serve(source: FolderSource, listener: socket.socket, ready: Callable[[], None], *, idle: float = 0.0) -> None:
    try:
        from obsctl.ui.app import application
        from obsctl.ui.serve import PageServer
    except ModuleNotFoundError as error:
        raise MissingPartError({"ui": "the web UI"}, error.name or "") from error
    PageServer(application(source)).run(listener, ready, idle=idle)


def _free(port: int | None) -> socket.socket:
    """A listening socket on this machine's own address."""
    from obsctl.ui.listen import listening

    if port is not None:
        return listening(HOST, port)
    for candidate in range(FIRST_PORT, FIRST_PORT + _TRIED):
        with contextlib.suppress(StartError):
            return listening(HOST, candidate)
    return listening(HOST, 0)
