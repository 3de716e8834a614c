"""Loki's query API over a ``LogReader``, in the shape of Loki 3. Pushing is a receiver's business."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from starlette.responses import Response
from starlette.routing import Route

from obsctl.embedded.http.calls import ApiCall, Handler, build_info, compact, route, version
from obsctl.embedded.http.errors import loki as on_error
from obsctl.embedded.loki import index as loki_index
from obsctl.embedded.loki.json import CATEGORIZE, json_answer, matrix, query_answer, streams, vector_or_scalar
from obsctl.embedded.loki.params import MAX_LIMIT, log_range, steps, time_ns
from obsctl.embedded.prometheus.json import data
from obsctl.embedded.query.logql.engine import run
from obsctl.embedded.query.logql.levels import LEVEL_FIELDS
from obsctl.embedded.query.logql.metrics import MAX_SERIES, evaluate
from obsctl.embedded.query.logql.ranges import LogSteps
from obsctl.embedded.query.logql.source import LogSource, Scan
from obsctl.embedded.query.vectors.limits import Budget
from obsctl.embedded.query.vectors.values import Scalar
from obsctl.embedded.store.base import LogReader
from obsctl.languages.errors import QueryError
from obsctl.languages.logql.parse import parse
from obsctl.languages.logql.tree import LogQuery

TIMEOUT_SECONDS = 30.0


def routes(logs: LogReader) -> list[Route]:
    """Routes under ``/loki/api/v1``."""
    both = ("GET", "POST")
    table: list[tuple[str, Handler, Sequence[str]]] = [
        ("query", lambda call: _instant(logs, call), both),
        ("query_range", lambda call: _query_range(logs, call), both),
        ("labels", lambda call: loki_index.labels(logs, call), both),
        ("label", lambda call: loki_index.labels(logs, call), both),
        ("label/{name}/values", lambda call: loki_index.label_values(logs, call), both),
        ("series", lambda call: loki_index.series(logs, call), both),
        ("index/stats", lambda call: loki_index.stats(logs, call), both),
        ("index/volume", lambda call: loki_index.volume(logs, call), both),
        ("index/volume_range", lambda call: loki_index.volume_range(logs, call), both),
        ("detected_labels", lambda call: loki_index.detected_labels(logs, call), both),
        ("detected_fields", lambda call: loki_index.detected_fields(_scan(logs), call), both),
        ("detected_field/{name}/values", lambda call: loki_index.detected_field_values(_scan(logs), call), both),
        ("patterns", lambda _: json_answer({"status": "success", "data": []}), both),
        ("format_query", _format, both),
        ("status/buildinfo", lambda _: json_answer(build_info()), ("GET",)),
        ("drilldown-limits", lambda _: json_answer(_drilldown()), ("GET",)),
    ]
    return [
        route("/config", lambda _: Response(_config(), media_type="text/plain"), on_error),
        *(route(f"/loki/api/v1/{path}", handler, on_error, methods) for path, handler, methods in table),
    ]


def _limits() -> dict[str, object]:
    """What this server holds queries to, by the names of Loki's limits."""
    return {
        "discover_log_levels": True,
        "log_level_fields": list(LEVEL_FIELDS),
        "max_entries_limit_per_query": MAX_LIMIT,
        "max_query_series": MAX_SERIES,
        "query_timeout": f"{TIMEOUT_SECONDS:g}s",
        "volume_enabled": True,
        "volume_max_series": MAX_LIMIT,
    }


def _drilldown() -> dict[str, object]:
    """What Grafana's Logs Drilldown asks before anything else. Patterns are not mined here."""
    return {"limits": _limits(), "pattern_ingester_enabled": False, "version": version()}


def _config() -> str:
    """Loki's configuration in YAML: of it, what this server has. Every line is a flow of JSON, which YAML reads."""
    sections = {"target": "all", "auth_enabled": False, "limits_config": _limits()}
    return "".join(f"{name}: {compact(value)}\n" for name, value in sections.items())


def _scan(logs: LogReader) -> Scan:
    return Scan(logs, Budget(seconds=TIMEOUT_SECONDS))


def _instant(logs: LogReader, call: ApiCall) -> Response:
    begun, moment = time.perf_counter(), time_ns(call, "time", time.time_ns())
    query, scan = parse(call.first("query")), _scan(logs)
    if isinstance(query, LogQuery):
        LogSource(scan, query)  # what is wrong with it is said first
        raise QueryError(
            "log queries are not supported as an instant query type, please change your query to a range query type"
        )
    value = evaluate(scan, query, LogSteps(np.array([moment], dtype=np.int64)), instant=True)
    returned = 1 if isinstance(value, Scalar) else len(value.labels)
    return query_answer(vector_or_scalar(value, moment), scan, begun, returned)


def _query_range(logs: LogReader, call: ApiCall) -> Response:
    begun, query, scan = time.perf_counter(), parse(call.first("query")), _scan(logs)
    if not isinstance(query, LogQuery):
        wanted = steps(call)
        value = evaluate(scan, query, wanted, instant=False)
        returned = 1 if isinstance(value, Scalar) else len(value.labels)
        return query_answer(matrix(value, wanted), scan, begun, returned)
    lines = run(scan, query, log_range(call))
    flags = call.headers.get("x-loki-response-encoding-flags", "").split(",")
    categorize = CATEGORIZE in (flag.strip() for flag in flags)
    result = data("streams", compact(streams(lines, categorize=categorize)))
    return query_answer(result, scan, begun, len(lines), categorize=categorize)


def _format(call: ApiCall) -> Response:
    try:
        return json_answer({"status": "success", "data": str(parse(call.first("query")))})
    except QueryError as cause:
        return json_answer({"status": "invalid-query", "error": str(cause)}, 400)
