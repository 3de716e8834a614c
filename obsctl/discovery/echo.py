"""Which header of a request a service sends back."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from obsctl.clients.http import Http
from obsctl.discovery.traffic import HeardRequest
from obsctl.errors import BackendError

HEADERS = ("X-Request-Id", "X-Correlation-Id", "Request-Id", "X-Trace-Id", "X-Amzn-Trace-Id")
"""Headers that carry a request id, the most usual one first."""


def echoed_header(url: str, requests: Iterable[HeardRequest]) -> str:
    """The header that comes back with the id that was sent in it, "" for none. Sends one of the requests, once."""
    first = next(iter(requests), None)
    if first is None:
        return ""
    sent = {name: f"obsctl-{secrets.token_hex(8)}" for name in HEADERS}
    try:
        with Http(url, name="The service") as http:
            answer = http.send(first.method, first.route, headers=sent)
    except BackendError:
        return ""
    got = {name.lower(): value for name, value in answer.headers.items()}
    return next((name for name, value in sent.items() if got.get(name.lower()) == value), "")
