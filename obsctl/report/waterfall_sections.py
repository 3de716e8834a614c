"""What stands around a waterfall: header and warnings, critical path, gaps, errors, log lines without a span. Pure.

Lines may be longer than the terminal is wide; who draws them cuts them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from obsctl.report.waterfall_canvas import Canvas, Line
from obsctl.report.waterfall_rows import error_text, fields, log_style, log_text, lowest_level, most_severe, visible
from obsctl.trace.model import SpanNode, TraceTree

MAX_PARTS = 6
MAX_ERRORS = 5
MAX_GAPS = 5
MAX_UNATTACHED = 10
MAX_WARNINGS = 3
"""Warnings of one kind that are spelled out."""

_RELEVANT = (
    *("http.response.status_code", "http.status_code", "upstream_status", "error.type", "rpc.grpc.status_code"),
    *("http.route", "route", "url.path", "server.address", "db.system.name", "db.system", "db.operation.name"),
    *("db.collection.name", "messaging.destination.name", "messaging.operation.name", "gen_ai.request.model"),
    *("retry_count", "job_id"),
)
_PYTHON_FRAME = re.compile(r'File "([^"\n]{1,300})", line (\d{1,9})(?:, in ([^\n]{1,80}))?')
_OTHER_FRAME = re.compile(r"^\s+at ([^\n]{1,200})", re.MULTILINE)
_MAX_STACK = 20_000
_LEAST_NAME = 24


def header(tree: TraceTree, canvas: Canvas) -> Iterator[Line]:
    """Id, root and verdict; the numbers; what is wrong with the trace."""
    glyphs = canvas.glyphs
    failed = tree.status == "error"
    verdict = f"{glyphs.error} ERROR" if failed else f"{glyphs.fine} ok"
    title = f"trace {canvas.text(tree.trace_id, 64)}"
    about = f"  {_root_name(tree, canvas)}"
    style = "bold red" if failed else "green"
    room = canvas.width - len(title) - len(verdict) - 2
    if room < _LEAST_NAME:
        yield [(title, "bold")]
        yield [(verdict, style), (about, "bold")]
    else:
        yield [(title, "bold"), (canvas.fit(about, room), "bold"), (f"  {verdict}", style)]
    for text in _wrapped(_numbers(tree, canvas), canvas):
        yield [(text, "")]
    yield from warnings(tree, canvas)


def warnings(tree: TraceTree, canvas: Canvas) -> Iterator[Line]:
    """One line a warning, the first few of each kind."""
    counts = Counter(w.code for w in tree.warnings)
    shown: Counter[str] = Counter()
    for warning in tree.warnings:
        shown[warning.code] += 1
        if shown[warning.code] <= MAX_WARNINGS:
            yield [(f"! {canvas.text(warning.message, 200)}", "yellow")]
    for code, count in counts.items():
        if count > MAX_WARNINGS:
            yield [(f"! {count - MAX_WARNINGS:,} more like this: {code.replace('_', ' ')}", "yellow")]


def critical(tree: TraceTree, canvas: Canvas) -> Iterator[Line]:
    """Who the time was spent in: the largest shares of the critical path."""
    total = tree.critical_window[1] - tree.critical_window[0]
    if not total or tree.root is None:
        return
    yield [("CRITICAL PATH", "bold"), (f"  {canvas.duration(total)}{_of_root(tree, tree.root, total, canvas)}", "")]
    shares = sorted(_shares(tree).items(), key=lambda item: -item[1][0])
    for (service, name, waiting), (ns, nodes) in shares[:MAX_PARTS]:
        times = f" {canvas.glyphs.times}{len(nodes)}" if len(nodes) > 1 else ""
        several = len(nodes) > 1 or nodes[0] < 0
        about = (
            "  (waiting for what it set off)"
            if waiting
            else ""
            if several
            else fields(most_relevant_attributes(tree.nodes[nodes[0]]), canvas)
        )
        figures = f"  {canvas.duration(ns):>7} {100 * ns / total:5.1f}%  "
        text = f"{canvas.text(name, 80)}{times}{about}" if nodes[0] >= 0 else "(no span was active)"
        yield [(figures, ""), (f"{canvas.text(service, 40)}  ", canvas.colour(service)), (text, "")]
    rest = shares[MAX_PARTS:]
    if rest:
        ns = sum(share[0] for _, share in rest)
        yield [(f"  {canvas.duration(ns):>7} {100 * ns / total:5.1f}%  {len(rest)} more", "dim")]


def gaps(tree: TraceTree, canvas: Canvas) -> Iterator[Line]:
    """Long stretches in which nothing was active below a span."""
    if not tree.gaps:
        return
    yield [("GAPS", "bold")]
    for gap in tree.gaps[:MAX_GAPS]:
        node = tree.nodes[gap.node] if gap.node >= 0 else None
        where = f"{canvas.text(node.span.service, 40)} {canvas.text(node.span.name, 80)}" if node else "between roots"
        what = "waiting" if gap.waiting else "nothing below it active"
        ends = _between(canvas.text(gap.after, 80), canvas.text(gap.before, 80))
        at = canvas.offset(gap.start_ns - tree.start_ns)
        yield [(f"  {canvas.duration(gap.duration_ns):>7}  at {at}  ", ""), (f"{where}: {what}{ends}", "")]
    if len(tree.gaps) > MAX_GAPS:
        yield [(f"  {len(tree.gaps) - MAX_GAPS} more", "dim")]


def errors(tree: TraceTree, canvas: Canvas) -> Iterator[Line]:
    """Where errors began, the deepest first, and who passed them on."""
    origins = sorted(_origins(tree), key=lambda n: (-n.depth, n.span.start_ns, n.index))
    if not origins:
        return
    yield [("ERRORS", "bold red"), ("  deepest first", "dim")]
    alike: dict[tuple[str, str, str], list[SpanNode]] = {}
    for node in origins:
        alike.setdefault((node.span.service, node.span.name, error_text(node)), []).append(node)
    for node, *more in list(alike.values())[:MAX_ERRORS]:
        span = node.span
        known = fields(most_relevant_attributes(node), canvas)
        times = f" {canvas.glyphs.times}{len(more) + 1}" if more else ""
        yield [
            (f"  {canvas.glyphs.error} ", "red"),
            (f"{canvas.text(span.service, 40)}  ", canvas.colour(span.service)),
            (
                f"{canvas.text(span.name, 80)}{times}  {canvas.text(span.span_id, 16)}{known}",
                "",
            ),
        ]
        said = f"{canvas.text(error_text(node), 300)}{_code_location(node, canvas)}"
        if said:
            yield [(f"      {said}", "red")]
        yield from _upstream(tree, node, canvas)
    if len(alike) > MAX_ERRORS:
        yield [(f"  {len(alike) - MAX_ERRORS:,} more kinds", "dim")]


def unattached_logs(tree: TraceTree, canvas: Canvas, logs: str) -> Iterator[Line]:
    """Log lines of the trace that name no span of it."""
    entries = visible(tree.logs, lowest_level(logs))
    if not entries:
        return
    yield [("LOGS", "bold"), ("  without a span of this trace", "dim")]
    for entry in most_severe(entries, MAX_UNATTACHED):
        yield [(f"  {log_text(entry, tree, canvas)}", log_style(entry))]
    if len(entries) > MAX_UNATTACHED:
        yield [(f"  {len(entries) - MAX_UNATTACHED:,} more", "dim")]


def most_relevant_attributes(node: SpanNode) -> dict[str, object]:
    """The attributes of a span that say most about a failure or a delay; of those with one value only the first."""
    relevant: dict[str, object] = {}
    for key in _RELEVANT:
        value = node.span.attributes.get(key)
        if value not in (None, "") and str(value) not in map(str, relevant.values()):
            relevant[key] = value
    return relevant


def _root_name(tree: TraceTree, canvas: Canvas) -> str:
    if tree.root is None:
        return "(empty)"
    return f"{canvas.text(tree.root.span.name, 80)} {canvas.glyphs.dot} {canvas.text(tree.root.span.service, 40)}"


def _numbers(tree: TraceTree, canvas: Canvas) -> Iterator[str]:
    root = tree.root
    if root is None:
        return
    total = canvas.duration(tree.duration_ns)
    own = canvas.duration(root.duration_ns)
    yield total if total == own else f"{own} root, {total} in all"
    yield _many(len(tree.nodes), "span")
    yield _many(len(tree.services), "service")
    yield _many(len(tree.errors), "error")
    yield f"depth {tree.depth}"
    if tree.log_count:
        yield _many(tree.log_count, "log line")
    if len(main := [n for n in tree.roots if n.place in ("root", "continued")]) > 1:
        yield _many(len(main), "root")
    if root.place == "continued":
        yield f"continued from {canvas.text(root.span.parent_id, 32)}"
    yield _clock(tree.start_ns)


def _clock(ns: int) -> str:
    """The start in UTC, to the millisecond. OTLP's 64 bits reach the year 2554."""
    seconds, rest = divmod(ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{rest // 10**6:03d}Z"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _wrapped(parts: Iterator[str], canvas: Canvas) -> Iterator[str]:
    """Parts joined by dots, on as many lines as they need."""
    line = ""
    for part in parts:
        longer = f"{line} {canvas.glyphs.dot} {part}" if line else part
        if line and len(longer) > canvas.width:
            yield line
            longer = part
        line = longer
    yield line


def _shares(tree: TraceTree) -> dict[tuple[str, str, bool], tuple[int, list[int]]]:
    """Time on the critical path by service, span name and whether it was waiting; with the spans that make it up."""
    shares: dict[tuple[str, str, bool], tuple[int, dict[int, None]]] = {}
    for segment in tree.critical:
        span = tree.nodes[segment.node].span if segment.node >= 0 else None
        key = (span.service, span.name, segment.waiting) if span else ("", "", True)
        ns, nodes = shares.get(key, (0, {}))
        nodes[segment.node] = None
        shares[key] = ns + segment.duration_ns, nodes
    return {key: (ns, list(nodes)) for key, (ns, nodes) in shares.items()}


def _of_root(tree: TraceTree, root: SpanNode, total: int, canvas: Canvas) -> str:
    if total == root.duration_ns:
        return " = 100% of the root"
    if len(tree.roots) == 1:
        return f" until everything it set off had ended (the root took {canvas.duration(root.duration_ns)})"
    return ""


def _between(after: str, before: str) -> str:
    if after and before:
        return f", between {after} and {before}"
    return f", after {after}" if after else f", before {before}" if before else ""


def _origins(tree: TraceTree) -> Iterator[SpanNode]:
    """Failed spans below which nothing failed."""
    below = [False] * len(tree.nodes)
    for node in reversed(tree.nodes):
        if node.failed and not below[node.index]:
            yield node
        if node.parent is not None and (node.failed or below[node.index]):
            below[node.parent] = True


def _upstream(tree: TraceTree, node: SpanNode, canvas: Canvas) -> Iterator[Line]:
    names: list[str] = []
    above = node.parent
    while above is not None and len(names) <= MAX_PARTS:
        parent = tree.nodes[above]
        if parent.failed:
            names.append(f"{canvas.text(parent.span.service, 40)} {canvas.text(parent.span.name, 60)}")
        above = parent.parent
    if names:
        chain = f" {canvas.glyphs.arrow} ".join(names[:MAX_PARTS]) + (
            canvas.glyphs.ellipsis if above is not None else ""
        )
        yield [(f"    {canvas.glyphs.upstream} also an error upstream: {chain}", "dim")]


def _code_location(node: SpanNode, canvas: Canvas) -> str:
    """File, line and function of the frame that raised, out of the last exception's stack trace."""
    for event in reversed(node.span.events):
        stack = str(event.attributes.get("exception.stacktrace", ""))[-_MAX_STACK:]
        if frames := _PYTHON_FRAME.findall(stack):
            file, line, function = frames[-1]
            inside = f" in {canvas.text(function, 60)}" if function else ""
            return f"   at {canvas.text(file[-60:])}:{line}{inside}"
        if found := _OTHER_FRAME.search(stack):
            return f"   at {canvas.text(found[1], 80)}"
    return ""
