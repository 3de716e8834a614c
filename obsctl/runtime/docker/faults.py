"""What an engine's errors mean for a person. The engine answers with prose; here it becomes a sentence and a hint."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from http.client import HTTPException

from obsctl.errors import ObsctlError, StartError
from obsctl.runtime.ports import MOVED

_MIRROR = "take the images from a mirror: `containers: {registry: …}` in obsctl.yaml"

MEANINGS: Sequence[tuple[str, str, str]] = (
    (
        r"no space left on device|disk quota exceeded",
        "the engine's disk is full",
        "`docker system df` shows what uses it, `docker system prune` removes what nothing uses",
    ),
    (
        r"toomanyrequests|rate limit",
        "the registry allows no more pulls for now",
        f"log in with `docker login`, wait, or {_MIRROR}",
    ),
    (
        r"unauthorized|authentication required|access denied|denied: ",
        "the registry refuses, or there is no such image",
        "log in with `docker login`, or correct the image in obsctl.yaml",
    ),
    (
        r"manifest unknown|manifest for .* not found|repository .* not found|no such image|not found: manifest",
        "there is no such image",
        "correct the image under `containers: {images: …}` in obsctl.yaml",
    ),
    (
        r"no matching manifest|does not match the specified platform",
        "the image is not made for this platform",
        "set `containers: {platform: …}` in obsctl.yaml to one that it is made for",
    ),
    (
        r"no such host|dial tcp|i/o timeout|tls handshake|connection refused|network is unreachable|deadline exceeded",
        "the registry cannot be reached",
        f"check the engine's network and proxy; without any, load the images there (`docker load`), or {_MIRROR}",
    ),
    (
        r"port is already allocated|address already in use|ports are not available",
        "a port was taken in the meantime",
        f"stop what holds it, or move all ports with `{MOVED}`",
    ),
)
"""Pattern in the engine's answer -> what it means, and what to do."""

_ASK = "see what the engine says: `docker info`, and its own log"


class RefusalError(Exception):
    """An engine's answer that is no success: its status, and its words."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


@contextlib.contextmanager
def engine_faults(doing: str) -> Iterator[None]:
    """Every error of the SDK, and of a connection to an engine, as a StartError that begins with ``doing``."""
    try:
        yield
    except Exception as error:  # the boundary to the SDK, which is loaded only for what needs it
        found = _translated(doing, error)
        if found is None:
            raise
        raise found from error


def _translated(doing: str, error: Exception) -> StartError | None:
    """An error as a sentence; None for what has nothing to do with an engine."""
    if isinstance(error, ObsctlError):
        return None
    import docker.errors
    import urllib3.exceptions

    match error:
        case RefusalError():
            return explained(doing, str(error))
        case docker.errors.APIError():
            return explained(doing, str(error.explanation or error))
        case docker.errors.DockerException():
            return explained(doing, str(error))
        case OSError() | HTTPException() | urllib3.exceptions.HTTPError():  # what requests raises is an OSError
            return StartError(f"{doing}: the engine does not answer any more: {_cause(error)}", hint=_ASK)
        case _:
            return None


def explained(doing: str, said: str) -> StartError:
    """The error for what an engine said."""
    text = " ".join(said.split())
    if "paramiko" in text.lower():
        hint = "pip install 'docker[ssh]', or forward its socket: `ssh -L /tmp/docker.sock:/var/run/docker.sock …`"
        return StartError(f"{doing}: an engine behind ssh needs a further library", hint=hint)
    for pattern, meaning, hint in MEANINGS:
        if re.search(pattern, text, re.IGNORECASE):
            return StartError(f"{doing}: {meaning} ({text})", hint=hint)
    return StartError(f"{doing}: {text}", hint=_ASK)


def _cause(error: BaseException) -> str:
    """The innermost words of a chain of errors: the outer ones tell of pools and retries."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
