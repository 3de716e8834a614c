"""A frame as JSON. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from obsctl.clients.telemetry import TraceSummary
from obsctl.json_types import Json, JsonObject
from obsctl.overview.frame import AlertState, CallFigures, Frame, Listed, ServiceFigures

T = TypeVar("T")

MOST = 500
"""Rows of a list, at most; ``total`` says how many there are, None where they could not be asked for."""


def document(frame: Frame) -> dict[str, Json]:
    """Times as RFC 3339 in UTC, durations in seconds, shares from 0 to 1; null for what nobody knows."""
    return {
        "stack": frame.stack,
        "runtime": frame.runtime,
        "at": _time(frame.at),
        "window_seconds": frame.window,
        "services": _listed(frame.services, _service),
        "calls": _listed(frame.calls, _call),
        "alerts": _listed(frame.alerts, _alert),
        "traces": _listed(frame.traces, _trace),
    }


def _listed(found: Listed[T], row: Callable[[T], JsonObject]) -> JsonObject:
    return {
        "rows": [row(one) for one in found.rows[:MOST]],
        "total": len(found.rows) if found.rows or not found.problem else None,
        "problem": found.problem or None,
        "note": found.note or None,
    }


def _service(row: ServiceFigures) -> JsonObject:
    return {"service": row.name, **_figures(row)}


def _call(row: CallFigures) -> JsonObject:
    return {"from": row.caller, "to": row.callee, "kinds": list(row.kinds), **_figures(row)}


def _figures(row: ServiceFigures | CallFigures) -> Mapping[str, Json]:
    return {"requests_per_second": row.rate, "failed_share": row.failed, "p95_seconds": row.p95}


def _alert(row: AlertState) -> JsonObject:
    since = _time(row.since) if row.since else None
    return {"name": row.name, "state": row.state, "since": since, "labels": dict(row.labels), "summary": row.summary}


def _trace(row: TraceSummary) -> JsonObject:
    return {
        "trace_id": row.trace_id,
        "service": row.service,
        "name": row.name,
        "at": _time(row.start_ns / 1e9),
        "seconds": row.duration_ns / 1e9,
        "spans": row.spans,
        "errors": row.errors,
    }


def _time(seconds: float) -> str | None:
    """None where a clock was so wrong that there is no such date."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None
