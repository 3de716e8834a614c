"""Which service is behind a metrics page: by what the page says, by what spans say, or by asking."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from obsctl.access.options import ComponentAccess
from obsctl.clients.http import Http
from obsctl.clients.traces import TracesClient, traces_client
from obsctl.discovery.draft import Origin
from obsctl.discovery.model import ObservedMetric, ObservedRequest
from obsctl.discovery.observe import Received, observe_service
from obsctl.endpoints import Role
from obsctl.errors import BackendError
from obsctl.spec.stack_load import folder_name
from obsctl.wait import Deadline, until

PATIENCE = 8.0
"""Seconds that the span of a request may take to arrive: batches are sent every five by default."""

MOST_ASKED = 5
"""Requests that a page is sent to learn whose it is."""


@dataclass(frozen=True)
class Page:
    """A metrics page: where it is, what it has, and the ``service.name`` that it tells, "" for none."""

    origin: Origin
    metrics: tuple[ObservedMetric, ...] = ()
    said: str = ""


def named(
    pages: Sequence[Page], received: Received | None, access: ComponentAccess, folder: Path
) -> tuple[list[Page], list[str]]:
    """The pages with the names of their services, and what to say of those whose name nothing told."""
    names = {_key(page): page.origin.service for page in pages}
    if received:
        _take(names, {_key(page): page.said for page in pages if page.said in received.services})
        _take(names, dict(_by_ports(pages, received, names)))
        _take(names, _by_asking([page for page in pages if not names[_key(page)]], received, names, access))
    else:
        _take(names, {_key(page): folder_name(Path(page.said)) for page in pages if page.said})
    notes = []
    for page in pages:
        if not names[_key(page)]:
            names[_key(page)] = _free(f"{folder_name(folder.resolve())[:50]}-{_port(page)}", names)
            told = f"nothing tells which service answers at {page.origin.url}"
            notes.append(f"{told}: it is called {names[_key(page)]}; say --service for each --from")
    return [replace(page, origin=replace(page.origin, service=names[_key(page)])) for page in pages], notes


def _key(page: Page) -> str:
    return page.origin.page or page.origin.url


def _port(page: Page) -> int:
    parts = urlsplit(page.origin.url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _free(name: str, names: dict[str, str]) -> str:
    """The name, with a number where another page has it."""
    return next(one for one in (name, *(f"{name}-{i}" for i in range(2, 1000))) if one not in names.values())


def _take(names: dict[str, str], found: dict[str, str]) -> None:
    """Name the pages that have no name yet; a service has one page."""
    for key, name in found.items():
        if name and not names[key] and name not in names.values():
            names[key] = name


def _by_ports(pages: Sequence[Page], received: Received, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Pages on a port that the server spans of one service alone name as theirs."""
    ports = {
        service: {port for request in _requests(received, service) for port in request.ports}
        for service in received.services
        if service not in names.values()
    }
    for page in pages:
        owners = [service for service, known in ports.items() if _port(page) in known]
        if len(owners) == 1:
            yield _key(page), owners[0]


def _requests(received: Received, service: str) -> Sequence[ObservedRequest]:
    return observe_service(received, service).requests


def _by_asking(
    pages: Sequence[Page], received: Received, names: dict[str, str], access: ComponentAccess
) -> dict[str, str]:
    """Pages by the service that has the span of a GET that was sent there with a trace id of its own."""
    backend = received.endpoints.first(Role.TRACES)
    open_names = [service for service in received.services if service not in names.values()]
    if not pages or not open_names or backend is None:
        return {}
    seen = [request for service in open_names for request in _requests(received, service) if request.safe_to_send]
    paths = tuple(dict.fromkeys(request.route for request in seen))[:MOST_ASKED]
    sent = {ids: _key(page) for page in pages for ids in _sent(page, paths, access)}
    client, found = traces_client(backend), dict[str, str]()

    def arrived() -> bool:
        for (trace_id, parent_id), key in sent.items():
            answered = "" if key in found else _answered(client, trace_id, parent_id)
            if answered in open_names:
                found[key] = answered
        return len(found) == len(pages)

    until(arrived, Deadline.after(PATIENCE), interval=0.2)
    return found


def _answered(client: TracesClient, trace_id: str, parent_id: str) -> str:
    """The service of the span right below the one that was sent along; "" while there is none."""
    with contextlib.suppress(BackendError):
        return next((span.service for span in client.trace(trace_id) if span.parent_id == parent_id), "")
    return ""


def _sent(page: Page, paths: Sequence[str], access: ComponentAccess) -> Iterator[tuple[str, str]]:
    """The ids of trace and parent with which the page's server was asked."""
    with Http(page.origin.url, name="The service", access=access) as http:
        for path in dict.fromkeys((*paths, urlsplit(page.origin.page).path or "/")):
            trace_id, parent_id = secrets.token_hex(16), secrets.token_hex(8)
            with contextlib.suppress(BackendError):
                http.send("GET", path, headers={"traceparent": f"00-{trace_id}-{parent_id}-01"})
                yield trace_id, parent_id
