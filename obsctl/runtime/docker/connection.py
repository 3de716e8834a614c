"""An engine that answers, and the two ways to ask it: the Docker SDK, and plain HTTP on a connection of our own.

The SDK takes longer to load than everything else that an ``up`` with nothing to do does. So it is loaded for what
changes something or streams, and where only it knows the way (TLS, ssh); what is read once is read here.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlencode, urlsplit

from obsctl.runtime.docker.faults import RefusalError

Sdk: TypeAlias = Any
"""The SDK's low-level client, which has no types."""

EngineJson: TypeAlias = Any
"""What an engine answers, as JSON: read field by field, with nothing taken for granted that some engine leaves out."""

TIMEOUT = 60.0
"""Seconds for an answer that is not a stream."""

_MOST = 256 * 1024**2
"""Bytes of an answer: far more than the longest list."""


@dataclass(frozen=True)
class Candidate:
    """An engine that may be there. ``why`` says how it was found; ``certificates`` is a folder with ``ca.pem`` …"""

    url: str
    why: str
    certificates: str = ""
    verify: bool = True


@dataclass(frozen=True)
class Engine:
    """An engine that has answered. ``api`` is the version of its API, ``podman`` whether it is Podman's.

    ``host`` is the machine that its published ports are on, empty for this one.
    """

    candidate: Candidate
    api: str
    version: str
    podman: bool
    host: str
    _clients: list[Sdk] = field(default_factory=list, compare=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)

    def __str__(self) -> str:
        kind = "Podman" if self.podman else "Docker"
        return f"{kind} {self.version} at {self.candidate.url} ({self.candidate.why})"

    @property
    def client(self) -> Sdk:
        """The SDK's low-level client, with a connection for each thread that uses it. Loads the SDK."""
        with self._lock:
            if not self._clients:
                self._clients.append(client(self.candidate, self.api, timeout=TIMEOUT))
            return self._clients[0]

    def read(self, path: str, **parameters: object) -> EngineJson:
        """What the engine says to GET. RefusalError and OSError go through ``engine_faults`` at the caller's."""
        if is_plain(self.candidate.url, self.candidate.certificates):
            return ask(self.candidate.url, f"/v{self.api}{path}", parameters, TIMEOUT).json()
        return ask_by_sdk(self.client, f"/v{self.api}{path}", parameters, TIMEOUT).json()


@dataclass(frozen=True)
class Answer:
    """What an engine said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> EngineJson:
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


def ask(url: str, path: str, parameters: Mapping[str, object], timeout: float) -> Answer:
    """GET something. OSError and HTTPException where nobody answers."""
    connection = _connection(url, timeout)
    try:
        query = urlencode(as_texts(parameters))
        connection.request("GET", f"{path}?{query}" if query else path, headers={"Host": "docker"})
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read(_MOST))
    finally:
        connection.close()


def as_texts(parameters: Mapping[str, object]) -> dict[str, str]:
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


def ask_by_sdk(sdk: Sdk, path: str, parameters: Mapping[str, object], timeout: float) -> Answer:
    found = sdk.get(f"{sdk.base_url}{path}", params=as_texts(parameters), timeout=timeout)
    return Answer(found.status_code, {k.lower(): v for k, v in found.headers.items()}, found.content)


def client(candidate: Candidate, api: str, *, timeout: float) -> Sdk:
    """A low-level client of the SDK. ``timeout`` in seconds holds for every answer that is not a stream."""
    import docker
    import docker.tls

    url, tls = _without_path(candidate.url), None
    if candidate.certificates:
        folder = Path(candidate.certificates)
        pair = (str(folder / "cert.pem"), str(folder / "key.pem"))
        tls = docker.tls.TLSConfig(
            client_cert=pair if (folder / "cert.pem").exists() else None,
            ca_cert=str(folder / "ca.pem") if (folder / "ca.pem").exists() else None,
            verify=candidate.verify,
        )
    ssh = url.startswith("ssh://")
    pool = 9 if ssh else 32  # sshd refuses more than ten sessions on one connection
    return docker.APIClient(
        base_url=url, version=api, timeout=timeout, tls=tls or False, use_ssh_client=ssh, max_pool_size=pool
    )


def _without_path(url: str) -> str:
    """The SDK refuses a path in an ssh address, which the CLI allows."""
    parts = urlsplit(url)
    return f"ssh://{parts.netloc}" if parts.scheme == "ssh" else url
