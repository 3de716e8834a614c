"""Loki's query API over a ``LogReader``, in the shape of Loki 3. Pushing is a receiver's business."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from obsctl.embedded.api.errors import loki as on_error
from obsctl.embedded.api.http import Call, Handler, compact, encoded, route
from obsctl.embedded.api.version import build_info
from obsctl.embedded.query.errors import QueryError
from obsctl.embedded.query.logql.engine import LogRange, matcher, merged, run, selector_matchers
from obsctl.embedded.query.logql.parse import parse, parse_selector
from obsctl.embedded.query.units import MS_NS, clamp, loki_time_ns, quoted, seconds_or_duration_ms
from obsctl.embedded.signals import Labels, LogRecord, Matcher
from obsctl.embedded.store.base import LogReader

CONTENT_TYPE = "application/json; charset=UTF-8"
CATEGORIZE = "categorize-labels"
DEFAULT_LIMIT, MAX_LIMIT = 100, 5_000
DEFAULT_SINCE_MS = 3_600_000
MAX_STEPS = 11_000
MAX_STATS_LINES = 100_000


def routes(logs: LogReader) -> list[Route]:
    """Routes under ``/loki/api/v1``."""
    both = ("GET", "POST")
    table: list[tuple[str, Handler, Sequence[str]]] = [
        ("query", _instant, both),
        ("query_range", lambda call: _query_range(logs, call), both),
        ("labels", lambda call: _labels(logs, call), both),
        ("label", lambda call: _labels(logs, call), both),
        ("label/{name}/values", lambda call: _label_values(logs, call), both),
        ("series", lambda call: _series(logs, call), both),
        ("index/stats", lambda call: _stats(logs, call), both),
        ("status/buildinfo", lambda _: _json(build_info()), ("GET",)),
    ]
    return [route(f"/loki/api/v1/{path}", handler, on_error, methods) for path, handler, methods in table]


def _json(value: Any) -> Response:
    return Response(encoded(compact(value) + "\n"), headers={"content-type": CONTENT_TYPE})


def _list(data: Sequence[Any]) -> Response:
    """The envelope of lists: Loki leaves ``data`` out when there is nothing."""
    return _json({"status": "success", **({"data": data} if data else {})})


@dataclass(frozen=True)
class _Window:
    """A time range in nanoseconds, start included, end excluded."""

    start: int
    end: int


def _window(call: Call) -> _Window:
    """``start``, ``end`` and ``since``, with Loki's defaults."""
    end = call.parsed(_described(loki_time_ns), time.time_ns(), "end")
    since = call.parsed(_described(seconds_or_duration_ms), DEFAULT_SINCE_MS, "since")
    start = call.parsed(_described(loki_time_ns), clamp(end - since * MS_NS), "start")
    if end <= start:
        raise QueryError("end timestamp must not be before or equal to start time")
    return _Window(start, end)


def _described(parser: Callable[[str], int]) -> Callable[[str], int]:
    def described(text: str) -> int:
        try:
            return parser(text)
        except ValueError as cause:
            raise ValueError(f"cannot parse {quoted(text)}") from cause

    return described


def _limit(call: Call) -> int:
    text = call.first("limit")
    if text and not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        raise QueryError(f"invalid limit: cannot parse {quoted(text)} as a number")
    limit = int(text or DEFAULT_LIMIT)
    if limit <= 0:
        raise QueryError("limit must be a positive value")
    if limit > MAX_LIMIT:
        raise QueryError(f"max entries limit per query exceeded, limit > max_entries_limit ({limit} > {MAX_LIMIT})")
    return limit


def _check_step(call: Call, window: _Window) -> None:
    """Loki checks ``step`` even when the query is one for lines, where it means nothing."""
    span_ms = (window.end - window.start) // MS_NS
    step = call.parsed(_described(seconds_or_duration_ms), max(span_ms // 250_000, 1) * 1000, "step")
    if step <= 0:
        raise QueryError("zero or negative query resolution step widths are not accepted. Try a positive integer")
    if span_ms // step > MAX_STEPS:
        raise QueryError(
            f"exceeded maximum resolution of {MAX_STEPS:,} points per time series. "
            "Try increasing the value of the step parameter"
        )


def _instant(call: Call) -> Response:
    call.parsed(_described(loki_time_ns), 0, "time")
    selector_matchers(parse(call.first("query")).selector)
    raise QueryError(
        "log queries are not supported as an instant query type, please change your query to a range query type"
    )


def _range(call: Call) -> LogRange:
    window, limit = _window(call), _limit(call)
    _check_step(call, window)
    direction = call.first("direction", default="backward").lower()
    if direction not in ("backward", "forward"):
        raise QueryError(f"invalid direction {quoted(direction)}: expected backward or forward")
    interval = call.parsed(_described(seconds_or_duration_ms), 0, "interval")
    if interval < 0:
        raise QueryError("interval must be >= 0")
    return LogRange(
        window.start, window.end, limit, "forward" if direction == "forward" else "backward", clamp(interval * MS_NS)
    )


def _query_range(logs: LogReader, call: Call) -> Response:
    query, wanted = parse(call.first("query")), _range(call)
    flags = call.headers.get("x-loki-response-encoding-flags", "").split(",")
    categorize = CATEGORIZE in (flag.strip() for flag in flags)
    result = _streams(run(logs, query, wanted), categorize=categorize)
    flagged = {"encodingFlags": [CATEGORIZE]} if categorize else {}
    return _json({"status": "success", "data": {"resultType": "streams", **flagged, "result": result, "stats": {}}})


def _streams(records: Iterable[LogRecord], *, categorize: bool) -> list[dict[str, Any]]:
    """Lines grouped by label set, which includes structured metadata unless that is told apart."""
    found: dict[Labels, list[list[Any]]] = {}
    for record in records:
        key = record.labels if categorize else tuple(sorted(merged(record).items()))
        value: list[Any] = [str(record.time_ns), record.line]
        if categorize:
            value.append({"structuredMetadata": dict(record.metadata)} if record.metadata else {})
        found.setdefault(key, []).append(value)
    return [{"stream": dict(key), "values": values} for key, values in found.items()]


def _selected(logs: LogReader, selectors: Sequence[Sequence[Matcher]], window: _Window) -> list[Labels]:
    found: dict[Labels, None] = {}
    for matchers in selectors or [()]:
        found |= dict.fromkeys(logs.streams(matchers, window.start, window.end))
    return list(found)


def _matching(logs: LogReader, call: Call) -> list[Labels]:
    """Streams of the time range, those of the optional ``query`` selector when there is one."""
    selector = call.first("query")
    return _selected(logs, [tuple(map(matcher, parse_selector(selector)))] if selector else [], _window(call))


def _labels(logs: LogReader, call: Call) -> Response:
    return _list(sorted({name for labels in _matching(logs, call) for name, _ in labels}))


def _label_values(logs: LogReader, call: Call) -> Response:
    wanted = call.path["name"]
    return _list(sorted({value for labels in _matching(logs, call) for name, value in labels if name == wanted}))


def _series(logs: LogReader, call: Call) -> Response:
    selectors = [tuple(map(matcher, parse_selector(text))) for text in call.all("match", "match[]") if text]
    return _list([dict(labels) for labels in _selected(logs, selectors, _window(call))])


def _stats(logs: LogReader, call: Call) -> Response:
    """Counts by looking at the lines themselves, up to a bound; a stream counts as one chunk."""
    matchers, window = selector_matchers(parse_selector(call.first("query"))), _window(call)
    streams = len(logs.streams(matchers, window.start, window.end))
    lines = zip(range(MAX_STATS_LINES), logs.lines(matchers, window.start, window.end), strict=False)
    entries, size = reduce(lambda sums, line: (sums[0] + 1, sums[1] + len(line[1].line.encode())), lines, (0, 0))
    return _json({"streams": streams, "chunks": streams, "bytes": size, "entries": entries})
