"""Waiting for the metrics backend to see a service, so that what is driven next is a rise in what it has stored."""

from __future__ import annotations

import contextlib
import time

from obsctl.checks._metrics import ScrapedComponent, exposing, targets_of
from obsctl.checks._pushed import exposition_of, last_push, must_push, pushing, read_pushed
from obsctl.clients.promql import PromqlClient
from obsctl.errors import BackendError
from obsctl.spec.stack import Service
from obsctl.wait import Deadline, until

PATIENCE = 1.5
"""Intervals that the next push of a component may take."""

SLOW = 5.0
"""Seconds that a scrape may take on a busy machine."""


def await_scrape(service: Service, client: PromqlClient, interval: float, since: float) -> bool:
    """Wait until each component was scraped well since then (epoch seconds), or has pushed its metrics.

    ``interval``: seconds between scrapes. A component that pushes is waited for where it is known how often it does;
    with ``since`` 0.0 (any time), where it has to push and has not yet. False when one was not, for which it is no use
    to wait again. Such a component, and a backend that does not answer, are left to the checks.
    """
    components = list(exposing(service))

    def scraped() -> bool:
        targets = client.targets()
        return all(ScrapedComponent(c, targets_of(c, targets)).reached_since(since) for c in components)

    with contextlib.suppress(BackendError):
        pushed = await_push(service, client, since) if since else await_first_push(service, client)
        return (until(scraped, Deadline.after(2 * interval + SLOW)) or False) and pushed
    return False


def await_first_push(service: Service, client: PromqlClient) -> bool:
    """Wait until each component that has to push its metrics has done so twice: a stack may have started only just now.

    The first push may hold what was measured before the stack ran, and was kept until then: a rise since that time is
    spread over it, and no rate shows it. False where none came. Raises BackendError.
    """
    names, deadline = must_push(service), Deadline.after(SLOW)
    twice = until(lambda: all(last_push(client, name).interval for name in names), deadline)
    return twice or all(last_push(client, name).last for name in names)


def await_push(service: Service, client: PromqlClient, since: float) -> bool:
    """Wait until each component that pushes has done so since then, for as long as it takes as a rule.

    False when one did not: it may send changes only. Raises BackendError.
    """
    if not service.contract.metrics:
        return True
    usual = {c.name: push.interval for c in pushing(service) if (push := last_push(client, c.name)).interval}

    def pushed() -> bool:
        return all(last_push(client, name).last > since for name in usual)

    return until(pushed, Deadline.after(PATIENCE * max(usual.values()) + 1)) or False if usual else True


def pushed_baseline(service: Service, client: PromqlClient) -> dict[str, str]:
    """The series that each component of a service has pushed by now, as text; none where the backend does not answer.

    Where counts are to be judged, it waits for a push first: what happened before it is then in the baseline.
    """
    if not service.contract.metrics:
        return {}
    drives = any(m.driven for m in service.contract.metrics) or any(step.rises for step in service.drive)
    with contextlib.suppress(BackendError):
        if drives:
            await_push(service, client, time.time())
        targets = client.targets()
        names = dict.fromkeys(c.name for c in (*service.components, *pushing(service)))
        found = {name: exposition_of(read_pushed(client, name, targets).series) for name in names}
        return {name: text for name, text in found.items() if text}
    return {}
