"""``init``: the first spec and contract of a project, of the sample or of a service that runs."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from obsctl.clients.http import is_ready
from obsctl.discovery.draft import Origin, draft, summary_lines
from obsctl.discovery.draft_otlp import probe_requests
from obsctl.discovery.model import ObservedTraffic
from obsctl.discovery.observe import echoed_header, observe_traffic
from obsctl.discovery.scraped import observed_metrics, scrape_page
from obsctl.errors import BackendError, StartError, UsageError
from obsctl.events import Emit, silent
from obsctl.ops.home import open_home
from obsctl.ops.listen import listen, receiver
from obsctl.result import Result
from obsctl.runtime.state import replace_file
from obsctl.spec.load import starter_files
from obsctl.spec.scalars import NAME_PATTERN
from obsctl.spec.stack_load import folder_name

_METRICS = "/metrics"
_READY = ("/readyz", "/healthz", "/health")
LOOK_BACK_SECONDS = 3600
"""How far back a running stack is asked."""

_NEXT = "next: go through contract.yaml, list requests under drive: in obsctl.yaml, then obsctl check, obsctl up"


@dataclass(frozen=True)
class DraftSources:
    """What a draft is made of: the metrics page at ``page``, and OTLP.

    ``listen`` says for how many seconds to receive it, on ports moved by ``port_offset``; ``stack`` is the folder of a
    running stack that has received it already.
    """

    page: str
    service: str | None = None
    listen: float | None = None
    port_offset: int = 0
    stack: Path | None = None


def init(folder: Path, *, force: bool, sources: DraftSources | None = None, emit: Emit = silent) -> Result:
    """Write ``obsctl.yaml`` and ``contract.yaml``; a file that is there already is kept, unless ``force``.

    Raises UsageError, StartError, and BackendError for a page that holds no metrics and when nothing was received.
    """
    if sources is None:
        return _written(folder, starter_files(), force, {}, ("next: obsctl up",))
    origin = _origin(sources.page, folder, sources.service)
    _refuse_present(folder, ("obsctl.yaml", "contract.yaml"), force)
    traffic = _observed(sources, origin, emit)
    try:
        page = tuple(observed_metrics(scrape_page(origin.url, origin.metrics)))
    except BackendError:
        if traffic is None:
            raise
        page, origin = (), replace(origin, metrics="")
    if traffic:
        traffic = replace(traffic, request_id_header=echoed_header(origin.url, probe_requests(traffic)))
    made = draft(page, origin, traffic)
    data: dict[str, object] = {"families": list(made.families), "metrics": list(made.own), "notes": list(made.notes)}
    data |= (
        {"heard": dict(traffic.received), "requests": [str(request) for request in traffic.requests]} if traffic else {}
    )
    return _written(folder, made.files, force, data, (*summary_lines(made, origin, traffic), _NEXT))


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


def _origin(source: str, folder: Path, service: str | None) -> Origin:
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
    return Origin(name, url, path, next((path for path in _READY if is_ready(url + path)[0]), ""))


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
