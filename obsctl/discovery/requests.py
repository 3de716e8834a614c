"""The requests in observed traces: which there are, and what all traces of each have in common. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from obsctl.clients.telemetry import Span, entry_spans, service_calls
from obsctl.discovery.model import ObservedRequest, ObservedSpan
from obsctl.languages.routes import with_placeholders
from obsctl.spec.contract import Edge
from obsctl.spec.scalars import METHODS

MOST_REQUESTS, MOST_SPANS, MOST_ATTRIBUTES = 30, 20, 30
"""How much a draft says at most: somebody is to read it."""

_METHOD, _STATUS = ("http.request.method", "http.method"), ("http.response.status_code", "http.status_code")
_PATH = ("url.path", "http.target", "url.full", "http.url")
_CALLERS = ("user_agent.", "client.", "net.", "network.", "thread.", "http.user_agent", "http.client_ip", "http.flavor")
"""Attributes that tell of who called, or over what: another caller would not have them."""

_NAMED = re.compile(r"(?:HTTP )?([A-Z]{3,7})(?: (/\S*))?")
_PORTS = ("server.port", "net.host.port")
_HOSTS = ("http.host", "url.full", "http.url")
_HELD_BY_ONE = re.compile(r"/(\d+|(?=[^/]*\d)[0-9A-Fa-f-]{8,}|[^/]{41,})(?=/|$)")
"""A part of a path that looks like an id: such a path is no route."""

Trace = tuple[Span, ...]


@dataclass(frozen=True)
class _Occurrence:
    """One occurrence of a request: the status of its answer, its entry span and all spans below that."""

    status: int
    spans: Trace


def server_entries(traces: Iterable[Trace], *, called: bool = False) -> Iterator[tuple[Span, Trace]]:
    """Server spans without a parent in their trace, each with that trace.

    With ``called`` those whose parent is a span of another service, too.
    """
    for spans in traces:
        known = {span.span_id for span in spans}
        for span in entry_spans(spans):
            if span.kind == "server" and (called or span.parent_id not in known):
                yield span, spans


def requests(
    traces: Iterable[Trace],
    entry: str,
    components: Collection[str],
    aside: Collection[str] = (),
    *,
    called: bool = False,
) -> tuple[ObservedRequest, ...]:
    """The requests that a component was sent, most frequent first, by what ``components`` did below them.

    ``aside`` are paths that nobody's request is for: metrics and probes. With ``called`` those that other observed
    components sent count, too.
    """
    occurrences: dict[tuple[str, str], list[_Occurrence]] = defaultdict(list)
    for span, spans in server_entries(traces, called=called):
        request = _request(span) if span.service == entry else None
        if request and request[1] not in aside:
            below = tuple(s for s in _below(span, spans) if s.service in components)
            occurrences[request].append(_Occurrence(_status(span), below))
    made = [_common(method, route, times) for (method, route), times in occurrences.items()]
    return tuple(sorted(made, key=lambda r: (-r.times, r.route, r.method))[:MOST_REQUESTS])


def _common(method: str, route: str, occurrences: Sequence[_Occurrence]) -> ObservedRequest:
    """What the occurrences with the most frequent status have in common."""
    status = Counter(occurrence.status for occurrence in occurrences).most_common(1)[0][0]
    alike = [occurrence.spans for occurrence in occurrences if occurrence.status == status]
    shared = set.intersection(*({span.service for span in spans} for spans in alike))
    calls = set.intersection(*(service_calls(spans) for spans in alike))
    between = sorted((Edge(*call) for call in calls if {*call} <= shared), key=str)
    first = [name for name in dict.fromkeys(span.service for span in alike[0]) if name in shared]
    ids = frozenset(occurrence.spans[0].trace_id for occurrence in occurrences)
    ports = frozenset(port for occurrence in occurrences if (port := _asked_port(occurrence.spans[0])))
    return ObservedRequest(
        method, route, len(occurrences), status, tuple(first), tuple(between), tuple(_spans(alike)), ids, ports
    )


def _spans(traces: Sequence[Trace]) -> Iterator[ObservedSpan]:
    """The spans that each trace has, in the order of the first one."""
    groups: dict[tuple[str, str, str], list[Span]] = defaultdict(list)
    held: Counter[tuple[str, str, str]] = Counter()
    for spans in traces:
        keys = [(span.service, span.kind, span.name) for span in spans]
        held.update(set(keys))
        for key, span in zip(keys, spans, strict=True):
            groups[key].append(span)
    always = [key for key in groups if held[key] == len(traces)]
    for service, kind, name in always[:MOST_SPANS]:
        alike = groups[service, kind, name]
        pattern = re.sub(r"[^\x20-\x7e]+", "*", name)[:200] + ("*" if len(name) > 200 else "")
        yield ObservedSpan(
            service, kind, pattern or "*", always_present([span.attributes for span in alike]), len(alike)
        )


def always_present(carriers: Sequence[Mapping[str, object]]) -> tuple[str, ...]:
    """Keys that all carry, with a value, in order; those that tell of the caller are left out."""
    shared = set.intersection(
        *({key for key, value in carrier.items() if value not in ("", None)} for carrier in carriers)
    )
    plain = sorted(key for key in shared if not key.startswith(_CALLERS) and re.fullmatch(r"[\x21-\x7e]{1,200}", key))
    return tuple(plain[:MOST_ATTRIBUTES])


def _below(root: Span, spans: Sequence[Span]) -> Trace:
    children: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        children[span.parent_id].append(span)
    found, todo, known = [root], [root.span_id], {root.span_id}
    while todo:
        fresh = [span for span in children[todo.pop()] if span.span_id not in known]
        known.update(span.span_id for span in fresh)
        todo += [span.span_id for span in fresh]
        found += fresh
    return tuple(sorted(found, key=lambda span: span.start_ns))


def _request(span: Span) -> tuple[str, str] | None:
    """Method and route, as a spec writes them; None for a span that is of no request, or does not say which."""
    named = _NAMED.fullmatch(span.name)
    method = _first(span, _METHOD) or (named[1] if named else "")
    path = urlsplit(_first(span, _PATH)).path
    route = str(span.attributes.get("http.route") or (named and named[2]) or _plain_path(span))
    if method not in METHODS or not route:
        return None
    route = with_placeholders(route)
    if "{" not in route and "*" not in route and path.endswith(route) and path.startswith("/"):
        route = path  # an application may be mounted below another path
    plain = re.sub(r"\{[A-Za-z_]\w*\}", "x", route)
    return (method, route) if re.fullmatch(r"/[\x21\x22\x24-\x3e\x40-\x7a\x7c\x7e]{0,300}", plain) else None


def _plain_path(span: Span) -> str:
    """The path of a request that was answered well, where no router named its route: it is one if nothing varies in it.

    Rails without the names of routes, Rack, WSGI and plain HTTP servers write such spans.
    """
    asked = urlsplit(_first(span, _PATH))
    varies = asked.query or span.attributes.get("url.query") or _HELD_BY_ONE.search(asked.path)
    return asked.path if _status(span) // 100 == 2 and not varies else ""


def _asked_port(span: Span) -> int:
    """The port of the service that a span names; 0 for none."""
    port = _first(span, _PORTS)
    if re.fullmatch(r"[1-9]\d{0,4}", port):
        return int(port)
    host = re.match(r"(?:https?://)?[^/?#@]*:([1-9]\d{0,4})(?![^/?#])", _first(span, _HOSTS))
    return int(host[1]) if host else 0


def _status(span: Span) -> int:
    found = _first(span, _STATUS)
    return int(found) if re.fullmatch(r"[1-5]\d\d", found) else 0


def _first(span: Span, keys: Iterable[str]) -> str:
    return next((str(span.attributes[key]) for key in keys if span.attributes.get(key)), "")


def links(traces: Sequence[Trace], components: Collection[str]) -> Mapping[Edge, int]:
    """Links from spans of one component to spans of another, in another trace as a rule."""
    owner = {(span.trace_id, span.span_id): span.service for spans in traces for span in spans}
    pairs = (
        (owner.get((link.trace_id, link.span_id), ""), span.service)
        for spans in traces
        for span in spans
        for link in span.links
    )
    return Counter(Edge(a, b) for a, b in pairs if a != b and {a, b} <= set(components))
