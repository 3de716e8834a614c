"""Waiting for the metrics backend to see a service, so that what is driven next is a rise in what it has stored."""

from __future__ import annotations

import contextlib

from obsctl.checks._metrics import ScrapedComponent, exposing, targets_of
from obsctl.clients.promql import PromqlClient
from obsctl.errors import BackendError
from obsctl.spec.stack import Service
from obsctl.wait import Deadline, until

SLOW = 5.0
"""Seconds that a scrape may take on a busy machine."""


def await_scrape(service: Service, client: PromqlClient, interval: float, since: float) -> bool:
    """Wait until each component was scraped well since then (epoch seconds). ``interval``: seconds between scrapes.

    False when one was not, for which it is no use to wait again. Such a component, and a backend that does not answer,
    are left to the checks.
    """
    components = list(exposing(service))

    def scraped() -> bool:
        targets = client.targets()
        return all(ScrapedComponent(c, targets_of(c, targets)).reached_since(since) for c in components)

    with contextlib.suppress(BackendError):
        return until(scraped, Deadline.after(2 * interval + SLOW)) or False
    return False
