"""Whether an endpoint is ready, and why not.

Asking whether takes the standard library alone: what has nothing else to ask need not load an HTTP library.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import quote, urlsplit

from obsctl.access.options import PLAIN
from obsctl.endpoints import Endpoint

PATIENCE = 2.0
_HERE = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Readiness:
    """The answer for one endpoint; ``why`` is empty when it is ready."""

    name: str
    ready: bool
    why: str = ""


def is_ready(endpoint: Endpoint) -> bool:
    """Ask the endpoint's probe; an endpoint without one is ready when its port takes connections."""
    if not endpoint.probe:
        return _port_open(endpoint.url)[0]
    parts = urlsplit(endpoint.probe)
    if parts.scheme == "http" and endpoint.access == PLAIN and parts.netloc.rpartition(":")[0].strip("[]") in _HERE:
        path = quote(parts.path, safe="/%:@!$&'()*+,;=~") or "/"
        return _says_ok(parts.hostname or "", parts.port or 80, f"{path}?{parts.query}".rstrip("?"))
    return readiness(endpoint).ready


def readiness(endpoint: Endpoint) -> Readiness:
    """Ask as ``is_ready`` does, and say why not."""
    from obsctl.clients import http

    ready, why = http.is_ready(endpoint.probe, access=endpoint.access) if endpoint.probe else _port_open(endpoint.url)
    return Readiness(endpoint.name, ready, "" if ready else why)


def _says_ok(host: str, port: int, path: str) -> bool:
    connection = HTTPConnection(host, port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _port_open(url: str) -> tuple[bool, str]:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=PATIENCE):
            return True, ""
    except OSError as error:
        return False, f"no connection to {parts.netloc}: {error.strerror or error}"
