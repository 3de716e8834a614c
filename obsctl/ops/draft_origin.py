"""Where a service that is to be drafted answers: by the URL of its page, and by what was seen of it."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from obsctl.access.options import PLAIN, ComponentAccess
from obsctl.clients.http import is_loopback, is_ready
from obsctl.discovery.draft import Origin
from obsctl.discovery.draft_otlp import probe_requests
from obsctl.discovery.log_files import observed_in
from obsctl.discovery.model import ObservedRequest, ObservedTraffic
from obsctl.discovery.observe import answers
from obsctl.errors import UsageError
from obsctl.runtime.ports import files_written_behind, listening_beside
from obsctl.spec.scalars import NAME_PATTERN

_METRICS = "/metrics"
_READY = ("/readyz", "/healthz", "/health", "/up", "/actuator/health")

MOST_LOG_BYTES = 1024**2
"""How much of the end of a log file is read."""


def origin_of(source: str, name: str, asked: ComponentAccess = PLAIN, written: ComponentAccess = PLAIN) -> Origin:
    """The service ``name`` ("" for one that is not known yet) behind the metrics page at ``source``.

    It is ``asked`` whether it is ready; ``written`` is how the draft says that. Raises UsageError.
    """
    try:
        parts = urlsplit(source)
        port = parts.port
    except ValueError:
        raise UsageError("--from: not a valid URL", hint="write it as http://host:port/metrics") from None
    if "@" in parts.netloc:
        raise UsageError("--from: a URL here must not hold a user name or a password", hint="the draft would keep it")
    odd = parts.query or parts.fragment or re.search(r"[^\x21-\x7e]", source)
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or odd:
        hint = "write it as http://host:port/metrics, without a query"
        raise UsageError("--from: expected the URL of a metrics page", hint=hint)
    url = f"{parts.scheme}://{parts.netloc}"
    path = parts.path if parts.path.strip("/") else _METRICS
    return Origin(name, url, path, ready_path(url, asked), written)


def check_name(name: str) -> None:
    """Raises UsageError for a name that no service can have."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise UsageError("--service: expected lower-case letters, digits and dashes, at most 63", hint="such as shop")


def ready_path(url: str, access: ComponentAccess = PLAIN) -> str:
    """The usual path at which a service says that it is ready; "" for none."""
    return next((path for path in _READY if is_ready(url + path, access=access)[0]), "")


def asked_from(folder: Path, access: ComponentAccess) -> ComponentAccess:
    """The same with paths that lead there even while the folder of the draft is not there yet."""
    tls = access.tls.below(folder)
    return replace(access.below(folder), tls=replace(tls, ca_file=os.path.normpath(tls.ca_file) if tls.ca_file else ""))


def served(origin: Origin, traffic: ObservedTraffic, access: ComponentAccess) -> tuple[Origin, str]:
    """The origin with the URL where the service answers, and what to say where that is not known.

    The page may be on a port of its own; the requests that were seen are answered on another one of the same process.
    """
    first = next(iter(probe_requests(traffic)), None)
    if first is None or answers(origin.url, first, access):
        return origin, ""
    beside = listening_beside(urlsplit(origin.url).port or 80) if is_loopback(origin.url) else ()
    if url := answering(origin.url, (*sorted(first.ports), *beside), first, access):
        ready = ready_path(url, access) or (f"{origin.url}{origin.ready}" if origin.ready else "")
        page = origin.page if origin.metrics else ""
        return replace(origin, url=url, metrics=page, ready=ready), ""
    return origin, f"{origin.url} does not answer {first} as it was seen: say under url: where the service answers"


def answering(near: str, ports: Iterable[int], request: ObservedRequest, access: ComponentAccess = PLAIN) -> str:
    """The URL with one of these ports, on the host of ``near``, that answers a request as it was seen; "" for none."""
    parts = urlsplit(near)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    urls = (f"{parts.scheme}://{host}:{port}" for port in ports)
    return next((url for url in urls if answers(url, request, access)), "")


def with_log_files(origin: Origin, traffic: ObservedTraffic) -> tuple[Origin, ObservedTraffic]:
    """Both with the file of log lines that the service writes on this machine, where none of a request came by OTLP."""
    if traffic.logs is None and is_loopback(origin.url):
        for path in files_written_behind(urlsplit(origin.url).port or 80):
            if found := observed_in(_last_lines(path), traffic):
                return replace(origin, logs=glob.escape(str(path))), replace(traffic, logs=found, logs_left="")
    return origin, traffic


def _last_lines(path: Path) -> list[str]:
    """The newest whole lines of a file, none where it cannot be read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - MOST_LOG_BYTES))
            return file.read(MOST_LOG_BYTES).decode("utf8", "replace").splitlines()
    except OSError:
        return []
