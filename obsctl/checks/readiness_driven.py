"""Every step of the drive was answered as planned: without that, there is nothing to hold the telemetry to."""

from __future__ import annotations

from collections.abc import Sequence

from obsctl.checks._verdicts import count, failed, few, passed, skipped
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.probes import ProbeRequest


class ReadinessDriven:
    """See ``docs/checks/readiness-driven.md``."""

    id = "readiness.driven"
    signal = Signal.READINESS
    title = "every driven request was answered as planned"

    def run(self, context: Context) -> Verdict:
        """Look at what was driven; nothing is waited for."""
        steps, requests = context.service.drive, context.run.requests
        if not steps:
            return skipped(f"{context.service.name} has no drive steps")
        sent = {r.step for r in requests}
        unsent = [s for s in steps if s.id not in sent]
        if unsent or not requests or any(r.error for r in requests):
            return _failed(context.service.entry.name, requests, [s.id for s in unsent])
        slowest = max(requests, key=lambda r: r.seconds)
        looked = [Evidence(f"{r.method} {r.url}", f"{r.status} in {r.seconds * 1000:.0f} ms") for r in requests]
        return passed(
            f"{count(len(requests), 'request')} answered as planned, the slowest in {slowest.seconds * 1000:.0f} ms",
            looked,
        )


def _failed(entry: str, requests: Sequence[ProbeRequest], unsent: Sequence[str]) -> Verdict:
    bad = [r for r in requests if r.error]
    looked = [Evidence(f"{r.method} {r.url}", f"{r.error} (request id {r.request_id})") for r in bad]
    silent = "" if any(r.status for r in requests) else f"{entry} does not answer: "
    what = f"{silent}step {bad[0].step}: {bad[0].request} {bad[0].error}" if bad else "no request was sent"
    tail = f"; not sent because of that: {few(unsent)}" if unsent else ""
    hint = "read the service's own log (`obsctl logs`) at that request id; `obsctl status` shows whether it runs"
    return failed(f"{what}{tail}", looked, hint=hint, because=["readiness.roles"] if silent else ())
