"""Parameters of Tempo's HTTP API, as values for ``query.traceql``."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from obsctl.embedded.http.calls import ApiCall
from obsctl.languages.errors import QueryError
from obsctl.languages.quoting import excerpt
from obsctl.languages.traceql.names import INTRINSICS, SCOPES
from obsctl.languages.traceql.parse import parse, parse_field
from obsctl.languages.traceql.tree import Expr, Field, FieldOp, Filter, Pipeline, SpansetOp, SpanStatus, Static
from obsctl.languages.units import MS_NS, SECOND_NS, clamp, finite, go_duration_ns, prom_duration_ms

DEFAULT_LIMIT, MAX_LIMIT = 20, 10_000
DEFAULT_SPANS, MAX_SPANS = 3, 100
Window = tuple[int | None, int | None]
"""First and last start of a span in ns; None is open."""

_PAIR = re.compile(r'\s*([^\s="]+)(?:=("(?:\\.|[^"\\])*"|[^\s"]*))?(?=\s|$)')
_INTEGER, _NUMBER = re.compile(r"-?\d{1,18}", re.ASCII), re.compile(r"-?\d{1,18}\.\d{1,18}", re.ASCII)


@dataclass(frozen=True)
class Search:
    """A search: at most ``limit`` traces, and ``spans`` of each set of spans are shown."""

    pipeline: Pipeline
    window: Window
    limit: int
    spans: int


def trace_id(text: str) -> bytes:
    """16 bytes from 1 to 32 hex digits, padded on the left."""
    for position, character in enumerate(text[:33], 1):
        if not re.fullmatch(r"[0-9a-fA-F]", character, re.ASCII):
            problem = f"invalid character {character!r} at position {position}"
            raise QueryError(f"trace IDs can only contain hex characters: {problem}")
    if len(text) > 32:
        raise QueryError("trace IDs can't be larger than 128 bits")
    return bytes.fromhex(text.rjust(32, "0"))


def search(call: ApiCall) -> Search:
    """``/api/search``."""
    query, tags = call.first("q"), call.first("tags")
    if query and tags:
        raise QueryError("invalid request: can't specify tags and q in the same query")
    pipeline = traceql(query) if query else _of_tags(tags)
    shortest, longest = (_duration(call, name) for name in ("minDuration", "maxDuration"))
    if shortest and longest and shortest > longest:
        raise QueryError("invalid maxDuration: must be greater than minDuration")
    return Search(
        _with_duration(pipeline, shortest, longest),
        window(call),
        _positive(call, "limit", DEFAULT_LIMIT, MAX_LIMIT),
        _positive(call, "spss", DEFAULT_SPANS, MAX_SPANS),
    )


def traceql(query: str) -> Pipeline:
    """A parsed query; complaints begin as Tempo's do."""
    try:
        return parse(query)
    except QueryError as cause:
        raise QueryError(f"invalid TraceQL query: {cause}") from cause


def window(call: ApiCall) -> Window:
    """``start`` and ``end`` in seconds, both or neither; or ``since``, counted from now."""
    since = call.parsed(prom_duration_ms, None, "since")
    if since is not None:
        now = time.time_ns()
        return clamp(now - since * MS_NS), now
    start, end = (call.parsed(_seconds, None, name) for name in ("start", "end"))
    if (start is None) != (end is None):
        problem = "only one of start and end provided: must provide both or neither"
        raise QueryError(f"error parsing date range: {problem}")
    if start is not None and end is not None and start >= end:
        given = f"received start={call.first('start')} end={call.first('end')}"
        raise QueryError(f"http parameter start must be before end. {given}")
    return start, end


def _seconds(text: str) -> int:
    return clamp(int(finite(text) * SECOND_NS))


def field(text: str) -> Field:
    """The field that a path names: with a scope, with a leading dot, or an attribute of any scope."""
    if text not in INTRINSICS and not text.startswith((".", *SCOPES)):
        return Field("", text)
    try:
        return parse_field(text)
    except QueryError as cause:
        raise QueryError(f"please provide a valid tag name: {cause}") from cause


def limit(call: ApiCall, default: int) -> int:
    """The most names or values that are wanted; 0 is the default."""
    found = call.parsed(_whole, 0, "limit")
    return min(found, default) if found > 0 else default


def _positive(call: ApiCall, name: str, default: int, most: int) -> int:
    text = call.first(name)
    found = call.parsed(_whole, default, name) if text else default
    if found <= 0:
        raise QueryError(f"invalid {name}: must be a positive number")
    if found > most:
        raise QueryError(f"{name} {found} exceeds max {name} {most}")
    return found


def _whole(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"{excerpt(text)} is not an integer")
    return int(text)


def _duration(call: ApiCall, name: str) -> int | None:
    return call.parsed(go_duration_ns, None, name)


def _with_duration(pipeline: Pipeline, shortest: int | None, longest: int | None) -> Pipeline:
    """Only traces that took so long; a trace's duration can be asked of any span of it."""
    bounds = ((">=", shortest), ("<=", longest))
    took = Field("intrinsic", "traceDuration")
    asked = [Filter(FieldOp(op, took, Static(value, duration=True))) for op, value in bounds if value]
    return Pipeline((*pipeline.stages, *asked), pipeline.metrics)


def _of_tags(text: str) -> Pipeline:
    """Tags in logfmt as a query: every pair on some span of the trace."""
    spanset: Filter | SpansetOp = Filter()
    for condition in _conditions(text):
        one = Filter(condition)
        spanset = one if spanset == Filter() else SpansetOp("&&", spanset, one)
    return Pipeline((spanset,))


def _conditions(text: str) -> Iterator[Expr]:
    position = 0
    while text[position:].strip():
        found = _PAIR.match(text, position)
        if not found:
            raise QueryError(f"invalid tags: logfmt syntax error at pos {position + 1}")
        key, value = found[1], found[2] or ""
        yield _condition(key, re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value)
        position = found.end()


def _condition(key: str, value: str) -> Expr:
    """A tag with a value as text, or as the number or truth value that the text spells."""
    if key == "name":
        return FieldOp("=", Field("intrinsic", "name"), Static(value))
    if (key, value) in (("error", "true"), ("status", "error"), ("status.code", "error")):
        return FieldOp("=", Field("intrinsic", "status"), Static(SpanStatus.ERROR))
    tag = Field("", key)
    condition: Expr = FieldOp("=", tag, Static(value))
    for other in _spelled(value):
        condition = FieldOp("||", condition, FieldOp("=", tag, other))
    return condition


def _spelled(value: str) -> Iterator[Static]:
    if value in ("true", "false"):
        yield Static(value == "true")
    elif _INTEGER.fullmatch(value):
        yield Static(int(value))
    elif _NUMBER.fullmatch(value):
        yield Static(float(value))
