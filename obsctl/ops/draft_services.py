"""Drafts of several services at once: those behind the given pages, and those that only sent something by OTLP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from obsctl.access.options import ComponentAccess
from obsctl.clients.http import is_loopback
from obsctl.discovery.draft import Draft, Origin, draft, summary_lines
from obsctl.discovery.draft_otlp import probe_requests
from obsctl.discovery.model import ObservedMetric, ObservedRequest, ObservedTraffic
from obsctl.discovery.observe import Received, echoed_header, observe_service, undriven_logs
from obsctl.discovery.scraped import observed_metrics, scrape_page
from obsctl.errors import BackendError
from obsctl.languages.exposition import Scrape
from obsctl.ops.draft_origin import answering, ready_path, served, with_log_files
from obsctl.ops.page_services import Page, named

_LOGS_LEFT = "its lines come neither with each request that verify may send, nor all the time"


_UNNAMED = "a service.name here has lower-case letters, digits and dashes, at most 63; set OTEL_SERVICE_NAME"


@dataclass(frozen=True)
class Drafted:
    """The drafts, one for each service; what was left out, and what else to say, both in sentences."""

    services: tuple[Draft, ...]
    left: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """What the drafts are made of, a line each."""
        for made in self.services:
            yield from (f"{made.origin.service}: {line}" for line in summary_lines(made))
        yield from self.notes
        yield from self.left


@dataclass(frozen=True)
class _Observed:
    """A service while its draft is made: where it answers, its page, and what it sent."""

    origin: Origin
    page: tuple[ObservedMetric, ...] = ()
    traffic: ObservedTraffic | None = None


def draft_services(
    pages: Sequence[Origin], received: Received | None, access: ComponentAccess, folder: Path
) -> Drafted:
    """Drafts the services behind these pages, and each other one that sent something by OTLP.

    ``access`` is how the services are asked. Raises BackendError for a page without metrics where nothing came by OTLP.
    """
    scraped = [_page(origin, received, access) for origin in pages]
    found, notes = named(scraped, received, access, folder)
    seen = [_of_page(page, received, access) for page in found]
    notes += [lost for _, lost in seen if lost]
    observed = [one for one, _ in seen]
    if received:
        known = {one.origin.service for one in observed}
        others = [name for name in received.services if name not in known]
        observed += [_of_otlp(received, name, pages[0].url) for name in others]
        observed = _with_logs(received, observed)
    drafts = [draft(one.page, one.origin, one.traffic, folder) for one in observed]
    left = [f"{made.origin.service} is left out: {reason}" for made in drafts if (reason := _empty(made))]
    left += [f"{name!r} is left out: {_UNNAMED}" for name in map(_printable, received.unnamed if received else ())]
    return Drafted(tuple(made for made in drafts if not _empty(made)), tuple(left), tuple(notes))


def _printable(name: str) -> str:
    return "".join(c for c in name if c.isprintable())[:63]


def _page(origin: Origin, received: Received | None, access: ComponentAccess) -> Page:
    """A page with its metrics; one without a page of metrics may send them by OTLP."""
    try:
        scrape = scrape_page(origin.url, origin.metrics, access=access)
    except BackendError:
        if received is None:
            raise
        return Page(replace(origin, metrics=""))
    return Page(origin, tuple(observed_metrics(scrape)), _said(scrape))


def _said(scrape: Scrape) -> str:
    """The ``service.name`` that a page tells of itself; "" for none."""
    families = (scrape.families.get(name) for name in ("target_info", "target"))
    labels = (dict(sample.labels) for family in families if family for sample in family.samples)
    return next((found["service_name"] for found in labels if found.get("service_name")), "")


def _of_page(page: Page, received: Received | None, access: ComponentAccess) -> tuple[_Observed, str]:
    """The service behind a page, and what to say where it sent nothing, or does not answer there."""
    origin = page.origin
    if received is None or origin.service not in received.counts:
        silent = f"{origin.service} sent nothing by OTLP: its traces and log lines are left out" if received else ""
        return _Observed(origin, page.metrics), silent
    traffic = observe_service(received, origin.service, (origin.metrics, origin.ready))
    origin, lost = served(origin, traffic, access)
    echoed = echoed_header(origin.url, probe_requests(traffic), access)
    origin, traffic = with_log_files(origin, replace(traffic, request_id_header=echoed))
    return _Observed(origin, page.metrics, traffic), lost


def _of_otlp(received: Received, name: str, near: str) -> _Observed:
    """A service of which no page is known. Where its spans tell a port of this machine that answers, it is there."""
    traffic = observe_service(received, name)
    first = next(iter(probe_requests(traffic)), None)
    url = answering(near, sorted(first.ports), first) if first and is_loopback(near) else ""
    if not url:
        return _Observed(Origin(name, "", ""), traffic=replace(traffic, reachable=not traffic.requests))
    traffic = replace(traffic, request_id_header=echoed_header(url, probe_requests(traffic)))
    origin, traffic = with_log_files(Origin(name, url, "", ready_path(url)), traffic)
    return _Observed(origin, traffic=traffic)


def _with_logs(received: Received, observed: Sequence[_Observed]) -> list[_Observed]:
    """The services, those to which verify sends nothing with the log lines that they write all the same."""
    sent = {one.origin.service: probe_requests(one.traffic) if one.traffic else () for one in observed}
    return [one if sent[one.origin.service] else _undriven(received, one, sent) for one in observed]


def _undriven(received: Received, one: _Observed, sent: Mapping[str, Sequence[ObservedRequest]]) -> _Observed:
    if one.traffic is None:
        return one
    name = one.origin.service
    driven = [request for requests in sent.values() for request in requests]
    logs = undriven_logs(received, name, driven)
    left = _LOGS_LEFT if received.counts[name].lines and logs is None else ""
    return replace(one, traffic=replace(one.traffic, logs=logs, logs_left=left))


def _empty(made: Draft) -> str:
    """Why a draft is not worth having, "" if it is."""
    traffic = made.traffic
    if made.origin.metrics or made.own or made.families or traffic is None or traffic.logs or traffic.requests:
        return ""
    counts = traffic.received.get(made.origin.service, "nothing")
    return f"it sent {counts}, and nothing that verify could look for"
