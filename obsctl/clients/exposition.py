"""Prometheus text and OpenMetrics, as a service's metrics page serves them to a scraper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from obsctl.clients.http import Http, content_type
from obsctl.errors import BackendError
from obsctl.languages.exposition import parse_scrape
from obsctl.languages.exposition_lines import ACCEPT, ExpositionError, page_is_openmetrics
from obsctl.languages.routes import fits_labels

Labelled = tuple[Mapping[str, str], float]


@dataclass(frozen=True)
class MetricsPage:
    """A metrics page as the scraper gets it, and its format."""

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


def metrics_text(http: Http, path: str, headers: Mapping[str, str] | None = None) -> str:
    """The text of a metrics page in the format that the scraper gets. Raises BackendError."""
    return http.get_text(path, headers={**(headers or {}), "Accept": ACCEPT}).text


def metrics_page(http: Http, path: str, headers: Mapping[str, str] | None = None) -> MetricsPage:
    """A metrics page as the scraper gets it: the same negotiation.

    Raises BackendError, also for a Content-Type that Prometheus refuses.
    """
    reply = http.get_text(path, headers={**(headers or {}), "Accept": ACCEPT})
    try:
        return MetricsPage(reply.text, page_is_openmetrics(content_type(reply)))
    except ExpositionError as error:
        hint = "Prometheus refuses the page; set the header in the service"
        raise BackendError(f"{http.base_url}{path.partition('?')[0]}: {error}", hint=hint) from error


def parse_exposition(text: str) -> Exposition:
    """Parse a whole scrape; the text tells its format. Malformed text is a ``BackendError``."""
    scrape = parse_scrape(text)
    if scrape.problems:
        line, wrong = scrape.problems[0]
        raise BackendError(
            f"the metrics text could not be parsed: line {line}: {wrong}",
            hint="look at it: curl the service's /metrics",
        )
    samples: dict[str, list[Labelled]] = {}
    types: dict[str, str] = {}
    for family in scrape.families.values():
        types[family.name] = family.type
        if family.type == "counter":
            types[f"{family.name.removesuffix('_total')}_total"] = family.type
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return Exposition(samples, types)
