"""Every role of the stack that can be asked whether it is ready says that it is."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from obsctl.checks._verdicts import count, failed, few, passed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.losses import reported_losses
from obsctl.clients.ready import Readiness, readiness
from obsctl.endpoints import Endpoint, Role
from obsctl.wait import until

_MOST = 5
"""Notes about what the server did not store."""


class ReadinessRoles:
    """See ``docs/checks/readiness-roles.md``."""

    id = "readiness.roles"
    signal = Signal.READINESS
    title = "every role of the stack is ready"

    def run(self, context: Context) -> Verdict:
        """Ask every probe, again and again those that are not ready yet."""
        own = {component.name for component in context.service.components}
        waiting = {e.name: e for e in context.endpoints if e.probe and (e.role is not Role.SERVICE or e.name in own)}
        if not waiting:
            return failed(
                "no endpoint of this stack can be asked whether it is ready", hint="start it with `obsctl up`"
            )
        answers: dict[str, Readiness] = {}

        def all_ready() -> bool:
            pending = [e for e in waiting.values() if e.name not in answers or not answers[e.name].ready]
            # all at once: one that hangs must not keep the others from being asked
            answers.update({a.name: a for a in pool.map(readiness, pending)})
            return all(a.ready for a in answers.values())

        with ThreadPoolExecutor(max_workers=8) as pool:
            until(all_ready, context.deadline, interval=0.1)
        return _verdict(waiting, answers, reported_losses(context.endpoints))


def _verdict(endpoints: dict[str, Endpoint], answers: dict[str, Readiness], lost: Sequence[str]) -> Verdict:
    down = [a for a in answers.values() if not a.ready]
    if down:
        looked = [Evidence(f"GET {endpoints[a.name].probe}", a.why) for a in down]
        hint = "`obsctl status` shows what runs, `obsctl logs` why something does not; `obsctl up` repairs"
        return failed(f"{few(a.name for a in down)} not ready", looked, hint=hint)
    looked = [Evidence(f"GET {e.probe}", "200") for e in endpoints.values()]
    return passed(f"{count(len(endpoints), 'endpoint')} ready: {few(endpoints, limit=12)}", looked, notes=lost[:_MOST])
