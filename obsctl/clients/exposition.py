"""Prometheus text and OpenMetrics, as a service's metrics page serves them to a scraper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from obsctl.access.connect import MOST_REDIRECTS, encoded, redirected
from obsctl.access.options import PLAIN, ComponentAccess
from obsctl.clients.http import Http, Reply, complaint, content_type
from obsctl.endpoints import Endpoint
from obsctl.errors import BackendError
from obsctl.languages.exposition import parse_scrape
from obsctl.languages.exposition_lines import ACCEPT, END, ExpositionError, page_is_openmetrics
from obsctl.languages.routes import fits_labels

Labelled = tuple[Mapping[str, str], float]

_NAME = "The metrics page"
_REFUSED = "Prometheus refuses the page; set the header in the service"


@dataclass(frozen=True)
class MetricsPage:
    """A metrics page as the scraper gets it, its format, and where it was, without credentials and parameters."""

    url: str
    text: str
    openmetrics: bool


@dataclass(frozen=True)
class Exposition:
    """One scrape. ``samples`` are by sample name (``x_total``, ``x_bucket``); ``types`` by family name and, for
    counters, by sample name too, since the two formats disagree on which of them is the family.
    """

    samples: Mapping[str, Sequence[Labelled]] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)

    def total(
        self, name: str, labels: Mapping[str, str] | None = None, driven: Mapping[str, str] | None = None
    ) -> float | None:
        """The sum over all series of a sample name with at least these labels; None where there is no such series.

        Labels in ``driven`` tell a property of a request, maybe in another notation.
        """
        found = [value for have, value in self.samples.get(name, ()) if fits_labels(labels or {}, have, driven or {})]
        return sum(found) if found else None


def fetch_page(
    url: str,
    access: ComponentAccess = PLAIN,
    *,
    follow_redirects: bool = True,
    timeout: float = 5.0,
    headers: Mapping[str, str] | None = None,
) -> MetricsPage:
    """Ask for a page as Prometheus does: formats, redirects, credentials for the page's own server alone.

    ``headers`` are sent along. Raises BackendError for no answer, an answer that is none, and a format that Prometheus
    does not take.
    """
    parts = urlsplit(encoded(url))
    with Http(f"{parts.scheme}://{parts.netloc}", timeout=timeout, name=_NAME, access=access) as http:
        asked, query = f"{http.base_url}{parts.path}", f"?{parts.query}" if parts.query else ""
        reply = _followed(http, f"{asked}{query}", headers or {}, MOST_REDIRECTS if follow_redirects else 0)
    if reply.status != 200:
        hint = "does the service run, and is the path right? Try it with curl"
        raise BackendError(f"{_NAME} at {asked} answered {reply.status}: {complaint(reply)}", hint=hint)
    try:
        return MetricsPage(asked, reply.text, page_is_openmetrics(content_type(reply)))
    except ExpositionError as error:
        raise BackendError(f"{asked}: {error}", hint=_REFUSED) from error


def _followed(http: Http, url: str, headers: Mapping[str, str], redirects: int) -> Reply:
    """The answer at the end of at most so many redirects."""
    at = url
    for left in range(redirects, -1, -1):
        reply = http.send("GET", "", base_url=at, headers={**headers, "Accept": ACCEPT})
        at = redirected(at, reply.status, reply.headers.get("location", ""))
        if not at or not redirects:
            return reply
        if not left:
            raise BackendError(f"{url} leads from one redirect to the next, more than {redirects} times")
    raise AssertionError("unreachable")


def parse_exposition(text: str) -> Exposition:
    """Parse a whole scrape; the text tells its format, and of a series that appears twice the first counts.

    Malformed text is a ``BackendError``.
    """
    scrape = parse_scrape(text, openmetrics=text.rstrip().endswith(END))
    if scrape.problems:  # a comment may look like the mark of OpenMetrics
        scrape = parse_scrape(text, openmetrics=False)
    if scrape.problems:
        line, wrong = scrape.problems[0]
        raise BackendError(
            f"the metrics text could not be parsed: line {line}: {wrong}",
            hint="look at it: curl the service's /metrics",
        )
    samples: dict[str, dict[frozenset[tuple[str, str]], Labelled]] = {}
    types: dict[str, str] = {}
    for family in scrape.families.values():
        types[family.name] = family.type
        if family.type == "counter":
            types[f"{family.name.removesuffix('_total')}_total"] = family.type
        for sample in family.samples:
            series = samples.setdefault(sample.name, {})
            series.setdefault(frozenset(sample.labels), (dict(sample.labels), sample.value))
    return Exposition({name: list(series.values()) for name, series in samples.items()}, types)


def own_metrics(server: Endpoint) -> Exposition | None:
    """What the server behind an endpoint says of itself; None where it does not answer with a metrics page."""
    try:
        with Http(server.url, name="the server's own metrics", access=server.access) as http:
            return parse_exposition(http.get_text("/metrics").text)
    except BackendError:
        return None
