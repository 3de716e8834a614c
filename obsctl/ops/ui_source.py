"""The stack of a folder as its pages see it: read anew when it is older than a moment."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from obsctl import __version__
from obsctl.backends import DATA_SOURCES
from obsctl.endpoints import Dialect, Role
from obsctl.json_types import JsonObject
from obsctl.ops.last_run import recall
from obsctl.ops.session import located, open_session
from obsctl.render.dashboards import dashboard_files
from obsctl.ui.shown import ShownComponent, ShownService, ShownStack

T = TypeVar("T")

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
