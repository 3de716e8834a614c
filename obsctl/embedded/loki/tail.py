"""Following logs over a websocket: ``/loki/api/v1/tail`` (Loki's HTTP API, "Stream logs").

Lines are sent in order of arrival, not of their own time, so that a late one is not lost. A client that reads slowly
gets them later: they are stored, so nothing is dropped on its way.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from obsctl.embedded.http.calls import ApiCall, compact
from obsctl.embedded.http.errors import loki as on_error
from obsctl.embedded.loki.json import streams
from obsctl.embedded.loki.params import DEFAULT_SINCE_MS, limit, time_ns
from obsctl.embedded.query.logql.engine import LogWindow, run
from obsctl.embedded.query.logql.entry import QueriedLine
from obsctl.embedded.query.logql.source import LogSource, Scan
from obsctl.embedded.query.vectors.limits import Budget
from obsctl.embedded.store.base import LogReader
from obsctl.languages.errors import QueryError
from obsctl.languages.logql.parse import parse_log
from obsctl.languages.logql.tree import LogQuery
from obsctl.languages.quoting import excerpt
from obsctl.languages.units import MS_NS

MAX_TAILS = 10
MAX_DELAY = 5
_LOOK_EVERY = 0.2
_PAGE = 1_000
"""Lines that are looked at at once."""
_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class _Wanted:
    query: LogQuery
    start: int
    limit: int


class Tails:
    """Everybody who follows."""

    def __init__(self, logs: LogReader) -> None:
        self._logs = logs
        self._count = 0

    async def endpoint(self, websocket: WebSocket) -> None:
        """One connection, until either side closes it."""
        try:
            wanted = _wanted(websocket)
            if self._count >= MAX_TAILS:
                raise QueryError(
                    f"max concurrent tail requests limit exceeded, count > limit ({MAX_TAILS + 1} > {MAX_TAILS})"
                )
            follower = _Follower(self._logs, wanted)
        except QueryError as cause:
            await websocket.send_denial_response(on_error(cause))  # instead of the upgrade
            return
        self._count += 1
        try:
            await websocket.accept()
            await _until_closed(websocket, follower)
        finally:
            self._count -= 1


def _wanted(websocket: WebSocket) -> _Wanted:
    call = ApiCall(websocket.query_params.multi_items(), {}, websocket.headers)
    delay = call.first("delay_for", default="0")
    if not delay.isdecimal() or int(delay[:9]) > MAX_DELAY:
        wrong = (
            f"delay_for can't be greater than {MAX_DELAY}"
            if delay.isdecimal()
            else f"invalid delay_for {excerpt(delay)}"
        )
        raise QueryError(wrong)
    start = time_ns(call, "start", time.time_ns() - DEFAULT_SINCE_MS * MS_NS)
    return _Wanted(parse_log(call.first("query")), start, limit(call))


async def _until_closed(websocket: WebSocket, follower: _Follower) -> None:
    """Send while listening: whatever a client says, all it can mean is that it is gone."""
    sending = asyncio.create_task(_send(websocket, follower))
    listening = asyncio.create_task(_listen(websocket))
    try:
        await asyncio.wait((sending, listening), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, listening):
            task.cancel()
        await asyncio.gather(sending, listening, return_exceptions=True)


async def _listen(websocket: WebSocket) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def _send(websocket: WebSocket, follower: _Follower) -> None:
    try:
        while True:
            lines = await run_in_threadpool(follower.next)
            if lines:
                await websocket.send_text(compact({"streams": streams(lines, categorize=False)}))
            elif follower.idle:
                await asyncio.sleep(_LOOK_EVERY)
    except WebSocketDisconnect:
        return
    except QueryError as cause:
        await websocket.close(1011, str(cause)[:120])


class _Follower:
    """First the newest of what is stored, then what arrives."""

    def __init__(self, logs: LogReader, wanted: _Wanted) -> None:
        self._scan = Scan(logs, Budget(seconds=_TIMEOUT_SECONDS))
        self._source = LogSource(self._scan, wanted.query)
        self._wanted = wanted
        self._place: int | None = None
        self._sent: frozenset[QueriedLine] = frozenset()
        self.idle = False

    def next(self) -> list[QueriedLine]:
        """Lines to send now. Runs on a thread."""
        if self._place is None:
            return self._history()
        records, place = self._scan.logs.arrivals(self._source.matchers, self._place, _PAGE)
        self.idle, self._place = place == self._place, place
        entries = filter(None, map(self._source.passes, records))
        return [line for line in (entry.result() for entry in entries) if self._is_new(line)]

    def _is_new(self, line: QueriedLine) -> bool:
        return line.time_ns >= self._wanted.start and line not in self._sent

    def _history(self) -> list[QueriedLine]:
        # Lines that are stored while the newest are looked up arrive as well: those are not sent again.
        _, self._place = self._scan.logs.arrivals(self._source.matchers, None, _PAGE)
        end = time.time_ns() + 1
        if self._wanted.start >= end:
            return []
        wanted = LogWindow(self._wanted.start, end, self._wanted.limit)
        found = run(self._scan, self._wanted.query, wanted)
        self._sent = frozenset(found)
        return found[::-1]


def routes(logs: LogReader) -> list[WebSocketRoute]:
    """The route under ``/loki/api/v1``."""
    return [WebSocketRoute("/loki/api/v1/tail", Tails(logs).endpoint)]
