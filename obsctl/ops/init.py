"""``init``: the first spec and contract of a project, of the sample or of a service that runs."""

from __future__ import annotations

import glob
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from obsctl.access.options import PLAIN, ComponentAccess, read_access
from obsctl.clients.http import is_loopback, is_ready
from obsctl.discovery.draft import Origin, draft, summary_lines
from obsctl.discovery.draft_otlp import probe_requests
from obsctl.discovery.log_files import observed_in
from obsctl.discovery.model import ObservedTraffic
from obsctl.discovery.observe import answers, echoed_header, observe_traffic
from obsctl.discovery.scraped import observed_metrics, scrape_page
from obsctl.errors import BackendError, StartError, UsageError
from obsctl.events import Emit, silent
from obsctl.json_types import Json
from obsctl.ops.home import open_home
from obsctl.ops.listen import listen, receiver
from obsctl.result import Result
from obsctl.runtime.ports import files_written_behind, listening_beside
from obsctl.runtime.state import replace_file
from obsctl.spec.load import starter_files
from obsctl.spec.scalars import NAME_PATTERN
from obsctl.spec.stack_load import folder_name

_METRICS = "/metrics"
_READY = ("/readyz", "/healthz", "/health", "/up", "/actuator/health")
LOOK_BACK_SECONDS = 3600
"""How far back a running stack is asked."""

MOST_LOG_BYTES = 1024**2
"""How much of the end of a log file is read."""

_NEXT = "next: go through contract.yaml, list requests under drive: in obsctl.yaml, then obsctl check, obsctl up"


@dataclass(frozen=True)
class DraftSources:
    """What a draft is made of: the metrics page at ``page``, and OTLP.

    ``listen`` says for how many seconds to receive it, on ports moved by ``port_offset``; ``stack`` is the folder of a
    running stack that has received it already. ``access`` is how the service is asked.
    """

    page: str
    service: str | None = None
    listen: float | None = None
    port_offset: int = 0
    stack: Path | None = None
    access: ComponentAccess = PLAIN


def access_of(folder: Path, ca_file: Path | None, headers: Sequence[str], *, insecure: bool) -> ComponentAccess:
    """How a draft's service is asked, as its ``obsctl.yaml`` in ``folder`` will say it. Raises UsageError."""
    document: dict[str, dict[str, Json]] = {"tls": {}, "auth": {}}
    if ca_file is not None:
        document["tls"]["ca_file"] = os.path.relpath(ca_file, folder)
    if insecure:
        document["tls"]["insecure"] = True
    if headers:
        pairs = (header.partition(":") for header in headers)
        document["auth"]["headers"] = {name.strip(): text.strip() for name, _, text in pairs}
    try:
        return read_access({name: options for name, options in document.items() if options})
    except UsageError as error:
        hint = "write it as --header 'Authorization: Bearer ${env:TOKEN}'"
        raise UsageError(f"--header: {error.message.removeprefix('auth.headers')}", hint=hint) from error


def init(folder: Path, *, force: bool, sources: DraftSources | None = None, emit: Emit = silent) -> Result:
    """Write ``obsctl.yaml`` and ``contract.yaml``; a file that is there already is kept, unless ``force``.

    Raises UsageError, StartError, and BackendError for a page that holds no metrics and when nothing was received.
    """
    if sources is None:
        return _written(folder, starter_files(), force, {}, ("next: obsctl up",))
    origin = _origin(sources.page, folder, sources.service, sources.access)
    asked = _asked(sources.access, folder)
    _refuse_present(folder, ("obsctl.yaml", "contract.yaml"), force)
    traffic = _observed(sources, origin, emit)
    try:
        page = tuple(observed_metrics(scrape_page(origin.url, origin.metrics, access=asked)))
    except BackendError:
        if traffic is None:
            raise
        page, origin = (), replace(origin, metrics="")
    lost = ""
    if traffic:
        origin, lost = _served(origin, traffic, asked)
        echoed = echoed_header(origin.url, probe_requests(traffic), asked)
        origin, traffic = _with_log_files(origin, replace(traffic, request_id_header=echoed))
    made = draft(page, origin, traffic, folder)
    data: dict[str, object] = {"families": list(made.families), "metrics": list(made.own), "notes": list(made.notes)}
    data |= (
        {"heard": dict(traffic.received), "requests": [str(request) for request in traffic.requests]} if traffic else {}
    )
    more = (lost,) if lost else ()
    return _written(folder, made.files, force, data, (*summary_lines(made, origin, traffic), *more, _NEXT))


def _served(origin: Origin, traffic: ObservedTraffic, access: ComponentAccess) -> tuple[Origin, str]:
    """The origin with the URL where the service answers, and what to say where that is not known.

    The page may be on a port of its own; the requests that were seen are answered on another one of the same process.
    """
    first = next(iter(probe_requests(traffic)), None)
    if first is None or answers(origin.url, first, access):
        return origin, ""
    parts = urlsplit(origin.url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    beside = listening_beside(parts.port or 80) if is_loopback(origin.url) else ()
    for port in (*sorted(first.ports), *beside):
        url = f"{parts.scheme}://{host}:{port}"
        if answers(url, first, access):
            ready = next((path for path in _READY if is_ready(url + path, access=access)[0]), "")
            ready = ready or (f"{origin.url}{origin.ready}" if origin.ready else "")
            page = origin.page if origin.metrics else ""
            return replace(origin, url=url, metrics=page, ready=ready), ""
    return origin, f"{origin.url} does not answer {first} as it was seen: say under url: where the service answers"


def _with_log_files(origin: Origin, traffic: ObservedTraffic) -> tuple[Origin, ObservedTraffic]:
    """Both with the file of log lines that the service writes on this machine, where none of a request came by OTLP."""
    if traffic.logs is None and is_loopback(origin.url):
        for path in files_written_behind(urlsplit(origin.url).port or 80):
            if found := observed_in(_last_lines(path), traffic):
                return replace(origin, logs=glob.escape(str(path))), replace(traffic, logs=found)
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


def _observed(sources: DraftSources, origin: Origin, emit: Emit) -> ObservedTraffic | None:
    """What came by OTLP, or has; None where nobody asked for it."""
    aside = (origin.metrics, origin.ready)
    if sources.stack is not None:
        since = time.time_ns() - LOOK_BACK_SECONDS * 10**9
        traffic = observe_traffic(open_home(sources.stack).running(), since, origin.service, aside)
    elif sources.listen is not None:
        since = time.time_ns()
        with receiver(sources.port_offset) as endpoints:
            listen(endpoints, sources.listen, emit)
            traffic = observe_traffic(endpoints, since, origin.service, aside)
    else:
        return None
    if not traffic.received:
        hint = "does the service export OTLP, to the address shown above? Send it requests meanwhile"
        raise BackendError("nothing came by OTLP, so nothing is written", hint=hint)
    return traffic


def _origin(source: str, folder: Path, service: str | None, access: ComponentAccess = PLAIN) -> Origin:
    """Raises UsageError."""
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
    name = service if service is not None else folder_name(folder.resolve())
    if not re.fullmatch(NAME_PATTERN, name):
        raise UsageError("--service: expected lower-case letters, digits and dashes, at most 63", hint="such as shop")
    url = f"{parts.scheme}://{parts.netloc}"
    path = parts.path if parts.path.strip("/") else _METRICS
    asked = _asked(access, folder)
    ready = next((path for path in _READY if is_ready(url + path, access=asked)[0]), "")
    return Origin(name, url, path, ready, access)


def _asked(access: ComponentAccess, folder: Path) -> ComponentAccess:
    """The same with paths that lead there even while the folder of the draft is not there yet."""
    tls = access.tls.below(folder)
    return replace(access.below(folder), tls=replace(tls, ca_file=os.path.normpath(tls.ca_file) if tls.ca_file else ""))


def _refuse_present(folder: Path, names: tuple[str, ...], force: bool) -> None:
    present = [name for name in names if (folder / name).exists()]
    if present and not force:
        hint = "choose another folder, or overwrite with --force"
        raise UsageError(f"{', '.join(str(folder / name) for name in present)} exists already", hint=hint)


def _written(
    folder: Path, files: Mapping[str, str], force: bool, data: Mapping[str, object], notes: tuple[str, ...]
) -> Result:
    _refuse_present(folder, tuple(files), force)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            replace_file(folder / name, text)
    except OSError as error:
        raise StartError(f"cannot write to {folder}: {error.strerror}", hint="choose another folder") from error
    written = [str(folder / name) for name in files]
    return Result("init", {"written": written, **data}, (f"wrote {' and '.join(written)}", *notes))
