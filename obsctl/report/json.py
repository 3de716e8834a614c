"""Results for programs: one versioned envelope on stdout."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from obsctl.result import Result

if TYPE_CHECKING:  # every verb ends here, and few of them with these
    from obsctl.checks.base import Outcome, SignalLag, StackVerification, Verification
    from obsctl.json_types import Json
    from obsctl.probes import ProbeRequest
    from obsctl.trace.model import TraceTree


def show(result: Result) -> None:
    """Print the envelope as one JSON object on one line."""
    sys.stdout.write(dumps(result.envelope()) + "\n")


def dumps(value: object) -> str:
    """JSON text on one line; other scripts stay readable, what is not printable is escaped, lone surrogates too."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def verification(result: StackVerification) -> dict[str, Json]:
    """A verification as the envelope's data.

    ``service``, ``run`` and ``trace_id`` are those of the first service, as ever; ``services`` has them of each, and
    each check and request names its own.
    """
    first = _service(result.services[0]) if result.services else {}
    return {
        **{key: first.get(key, "") for key in ("service", "run", "trace_id")},
        "seconds": round(result.seconds, 3),
        "counts": _counts(result),
        "services": [_service(s) for s in result.services],
        "checks": [_outcome(o, s) for s in result.services for o in s.outcomes],
        "requests": [_request(r, s.service) for s in result.services for r in s.run.requests],
    }


def _service(result: Verification) -> dict[str, Json]:
    return {
        "service": result.service,
        "run": result.run.id,
        "trace_id": result.trace_id,
        "seconds": round(result.seconds, 3),
        "passive_window_seconds": result.run.window or None,
        "driving_seconds": None if result.run.passive else round(result.run.ended_at - result.run.started_at, 3),
        "lag": {lag.signal.value: _lag(lag) for lag in result.lags},
        "counts": _counts(result),
    }


def _lag(lag: SignalLag) -> dict[str, Json]:
    return {
        "p50_seconds": round(lag.p50, 3) if lag.items else None,
        "worst_seconds": round(lag.worst, 3) if lag.items else None,
        "at_most": lag.at_most,
        "found": lag.items,
        "missing": lag.missing,
    }


def _counts(result: Verification | StackVerification) -> dict[str, int]:
    return {str(o.verdict.status): result.count(o.verdict.status) for o in result.outcomes}


def trace(tree: TraceTree) -> Result:
    """An assembled trace as the verb's result."""
    from obsctl.trace.export import to_json

    return Result("trace", to_json(tree))


def _outcome(outcome: Outcome, result: Verification) -> dict[str, Json]:
    return {
        "service": result.service,
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


def _request(request: ProbeRequest, service: str) -> dict[str, Json]:
    return {
        "service": service,
        "step": request.step,
        "request": request.request,
        "status": request.status,
        "trace_id": request.trace_id,
        "request_id": request.request_id,
        "seconds": round(request.seconds, 4),
        "error": request.error,
    }
