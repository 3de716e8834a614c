"""What there is to type into a query: names of attributes, and values of one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from obsctl.embedded.query.traceql.expressions import test
from obsctl.embedded.query.traceql.plan import narrowed, necessary
from obsctl.embedded.query.traceql.prefilter import prefilter
from obsctl.embedded.query.traceql.view import getter, lone
from obsctl.embedded.query.traces import only_newest
from obsctl.embedded.spans import StoredSpan
from obsctl.embedded.store.base import SpanReader, SpanScan
from obsctl.languages.errors import QueryError
from obsctl.languages.traceql.names import SHOWN_INTRINSICS
from obsctl.languages.traceql.parse import parse
from obsctl.languages.traceql.tree import Expr, Field, FieldOp, Pipeline, SpanKind, SpanStatus, Static, Value

MAX_LOOKED = 20_000
"""Spans looked at, the newest ones: what is offered comes from them."""

SCOPES = ("resource", "span", "event", "link", "instrumentation", "intrinsic")


def condition_of(query: str) -> Expr | None:
    """What narrows the spans that are looked at. Half-typed queries are common here, and narrow nothing."""
    try:
        pipeline = parse(query) if query else Pipeline(())
    except QueryError:
        return None
    return necessary(pipeline)


@dataclass(frozen=True)
class TagNames:
    """Attribute names by scope, sorted; ``cut`` says why there may be more, "" when there are not."""

    scopes: Mapping[str, list[str]]
    cut: str = ""


@dataclass(frozen=True)
class TagValues:
    """Values of a field, sorted as text; ``cut`` says why there may be more, "" when there are not."""

    values: Sequence[Value]
    cut: str = ""


def names(
    spans: SpanReader, condition: Expr | None, window: tuple[int | None, int | None], scopes: Sequence[str]
) -> TagNames:
    """Attribute names of the newest ``MAX_LOOKED`` spans."""
    found: dict[str, set[str]] = {scope: set() for scope in scopes}
    wanted = [(found[scope], keys) for scope, keys in _KEYS.items() if scope in found]
    looked = _NewestSpans(spans, condition, window)
    for stored in looked if wanted else ():
        for into, keys in wanted:
            into.update(keys(stored))
    if "intrinsic" in found:
        found["intrinsic"].update(SHOWN_INTRINSICS)
    return TagNames({scope: sorted(keys) for scope, keys in found.items()}, looked.cut)


def values(
    spans: SpanReader, field: Field, condition: Expr | None, window: tuple[int | None, int | None], limit: int
) -> TagValues:
    """Values of a field, at most ``limit``, in the newest ``MAX_LOOKED`` spans."""
    cut = ""
    known = _known(spans, field) if condition is None else None
    if known is None:
        there = FieldOp("!=", field, Static(None))
        condition = FieldOp("&&", condition, there) if condition else there
        get = getter(field)
        seen: dict[tuple[type, Value], None] = {}
        looked = _NewestSpans(spans, condition, window)
        for stored in looked:
            seen |= {(type(value), value): None for value in get(lone(stored), 0) if value != ""}
            if len(seen) >= limit:
                break
        known, cut = [value for _, value in seen], looked.cut
    return TagValues(sorted(known, key=_shown)[:limit], cut)


def _shown(value: Value) -> str:
    return value.value if isinstance(value, SpanStatus | SpanKind) else str(value)


def _known(spans: SpanReader, field: Field) -> list[Value] | None:
    """Values that need no look at spans."""
    if field == Field("resource", "service.name") or field == Field("intrinsic", "rootServiceName"):
        return list(spans.services())
    if field in (Field("intrinsic", "name"), Field("intrinsic", "rootName")):
        return list({name for service in spans.services() for name, _ in spans.operations(service)})
    if field == Field("intrinsic", "status"):
        return list(SpanStatus)
    return list(SpanKind) if field == Field("intrinsic", "kind") else None


class _NewestSpans:
    """Spans that pass a condition, of the newest ``MAX_LOOKED``; ``cut`` says so once there were more."""

    def __init__(self, spans: SpanReader, condition: Expr | None, window: tuple[int | None, int | None]) -> None:
        self.cut = ""
        self._passes = test(condition)
        scan = SpanScan(start_min=window[0], start_max=window[1], prefilter=prefilter(condition))
        self._found = spans.scan(narrowed(scan, condition))

    def __iter__(self) -> Iterator[StoredSpan]:
        for stored in islice(self._found, MAX_LOOKED):
            if self._passes(lone(stored), 0):
                yield stored
        if next(self._found, None) is not None:
            self.cut = only_newest(MAX_LOOKED)


_KEYS: Mapping[str, Callable[[StoredSpan], Iterator[str]]] = {
    "resource": lambda s: s.resource.attributes.names(),
    "span": lambda s: s.attributes.names(),
    "instrumentation": lambda s: s.scope.attributes.names(),
    "event": lambda s: (key for event in s.events for key in event.attributes.names()),
    "link": lambda s: (key for link in s.links for key in link.attributes.names()),
}
