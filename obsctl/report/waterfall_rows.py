"""The rows of a waterfall: spans in their tree, and below each its error, events, links and log lines, by time.

Pure and iterative; a row knows what to draw but not how wide.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from obsctl.errors import UsageError
from obsctl.report.safe import safe
from obsctl.report.waterfall_canvas import Canvas
from obsctl.report.waterfall_plan import Plan
from obsctl.trace.entries import LEVELS
from obsctl.trace.model import LogEntry, SpanNode, TraceTree

MAX_NOTES = 4
"""Events, and log lines, shown below one span; the rest are counted."""
MAX_FIELDS = 4
_EVERYWHERE = frozenset({"request_id", "logger"})
"""Fields that are the same on every line of a trace, or say nothing about it."""

MAX_RAIL = 64
"""Levels that a row remembers; nobody draws more."""

Rail = tuple[bool, ...]
"""For the levels above a row whether a sibling follows on them; the last one is the row's own. Empty for a root."""


@dataclass(frozen=True)
class SpanRow:
    """One span, or several alike ones that were folded."""

    node: SpanNode
    members: tuple[SpanNode, ...]
    rail: Rail
    hidden: int

    @property
    def duration_ns(self) -> int:
        """Of all members together."""
        return sum(n.duration_ns for n in self.members)

    @property
    def self_ns(self) -> int:
        """Of all members together."""
        return sum(n.self_ns for n in self.members)


@dataclass(frozen=True)
class NoteRow:
    """Something that is said below a span. ``connected``: another child of the span follows."""

    text: str
    style: str
    rail: Rail
    connected: bool


@dataclass(frozen=True)
class _Note:
    time_ns: int
    text: str
    style: str = ""


def rows(tree: TraceTree, plan: Plan, canvas: Canvas, logs: str) -> Iterator[SpanRow | NoteRow]:
    """All rows from top to bottom. ``logs`` is ``none``, ``all`` (INFO and above) or the lowest level to show."""
    level = lowest_level(logs)
    roots = [n for n in reversed(tree.roots) if n.index in plan.shown]
    stack: list[SpanRow | NoteRow] = [_span_row(tree, n, plan, ()) for n in roots]
    while stack:
        row = stack.pop()
        yield row
        if isinstance(row, SpanRow):
            stack.extend(reversed(_below(tree, row, plan, _notes(tree, row.node, canvas, level))))


def lowest_level(logs: str) -> int | None:
    """The index into ``LEVELS`` from which on log lines are shown; None for none of them. ``UsageError`` for others."""
    name = {"ALL": "INFO", "WARNING": "WARN"}.get(logs.upper(), logs.upper())
    if name == "NONE":
        return None
    if name not in LEVELS:
        known = ", ".join(("all", "none", *map(str.lower, LEVELS)))
        raise UsageError(f"{safe(logs, limit=40)!r} is no choice of log lines", hint=f"one of {known}")
    return LEVELS.index(name)


def log_text(entry: LogEntry, tree: TraceTree, canvas: Canvas, *, service: str = "") -> str:
    """One log line on one line. The service is named unless it is the one expected."""
    where = f"{canvas.text(entry.service, 40)}: " if entry.service and entry.service != service else ""
    most_relevant_attributes = {k: v for k, v in entry.fields.items() if k not in _EVERYWHERE}
    said = f"{where}{canvas.text(entry.message)}{fields(most_relevant_attributes, canvas)}"
    return f"{canvas.glyphs.log} {canvas.offset(entry.time_ns - tree.start_ns)} {entry.level or '-':<5} {said}"


def log_style(entry: LogEntry) -> str:
    """The style of a log line."""
    return {"ERROR": "red", "FATAL": "bold red", "WARN": "yellow"}.get(entry.level, "dim")


def fields(values: Mapping[str, object], canvas: Canvas) -> str:
    """A few attributes as ``  key=value``."""
    shown = list(values.items())[:MAX_FIELDS]
    return "".join(f"  {canvas.text(k, 40)}={canvas.text(v, 60)}" for k, v in shown)


def most_severe(entries: Iterable[LogEntry], count: int) -> list[LogEntry]:
    """So many log lines: the most severe, then the earliest; in time order."""
    best = heapq.nsmallest(count, entries, key=lambda e: (-_level(e), e.time_ns))
    return sorted(best, key=lambda e: e.time_ns)


def visible(entries: Iterable[LogEntry], level: int | None) -> list[LogEntry]:
    """Entries from a level on."""
    return [] if level is None else [e for e in entries if _level(e) >= level]


def error_text(node: SpanNode) -> str:
    """What went wrong in a span: its last exception, else its status message; "" for neither."""
    for event in reversed(node.span.events):
        if event.name == "exception":
            return _exception_text(event.attributes) or node.span.status_message
    return node.span.status_message


def _level(entry: LogEntry) -> int:
    return LEVELS.index(entry.level) if entry.level in LEVELS else LEVELS.index("INFO")


def _span_row(tree: TraceTree, node: SpanNode, plan: Plan, rail: Rail) -> SpanRow:
    members = tuple(tree.nodes[i] for i in plan.folded.get(node.index, (node.index,)))
    return SpanRow(node, members, rail, plan.hidden.get(node.index, 0))


def _below(tree: TraceTree, row: SpanRow, plan: Plan, notes: list[_Note]) -> list[SpanRow | NoteRow]:
    """Children and notes of a span in time order; a note at the time of a child comes first."""
    children = [] if len(row.members) > 1 else [c for c in row.node.children if c in plan.shown]
    items: list[_Note | SpanNode] = [*notes, *(tree.nodes[c] for c in children)]
    items.sort(key=lambda i: (i.time_ns, 0) if isinstance(i, _Note) else (i.span.start_ns, 1))
    left = len(children)
    found: list[SpanRow | NoteRow] = []
    for item in items:
        if isinstance(item, _Note):
            found.append(NoteRow(item.text, item.style, row.rail, connected=left > 0))
        else:
            left -= 1
            found.append(_span_row(tree, item, plan, (*row.rail, left > 0)[-MAX_RAIL:]))
    return found


def _notes(tree: TraceTree, node: SpanNode, canvas: Canvas, level: int | None) -> list[_Note]:
    return [
        *_error(node, canvas),
        *_links(node, canvas),
        *_events(tree, node, canvas),
        *_logs(tree, node, canvas, level),
    ]


def _error(node: SpanNode, canvas: Canvas) -> Iterator[_Note]:
    if node.failed and (said := error_text(node)):
        yield _Note(-1, f"{canvas.glyphs.error} {canvas.text(said)}", "red")


def _links(node: SpanNode, canvas: Canvas) -> Iterator[_Note]:
    for link in node.span.links[:MAX_NOTES]:
        here = "" if link.trace_id == node.span.trace_id else f"trace {canvas.text(link.trace_id, 32)} "
        yield _Note(
            -1, f"{canvas.glyphs.link} link {canvas.glyphs.arrow} {here}span {canvas.text(link.span_id, 16)}", "dim"
        )
    yield from _more(len(node.span.links) - MAX_NOTES, "links", -1, canvas)


def _events(tree: TraceTree, node: SpanNode, canvas: Canvas) -> Iterator[_Note]:
    """Events; the exception that the error row already tells is left out."""
    error = error_text(node) if node.failed else ""
    events = [e for e in node.span.events if e.name != "exception" or _exception_text(e.attributes) != error]
    shown = sorted(events, key=lambda e: (e.name != "exception", e.time_ns))[:MAX_NOTES]
    for event in shown:
        is_exception = event.name == "exception"
        said = _exception_text(event.attributes) if is_exception else ""
        about = f" {canvas.text(said)}" if said else fields(event.attributes, canvas)
        text = (
            f"{canvas.glyphs.event} {canvas.offset(event.time_ns - tree.start_ns)} {canvas.text(event.name, 60)}{about}"
        )
        yield _Note(event.time_ns, text, "red" if is_exception else "dim")
    yield from _more(len(events) - len(shown), "events", node.span.end_ns, canvas)


def _exception_text(attributes: Mapping[str, object]) -> str:
    kind, said = (str(attributes.get(f"exception.{k}", "")) for k in ("type", "message"))
    return f"{kind}: {said}" if kind and said else kind or said


def _logs(tree: TraceTree, node: SpanNode, canvas: Canvas, level: int | None) -> Iterator[_Note]:
    entries = visible(node.logs, level)
    for entry in most_severe(entries, MAX_NOTES):
        yield _Note(entry.time_ns, log_text(entry, tree, canvas, service=node.span.service), log_style(entry))
    yield from _more(len(entries) - MAX_NOTES, "log lines", node.span.end_ns, canvas)


def _more(count: int, what: str, at: int, canvas: Canvas) -> Iterator[_Note]:
    if count > 0:
        yield _Note(at, f"{canvas.glyphs.ellipsis} {count:,} more {what}", "dim")
