"""``init``: the first spec and contracts of a project, of the sample or of services that run."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from obsctl.access.options import PLAIN, ComponentAccess, read_access
from obsctl.discovery.draft import draft, spec_text, summary_lines
from obsctl.discovery.draft_otlp import probe_requests
from obsctl.discovery.observe import Received, echoed_header, observe_traffic
from obsctl.discovery.scraped import observed_metrics, scrape_page
from obsctl.errors import BackendError, StartError, UsageError
from obsctl.events import Emit, silent
from obsctl.json_types import Json
from obsctl.ops.draft_origin import asked_from, check_name, origin_of, served, with_log_files
from obsctl.ops.draft_services import Drafted, draft_services
from obsctl.ops.home import open_home
from obsctl.ops.listen import listen, receiver
from obsctl.result import Result
from obsctl.runtime.state import replace_file
from obsctl.spec.load import starter_files
from obsctl.spec.stack_load import folder_name

LOOK_BACK_SECONDS = 3600
"""How far back a running stack is asked."""

_NEXT = "next: go through {contracts}, list requests under drive: in obsctl.yaml, then obsctl check, obsctl up"
_CONTRACTS = "contracts"
"""The folder of contracts where there are several."""


@dataclass(frozen=True)
class DraftSources:
    """What a draft is made of: metrics pages, and OTLP.

    ``names`` are what to call the services behind the pages, in their order. ``listen`` says for how many seconds to
    receive OTLP, on ports moved by ``port_offset``; ``stack`` is the folder of a running stack that has received it
    already. ``access`` is how the services are asked.
    """

    pages: tuple[str, ...]
    names: tuple[str, ...] = ()
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
    """Write ``obsctl.yaml`` and a contract for each service; a file that is there already is kept, unless ``force``.

    Raises UsageError, StartError, and BackendError for a page that holds no metrics and when nothing was received.
    """
    if sources is None:
        return _written(folder, starter_files(), force, {}, ("next: obsctl up",))
    if len(sources.names) > len(sources.pages):
        raise UsageError("--service is there more often than --from", hint="name the services in the order of --from")
    for name in sources.names:
        check_name(name)
    return _one(folder, sources, force, emit) if len(sources.pages) == 1 else _several(folder, sources, force, emit)


def _one(folder: Path, sources: DraftSources, force: bool, emit: Emit) -> Result:
    """A service whose contract says what all that was seen did for it."""
    asked = asked_from(folder, sources.access)
    name = sources.names[0] if sources.names else folder_name(folder.resolve())
    origin = origin_of(sources.pages[0], name, asked, sources.access)
    _refuse_present(folder, ("obsctl.yaml", "contract.yaml"), force)
    with _receiving(sources, emit) as received:
        traffic = observe_traffic(received, origin.service, (origin.metrics, origin.ready)) if received else None
    try:
        page = tuple(observed_metrics(scrape_page(origin.url, origin.metrics, access=asked)))
    except BackendError:
        if traffic is None:
            raise
        page, origin = (), replace(origin, metrics="")
    lost = ""
    if traffic:
        origin, lost = served(origin, traffic, asked)
        echoed = echoed_header(origin.url, probe_requests(traffic), asked)
        origin, traffic = with_log_files(origin, replace(traffic, request_id_header=echoed))
    made = draft(page, origin, traffic, folder)
    data: dict[str, object] = {"families": list(made.families), "metrics": list(made.own), "notes": list(made.notes)}
    data |= (
        {"heard": dict(traffic.received), "requests": [str(request) for request in traffic.requests]} if traffic else {}
    )
    more = (lost,) if lost else ()
    following = _NEXT.format(contracts="contract.yaml")
    return _written(folder, made.files, force, data, (*summary_lines(made), *more, following))


def _several(folder: Path, sources: DraftSources, force: bool, emit: Emit) -> Result:
    """Each service that was seen, with a contract of its own."""
    asked = asked_from(folder, sources.access)
    names = (*sources.names, *[""] * (len(sources.pages) - len(sources.names)))
    pages = [origin_of(page, name, asked, sources.access) for page, name in zip(sources.pages, names, strict=True)]
    _refuse_twice([page.page for page in pages], "--from")
    _refuse_twice([page.service for page in pages if page.service], "--service")
    _refuse_present(folder, ("obsctl.yaml", _CONTRACTS), force)
    with _receiving(sources, emit) as received:
        drafted = draft_services(pages, received, asked, folder)
    placed = [(made, f"{_CONTRACTS}/{made.origin.service}.yaml") for made in drafted.services]
    files = {"obsctl.yaml": spec_text(placed), **{file: made.contract for made, file in placed}}
    following = _NEXT.format(contracts=f"{_CONTRACTS}/*.yaml")
    return _written(folder, files, force, _data_of(drafted, received), (*drafted.lines(), following))


def _data_of(drafted: Drafted, received: Received | None) -> dict[str, object]:
    heard = {name: str(counts) for name, counts in received.counts.items()} if received else {}
    services = [
        {
            "name": made.origin.service,
            "families": list(made.families),
            "metrics": list(made.own),
            "notes": list(made.notes),
            "requests": [str(request) for request in (made.traffic.requests if made.traffic else ())],
        }
        for made in drafted.services
    ]
    return {"services": services, "left_out": list(drafted.left), "heard": heard}


@contextlib.contextmanager
def _receiving(sources: DraftSources, emit: Emit) -> Iterator[Received | None]:
    """What came by OTLP, or has; None where it is not asked for. Meanwhile more may come."""
    if sources.stack is not None:
        since = time.time_ns() - LOOK_BACK_SECONDS * 10**9
        yield _something(Received.read(open_home(sources.stack).running(), since))
    elif sources.listen is not None:
        since = time.time_ns()
        with receiver(sources.port_offset) as endpoints:
            listen(endpoints, sources.listen, emit)
            yield _something(Received.read(endpoints, since))
    else:
        yield None


def _something(received: Received) -> Received:
    if not received.counts:
        hint = "does the service export OTLP, to the address shown above? Send it requests meanwhile"
        raise BackendError("nothing came by OTLP, so nothing is written", hint=hint)
    return received


def _refuse_twice(values: Sequence[str], option: str) -> None:
    if twice := next((value for i, value in enumerate(values) if value in values[:i]), ""):
        raise UsageError(f"{option} {twice} is there twice", hint="leave one of them out")


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
            (folder / name).parent.mkdir(exist_ok=True)
            replace_file(folder / name, text)
    except OSError as error:
        raise StartError(f"cannot write to {folder}: {error.strerror}", hint="choose another folder") from error
    written = [str(folder / name) for name in files]
    return Result("init", {"written": written, **data}, (f"wrote {' and '.join(written)}", *notes))
