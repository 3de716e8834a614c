"""The stack of a folder as its pages see it: read anew when it is older than a moment.

What reads a spec is loaded with the first question, so that the first page is there soon.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Generic, TypeVar

from obsctl import __version__, assets
from obsctl.endpoints import Dialect, Role
from obsctl.errors import NotFoundError
from obsctl.events import silent
from obsctl.json_types import JsonObject
from obsctl.ui.shown import CheckJudged, ShownComponent, ShownService, ShownStack

if TYPE_CHECKING:
    from obsctl.checks.base import Outcome, StackVerification
    from obsctl.ops.session import Session

T = TypeVar("T")

VERIFY_SECONDS = 15.0
"""What ``obsctl verify`` gives each signal to arrive."""

RUNBOOKS = "docs/runbooks"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")

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

    def __init__(self, folder: Path, document: Callable[[StackVerification], JsonObject]) -> None:
        self._folder = folder
        self._document = document
        self._session = _Kept(self._opened)
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
        from obsctl.ops.last_run import recall

        return recall(self._session.get().runtime.home)

    def runbook(self, alert: str) -> str:
        """The user's own page in ``docs/runbooks``, or else the one that obsctl brings. NotFoundError."""
        for folder in (self._folder / RUNBOOKS, assets.runbooks()):
            with contextlib.suppress(OSError):
                if _NAME.fullmatch(alert):
                    return (folder / f"{alert}.md").read_text(encoding="utf8", errors="replace")
        raise NotFoundError(f"there is no runbook {alert[:100]!r}", hint=f"write {RUNBOOKS}/{alert[:100]}.md")

    def runs(self) -> Sequence[JsonObject]:
        """The last ones of this folder, whoever started them."""
        from obsctl.ops.verify_runs import kept

        return kept(self._session.get().runtime.home)

    def run(self, ident: str) -> JsonObject:
        """One of them. NotFoundError."""
        from obsctl.ops.verify_runs import load

        return load(self._session.get().runtime.home, ident)

    def new_run_id(self) -> str:
        """An id for a run that begins now."""
        from obsctl.ops.verify_runs import new_run_id

        return new_run_id()

    def verify(self, ident: str, service: str | None, judged: Callable[[CheckJudged], None], cancelled: Event) -> None:
        """As ``obsctl verify`` does."""
        from obsctl.ops.verify import verify
        from obsctl.ops.verify_runs import KeptAs

        verify(
            self._folder,
            service=service,
            only=[],
            skip=[],
            timeout=VERIFY_SECONDS,
            emit=silent,
            cancelled=cancelled,
            judged=lambda name, outcome: judged(_judged(name, outcome)),
            kept_as=KeptAs(self._document, ident),
        )

    def _opened(self) -> Session:
        from obsctl.ops.session import open_session

        return open_session(self._folder)

    def _shown(self) -> ShownStack:
        return shown_stack(self._session.get())

    def _rendered(self) -> Sequence[JsonObject]:
        from obsctl.backends import DATA_SOURCES
        from obsctl.render.dashboards import dashboard_files

        session = self._session.get()
        traces = session.running().first(Role.TRACES)
        kind = DATA_SOURCES[traces.dialect if traces else Dialect.JAEGER]
        return [json.loads(file.text) for file in dashboard_files(session.stack, "dashboards", kind)]


def shown_stack(session: Session) -> ShownStack:
    """The stack of a session as it runs now. StartError where it does not."""
    from obsctl.ops.session import located

    endpoints, stack = session.running(), session.stack
    services = (located(service, endpoints) for service in stack.services)
    shown = tuple(
        ShownService(s.name, tuple(ShownComponent(c.name, c.url) for c in s.components), bool(s.drive))
        for s in services
    )
    return ShownStack(stack.name, session.runtime.name, __version__, stack.scrape_interval, shown, endpoints)


def _judged(service: str, outcome: Outcome) -> CheckJudged:
    verdict = outcome.verdict
    return CheckJudged(
        service,
        outcome.check,
        outcome.signal.value,
        verdict.status.value,
        verdict.summary,
        verdict.hint,
        verdict.because,
        round(outcome.seconds, 3),
    )
