"""Tempo's query API over a ``SpanReader``: traces by id, search with TraceQL, names and values of tags."""

from __future__ import annotations

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from obsctl.embedded.http import errors
from obsctl.embedded.http.calls import JSON, ApiCall, Handler, build_info, compact, encoded, route
from obsctl.embedded.otlp.json import PROTOBUF, resource_spans, trace_by_id_response, traces_data
from obsctl.embedded.query.traceql import tags
from obsctl.embedded.query.traceql.search import search
from obsctl.embedded.query.traces import Trace
from obsctl.embedded.store.base import SpanReader
from obsctl.embedded.tempo import params as tempo_params
from obsctl.embedded.tempo.json import completeness, matches_json, typed_value
from obsctl.embedded.tempo.params import Window
from obsctl.languages.errors import MissingError, QueryError, not_supported

PROTOBUF_TYPE = "application/protobuf"
MAX_NAMES, MAX_VALUES = 10_000, 10_000


def routes(spans: SpanReader) -> list[Route]:
    """Routes under ``/api``."""
    handlers: list[tuple[str, Handler]] = [
        ("traces/{id}", lambda call: _trace(spans, call)),
        ("v2/traces/{id}", lambda call: _trace_v2(spans, call)),
        ("search", lambda call: _search(spans, call)),
        ("search/tags", lambda call: _tags(spans, call)),
        ("v2/search/tags", lambda call: _tags_v2(spans, call)),
        (
            "search/tag/{tag:path}/values",
            lambda call: _values_v1(spans, call),
        ),
        ("v2/search/tag/{tag:path}/values", lambda call: _values_v2(spans, call)),
        ("metrics/query", _metrics),
        ("metrics/query_range", _metrics),
        ("echo", lambda _: PlainTextResponse("echo")),
        ("status/buildinfo", lambda _: _json(build_info())),
    ]
    return [route(f"/api/{path}", handler, errors.tempo) for path, handler in handlers]


def _metrics(call: ApiCall) -> Response:
    """TraceQL metrics, which are refused by name."""
    pipeline = tempo_params.traceql(call.first("q") or call.first("query"))
    asked = str(pipeline.metrics) if pipeline.metrics else "a query without metrics"
    raise QueryError(f"invalid TraceQL query: {not_supported(asked)}")


def _json(value: object) -> Response:
    return Response(encoded(compact(value)), media_type=JSON)


def _protobuf_wanted(call: ApiCall) -> bool:
    return PROTOBUF_TYPE in call.headers.get("accept", "")


def _asked(spans: SpanReader, call: ApiCall) -> Trace:
    tempo_params.window(call)
    return spans.trace(tempo_params.trace_id(call.path["id"]))


def _trace(spans: SpanReader, call: ApiCall) -> Response:
    trace = _asked(spans, call)
    if not trace:
        raise MissingError("trace not found")
    if _protobuf_wanted(call):
        return Response(traces_data(trace), media_type=PROTOBUF_TYPE)
    return _json({"batches": resource_spans(trace, PROTOBUF)})


def _trace_v2(spans: SpanReader, call: ApiCall) -> Response:
    """An unknown trace is an empty one, never 404."""
    trace = _asked(spans, call)
    if _protobuf_wanted(call):
        return Response(trace_by_id_response(trace), media_type=PROTOBUF_TYPE)
    return _json({"trace": {"resourceSpans": resource_spans(trace, PROTOBUF)} if trace else {}, "metrics": {}})


def _search(spans: SpanReader, call: ApiCall) -> Response:
    asked = tempo_params.search(call)
    if asked.pipeline.metrics:
        raise QueryError(f"invalid TraceQL query: {not_supported(str(asked.pipeline.metrics))}")
    found = search(spans, asked.pipeline, *asked.window, asked.limit)
    return _json(matches_json(found, asked.pipeline, asked.spans))


def _found_tags(spans: SpanReader, call: ApiCall) -> tags.TagNames:
    scope = call.first("scope")
    if scope not in ("", "none", *tags.SCOPES):
        raise QueryError(f"invalid scope: {scope}")
    scopes = tags.SCOPES if scope in ("", "none") else (scope,)
    condition = tags.condition_of(call.first("q"))
    most = tempo_params.limit(call, MAX_NAMES)
    found = tags.names(spans, condition, tempo_params.window(call), scopes)
    return tags.TagNames({name: keys[:most] for name, keys in found.scopes.items() if keys}, found.cut)


def _tags(spans: SpanReader, call: ApiCall) -> Response:
    found = _found_tags(spans, call)
    keys = sorted({key for keys in found.scopes.values() for key in keys})
    return _json({"tagNames": keys} | completeness(found.cut))


def _tags_v2(spans: SpanReader, call: ApiCall) -> Response:
    found = _found_tags(spans, call)
    scopes = [{"name": name, "tags": keys} for name, keys in found.scopes.items()]
    return _json({"scopes": scopes} | completeness(found.cut))


def _values(spans: SpanReader, call: ApiCall) -> tags.TagValues:
    window: Window = tempo_params.window(call)
    field, most = tempo_params.field(call.path["tag"]), tempo_params.limit(call, MAX_VALUES)
    return tags.values(spans, field, tags.condition_of(call.first("q")), window, most)


def _values_v1(spans: SpanReader, call: ApiCall) -> Response:
    found = _values(spans, call)
    return _json(
        {"tagValues": sorted({typed_value(value)["value"] for value in found.values})} | completeness(found.cut)
    )


def _values_v2(spans: SpanReader, call: ApiCall) -> Response:
    found = _values(spans, call)
    return _json({"tagValues": [typed_value(value) for value in found.values]} | completeness(found.cut))
