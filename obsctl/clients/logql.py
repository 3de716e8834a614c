"""The Loki HTTP API, read side (2.9 and 3.x, and whatever speaks like it)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Literal
from urllib.parse import quote

from obsctl.access.options import PLAIN, ComponentAccess
from obsctl.clients.http import Http, Reply, understood
from obsctl.clients.telemetry import LogLine, MetricSample
from obsctl.errors import BackendError, IncompleteError
from obsctl.json_types import Json, JsonObject, integer, items, mapping, number, strings

MAX_LIMIT = 5000
"""Most lines that a stock Loki returns for one query."""

_CATEGORIZE = {"X-Loki-Response-Encoding-Flags": "categorize-labels"}


class LogqlClient:
    """Log queries. Every method raises ``BackendError`` with the server's message, ``UnsupportedError``, or
    ``IncompleteError`` for an answer that the server says is not complete.

    Times are nanoseconds since the epoch, start included, end excluded. Safe to share between threads.
    """

    def __init__(self, url: str, *, timeout: float = 5.0, access: ComponentAccess = PLAIN) -> None:
        self.url = url
        self.http = Http(url, timeout=timeout, name="Loki API", access=access)

    def lines(
        self,
        query: str,
        start_ns: int,
        end_ns: int,
        limit: int = 1000,
        direction: Literal["forward", "backward"] = "forward",
    ) -> list[LogLine]:
        """Lines that fit a log query, by time in the direction asked for.

        Structured metadata is told apart from stream labels where the server can (Loki 3); an older one merges them,
        and then all of it is in ``labels``. ``LogLine.get`` reads either.
        """
        params: dict[str, str | int] = {
            "query": query,
            "start": start_ns,
            "end": max(end_ns, start_ns + 1),
            "limit": min(limit, MAX_LIMIT),
            "direction": direction,
        }
        reply = self.http.get_json("/loki/api/v1/query_range", params, headers=_CATEGORIZE)
        answer = _data(reply)
        with understood(reply):
            data = mapping(answer or {})
            if data["resultType"] != "streams":
                raise ValueError(data["resultType"])
            found = [line for stream in items(data["result"] or ()) for line in _lines(stream)]
        # streams come one after the other; within one nanosecond their order is kept
        return sorted(found, key=lambda line: line.time_ns, reverse=direction == "backward")

    def found(self, query: str, start_ns: int, end_ns: int) -> int:
        """How many lines a log query finds, or how many series a metric query has; no more than a page shows."""
        window = {"start": start_ns, "end": max(end_ns, start_ns + 1), "limit": 100}
        reply = self.http.get_json("/loki/api/v1/query_range", {"query": query, **window}, headers=_CATEGORIZE)
        answer = _data(reply)
        with understood(reply):
            data = mapping(answer or {})
            result = items(data["result"] or ())
            streams = data["resultType"] == "streams"
            return sum(len(items(mapping(stream)["values"])) for stream in result) if streams else len(result)

    def instant(self, query: str, at_ns: int) -> list[MetricSample]:
        """The value of a metric query at one time."""
        answer = _data(reply := self.http.get_json("/loki/api/v1/query", {"query": query, "time": at_ns}))
        with understood(reply):
            data = mapping(answer or {})
            if data["resultType"] != "vector":
                raise ValueError(data["resultType"])
            return [_sample(mapping(series)) for series in items(data["result"] or ())]

    def labels(self, start_ns: int | None = None, end_ns: int | None = None) -> list[str]:
        """Names of stream labels; without times the server looks at the last hour."""
        return self._names("/loki/api/v1/labels", start_ns, end_ns)

    def label_values(self, name: str, start_ns: int | None = None, end_ns: int | None = None) -> list[str]:
        """Values of a stream label; without times the server looks at the last hour."""
        return self._names(f"/loki/api/v1/label/{quote(name, safe='')}/values", start_ns, end_ns)

    def by_id(self, field: str, value: str, start_ns: int, end_ns: int, limit: int = 1000) -> list[LogLine]:
        """Lines that carry an id (``trace_id``, ``request_id``, ``span_id``) as structured metadata or label.

        A stack whose streams have no ``service_name`` (Loki 2) is searched by the id's text instead.
        """
        found = self.lines(by_id_query(field, value), start_ns, end_ns, limit)
        if found:
            return found
        labels = self.labels(start_ns, end_ns)
        if "service_name" in labels or "job" not in labels:
            return []
        return self.lines(f'{{job=~".+"}} |= {string_literal(value)}', start_ns, end_ns, limit)

    def _names(self, path: str, start_ns: int | None, end_ns: int | None) -> list[str]:
        params = {k: v for k, v in (("start", start_ns), ("end", end_ns)) if v is not None}
        reply = self.http.get_json(path, params)
        data = _data(reply)
        with understood(reply):
            return sorted(map(str, items(data or ())))


def by_id_query(field: str, value: str) -> str:
    """The query that ``by_id`` asks, for quoting as evidence."""
    return f'{{service_name=~".+"}} | {field}={string_literal(value)}'


def string_literal(text: str) -> str:
    """A text as a LogQL string literal. Go and JSON agree on the escapes that are used here."""
    return json.dumps(text, ensure_ascii=False)


def _data(reply: Reply) -> Json:
    """``data`` of the envelope; None where the server left it out, which it does for "nothing".

    Loki warns of what an answer lacks (series beyond a limit, stores that did not answer): ``IncompleteError``.
    """
    answer = reply.json()
    if not isinstance(answer, dict) or answer.get("status") != "success":
        raise BackendError(f"{reply.name} at {reply.url} did not succeed: {reply.text[:300]}")
    if warnings := answer.get("warnings"):
        with understood(reply):
            raise IncompleteError(f"{reply.name} at {reply.url}", "; ".join(map(str, items(warnings))))
    return answer.get("data")


def _sample(series: JsonObject) -> MetricSample:
    time, value = items(series["value"])
    return MetricSample(strings(series["metric"]), number(time), number(value))


def _lines(stream: Json) -> Iterator[LogLine]:
    labels = strings(mapping(stream)["stream"])
    for entry in items(mapping(stream)["values"]):
        time_ns, line, *rest = items(entry)
        metadata = strings(mapping(rest[0]).get("structuredMetadata", {})) if rest else {}
        yield LogLine(integer(time_ns), str(line), labels, metadata)
