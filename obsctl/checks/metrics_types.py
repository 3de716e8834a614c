"""Every metric is stored with the type that the contract gives it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence

from obsctl.checks._metrics import (
    NO_BACKEND,
    MetricsPoller,
    ScrapedComponent,
    counted,
    not_scraped,
    nothing_arrived,
    present,
    sample_names,
)
from obsctl.checks._verdicts import count, failed, noted, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, MetricsContext, Signal, Verdict
from obsctl.clients.exposition import Exposition, parse_exposition
from obsctl.clients.promql import PromqlClient
from obsctl.errors import BackendError
from obsctl.spec.contract import Metric, MetricType
from obsctl.wait import until

_HINT = "give the metric that type where the service defines it, or correct the contract"
QUERY = "GET /api/v1/metadata"


class MetricsTypes:
    """See ``docs/checks/metrics-types.md``."""

    id = "metrics.types"
    signal = Signal.METRICS
    title = "metric types are as the contract says"

    def run(self, context: Context) -> Verdict:
        """Compare the stored type of each metric that is there."""
        if context.metrics is None:
            return skipped(NO_BACKEND)
        scraped = MetricsPoller.of(context, context.metrics).scraped(context.deadline)
        if verdict := nothing_arrived(context, scraped):
            return verdict
        metrics = list({m.name: m for m, _ in present(context.contract, scraped)}.values())
        pages = dict(_pages(context, context.metrics, scraped))
        if exposed := [fault for s in scraped if s.name in pages for fault in _exposed(metrics, s, pages[s.name])]:
            looked = [Evidence(f"GET {s.component.metrics_url}", "the page of this run") for s in scraped]
            return failed(summed(exposed), looked, hint=_HINT)
        shared = _SharedNames(context.metrics.client, scraped, pages)
        types = _types(context, context.metrics.client, metrics, shared)
        pulled = {sample.labels["__name__"] for s in scraped for sample in s.series if sample not in s.pushed.series}
        unknown = [m for m in metrics if m.name not in types and not pulled & {*sample_names(m)}]
        metrics = [m for m in metrics if m not in unknown]
        if not metrics:
            return skipped("this backend keeps no types of metrics that are pushed")
        wrong = [(m, types.get(m.name, "")) for m in metrics if types.get(m.name) != m.type]
        if wrong:
            findings = [f"{m.name} is stored as {found or 'no known type'}, not {m.type}" for m, found in wrong]
            looked = [Evidence(f"{QUERY}?metric={m.name}", found or "nothing") for m, found in wrong]
            return failed(summed(findings), looked, hint=_HINT)
        looked = [Evidence(f"{QUERY}?metric={m.name}", types[m.name]) for m in metrics]
        summary = f"{count(len(metrics), 'metric')} of the right type"
        left = (
            f"without {count(len(unknown), 'pushed metric')}, whose type this backend does not keep" if unknown else ""
        )
        return passed(summary + noted([not_scraped(scraped), left]), looked, notes=shared.notes)


def _pages(
    context: Context, metrics: MetricsContext, scraped: Sequence[ScrapedComponent]
) -> Iterator[tuple[str, Exposition]]:
    """The metrics page of each component, as it is now or as it was before the run, where one of them can be read."""
    for component in (s for s in scraped if s.up and not s.pushes):
        with contextlib.suppress(BackendError):
            read, before = metrics.read_page, context.run.baseline.get(component.name, "")
            yield component.name, parse_exposition(read(component.component) if read else before)


def _exposed(metrics: Sequence[Metric], component: ScrapedComponent, page: Exposition) -> Iterator[str]:
    """What is wrong with the types on a page. What a backend stores by name may be the type of another service."""
    for metric in metrics:
        shown = _type_on(page, metric.name)
        if component.of(metric) and shown not in ("", metric.type):
            yield f"{component.name} exposes {metric.name} as {shown}, not {metric.type}"


def _type_on(page: Exposition, name: str) -> str:
    """The type on a page, "" where it is not told, or told of the counter that OpenMetrics gives the same family."""
    shown = page.types.get(name) or page.types.get(name.removesuffix("_total")) or ""
    is_counter = shown == MetricType.COUNTER and not name.endswith("_total")
    return "" if is_counter and f"{name}_total" in page.samples else shown


class _SharedNames:
    """Metrics whose type is stored as another service has it: metadata goes by name."""

    def __init__(
        self, client: PromqlClient, scraped: Sequence[ScrapedComponent], pages: Mapping[str, Exposition]
    ) -> None:
        self._client, self._scraped, self._pages = client, scraped, pages
        self._owners: dict[str, str] = {}

    def explain(self, metric: Metric) -> bool:
        """Whether our pages show the right type, while somebody else has a metric of that name, too."""
        ours = [s for s in self._scraped if s.of(metric)]
        if not all(s.name in self._pages and _type_on(self._pages[s.name], metric.name) == metric.type for s in ours):
            return False
        if metric.name not in self._owners:
            jobs = {sample.labels.get("job", "") for sample in self._client.instant(counted(metric))}
            self._owners[metric.name] = next(iter(sorted(jobs - {s.job for s in ours})), "")
        return bool(self._owners[metric.name])

    @property
    def notes(self) -> list[str]:
        """What to say of each."""
        told = ((name, job) for name, job in self._owners.items() if job)
        return [
            f"{name} is stored with the type that {job} gives it: two services share the name" for name, job in told
        ]


def _types(
    context: Context, client: PromqlClient, metrics: Sequence[Metric], shared: _SharedNames
) -> Mapping[str, str]:
    """The stored type of each metric. Metadata may be stored a moment later than the samples: wait for all of it."""
    found: dict[str, str] = {}
    names = {metric.name for metric in metrics}

    def complete() -> bool:
        stored = client.metadata()
        for metric in metrics:
            # a counter's family is named with or without _total, depending on the exposition format
            entry = stored.get(metric.name) or stored.get(metric.name.removesuffix("_total"))
            if entry:
                foreign = _is_of_another(metric, entry[0], names)
                foreign = foreign or (entry[0] != metric.type and shared.explain(metric))
                found[metric.name] = metric.type if foreign else entry[0]
        return all(found.get(m.name) == m.type for m in metrics)

    until(complete, context.deadline, interval=0.2)
    return found


def _is_of_another(metric: Metric, stored: str, names: Collection[str]) -> bool:
    """Whether a type is that of a counter whose family has the same name: OpenMetrics takes off its ``_total``.

    So Go's ``go_memstats_alloc_bytes`` and ``go_memstats_alloc_bytes_total`` share an entry: the last one's type.
    """
    return stored == MetricType.COUNTER and metric.type is not MetricType.COUNTER and f"{metric.name}_total" in names
