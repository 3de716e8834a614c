"""The Jaeger query API: ``/api/v3`` first, since newer servers drop parts of the older ``/api``, which is the fallback.

An unknown ``/api`` path is a 404 in Jaeger 2 and the UI's index page with status 200 in Jaeger 1, so an answer counts
only when its body is JSON, whatever its content type says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import quote

from obsctl.access.options import PLAIN, ComponentAccess
from obsctl.clients.http import Http, Params, Reply, complaint, understood
from obsctl.clients.jaegerui import spans_from_ui
from obsctl.clients.otlp import spans_from_otlp
from obsctl.clients.telemetry import LatestTraces, Span, TraceSearch, newest, ordered, summary_of
from obsctl.errors import BackendError, IncompleteError
from obsctl.json_types import integer, items, mapping

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = 10**6
_ANSWERS = (200, 400, 404)
"""Statuses to look at closely: a missing route and an unknown trace are both 404; an old server's v3 says 400."""

MOST_SERVICES = 20
"""Services that are searched where none is named, at most: each is a search of its own."""


class JaegerClient:
    """Trace queries. Every method raises ``BackendError`` with the server's message, or ``UnsupportedError``.

    Spans come with ids of full length and by start time. Safe to share between threads.
    """

    def __init__(self, url: str, *, timeout: float = 5.0, access: ComponentAccess = PLAIN) -> None:
        self.url = url
        self.http = Http(url, timeout=timeout, name="Jaeger API", access=access)

    def trace(self, trace_id: str) -> tuple[Span, ...]:
        """The spans of a trace; () where the server does not know the id."""
        reply = self._v3(f"/api/v3/traces/{quote(trace_id, safe='')}")
        if reply is not None:
            return ordered(_v3_spans(reply)) if reply.status == 200 else ()
        reply = self._v1(f"/api/traces/{quote(trace_id, safe='')}", missing_ok=True)
        return tuple(span for trace in _v1_traces(reply) for span in trace)

    def services(self) -> list[str]:
        """Names of all services, sorted."""
        reply = self._v3("/api/v3/services")
        key = "services" if reply is not None else "data"
        return _names(reply or self._v1("/api/services"), key)

    def operations(self, service: str) -> list[str]:
        """Distinct span names of a service, sorted."""
        reply = self._v3("/api/v3/operations", {"service": service})
        if reply is not None:
            return _names(reply, "operations")
        return _names(self._v1(f"/api/services/{quote(service, safe='')}/operations"), "data")

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

        Times are nanoseconds since the epoch and hold for the span's start; the older API counts in microseconds, and
        what is on the edge is found.
        """
        wanted = {
            "query.serviceName": service,
            "query.operationName": operation,
            "query.attributes": json.dumps(dict(tags)) if tags else None,
            "query.startTimeMin": _rfc3339(start_ns),
            "query.startTimeMax": _rfc3339(max(end_ns, start_ns + 1)),
            "query.searchDepth": str(limit),
        }
        reply = self._v3("/api/v3/traces", {k: v for k, v in wanted.items() if v is not None})
        if reply is not None and reply.status == 404:
            return TraceSearch()
        if reply is not None and reply.status == 200:
            return TraceSearch(_by_trace(_v3_spans(reply)), _warning(reply), _who(reply))
        return self._search_v1(service, operation, tags, (start_ns, end_ns), limit)

    def latest(
        self, service: str = "", *, failed: bool = False, start_ns: int, end_ns: int, limit: int = 20
    ) -> LatestTraces:
        """Traces with a span of the service; where none is named, of the first ``MOST_SERVICES`` that there are."""
        every = [service] if service else self.services()
        looked = self._failed if failed else self.search
        searches = [looked(name, start_ns=start_ns, end_ns=end_ns, limit=limit) for name in every[:MOST_SERVICES]]
        said = [search.incomplete for search in searches if search.incomplete]
        if len(every) > MOST_SERVICES:
            said.append(f"the first {MOST_SERVICES} of {len(every):,} services were searched")
        found = (summary_of(spans) for search in searches for spans in search.traces if spans)
        return LatestTraces(newest(found, limit), "; ".join(dict.fromkeys(said)))

    def _failed(self, service: str, *, start_ns: int, end_ns: int, limit: int) -> TraceSearch:
        """Traces with a failed span. Before 2.20 Jaeger finds none by the tag: then those that failed of the newest."""
        search = partial(self.search, service, start_ns=start_ns, end_ns=end_ns, limit=limit)
        tagged = search(tags={"error": "true"})
        if tagged.traces:
            return tagged
        untagged = search()
        failed = tuple(spans for spans in untagged.traces if any(span.status == "error" for span in spans))
        cut = failed and len(untagged.traces) >= limit  # where none failed, the tag may have told the truth
        said = f"only the newest {limit} of {service} were looked at" if cut else untagged.incomplete
        return TraceSearch(failed, said or tagged.incomplete)

    def dependencies(self, end_ns: int, lookback_ns: int) -> dict[tuple[str, str], int]:
        """How often a service called another one within a time: (caller, callee) -> calls. Of the older API alone."""
        params = {"endTs": str(end_ns // _MS), "lookback": str(lookback_ns // _MS)}
        reply = self._v1("/api/dependencies", params)
        answer = reply.json()
        with understood(reply):
            calls = [mapping(one) for one in items(mapping(answer).get("data") or ())]
            return {(str(one["parent"]), str(one["child"])): integer(one["callCount"]) for one in calls}

    def _search_v1(
        self,
        service: str,
        operation: str | None,
        tags: Mapping[str, str] | None,
        window: tuple[int, int],
        limit: int,
    ) -> TraceSearch:
        wanted = {
            "service": service,
            "operation": operation,
            "tags": json.dumps(dict(tags)) if tags else None,
            "start": str(window[0] // 1000),
            "end": str(-(-window[1] // 1000)),
            "limit": str(limit),
        }
        reply = self._v1("/api/traces", {k: v for k, v in wanted.items() if v is not None})
        spans = [span for trace in _v1_traces(reply) for span in trace]
        return TraceSearch(_by_trace(spans), _v1_problems(reply), _who(reply))

    def _v3(self, path: str, params: Params | None = None) -> Reply | None:
        """A JSON answer of the v3 API; None where the server has no such route."""
        reply = self.http.get_json(path, params, ok=_ANSWERS)
        if not reply.is_json:
            return None
        answer = reply.json() if reply.status != 200 else {}
        known = reply.status == 200 or (isinstance(answer, dict) and "error" in answer)
        return _not_bad_id(reply, path) if known else None

    def _v1(self, path: str, params: Params | None = None, *, missing_ok: bool = False) -> Reply:
        reply = self.http.get_json(path, params, ok=(200, 404) if missing_ok else (200,))
        if not reply.is_json:
            raise BackendError(
                f"Jaeger API at {self.url} has neither /api/v3 nor {path}; it answered {reply.status} without JSON",
                hint="is this the query port? Jaeger's default is 16686",
            )
        return reply


def _not_bad_id(reply: Reply, path: str) -> Reply:
    """Only a search may fall back after a 400 (the older v3 spells its parameters in snake_case and cannot do tags)."""
    if reply.status == 400 and path != "/api/v3/traces":
        raise BackendError(f"{reply.name} at {reply.url} answered 400: {complaint(reply)}")
    return reply


def _v3_spans(reply: Reply) -> list[Span]:
    answer = reply.json()
    with understood(reply):
        # an empty result may be left out altogether
        return [s for s in spans_from_otlp(mapping(answer).get("result") or answer) if s.span_id]


def _v1_traces(reply: Reply) -> tuple[tuple[Span, ...], ...]:
    answer = reply.json()
    with understood(reply):
        return tuple(ordered(spans_from_ui(trace)) for trace in items(mapping(answer).get("data") or ()))


def _v1_problems(reply: Reply) -> str:
    """What the older API says of an answer that is not complete: its ``errors`` beside data."""
    answer = reply.json()
    with understood(reply):
        return "; ".join(str(mapping(error).get("msg", error)) for error in items(mapping(answer).get("errors") or ()))


def _warning(reply: Reply) -> str:
    """The same of ``/api/v3``, whose messages have no field for it: the text of a ``Warning`` header (RFC 7234)."""
    said = reply.headers.get("Warning", "")
    quoted = re.fullmatch(r'299 \S+ "(.*)"', said)
    return quoted[1] if quoted else ""


def _who(reply: Reply) -> str:
    return f"{reply.name} at {reply.url}"


def _names(reply: Reply, key: str) -> list[str]:
    """A list of names, or of objects with a name; absent and null mean empty."""
    answer = reply.json()
    with understood(reply):
        names = items(mapping(answer).get(key) or ())
        if problems := _v1_problems(reply):
            raise IncompleteError(_who(reply), problems)
        return sorted({str(name["name"] if isinstance(name, dict) else name) for name in names})


def _by_trace(spans: Iterable[Span]) -> tuple[tuple[Span, ...], ...]:
    """Spans of several traces, put together again by trace id; the trace that started last comes first."""
    groups: dict[str, list[Span]] = {}
    for span in spans:
        groups.setdefault(span.trace_id, []).append(span)
    return tuple(sorted(map(ordered, groups.values()), key=lambda t: t[0].start_ns, reverse=True))


def _rfc3339(ns: int) -> str:
    seconds, rest = divmod(ns, 10**9)
    return f"{(_EPOCH + timedelta(seconds=seconds)):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
