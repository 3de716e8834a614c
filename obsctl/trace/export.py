"""A ``TraceTree`` as JSON values: ``obsctl.trace/1``. Nanoseconds are decimal strings, ids lower-case hex."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from obsctl.json_types import Json, JsonObject
from obsctl.trace.model import Gap, LogEntry, Segment, SpanNode, TraceTree

SCHEMA = "obsctl.trace/1"
"""Version of the shape; it changes only when a key is removed or changes its meaning."""


def to_json(tree: TraceTree) -> JsonObject:
    """The assembled tree as one JSON object; ``spans`` depth first, ``resource`` an index into ``resources``."""
    resources = _Resources()
    spans = [_span(tree, node, resources) for node in tree.nodes]
    entries = [*(entry for node in tree.nodes for entry in node.logs), *tree.logs]
    return {
        "schema": SCHEMA,
        "trace_id": tree.trace_id,
        "status": tree.status,
        "root": _root(tree.root),
        "start_unix_nano": str(tree.start_ns),
        "duration_ns": str(tree.duration_ns),
        "counts": _counts(tree),
        "complete": tree.complete,
        "warnings": [
            {"code": w.code, "message": w.message, "span_id": w.span_id, "parent_span_id": w.parent_id or None}
            for w in tree.warnings
        ],
        "spans": spans,
        "resources": resources.all,
        "critical_path": [_segment(tree, s) for s in tree.critical],
        "gaps": [_gap(tree, g) for g in tree.gaps],
        "logs": [_log(entry) for entry in sorted(entries, key=lambda entry: entry.time_ns)],
    }


def _root(root: SpanNode | None) -> Json:
    if root is None:
        return None
    return {"span_id": root.span.span_id, "service": root.span.service, "name": root.span.name}


class _Resources:
    """Resources in the order in which they are first seen; spans of one service share theirs."""

    def __init__(self) -> None:
        self.all: list[Json] = []
        self._index: dict[str, int] = {}

    def index(self, resource: JsonObject) -> int:
        key = repr(sorted(resource.items(), key=lambda item: item[0]))
        if key not in self._index:
            self._index[key] = len(self.all)
            self.all.append(_plain(dict(resource)))
        return self._index[key]


def _counts(tree: TraceTree) -> JsonObject:
    places = Counter(n.place for n in tree.nodes)
    return {
        "spans": len(tree.nodes),
        "services": len(tree.services),
        "errors": len(tree.errors),
        "logs": tree.log_count,
        "links": sum(len(n.span.links) for n in tree.nodes),
        "roots": len(tree.roots),
        "orphans": places["orphan"],
        "cycles": places["cycle"],
        "duplicates": places["duplicate"] + tree.dropped,
        "depth": tree.depth,
    }


def _span(tree: TraceTree, node: SpanNode, resources: _Resources) -> JsonObject:
    span = node.span
    return {
        "span_id": span.span_id,
        "parent_span_id": span.parent_id or None,
        "place": node.place,
        "depth": node.depth,
        "service": span.service,
        "name": span.name,
        "kind": span.kind,
        "start_offset_ns": str(span.start_ns - tree.start_ns),
        "duration_ns": str(node.duration_ns),
        "self_ns": str(node.self_ns),
        "critical_ns": str(node.critical_ns),
        "skew_ns": str(node.skew_ns),
        "status": {"code": span.status, "message": span.status_message},
        "trace_state": span.trace_state,
        "attributes": _plain(span.attributes),
        "resource": resources.index(span.resource),
        "events": [
            {"name": e.name, "offset_ns": str(e.time_ns - tree.start_ns), "attributes": _plain(e.attributes)}
            for e in span.events
        ],
        "links": [{"trace_id": link.trace_id, "span_id": link.span_id} for link in span.links],
        "log_count": len(node.logs),
    }


def _segment(tree: TraceTree, segment: Segment) -> JsonObject:
    return {
        "span_id": tree.nodes[segment.node].span.span_id if segment.node >= 0 else None,
        "start_offset_ns": str(segment.start_ns - tree.start_ns),
        "end_offset_ns": str(segment.end_ns - tree.start_ns),
        "waiting": segment.waiting,
    }


def _gap(tree: TraceTree, gap: Gap) -> JsonObject:
    place = _segment(tree, Segment(gap.node, gap.start_ns, gap.end_ns, gap.waiting))
    return {**place, "after": gap.after, "before": gap.before}


def _log(entry: LogEntry) -> JsonObject:
    return {
        "time_unix_nano": str(entry.time_ns),
        "span_id": entry.span_id or None,
        "severity": entry.level,
        "service": entry.service,
        "body": entry.message,
        "attributes": _plain(entry.fields),
    }


def _plain(value: Json) -> Json:
    """JSON has no NaN and no infinities; they become strings, as in OTLP. Clients bound how deep values nest."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
