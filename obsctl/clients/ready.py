"""Whether an endpoint is ready, and why not."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from obsctl.clients.http import is_ready
from obsctl.endpoints import Endpoint

PATIENCE = 2.0


@dataclass(frozen=True)
class Readiness:
    """The answer for one endpoint; ``why`` is empty when it is ready."""

    name: str
    ready: bool
    why: str = ""


def readiness(endpoint: Endpoint) -> Readiness:
    """Ask the endpoint's probe; an endpoint without one is ready when its port takes connections."""
    ready, why = is_ready(endpoint.probe) if endpoint.probe else _port_open(endpoint.url)
    return Readiness(endpoint.name, ready, "" if ready else why)


def _port_open(url: str) -> tuple[bool, str]:
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=PATIENCE):
            return True, ""
    except OSError as error:
        return False, f"no connection to {parts.netloc}: {error.strerror or error}"
