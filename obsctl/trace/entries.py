"""Stored log lines as entries of a trace: level, message and span found in whatever form they were stored."""

from __future__ import annotations

import json

from obsctl.clients.otlp import hex_id
from obsctl.clients.telemetry import LogLine
from obsctl.json_types import JsonObject
from obsctl.trace.model import LogEntry

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")

_SAME = {
    "WARNING": "WARN",
    "CRITICAL": "FATAL",
    "CRIT": "FATAL",
    "ERR": "ERROR",
    "INFORMATION": "INFO",
    "PANIC": "FATAL",
}
_LEVEL = ("level", "severity", "severity_text", "levelname", "detected_level", "lvl")
_MESSAGE = ("message", "msg", "text", "event", "body")
_SERVICE = ("service", "service_name", "service.name")
_TIME = ("timestamp", "time", "ts", "@timestamp")
_IDS = ("trace_id", "span_id", "traceId", "spanId", "traceID", "spanID")
_TOLD = frozenset((*_LEVEL, *_MESSAGE, *_SERVICE, *_TIME, *_IDS))


def entry(line: LogLine) -> LogEntry:
    """A log line with what is in its metadata, its labels and, where the line is a JSON object, in itself."""
    own = json_fields(line.line)
    known = {**line.labels, **own, **line.metadata}
    level = _first(known, _LEVEL).upper()
    return LogEntry(
        time_ns=line.time_ns,
        level=next((name for name in (_SAME.get(level, level),) if name in LEVELS), ""),
        message=_first(own, _MESSAGE) or line.line,
        service=_first(known, _SERVICE),
        span_id=_span_id(_first(known, ("span_id", "spanId", "spanID"))),
        raw=line.line,
        fields={k: v for k, v in own.items() if k not in _TOLD and v not in ("", None)},
    )


def trace_id_of(line: LogLine) -> str:
    """The trace that a log line belongs to, in 32 lower-case hex digits; "" for none."""
    known = {**json_fields(line.line), **line.labels, **line.metadata}
    try:
        return hex_id(_first(known, ("trace_id", "traceId", "traceID")), 16)
    except ValueError:
        return ""


def json_fields(line: str) -> JsonObject:
    """The fields of a line that is a JSON object, else nothing. Nested values come as JSON text."""
    if not line.startswith("{"):
        return {}
    try:
        found = json.loads(line).items()
        return {k: json.dumps(v, ensure_ascii=False) if isinstance(v, dict | list) else v for k, v in found}
    except (ValueError, RecursionError):
        return {}


def _first(known: JsonObject, names: tuple[str, ...]) -> str:
    return next((str(known[n]) for n in names if known.get(n) not in (None, "")), "")


def _span_id(text: str) -> str:
    try:
        return hex_id(text, 8)
    except ValueError:
        return ""
