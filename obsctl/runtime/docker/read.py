"""Plain questions to an engine, over a connection of their own.

The SDK takes longer to load than everything else that an ``up`` with nothing to do does. So it is loaded for what
changes something or streams, and where only it knows the way (TLS, ssh); what is read once is read here.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from obsctl.runtime.docker.faults import RefusalError

_MOST = 256 * 1024**2
"""Bytes of an answer: far more than the longest list."""


@dataclass(frozen=True)
class Answer:
    """What an engine said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The content. RefusalError where it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            found = {"message": self.body[:300].decode("utf8", "replace")}
            if self.status < 400:
                raise RefusalError(self.status, f"an answer that is no JSON: {found['message']}") from None
        if self.status >= 400:
            raise RefusalError(self.status, str(found.get("message") if isinstance(found, dict) else found))
        return found


def is_plain(url: str, certificates: str) -> bool:
    """Whether an engine can be asked without the SDK."""
    return urlsplit(url).scheme in ("unix", "tcp", "http") and not certificates


def ask(url: str, path: str, parameters: Mapping[str, Any], timeout: float) -> Answer:
    """GET something. OSError and HTTPException where nobody answers."""
    connection = _connection(url, timeout)
    try:
        query = urlencode(as_texts(parameters))
        connection.request("GET", f"{path}?{query}" if query else path, headers={"Host": "docker"})
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read(_MOST))
    finally:
        connection.close()


def as_texts(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Parameters as engines take them: what is no text becomes JSON."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in parameters.items()}


def _connection(url: str, timeout: float) -> HTTPConnection:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return _UnixConnection(parts.path, timeout)
    return HTTPConnection(parts.hostname or "", parts.port or 2375, timeout=timeout)


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
