"""Tempo's query API. Traces are read by id, which sees them at once; a real Tempo's search lags by half a minute."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from obsctl.access.options import PLAIN, ComponentAccess
from obsctl.clients.http import Http, Params, Reply, complaint, understood
from obsctl.clients.otlp import hex_id, spans_from_otlp
from obsctl.clients.telemetry import LatestTraces, Span, TraceSearch, TraceSummary, newest, ordered
from obsctl.errors import BackendError, IncompleteError
from obsctl.json_types import JsonObject, integer, items, mapping, number, string

_SECOND = 10**9
_JSON = {"Accept": "application/json"}
_INTEGER, _NUMBER = re.compile(r"-?\d{1,18}", re.ASCII), re.compile(r"-?\d{1,15}\.\d{1,15}", re.ASCII)


class TempoClient:
    """Trace queries; see ``clients.traces.TracesClient``."""

    def __init__(self, url: str, *, timeout: float = 5.0, access: ComponentAccess = PLAIN) -> None:
        self.url = url
        self.http = Http(url, timeout=timeout, name="Tempo API", access=access)

    def trace(self, trace_id: str) -> tuple[Span, ...]:
        """The spans of a trace; () where the server does not know the id."""
        path = f"/api/traces/{quote(trace_id, safe='')}"
        reply = self.http.get_json(path, ok=(200, 404), headers=_JSON)
        if reply.status == 404:
            if "page not found" in reply.text:  # a server without this route is not one that lacks the trace
                raise BackendError(
                    f"{reply.name} at {self.url} has no {path}: {complaint(reply)}",
                    hint="is this the query port? Tempo's default is 3200",
                )
            return ()
        answer = reply.json()
        with understood(reply):
            return ordered(span for span in spans_from_otlp(answer) if span.span_id)

    def services(self) -> list[str]:
        """Names of all services, sorted."""
        return self._values("resource.service.name")

    def operations(self, service: str) -> list[str]:
        """Distinct span names of a service, sorted."""
        return self._values("name", {"q": f"{{ resource.service.name = {_string_literal(service)} }}"})

    def search(
        self,
        service: str,
        *,
        operation: str | None = None,
        tags: Mapping[str, str] | None = None,
        start_ns: int,
        end_ns: int,
        limit: int = 20,
    ) -> TraceSearch:
        """Whole traces with a span of the service that has the name and all tags; newest first.

        Times are nanoseconds since the epoch and hold for the span's start. The server knows whole seconds.
        """
        conditions = [f"resource.service.name = {_string_literal(service)}"]
        conditions += [f"name = {_string_literal(operation)}"] if operation else []
        conditions += [_tag(key, value) for key, value in (tags or {}).items()]
        params = _search_params(conditions, start_ns, end_ns, limit)
        reply = self.http.get_json("/api/search", params)
        found = map(self.trace, _ids(reply))
        inside = [spans for spans in found if _starts_within(spans, service, operation, start_ns, end_ns)]
        traces = tuple(sorted(inside, key=lambda spans: spans[0].start_ns, reverse=True))
        return TraceSearch(traces, _partial(reply), _who(reply))

    def latest(
        self, service: str = "", *, failed: bool = False, start_ns: int, end_ns: int, limit: int = 20
    ) -> LatestTraces:
        """Traces with a span of the service, or of any; of those that the server finds first, the newest."""
        conditions = [f"resource.service.name = {_string_literal(service)}"] if service else []
        conditions += ["status = error"] if failed else []
        params = _search_params(conditions, start_ns, end_ns, limit)
        reply = self.http.get_json("/api/search", params)
        answer = reply.json()
        with understood(reply):
            found = [_summary(mapping(one)) for one in items(mapping(answer).get("traces") or ())]
        return LatestTraces(newest(found, limit), _partial(reply))

    def _values(self, tag: str, params: Params | None = None) -> list[str]:
        reply = self.http.get_json(f"/api/v2/search/tag/{tag}/values", params)
        if said := _partial(reply):
            raise IncompleteError(_who(reply), said)
        answer = reply.json()
        with understood(reply):
            return sorted({str(v["value"]) for v in map(mapping, items(mapping(answer).get("tagValues") or ()))})


def _search_params(conditions: Sequence[str], start_ns: int, end_ns: int, limit: int) -> dict[str, str]:
    first = start_ns // _SECOND
    return {
        "q": f"{{ {' && '.join(conditions)} }}" if conditions else "{ }",
        "start": str(first),
        "end": str(max(math.ceil(end_ns / _SECOND), first + 1)),
        "limit": str(limit),
    }


def _summary(found: JsonObject) -> TraceSummary:
    """A trace of a search. Durations are whole milliseconds, left out below one."""
    stats = [mapping(one) for one in mapping(found.get("serviceStats") or {}).values()]
    rooted = "rootTraceName" in found
    return TraceSummary(
        hex_id(string(found["traceID"]), 16),
        str(found.get("rootServiceName") or "") if rooted else "",
        str(found.get("rootTraceName") or ""),
        integer(found["startTimeUnixNano"]),
        round(number(found.get("durationMs") or 0) * 1_000_000),
        sum(integer(one.get("spanCount") or 0) for one in stats),
        sum(integer(one.get("errorCount") or 0) for one in stats),
    )


def _ids(reply: Reply) -> list[str]:
    """Ids of the traces of a search; the server leaves out leading zeros."""
    answer = reply.json()
    with understood(reply):
        return [hex_id(string(t["traceID"]), 16) for t in map(mapping, items(mapping(answer).get("traces") or ()))]


def _partial(reply: Reply) -> str:
    """What an answer that is not complete says of it. Jobs are no sign: a search ends once it has enough."""
    answer = reply.json()
    with understood(reply):
        fields = mapping(answer)
        said = str(fields.get("message") or "")
        return said or ("the answer is partial" if fields.get("status") == "PARTIAL" else "")


def _who(reply: Reply) -> str:
    return f"{reply.name} at {reply.url}"


def _string_literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _tag(key: str, value: str) -> str:
    """A tag whose value is this text, or the number or truth value that the text spells."""
    spelled = [_string_literal(value)]
    if value in ("true", "false") or _INTEGER.fullmatch(value) or _NUMBER.fullmatch(value):
        spelled.append(value)
    name = key if re.fullmatch(r"[A-Za-z_][\w.-]*", key, re.ASCII) else _string_literal(key)
    return f"({' || '.join(f'.{name} = {one}' for one in spelled)})"


def _starts_within(spans: tuple[Span, ...], service: str, operation: str | None, start_ns: int, end_ns: int) -> bool:
    return any(
        span.service == service and operation in (None, span.name) and start_ns <= span.start_ns <= end_ns
        for span in spans
    )
