"""Looking for traces: what a search means, which spans count, and how much is read at most."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

from obsctl.embedded.query import attributes
from obsctl.embedded.spans import ERROR_CODE, Attributes, StoredSpan
from obsctl.embedded.store.base import (
    ColumnIn,
    Conjunction,
    Disjunction,
    HasAttribute,
    ResourceMatches,
    ScopeMatches,
    SpanPredicate,
    SpanReader,
    SpanScan,
)

KINDS = ("", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")
MAX_SCANNED = 200_000
MAX_SPANS = 100_000

Trace = Sequence[StoredSpan]


@dataclass(frozen=True)
class TraceQuery:
    """A search. All conditions must hold on one span; whole traces are the answer. Nanoseconds."""

    scan: SpanScan
    tags: Mapping[str, str] = field(default_factory=dict)
    limit: int = 100


@dataclass(frozen=True)
class Found:
    """Traces in the order they were found, newest first for a search.

    ``missing`` are ids that were asked for and are not stored; ``cut`` says why there may be more, "" when there are
    not.
    """

    traces: Sequence[Trace]
    missing: Sequence[bytes] = ()
    cut: str = ""


def kind_name(kind: int) -> str:
    """A span kind number as Jaeger names it; "" for unspecified and unknown ones."""
    return KINDS[kind] if 0 <= kind < len(KINDS) else ""


def only_newest(count: int) -> str:
    """The sentence of a search that ended before it had looked at everything."""
    return f"only the newest {count} spans were searched: narrow the time range"


@dataclass
class Candidates:
    """Ids of traces with a span that passes a test, newest first, each once, as they are found.

    At most ``MAX_SCANNED`` spans are looked at; ``cut`` says so once it happened.
    """

    spans: SpanReader
    scan: SpanScan
    test: Callable[[StoredSpan], bool]
    cut: str = ""
    scanned: int = 0

    def __iter__(self) -> Iterator[bytes]:
        seen: set[bytes] = set()
        for stored in self.spans.scan(self.scan):
            if self.scanned >= MAX_SCANNED:
                self.cut = only_newest(MAX_SCANNED)
                return
            self.scanned += 1
            trace_id = stored.trace_id
            if trace_id not in seen and self.test(stored):
                seen.add(trace_id)
                yield trace_id


def search(spans: SpanReader, query: TraceQuery) -> Found:
    """Traces that match, read until ``limit`` traces, ``MAX_SCANNED`` candidates or ``MAX_SPANS`` spans."""
    tests = [_tag_test(key, value) for key, value in query.tags.items()]
    predicates = [query.scan.prefilter] if query.scan.prefilter else []
    predicates += [_tag_predicate(key, value) for key, value in query.tags.items()]
    scan = replace(query.scan, prefilter=Conjunction(tuple(predicates))) if predicates else query.scan
    candidates = Candidates(spans, scan, lambda span: all(test(span) for test in tests))
    found = fetch(spans, islice(candidates, query.limit))
    return Found(found.traces, cut=found.cut or candidates.cut)


def fetch(spans: SpanReader, ids: Iterable[bytes]) -> Found:
    """Traces by id, each once, until there are ``MAX_SPANS`` spans."""
    traces: list[Trace] = []
    missing: list[bytes] = []
    total = 0
    for trace_id in _distinct(ids):
        if total >= MAX_SPANS:
            return Found(traces, missing, f"the answer was cut after {len(traces)} traces with {total} spans")
        trace = spans.trace(trace_id)
        total += len(trace)
        if trace:
            traces.append(trace)
        else:
            missing.append(trace_id)
    return Found(traces, missing)


def _distinct(ids: Iterable[bytes]) -> Iterator[bytes]:
    seen: set[bytes] = set()
    for one in ids:
        if one not in seen:
            seen.add(one)
            yield one


def _tag_test(key: str, value: str) -> Callable[[StoredSpan], bool]:
    """Whether a span carries a tag: one of the pseudo-keys, or an attribute of span, resource, scope or an event."""
    pseudo = _PSEUDO.get(key)
    bare = key.removeprefix("resource.")

    def test(span: StoredSpan) -> bool:
        if pseudo is not None and pseudo(span) == value.lower():
            return True
        if bare != key and _has(span.resource.attributes, bare, value):
            return True
        return any(_has(group, key, value) for group in _attribute_groups(span))

    return test


def _tag_predicate(key: str, value: str) -> SpanPredicate:
    """A predicate that holds wherever ``_tag_test`` does."""
    if not value and key in _PSEUDO:
        return Conjunction(())
    bare = key.removeprefix("resource.")
    parts: list[SpanPredicate] = [
        HasAttribute(key, _spelled(value) if value else None, nested=True),
        ResourceMatches(lambda r: _has(r.attributes, key, value) or (bare != key and _has(r.attributes, bare, value))),
        ScopeMatches(
            lambda s: (
                _has(s.attributes, key, value)
                or {"scope.name": s.name, "scope.version": s.version}.get(key, "").lower() == value.lower()
            )
        ),
    ]
    if key in _NUMBERED:
        column, names = _NUMBERED[key]
        parts.append(ColumnIn(column, frozenset(number for number, name in enumerate(names) if name == value.lower())))
    return Disjunction(tuple(parts))


def _spelled(value: str) -> tuple[str | bool | int | float, ...]:
    """Values that a text may stand for."""
    found: list[str | bool | int | float] = [value]
    if value in ("true", "false"):
        found.append(value == "true")
    if re.fullmatch(r"-?\d{1,19}", value, re.ASCII):
        found.append(int(value))
    with contextlib.suppress(ValueError):
        found.append(float(value))
    return tuple(found)


def _attribute_groups(span: StoredSpan) -> Iterator[Attributes]:
    yield span.attributes
    yield span.resource.attributes
    yield span.scope.attributes
    for event in span.events:
        yield event.attributes


def _has(group: Attributes, key: str, value: str) -> bool:
    return any(attributes.text(found) == value for found in group.all(key))


def _status(span: StoredSpan) -> str:
    code = span.status.code
    return STATUSES[code] if 0 <= code < len(STATUSES) else ""


def _error(span: StoredSpan) -> str:
    """``error=false`` means that the status is explicitly OK, as in Jaeger."""
    return {"error": "true", "ok": "false"}.get(_status(span), "")


_PSEUDO: Mapping[str, Callable[[StoredSpan], str]] = {
    "span.kind": lambda s: kind_name(s.kind),
    "span.status": _status,
    "error": _error,
    "scope.name": lambda s: s.scope.name.lower(),
    "scope.version": lambda s: s.scope.version.lower(),
}


_NUMBERED: Mapping[str, tuple[Literal["kind", "status"], tuple[str, ...]]] = {
    "span.kind": ("kind", KINDS),
    "span.status": ("status", STATUSES),
    "error": ("status", ("", "false", "true")),
}
"""Pseudo-keys that are columns, with what their numbers are called."""


@dataclass(frozen=True)
class Dependency:
    """How often one service called another, by spans whose parent belongs to the other service."""

    parent: str
    child: str
    calls: int


@dataclass(frozen=True)
class ServiceGraph:
    """Links between services; ``cut`` says why there may be more, "" when there are not."""

    links: Sequence[Dependency]
    cut: str = ""


def dependencies(spans: SpanReader, start: int, end: int) -> ServiceGraph:
    """Links between services in the newest ``MAX_SCANNED`` spans that started in the given time (ns)."""
    services: dict[tuple[bytes, bytes], str] = {}
    callers: list[tuple[tuple[bytes, bytes], str]] = []
    found = spans.scan(SpanScan(start_min=start, start_max=end))
    for span in islice(found, MAX_SCANNED):
        services[span.trace_id, span.span_id] = span.service
        if span.parent_id:
            callers.append(((span.trace_id, span.parent_id), span.service))
    counts: dict[tuple[str, str], int] = {}
    for parent, child in callers:
        caller = services.get(parent, child)
        if caller != child:
            counts[caller, child] = counts.get((caller, child), 0) + 1
    links = [Dependency(parent, child, calls) for (parent, child), calls in sorted(counts.items())]
    return ServiceGraph(links, only_newest(MAX_SCANNED) if next(found, None) else "")


@dataclass(frozen=True)
class ServiceCount:
    """Spans of one service in a trace, and how many of them failed."""

    name: str
    spans: int
    errors: int


@dataclass(frozen=True)
class Summary:
    """A trace in a line. Times in nanoseconds; the root is the earliest span without a parent in the trace."""

    trace_id: bytes
    root: StoredSpan
    start: int
    end: int
    services: Sequence[ServiceCount]


def root_of(trace: Trace) -> StoredSpan:
    """The span without a parent; where none has arrived, the earliest one whose parent is not there."""
    ids = {span.span_id for span in trace}
    roots = [span for span in trace if span.parent_id not in ids] or trace  # a cycle has no root: take the earliest
    return min(roots, key=lambda span: (bool(span.parent_id), span.start_ns))


def summarize(trace: Trace) -> Summary:
    """The summary of a trace of at least one span."""
    counts: dict[str, list[int]] = {}
    for stored in trace:
        count = counts.setdefault(stored.service, [0, 0])
        count[0] += 1
        count[1] += stored.status.code == ERROR_CODE
    return Summary(
        trace[0].trace_id,
        root_of(trace),
        min(s.start_ns for s in trace),
        max(s.end_ns for s in trace),
        [ServiceCount(name, total, errors) for name, (total, errors) in sorted(counts.items())],
    )
