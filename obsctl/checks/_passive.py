"""What can be judged of a service that nothing was sent to, and why the rest cannot."""

from __future__ import annotations

from obsctl.checks.base import Context, passively

JUDGED = frozenset(
    {
        *("readiness.roles", "readiness.driven"),
        *("metrics.targets", "metrics.present", "metrics.types", "metrics.labels", "metrics.buckets", "metrics.series"),
        *("traces.complete", "traces.shape", "traces.attributes", "logs.present", "logs.fields"),
        *("rules.loaded", "dashboards.provisioned"),
    }
)
"""Checks that hold for anybody's requests, and for none. All others need to know what was sent, when, and with which
ids; panels and SLOs have no data while nobody sends anything."""

_OF_A_TRACE = frozenset({"traces.shape", "traces.attributes"})


def cannot_judge(check_id: str, context: Context) -> str:
    """Why a check has nothing to judge in a passive run; "" where it has, or where the run sent its requests."""
    run = context.run
    if not run.passive:
        return ""
    if check_id not in JUDGED:
        return f"needs requests that verify sends itself ({passively(run)})"
    if check_id in _OF_A_TRACE and not run.requests:
        return f"no trace of the last {run.window:g} s is stored, which traces.complete is about"
    return ""
