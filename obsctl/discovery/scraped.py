"""The metrics of a scraped page, or of stored series, as the draft of a contract states them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from obsctl.access.options import PLAIN, ComponentAccess
from obsctl.clients import telemetry
from obsctl.clients.exposition import fetch_page
from obsctl.discovery.model import ObservedMetric
from obsctl.errors import BackendError
from obsctl.languages.exposition import Family, Sample, Scrape, parse_scrape
from obsctl.spec.contract import MetricType

_TYPES = {
    "counter": MetricType.COUNTER,
    "gauge": MetricType.GAUGE,
    "histogram": MetricType.HISTOGRAM,
    "summary": MetricType.SUMMARY,
}

_POSITION = {MetricType.HISTOGRAM: "le", MetricType.SUMMARY: "quantile"}
_CREATED = "_created"
_PARTS = ("_bucket", "_count", "_sum")
_TARGET = ("__name__", "job", "instance", "service_namespace")


def scrape_page(
    url: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    access: ComponentAccess = PLAIN,
) -> Scrape:
    """Reads the metrics page at ``path`` of a service as the scraper will. ``headers`` are sent along.

    Raises BackendError for a page without metrics.
    """
    where = f"{url}{path}"
    page = fetch_page(where, access, headers=headers)
    scrape = parse_scrape(page.text, openmetrics=page.openmetrics)
    if scrape.problems:
        line, wrong = scrape.problems[0]
        hint = f"{len(scrape.problems)} such lines; `obsctl check --scrape {where}` shows them all"
        raise BackendError(f"{where} is no metrics page: line {line}: {wrong}", hint=hint)
    if not any(family.samples for family in scrape.families.values()):
        raise BackendError(f"{where} has no metrics", hint="send the service some requests, then try again")
    return scrape


def observed_metrics(scrape: Scrape) -> Iterator[ObservedMetric]:
    """The metrics of a scrape."""
    for family in scrape.families.values():
        base = family.name.removesuffix(_CREATED)
        if base == family.name or not {base, f"{base}_total"} & scrape.families.keys():
            yield _metric(family)


def stored_metrics(
    series: Iterable[telemetry.MetricSample], types: Mapping[str, tuple[str, str]]
) -> Iterator[ObservedMetric]:
    """The metrics of series that came by OTLP; ``types`` has type and help by name."""
    families: dict[str, Family] = {}
    for sample in series:
        name = sample.labels.get("__name__", "")
        base = next((name.removesuffix(end) for end in _PARTS if _is_whole(types, name.removesuffix(end))), name)
        kind, brief = types.get(base, ("", ""))
        labels = tuple((k, v) for k, v in sample.labels.items() if k not in _TARGET and not k.startswith("otel_scope_"))
        family = families.setdefault(base, Family(base, 0, kind, brief))
        family.samples.append(Sample(name, labels, 0))
    return (_metric(family) for family in families.values())


def _is_whole(types: Mapping[str, tuple[str, str]], name: str) -> bool:
    return types.get(name, ("",))[0] in ("histogram", "summary")


def _metric(family: Family) -> ObservedMetric:
    samples = [sample for sample in family.samples if not sample.name.endswith(_CREATED)]
    untyped = MetricType.COUNTER if family.name.endswith("_total") else MetricType.GAUGE
    kind = _TYPES.get(family.type, untyped)
    plain = {sample.name for sample in samples} or {family.name}
    name = next(iter(plain)) if kind in (MetricType.COUNTER, MetricType.GAUGE) and len(plain) == 1 else family.name
    pairs = [dict(sample.labels) for sample in samples]
    position = _POSITION.get(kind, "")
    labels = dict.fromkeys(label for found in pairs for label in found if label != position)
    bounds = {_bound(found["le"]) for found in pairs if position == "le" and "le" in found}
    buckets = tuple(sorted(bound for bound in bounds if bound != float("inf")))
    optional = frozenset(label for label in labels if any(label not in found for found in pairs))
    label_sets = frozenset(tuple((k, v) for k, v in found.items() if k != position) for found in pairs)
    unfit = _unfit(family, kind)
    return ObservedMetric(
        name, kind, family.help or "", tuple(labels), buckets, len(samples), optional, unfit, label_sets
    )


def _unfit(family: Family, kind: MetricType) -> str:
    """Why no contract can state a metric of this type, "" if one can."""
    if family.type in _TYPES:
        return ""
    if family.type in ("", "unknown", "untyped"):
        return f"it has no type; it may be a {kind}, but nothing says so"
    return f"a contract has no word for its type, {family.type}"


def _bound(text: str) -> float:
    """A bucket's bound. One that is no number cannot be told from none at all."""
    try:
        value = float(text)
    except ValueError:
        return float("inf")
    return float("inf") if value != value else value
