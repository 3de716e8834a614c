"""Pure questions about the spans of one trace."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache

from obsctl.clients.telemetry import Span, service_calls
from obsctl.json_types import Json, JsonObject
from obsctl.probes import ProbeRequest
from obsctl.spec.contract import Edge, SpanRule, TraceRule


def flaws(request: ProbeRequest, spans: Sequence[Span]) -> tuple[str, ...]:
    """Why a trace is not one tree under the span that was injected; empty when it is."""
    ids = Counter(s.span_id for s in spans)
    entries = [s for s in spans if s.parent_id == request.parent_id]
    loose = [s for s in spans if s.parent_id != request.parent_id and (not s.parent_id or s.parent_id not in ids)]
    found = [f"{named(s)} has no parent: a second trace root" for s in loose if not s.parent_id]
    found += [f"{named(s)} is an orphan: its parent {s.parent_id} is not stored" for s in loose if s.parent_id]
    found += [f"span id {span_id} is used {times} times" for span_id, times in ids.items() if times > 1]
    if len(entries) != 1:
        names = f": {', '.join(named(s) for s in entries)}" if entries else ""
        found.insert(0, f"{len(entries)} spans have the injected span {request.parent_id} as parent, not 1{names}")
    circling = len(spans) - _reached(spans, [*entries, *loose])
    return (*found, f"{circling} spans are each other's ancestors") if circling else tuple(found)


def _reached(spans: Sequence[Span], starts: Iterable[Span]) -> int:
    """How many spans hang under the starts, themselves included."""
    children: dict[str, list[int]] = {}
    for index, span in enumerate(spans):
        children.setdefault(span.parent_id, []).append(index)
    position = {id(s): i for i, s in enumerate(spans)}
    todo, reached = [position[id(s)] for s in starts], set[int]()
    while todo:
        index = todo.pop()
        if index not in reached:
            reached.add(index)
            todo.extend(children.get(spans[index].span_id, ()))
    return len(reached)


def named(span: Span) -> str:
    """A span as evidence names it."""
    return f"{span.service}: {span.name}"


@lru_cache(maxsize=1024)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


def like(pattern: str, value: str) -> bool:
    """Whether a value fits a pattern in which ``*`` stands for anything."""
    return _glob(pattern).fullmatch(value) is not None


def text(value: Json) -> str:
    """An attribute value as contracts write it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, default=str)
    return str(value)


def _meets(span: Span, rule: SpanRule, excused: Collection[str] = ()) -> bool:
    """Whether a span is the one a rule means; an attribute that is excused may be absent, but not different."""
    return (
        span.service == rule.component
        and rule.kind in ("", span.kind)
        and like(rule.name, span.name)
        and all(
            any(like(pattern, text(span.attributes[key])) for pattern in allowed)
            if key in span.attributes
            else key in excused
            for key, allowed in rule.match.items()
        )
    )


def candidates(spans: Sequence[Span], rule: SpanRule) -> tuple[Span, ...]:
    """The spans a rule means.

    An attribute that the rule both matches on and requires may be absent where no span has it: that it is missing is
    the business of ``traces.attributes``, and the span itself is there.
    """
    strict = tuple(s for s in spans if _meets(s, rule))
    return strict or tuple(s for s in spans if _meets(s, rule, rule.attributes))


def absent(span: Span, rule: SpanRule) -> tuple[str, ...]:
    """The required attributes that a span lacks; an empty one counts as lacking."""
    return tuple(key for key in rule.attributes if text(span.attributes.get(key)) == "")


def linked_calls(spans: Sequence[Span], linked: Sequence[Span]) -> set[Edge]:
    """Which service goes on in a trace of its own, with a span link to a span of which service."""
    services = {s.span_id: s.service for s in spans}
    return {Edge(services[k.span_id], s.service) for s in linked for k in s.links if k.span_id in services}


def misshapen(spans: Sequence[Span], rule: TraceRule, linked: Sequence[Span] = ()) -> tuple[str, ...]:
    """What a trace lacks of its rule: components, edges, links, then spans; empty when it has all of it.

    ``linked`` are the spans of traces that link to this one: they count where the rule asks for links.
    """
    linked = linked if rule.links else ()
    missing_links = [link for link in rule.links if link not in linked_calls(spans, linked)]
    calls = {Edge(*call) for call in service_calls(spans)}
    spans = (*spans, *linked)
    services = {s.service for s in spans}
    gone = [name for name in rule.components if name not in services]
    found = [f"no span of {name}" for name in gone]
    found += [
        f"no call {edge}" for edge in rule.edges if edge not in calls and not {edge.source, edge.target} & {*gone}
    ]
    found += [f"no span link from {link.target} to {link.source}" for link in missing_links if link.source not in gone]
    found += [
        f"no span like {described(span_rule)}"
        for span_rule in rule.spans
        if span_rule.component not in gone and not candidates(spans, span_rule)
    ]
    return tuple(found)


def described(rule: SpanRule) -> str:
    """A span rule in one line."""
    wanted = [rule.component, rule.kind, rule.name if rule.name != "*" else ""]
    wanted += [f"{key}={'|'.join(allowed)}" for key, allowed in rule.match.items()]
    return f"{rule.id} ({' '.join(w for w in wanted if w)})"


def values(span: Span) -> Iterator[tuple[str, str]]:
    """Every text a span carries, with where it stands: name, state, attributes, resource, events."""
    yield "name", span.name
    yield "status message", span.status_message
    yield "trace state", span.trace_state
    yield from _pairs("attribute", span.attributes)
    yield from _pairs("resource attribute", span.resource)
    for event in span.events:
        yield "event name", event.name
        yield from _pairs("event attribute", event.attributes)


def _pairs(kind: str, attributes: JsonObject) -> Iterator[tuple[str, str]]:
    for key, value in attributes.items():
        yield f"{kind} {key}", text(value)
        yield f"{kind} key", key


def keys(span: Span) -> Iterator[str]:
    """Every attribute key on a span, its resource and its events."""
    yield from span.attributes
    yield from span.resource
    for event in span.events:
        yield from event.attributes
