"""Runs of ``verify`` that a page started: one at a time, and every page may watch."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from threading import Event, Lock, Thread

from obsctl.errors import ObsctlError
from obsctl.json_types import JsonObject
from obsctl.ui.shown import CheckJudged, StackSource

_log = logging.getLogger("obsctl.ui")

_SHOWN_SECONDS = 10.0
"""How long the events of a run that has ended are given to who comes late."""

Message = tuple[str, JsonObject]
"""The name of an event, and its data."""


@dataclass
class PageRun:
    """A run and its events so far. ``done`` is when it ended, on the monotonic clock; 0 while it goes on."""

    id: str
    at: float
    service: str | None
    messages: list[Message] = field(default_factory=list)
    done: float = 0.0

    def document(self) -> JsonObject:
        """It as a page reads it while it runs."""
        return {"id": self.id, "at": self.at, "service": self.service, "judged": len(self.messages)}


class RunningError(ObsctlError):
    """A run is under way already."""

    code = "running"


class VerifyRuns:
    """Starts runs in a thread of their own. Safe to use from several threads; ``watch`` is for the event loop."""

    def __init__(self, source: StackSource) -> None:
        self._source = source
        self._lock = Lock()
        self._last: PageRun | None = None
        self._cancelled = Event()

    def document(self) -> JsonObject:
        """What runs now, the runs that are kept, and why the last one of a page has no result, if it has none."""
        last = self._last
        ends = [data for name, data in last.messages if name == "done"] if last else []
        failed = next((data for data in ends if "error" in data), None)
        running = last.document() if last and not last.done else None
        return {"running": running, "runs": list(self._source.runs()), "failed": failed}

    def start(self, service: str | None) -> PageRun:
        """Start a run. RunningError while one is under way."""
        with self._lock:
            if self._last and not self._last.done:
                raise RunningError("verify runs already", hint="wait until it ends: /api/verify/events tells")
            self._last = run = PageRun(self._source.new_run_id(), round(time.time(), 3), service)
        Thread(target=self._run, args=(run,), name="verify", daemon=True).start()
        return run

    def cancel(self) -> None:
        """End what runs soon."""
        self._cancelled.set()

    def _run(self, run: PageRun) -> None:
        def judged(check: CheckJudged) -> None:
            run.messages.append(("check", {**asdict(check), "because": list(check.because)}))

        end: JsonObject
        try:
            self._source.verify(run.id, run.service, judged, self._cancelled)
            kept = (one for one in self._source.runs() if one["id"] == run.id)
            end = next(({"id": run.id, "verdict": one["verdict"]} for one in kept), _unkept(run))
        except ObsctlError as error:
            end = {"id": run.id, "verdict": "error", "error": error.message, "hint": error.hint}
        except Exception as error:  # noqa: BLE001 - a page waits for the end
            _log.exception("verify broke")
            end = {"id": run.id, "verdict": "error", "error": f"verify broke: {type(error).__name__}: {error}"}
        run.messages.append(("done", end))
        run.done = time.monotonic()

    def recent(self) -> PageRun | None:
        """The run that goes on, or has only just ended."""
        last = self._last
        return last if last and (not last.done or time.monotonic() - last.done < _SHOWN_SECONDS) else None


def _unkept(run: PageRun) -> JsonObject:
    hint = "is the folder `.obsctl` writable? obsctl doctor"
    return {"id": run.id, "verdict": "error", "error": "the result could not be kept", "hint": hint}


async def events(run: PageRun) -> AsyncIterator[str]:
    """The events of a run from its begin to its end, as server-sent events."""
    sent = 0
    while True:
        ended = bool(run.done)
        for name, data in run.messages[sent:]:
            sent += 1
            yield f"event: {name}\ndata: {json.dumps(data)}\n\n"
        if ended:
            return
        await asyncio.sleep(0.1)
