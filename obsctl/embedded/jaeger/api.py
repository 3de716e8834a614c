"""Jaeger's query APIs over a ``SpanReader``: the UI's ``/api`` and the supported ``/api/v3``, in Jaeger 2's shape."""

from __future__ import annotations

import json
from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import Route

from obsctl.embedded.http import errors
from obsctl.embedded.http.calls import JSON, ApiCall, Handler, compact, encoded, route
from obsctl.embedded.jaeger.params import boolean, dependency_window, trace_id, v1_query, v3_query, v3_time
from obsctl.embedded.jaeger.ui_json import Json, trace_id_text, trace_json
from obsctl.embedded.otlp.json import resource_spans
from obsctl.embedded.query.traces import Found, Summary, dependencies, fetch, kind_name, search, summarize
from obsctl.embedded.store.base import SpanReader
from obsctl.languages.errors import MissingError, QueryError, QueryTimeoutError

NOT_FOUND = "trace not found"
V3_NOT_FOUND = "No traces found"
INCOMPLETE = 206
"""``code`` of the entry in ``errors`` by which an answer says that it is not complete (HTTP's "partial content")."""


def routes(spans: SpanReader) -> list[Route]:
    """Routes under ``/api``, v3 among them."""
    v1: list[tuple[str, Handler]] = [
        ("services", lambda _: _counted(spans.services())),
        ("services/{service:path}/operations", lambda call: _operation_names(spans, call)),
        ("operations", lambda call: _operations(spans, call)),
        ("traces", lambda call: _search(spans, call)),
        ("traces/{id}", lambda call: _trace(spans, call)),
        ("dependencies", lambda call: _dependencies(spans, call)),
        ("metrics/{name}", lambda _: errors.jaeger_error(501, "metrics querying is currently disabled")),
    ]
    v3: list[tuple[str, Handler]] = [
        ("services", lambda _: _json({"services": spans.services()})),
        ("operations", lambda call: _v3_operations(spans, call)),
        ("traces", lambda call: _v3_search(spans, call)),
        ("traces/{id}", lambda call: _v3_trace(spans, call)),
        ("trace-summaries", lambda call: _v3_summaries(spans, call)),
    ]
    return [
        *(route(f"/api/v3/{path}", handler, errors.jaeger_v3) for path, handler in v3),
        *(route(f"/api/{path}", handler, errors.jaeger) for path, handler in v1),
    ]


def _json(value: object) -> Response:
    return Response(encoded(compact(value)), media_type=JSON)


def _enveloped(call: ApiCall | None, data: object, *, total: int = 0, problems: Sequence[object] = ()) -> Response:
    """Jaeger's five keys. ``prettyPrint`` indents."""
    envelope = {"data": data, "total": total, "limit": 0, "offset": 0, "errors": problems or None}
    if call is not None and boolean(call, "prettyPrint"):
        return Response(encoded(json.dumps(envelope, indent=4, ensure_ascii=False)), media_type=JSON)
    return _json(envelope)


def _counted(names: Sequence[object], call: ApiCall | None = None) -> Response:
    return _enveloped(call, list(names), total=len(names))


def _operation_names(spans: SpanReader, call: ApiCall) -> Response:
    return _counted(sorted({name for name, _ in spans.operations(call.path["service"])}), call)


def _operations(spans: SpanReader, call: ApiCall) -> Response:
    service, kind = call.first("service"), call.first("spanKind").lower()
    if not service:
        raise QueryError("parameter 'service' is required")
    found = [{"name": name, "spanKind": kind_name(number)} for name, number in spans.operations(service)]
    return _counted([operation for operation in found if kind in ("", operation["spanKind"])], call)


def _search(spans: SpanReader, call: ApiCall) -> Response:
    raw, ids = boolean(call, "raw"), call.all("traceID")
    if ids:
        return _many(spans, call, ids, raw=raw)
    return _found(search(spans, v1_query(call)), call, raw=raw)


def _found(found: Found, call: ApiCall, *, raw: bool) -> Response:
    """Traces in UI form; what was not found, and that there may be more, is in ``errors``."""
    shown = [trace_json(trace, raw=raw) for trace in found.traces]
    missing: list[Json] = [{"msg": NOT_FOUND, "traceID": trace_id_text(one)} for one in found.missing]
    return _enveloped(call, shown, problems=missing + _problems(found.cut))


def _problems(cut: str) -> list[Json]:
    """An answer that is not complete, in ``errors``. The status stays 200: what there is is worth showing."""
    return [{"code": INCOMPLETE, "msg": cut}] if cut else []


def _many(spans: SpanReader, call: ApiCall, ids: Sequence[str], *, raw: bool) -> Response:
    """Several traces by id; those that are not stored are named in ``errors``, and the status stays 200."""
    return _found(fetch(spans, map(trace_id, ids)), call, raw=raw)


def _trace(spans: SpanReader, call: ApiCall) -> Response:
    wanted, raw = trace_id(call.path["id"]), boolean(call, "raw")
    trace = spans.trace(wanted)
    if not trace:
        raise MissingError(NOT_FOUND)
    return _enveloped(call, [trace_json(trace, raw=raw)])


def _dependencies(spans: SpanReader, call: ApiCall) -> Response:
    service = call.first("service")
    found = dependencies(spans, *dependency_window(call))
    shown = [d for d in found.links if service in ("", d.parent, d.child)]
    links = [{"parent": d.parent, "child": d.child, "callCount": d.calls} for d in shown]
    return _enveloped(call, links, problems=_problems(found.cut))


def _v3_operations(spans: SpanReader, call: ApiCall) -> Response:
    service, kind = call.first("service"), call.first("spanKind", "span_kind").lower()
    if not service:
        raise QueryError("malformed parameter service: it is required")
    found = [{"name": n, "spanKind": kind_name(number) or "internal"} for n, number in spans.operations(service)]
    return _json({"operations": [operation for operation in found if kind in ("", operation["spanKind"])]})


def _v3_trace(spans: SpanReader, call: ApiCall) -> Response:
    boolean(call, "rawTraces", "raw_traces")
    v3_time(call, "startTime")
    v3_time(call, "endTime")
    trace = spans.trace(trace_id(call.path["id"]))
    if not trace:
        raise MissingError(V3_NOT_FOUND)
    return _json({"result": {"resourceSpans": resource_spans(trace)}})


def _v3_search(spans: SpanReader, call: ApiCall) -> Response:
    boolean(call, "query.rawTraces", "query.raw_traces")
    found = search(spans, v3_query(call))
    if not found.traces:
        raise _v3_incomplete(found.cut) if found.cut else MissingError(V3_NOT_FOUND)
    groups = [group for trace in found.traces for group in resource_spans(trace)]
    return _warned(_json({"result": {"resourceSpans": groups}}), found.cut)


def _v3_incomplete(cut: str) -> QueryTimeoutError:
    """A search that found nothing, and could not look at everything, is an error: an empty answer would be wrong."""
    return QueryTimeoutError(f"nothing was found, but the search is not complete: {cut}")


def _warned(response: Response, cut: str) -> Response:
    """Says that there may be more in a header: the messages of this API have no field for it."""
    if cut:
        response.headers["Warning"] = f'299 - "{cut}"'
    return response


def _v3_summaries(spans: SpanReader, call: ApiCall) -> Response:
    found = search(spans, v3_query(call))
    if found.cut and not found.traces:
        raise _v3_incomplete(found.cut)
    return _warned(_json({"summaries": [_summary(summarize(trace)) for trace in found.traces]}), found.cut)


def _summary(summary: Summary) -> dict[str, object]:
    return {
        "traceId": summary.trace_id.hex(),
        "rootServiceName": summary.root.service,
        "rootOperationName": summary.root.name,
        "minStartTimeUnixNano": str(summary.start),
        "maxEndTimeUnixNano": str(summary.end),
        "spanCount": sum(s.spans for s in summary.services),
        "errorSpanCount": sum(s.errors for s in summary.services),
        "services": [{"name": s.name, "spanCount": s.spans, "errorSpanCount": s.errors} for s in summary.services],
    }
