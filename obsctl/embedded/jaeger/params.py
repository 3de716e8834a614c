"""Parameters of Jaeger's two HTTP APIs, as values for ``query.traces``."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from obsctl.embedded.http.calls import ApiCall
from obsctl.embedded.query.traces import TraceQuery
from obsctl.embedded.store.base import SpanScan
from obsctl.languages.errors import QueryError, not_supported
from obsctl.languages.quoting import excerpt
from obsctl.languages.units import clamp, go_duration_ns, rfc3339_ns

MAX_LIMIT = 10_000
DEFAULT_LIMIT = 100
DAY_NS = 86_400_000_000_000
MICRO_NS = 1_000
MILLI_NS = 1_000_000

_TRUE, _FALSE = ("1", "t", "true"), ("0", "f", "false", "")
T = TypeVar("T")


def trace_id(text: str) -> bytes:
    """16 bytes from 1 to 32 hex digits of either case, padded on the left."""
    if len(text) > 32:
        raise QueryError(f"TraceID cannot be longer than 32 hex characters: {excerpt(text)}")
    if not re.fullmatch(r"[0-9a-fA-F]+", text, re.ASCII):
        raise QueryError(f"malformed trace ID {excerpt(text)}: expected 1 to 32 hex digits")
    return bytes.fromhex(text.rjust(32, "0"))


def boolean(call: ApiCall, *names: str) -> bool:
    """A flag; not given is false."""
    text = call.first(*names).lower()
    if text not in (*_TRUE, *_FALSE):
        raise QueryError(f"unable to parse param '{names[0]}': {excerpt(text)} is not a boolean")
    return text in _TRUE


def v1_query(call: ApiCall) -> TraceQuery:
    """The search of ``/api/traces``; times in microseconds, the last two days unless given."""
    service = call.first("service")
    if not service:
        raise QueryError("parameter 'service' is required")
    now = time.time_ns()
    shortest, longest = _v1(call, "minDuration", go_duration_ns, None), _v1(call, "maxDuration", go_duration_ns, None)
    _check_durations(shortest, longest, "'maxDuration' should be greater than 'minDuration'")
    scan = SpanScan(
        service=service,
        operation=call.first("operation") or None,
        start_min=_v1(call, "start", _micros, now - 2 * DAY_NS),
        start_max=_v1(call, "end", _micros, now),
        duration_min=shortest,
        duration_max=longest,
    )
    return TraceQuery(scan, _v1_tags(call), _v1(call, "limit", _limit, DEFAULT_LIMIT))


def _v1(call: ApiCall, name: str, parse: Callable[[str], T], default: T) -> T:
    text = call.first(name)
    try:
        return parse(text) if text else default
    except ValueError as cause:
        raise QueryError(f"unable to parse param '{name}': {cause}") from cause


def integer(text: str) -> int:
    """A decimal integer of at most 18 digits."""
    if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        raise ValueError(f"{excerpt(text)} is not an integer")
    return int(text)


def _micros(text: str) -> int:
    return clamp(integer(text) * MICRO_NS)


def _limit(text: str) -> int:
    limit = integer(text)
    if not 0 < limit <= MAX_LIMIT:
        raise ValueError(f"search depth must be greater than 0 and at most {MAX_LIMIT}")
    return limit


def _check_durations(shortest: int | None, longest: int | None, problem: str) -> None:
    if shortest and longest and longest < shortest:
        raise QueryError(problem)


def _v1_tags(call: ApiCall) -> Mapping[str, str]:
    tags: dict[str, str] = {}
    for text in call.all("tag"):
        key, colon, value = text.partition(":")
        if not colon:
            raise QueryError(f"malformed 'tag' parameter, expecting key:value, received: {excerpt(text)}")
        tags[key] = value
    for text in call.all("tags"):
        tags |= _string_map(text, "malformed 'tags' parameter, cannot unmarshal JSON")
    return tags


def _string_map(text: str, problem: str) -> dict[str, str]:
    """A JSON object of strings."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise QueryError(f"{problem}: not JSON") from cause
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise QueryError(f"{problem}: expected an object whose values are strings")
    return found


def dependency_window(call: ApiCall) -> tuple[int, int]:
    """``endTs`` and ``lookback`` (ms) as start and end in nanoseconds; the last day unless given."""
    end = _v1(call, "endTs", integer, time.time_ns() // MILLI_NS)
    lookback = _v1(call, "lookback", integer, DAY_NS // MILLI_NS)
    return clamp((end - lookback) * MILLI_NS), clamp(end * MILLI_NS)


def v3_query(call: ApiCall) -> TraceQuery:
    """The search of ``/api/v3/traces``; both times (RFC 3339) are required."""
    if not (_v3_text(call, "startTimeMin") and _v3_text(call, "startTimeMax")):
        raise QueryError("query.startTimeMin and query.startTimeMax are required")
    if _v3_text(call, "filter"):
        raise QueryError(f"malformed parameter query.filter: {not_supported('a filter expression')}")
    start, end = _v3(call, "startTimeMin", rfc3339_ns, 0), _v3(call, "startTimeMax", rfc3339_ns, 0)
    if start >= end:
        raise QueryError("malformed parameter query.startTimeMax: must be after query.startTimeMin")
    shortest, longest = _v3(call, "durationMin", go_duration_ns, None), _v3(call, "durationMax", go_duration_ns, None)
    _check_durations(shortest, longest, "malformed parameter query.durationMax: must be greater than query.durationMin")
    scan = SpanScan(
        service=_v3_text(call, "serviceName") or None,
        operation=_v3_text(call, "operationName") or None,
        start_min=start,
        start_max=end,
        duration_min=shortest,
        duration_max=longest,
    )
    depth = "searchDepth" if _v3_text(call, "searchDepth") else "numTraces"
    return TraceQuery(scan, _v3(call, "attributes", _attributes, {}), _v3(call, depth, _limit, DEFAULT_LIMIT))


def snake(name: str) -> str:
    """``startTimeMin`` -> ``start_time_min``: the spelling of older clients."""
    return re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", name)


def _v3_text(call: ApiCall, name: str) -> str:
    return call.first(f"query.{name}", f"query.{snake(name)}")


def _v3(call: ApiCall, name: str, parse: Callable[[str], T], default: T) -> T:
    text = _v3_text(call, name)
    try:
        return parse(text) if text else default
    except (ValueError, QueryError) as cause:
        raise QueryError(f"malformed parameter query.{name}: {cause}") from cause


def _attributes(text: str) -> Mapping[str, str]:
    return _string_map(text, "cannot unmarshal JSON")


def v3_time(call: ApiCall, name: str) -> None:
    """Check an optional time that is only a hint to stores which need one."""
    text = call.first(name, snake(name))
    try:
        if text:
            rfc3339_ns(text)
    except ValueError as cause:
        raise QueryError(f"malformed parameter {name}: {cause}") from cause
