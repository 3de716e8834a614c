"""What containers print, merged by the engine's own time stamps; with ``follow`` also what comes, restarts included."""

from __future__ import annotations

import contextlib
import heapq
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from obsctl.events import LogText
from obsctl.runtime.base import Cancelled
from obsctl.runtime.docker import compose_labels
from obsctl.runtime.docker.connection import Engine, EngineJson, Sdk
from obsctl.runtime.docker.faults import engine_faults
from obsctl.runtime.docker.inventory import ListedContainer, nanoseconds

_LONGEST = 256 * 1024
"""Bytes of one line; a longer one is cut, so that a container that never ends a line costs no memory."""

_WAITING = 10_000
_NANO = 1_000_000_000


@dataclass(frozen=True, order=True)
class Line:
    """A line of output, and when the engine got it, in nanoseconds since the epoch."""

    at: int
    text: str


def last_lines(engine: Engine, ident: str, name: str, count: int) -> list[Line]:
    """The last lines of one container."""
    with engine_faults(f"cannot read the output of {name}"):
        frames = engine.client.logs(ident, timestamps=True, tail=count, stream=True, follow=False)
        with contextlib.closing(frames):
            return list(lines(frames))


def logs(
    engine: Engine,
    project: str,
    containers: Sequence[ListedContainer],
    *,
    follow: bool,
    cancelled: Cancelled,
    tail: int,
) -> Iterator[LogText]:
    """The last ``tail`` lines of each container in the order of time, then, with ``follow``, what comes."""
    last = {c.ident: last_lines(engine, c.ident, c.name, tail) for c in containers}
    merged = heapq.merge(*([(line, c.name) for line in last[c.ident]] for c in containers))
    yield from (LogText(name, line.text) for line, name in merged)
    if follow:
        read_until = {ident: lines[-1].at if lines else 0 for ident, lines in last.items()}
        yield from _Follow(engine, project, {c.name for c in containers}, read_until).run(containers, cancelled)


class _Follow:
    """One thread for each container, and one for the engine's events, which tell of those that start anew."""

    def __init__(self, engine: Engine, project: str, names: set[str], read_until: dict[str, int]) -> None:
        self._engine, self._project, self._names, self._read_until = engine, project, names, read_until
        self._lines: queue.Queue[LogText] = queue.Queue(_WAITING)
        self._streams: list[Sdk] = []
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def run(self, containers: Sequence[ListedContainer], cancelled: Cancelled) -> Iterator[LogText]:
        filters = {"type": ["container"], "label": [f"{compose_labels.PROJECT}={self._project}"], "event": ["start"]}
        with engine_faults("cannot watch the engine's events"):
            events = self._engine.client.events(since=int(time.time()), filters=filters, decode=True)
        self._streams.append(events)
        for container in containers:
            self._begin(container.ident, container.name)
        threading.Thread(target=self._watch, args=(events,), daemon=True).start()
        try:
            while not cancelled() and not (self._ended.is_set() and self._lines.empty()):
                with contextlib.suppress(queue.Empty):
                    yield self._lines.get(timeout=0.1)
        finally:
            for stream in self._streams:
                with contextlib.suppress(Exception):
                    stream.close()

    def _begin(self, ident: str, name: str) -> None:
        threading.Thread(target=self._read, args=(ident, name), daemon=True, name=f"logs of {name}").start()

    def _watch(self, events: Iterable[EngineJson]) -> None:
        """Read on when a container starts again. When the connection ends, so does following."""
        with contextlib.suppress(Exception):  # the edge of a thread: the engine went away
            for event in events:
                actor = event.get("Actor") or {}
                name = str((actor.get("Attributes") or {}).get(compose_labels.SERVICE, ""))
                if name in self._names:
                    self._begin(str(actor.get("ID", "")), name)
        self._ended.set()

    def _read(self, ident: str, name: str) -> None:
        after = self._read_until.get(ident, 0)
        with contextlib.suppress(Exception):  # the edge of a thread: the container, or the engine, went away
            options = {"since": after // _NANO} if after else {}
            frames = self._engine.client.logs(ident, stream=True, follow=True, timestamps=True, **options)
            self._streams.append(frames)
            for line in lines(frames):
                if self._is_new(ident, line):
                    self._lines.put(LogText(name, line.text))

    def _is_new(self, ident: str, line: Line) -> bool:
        """Some engines go on with a stream when its container starts again, beside the one that was begun for that."""
        with self._lock:
            new = line.at > self._read_until.get(ident, 0)
            self._read_until[ident] = max(line.at, self._read_until.get(ident, 0))
            return new


def lines(frames: Iterable[bytes]) -> Iterator[Line]:
    """Whole lines from frames that are cut anywhere. Each line begins with its time."""
    rest = b""
    for frame in frames:
        *whole, rest = (rest + frame).split(b"\n")
        yield from (_line(raw) for raw in whole)
        rest = rest[:_LONGEST]
    if rest:
        yield _line(rest)


def _line(raw: bytes) -> Line:
    stamp, space, text = raw.decode("utf8", "replace").rstrip("\r").partition(" ")
    at = nanoseconds(stamp) if space or stamp else 0
    return Line(at, text) if at else Line(0, raw.decode("utf8", "replace"))
