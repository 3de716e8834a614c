"""Golden drawings. After a change that is meant: ``python -m tests.unit.trace.golden``, then read the difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from obsctl.report.waterfall import waterfall
from obsctl.trace.assemble import assemble
from obsctl.trace.model import TraceTree
from tests.unit.trace.shop import TRACE, checkout, log, span

GOLDEN = Path(__file__).parent


def _checkout() -> TraceTree:
    return assemble(TRACE, *checkout())


def _queued() -> TraceTree:
    """A request that only enqueues; the work is done later, by another service whose clock is behind."""
    spans = [
        span(1, "ab" * 8, "api", "POST /matches", 0, 18, kind="server", attributes={"http.response.status_code": 202}),
        span(2, 1, "api", "jobs publish", 9, 14, kind="producer"),
        span(3, 2, "worker", "jobs process", 60, 190, kind="consumer"),
        span(4, 3, "worker", "SELECT", 62, 66, kind="client"),
        span(5, 3, "worker", "POST", 70, 160, kind="client", attributes={"upstream_status": 200}),
        span(6, 5, "ai", "POST /v1/chat/completions", 66, 150, kind="server"),
        span(7, 3, "worker", "XACK", 185, 186, kind="client"),
    ]
    logs = [
        log(1, "INFO", "api", "match enqueued", 1, job_id="j-7"),
        log(61, "INFO", "worker", "job started", 3, job_id="j-7"),
        log(149, "INFO", "ai", "completion", 6, tokens=212),
        log(188, "INFO", "worker", "job completed", 3, job_id="j-7"),
    ]
    return assemble(TRACE, spans, logs)


def _broken() -> TraceTree:
    """A ring, a clash of ids, a lost parent, wide names, hostile text."""
    spans = [
        span(1, None, "väst", "日本語のスパン", 0, 40),
        span(2, 3, "ring", "a", 5, 10),
        span(3, 2, "ring", "b", 6, 9),
        span(4, "ee" * 8, "lost", "\x1b[31mred\x1b[0m", 50, 60, error="line one\nline two"),
        span(1, None, "twin", "same id", 1, 2),
    ]
    return assemble(TRACE, spans)


def _text(tree: Callable[[], TraceTree], width: int, *, plain: bool = False) -> Callable[[], str]:
    return lambda: waterfall(tree(), width=width, colour=False, ascii=plain).plain


DRAWINGS = {
    "checkout_120": _text(_checkout, 120),
    "checkout_80": _text(_checkout, 80),
    "checkout_60": _text(_checkout, 60),
    "checkout_ascii": _text(_checkout, 100, plain=True),
    "queued_120": _text(_queued, 120),
    "queued_80": _text(_queued, 80),
    "broken_100": _text(_broken, 100),
    "broken_ascii": _text(_broken, 100, plain=True),
}


def write() -> None:
    """Write all of them anew."""
    for name, draw in DRAWINGS.items():
        (GOLDEN / f"{name}.txt").write_text(draw() + "\n", encoding="utf-8")
