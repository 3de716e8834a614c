"""Results for programs: one versioned envelope on stdout."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from obsctl.result import Result

if TYPE_CHECKING:  # every verb ends here, and few of them with these
    from obsctl.checks.base import Outcome, Verification
    from obsctl.probes import ProbeRequest
    from obsctl.trace.model import TraceTree


def show(result: Result) -> None:
    """Print the envelope as one JSON object on one line."""
    sys.stdout.write(dumps(result.envelope()) + "\n")


def dumps(value: object) -> str:
    """JSON text on one line; other scripts stay readable, what is not printable is escaped, lone surrogates too."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def verification(result: Verification) -> dict[str, object]:
    """A verification as the envelope's data."""
    return {
        "service": result.service,
        "run": result.run.id,
        "seconds": round(result.seconds, 3),
        "trace_id": result.trace_id,
        "counts": {str(o.verdict.status): result.count(o.verdict.status) for o in result.outcomes},
        "checks": [_outcome(o, result) for o in result.outcomes],
        "requests": [_request(r) for r in result.run.requests],
    }


def trace(tree: TraceTree) -> Result:
    """An assembled trace as the verb's result."""
    from obsctl.trace.export import to_json

    return Result("trace", to_json(tree))


def _outcome(outcome: Outcome, result: Verification) -> dict[str, object]:
    return {
        "id": outcome.check,
        "signal": outcome.signal.value,
        "status": outcome.verdict.status.value,
        "summary": outcome.verdict.summary,
        "evidence": [{"query": e.query, "answer": e.answer} for e in outcome.verdict.evidence],
        "hint": outcome.verdict.hint,
        "cause": outcome.cause,
        "folds": list(result.folded_under(outcome.check)),
        "notes": list(outcome.verdict.notes),
        "seconds": round(outcome.seconds, 3),
    }


def _request(request: ProbeRequest) -> dict[str, object]:
    return {
        "step": request.step,
        "request": request.request,
        "status": request.status,
        "trace_id": request.trace_id,
        "request_id": request.request_id,
        "seconds": round(request.seconds, 4),
        "error": request.error,
    }
