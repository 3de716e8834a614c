"""A trace as TraceQL looks at it: spans with their parents, children and siblings, and what fields of them are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from obsctl.embedded.query.traces import root_of
from obsctl.embedded.spans import Attributes, AttributeValue, StoredEvent, StoredLink, StoredSpan
from obsctl.languages.traceql.tree import Field, SpanKind, SpanStatus, Value

Values = tuple[Value, ...]
"""What a field of a span is: nothing, one value, or several (arrays, events, links)."""

STATUS_NAMES, KIND_NAMES = tuple(SpanStatus), tuple(SpanKind)


@dataclass(frozen=True)
class TraceView:
    """The spans of one trace, by position. A span is the child of every span that has its parent's id."""

    spans: Sequence[StoredSpan]

    @cached_property
    def positions(self) -> Mapping[bytes, list[int]]:
        """Positions by span id: more than one where client and server share one."""
        found: dict[bytes, list[int]] = defaultdict(list)
        for position, stored in enumerate(self.spans):
            found[stored.span_id].append(position)
        return dict(found)

    @cached_property
    def parents(self) -> Sequence[int]:
        """Position of each span's parent; -1 where it has none here, and where it names itself."""
        return [self._parent(position) for position in range(len(self.spans))]

    def _parent(self, position: int) -> int:
        wanted = self.spans[position].parent_id
        found = self.positions.get(wanted, ()) if wanted else ()
        return next((one for one in found if one != position), -1)

    @cached_property
    def children(self) -> Sequence[Sequence[int]]:
        """Positions of each span's children."""
        found: list[list[int]] = [[] for _ in self.spans]
        for position, parent in enumerate(self.parents):
            if parent >= 0:
                found[parent].append(position)
        return found

    @cached_property
    def root(self) -> StoredSpan:
        """See ``root_of``."""
        return root_of(self.spans)

    @cached_property
    def root_is_here(self) -> bool:
        """Whether the root has arrived: a span without a parent id."""
        return not self.root.parent_id

    @cached_property
    def start(self) -> int:
        """When the first span started (ns)."""
        return min(s.start_ns for s in self.spans)

    @cached_property
    def duration(self) -> int:
        """From the first start to the last end (ns)."""
        return max(0, max(s.end_ns for s in self.spans) - self.start)


def lone(stored: StoredSpan) -> TraceView:
    """A span by itself, for fields that need no trace."""
    return TraceView((stored,))


Getter = Callable[[TraceView, int], Values]


def getter(field: Field) -> Getter:
    """How to look a field up."""
    if field.scope == "intrinsic":
        return _INTRINSICS[field.name]
    find = _FINDERS[field.scope]
    name = field.name
    if not field.parent:
        return lambda view, position: find(view.spans[position], name)

    def of_parent(view: TraceView, position: int) -> Values:
        parent = view.parents[position]
        return find(view.spans[parent], name) if parent >= 0 else ()

    return of_parent


def scalars(value: AttributeValue) -> Values:
    """An attribute value as values to compare with; an array is every one of its elements, maps and bytes are none."""
    if isinstance(value, str | int | float):
        return (value,)
    if isinstance(value, tuple):
        return tuple(item for item in value if isinstance(item, str | int | float))
    return ()


def _find(attributes: Attributes, name: str) -> Values:
    """Of a repeated key the first one counts."""
    return scalars(attributes.first(name))


def _each(parts: Iterable[StoredEvent | StoredLink], name: str) -> Values:
    return tuple(value for part in parts for value in _find(part.attributes, name))


def _anywhere(stored: StoredSpan, name: str) -> Values:
    return next((found for scope in _ORDER if (found := _FINDERS[scope](stored, name))), ())


_ORDER = ("span", "resource", "instrumentation", "event", "link")
"""Where an attribute without a scope is looked for; the first that has it wins."""

_FINDERS: Mapping[str, Callable[[StoredSpan, str], Values]] = {
    "span": lambda s, name: _find(s.attributes, name),
    "resource": lambda s, name: _find(s.resource.attributes, name),
    "instrumentation": lambda s, name: _find(s.scope.attributes, name),
    "event": lambda s, name: _each(s.events, name),
    "link": lambda s, name: _each(s.links, name),
    "": _anywhere,
}


def _of_span(read: Callable[[StoredSpan], Value]) -> Getter:
    return lambda view, position: (read(view.spans[position]),)


def _of_events(read: Callable[[StoredSpan, StoredEvent], Value]) -> Getter:
    def get(view: TraceView, position: int) -> Values:
        span = view.spans[position]
        return tuple(read(span, event) for event in span.events)

    return get


def _of_links(read: Callable[[StoredLink], Value]) -> Getter:
    return lambda view, position: tuple(read(link) for link in view.spans[position].links)


def _enumerated(names: Sequence[SpanStatus] | Sequence[SpanKind], number: int) -> Value:
    """The name of an enum's number; what nobody knows is the first one."""
    return names[number] if 0 <= number < len(names) else names[0]


_INTRINSICS: Mapping[str, Getter] = {
    "name": _of_span(lambda span: span.name),
    "status": _of_span(lambda span: _enumerated(STATUS_NAMES, span.status.code)),
    "statusMessage": _of_span(lambda span: span.status.message),
    "kind": _of_span(lambda span: _enumerated(KIND_NAMES, span.kind)),
    "duration": _of_span(lambda span: span.duration_ns),
    "span:id": _of_span(lambda span: span.span_id.hex()),
    "span:parentID": _of_span(lambda span: span.parent_id.hex()),
    "trace:id": _of_span(lambda span: span.trace_id.hex()),
    "parent": lambda view, position: _hex(view.spans[position].parent_id),
    "event:name": _of_events(lambda _, event: event.name),
    "event:timeSinceStart": _of_events(lambda span, event: event.time_ns - span.start_ns),
    "link:traceID": _of_links(lambda link: link.trace_id.hex()),
    "link:spanID": _of_links(lambda link: link.span_id.hex()),
    "instrumentation:name": lambda view, position: (view.spans[position].scope.name,),
    "instrumentation:version": lambda view, position: (view.spans[position].scope.version,),
    "childCount": lambda view, position: (len(view.children[position]),),
    "nestedSetParent": lambda view, position: (view.parents[position] + 1 or -1,),
    "traceDuration": lambda view, _: (view.duration,),
    "rootName": lambda view, _: (view.root.name,) if view.root_is_here else (),
    "rootServiceName": lambda view, _: (view.root.service,) if view.root_is_here else (),
}


def _hex(identifier: bytes) -> Values:
    return (identifier.hex(),) if identifier else ()


def descends(view: TraceView, ancestors: Iterable[int]) -> Iterator[int]:
    """Positions of everything below some spans."""
    waiting = [child for ancestor in ancestors for child in view.children[ancestor]]
    seen: set[int] = set()
    while waiting:
        position = waiting.pop()
        if position not in seen:  # parents may go round in a circle
            seen.add(position)
            yield position
            waiting += view.children[position]


def ascends(view: TraceView, descendants: Iterable[int]) -> Iterator[int]:
    """Positions of everything above some spans."""
    seen: set[int] = set()
    for position in descendants:
        above = view.parents[position]
        while above >= 0 and above not in seen:
            seen.add(above)
            yield above
            above = view.parents[above]
