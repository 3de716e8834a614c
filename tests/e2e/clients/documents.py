"""Units as OTLP/JSON, for programs that send what they did not measure."""

from __future__ import annotations

import json
import os
import time
from typing import Any

COUNT, PAUSE = int(os.environ.get("MATRIX_COUNT", "0")), float(os.environ.get("MATRIX_PAUSE", "0"))
HALVES = (0, COUNT)
"""The number of the first unit of each half."""
START = time.time_ns()


def attributes(**values: str | int) -> list[dict[str, Any]]:
    typed = {str: "stringValue", int: "intValue"}
    return [{"key": name.replace("_", "."), "value": {typed[type(v)]: v}} for name, v in values.items()]


def traces(first: int, now: int) -> dict[str, Any]:
    return {"spans": [span(seq, now) for seq in range(first, first + COUNT)]}


def span(seq: int, now: int) -> dict[str, Any]:
    times = {"startTimeUnixNano": str(now), "endTimeUnixNano": str(now + 1000)}
    ids = {"traceId": os.urandom(16).hex(), "spanId": os.urandom(8).hex()}
    return {**ids, **times, "name": "unit", "kind": 1, "attributes": attributes(matrix_seq=seq)}


def logs(first: int, now: int) -> dict[str, Any]:
    lines = [{"stringValue": f"line {seq}"} for seq in range(first, first + COUNT)]
    return {"logRecords": [{"timeUnixNano": str(now + n), "body": line} for n, line in enumerate(lines)]}


def metrics(first: int, now: int) -> dict[str, Any]:
    """Totals since the start, as a cumulative counter and histogram have them."""
    total = first + COUNT
    size = sum(seq % 10 for seq in range(total))
    times = {"startTimeUnixNano": str(START), "timeUnixNano": str(now)}
    counter = {**times, "asInt": str(total)}
    histogram = {**times, "count": str(total), "sum": size, "explicitBounds": [100], "bucketCounts": [str(total), "0"]}
    cumulative = {"aggregationTemporality": 2}
    return {
        "metrics": [
            {"name": "matrix.units", "sum": {**cumulative, "isMonotonic": True, "dataPoints": [counter]}},
            {"name": "matrix.size", "histogram": {**cumulative, "dataPoints": [histogram]}},
        ]
    }


def document(service: str, signal: str, first: int, now: int) -> bytes:
    """The body for one signal of the half that begins with a unit."""
    resource, scope, records = {
        "traces": ("resourceSpans", "scopeSpans", traces),
        "metrics": ("resourceMetrics", "scopeMetrics", metrics),
        "logs": ("resourceLogs", "scopeLogs", logs),
    }[signal]
    of = {"attributes": attributes(service_name=service)}
    return json.dumps({resource: [{"resource": of, scope: [records(first, now)]}]}).encode()
