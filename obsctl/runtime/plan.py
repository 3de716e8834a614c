"""Desired against observed -> operations, each with its cause. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from obsctl.render.desired import Desired, Process
from obsctl.runtime.base import Observed, Operation


def plan(desired: Desired, observed: Sequence[Observed]) -> tuple[Operation, ...]:
    """What to do: first stop what the spec no longer names, then each process in start order."""
    seen = {o.name: o for o in observed}
    wanted = {p.name for p in desired.processes}
    stops = [Operation("stop", o.name, "no longer in the spec") for o in observed if o.name not in wanted]
    return (*stops, *(_decide(p, seen.get(p.name)) for p in desired.processes))


def _decide(process: Process, seen: Observed | None) -> Operation:
    if seen is None:
        return Operation("start", process.name, "not running")
    if seen.state == "dead":
        return Operation("start", process.name, "it had died")
    if seen.fingerprint != process.fingerprint:
        return Operation("replace", process.name, "its configuration changed")
    return Operation("keep", process.name, "running, nothing changed")
