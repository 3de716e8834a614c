"""The most representative trace of the last ``verify``, which ``obsctl trace last`` shows."""

from __future__ import annotations

import json
from pathlib import Path

from obsctl.errors import StartError
from obsctl.probes import ProbeRequest, ProbeRun
from obsctl.runtime.state import replace_file
from obsctl.spec.contract import Contract

FILE = "last_run.json"


def most_representative_trace(run: ProbeRun, contract: Contract) -> str:
    """The trace that crosses the most components by the contract, the latest of them; "" for none.

    A request that failed is chosen only where every request failed.
    """
    crossed = {rule.request: len(rule.components) for rule in contract.traces}

    def rank(request: ProbeRequest) -> tuple[bool, int, float]:
        return (not request.error, crossed.get(request.request, 0), request.sent_at)

    return max(run.requests, key=rank).trace_id if run.requests else ""


def remember(home: Path, run: ProbeRun, trace_id: str) -> None:
    """Stores the ids of a run in the state folder. Raises OSError."""
    content = {"run": run.id, "started_at": run.started_at, "trace_id": trace_id}
    replace_file(home / FILE, json.dumps(content) + "\n")


def recall(home: Path) -> str:
    """The stored trace id. Raises StartError where no ``verify`` has run."""
    try:
        trace_id = json.loads((home / FILE).read_text(encoding="utf8"))["trace_id"]
    except (OSError, ValueError, KeyError, TypeError):
        trace_id = ""
    if not isinstance(trace_id, str) or not trace_id:
        hint = "run `obsctl up`, then `obsctl verify`; or give a trace id or a request id"
        raise StartError(f"no request was driven from {home.parent} yet, so there is no last trace", hint=hint)
    return trace_id
