"""Prometheus text and OpenMetrics, as a service's ``/metrics`` serves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from obsctl.errors import BackendError

Labelled = tuple[Mapping[str, str], float]


@dataclass(frozen=True)
class Exposition:
    """One scrape. ``samples`` are by sample name (``x_total``, ``x_bucket``); ``types`` by family name and, for
    counters, by sample name too, since the two formats disagree on which of them is the family.
    """

    samples: Mapping[str, Sequence[Labelled]] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)

    def total(self, name: str, labels: Mapping[str, str] | None = None) -> float | None:
        """The sum over all series of a sample name with at least these labels; None where there is no such series."""
        wanted = (labels or {}).items()
        found = [value for have, value in self.samples.get(name, ()) if wanted <= have.items()]
        return sum(found) if found else None


def parse_exposition(text: str) -> Exposition:
    """Parse a whole scrape; a text that ends with ``# EOF`` is OpenMetrics. Malformed text is a ``BackendError``."""
    try:
        return _parse(text)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise BackendError(
            f"the metrics text could not be parsed: {error}", hint="look at it: curl the service's /metrics"
        ) from error


def _parse(text: str) -> Exposition:
    read = openmetrics_parser if text.rstrip().endswith("# EOF") else parser
    samples: dict[str, list[Labelled]] = {}
    types: dict[str, str] = {}
    for family in read.text_string_to_metric_families(text):
        types[family.name] = family.type
        if family.type == "counter":
            types[f"{family.name}_total"] = family.type
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((dict(sample.labels), float(sample.value)))
    return Exposition(samples, types)
