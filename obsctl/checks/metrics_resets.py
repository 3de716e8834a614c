"""Counters never fall: one process answers for each target, and it does not restart."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from obsctl.checks._metrics import (
    NO_BACKEND,
    MetricsPoller,
    ScrapedComponent,
    counted,
    nothing_arrived,
    queries_of,
)
from obsctl.checks._rises import RunRises, SeriesRise
from obsctl.checks._verdicts import count, failed, few, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, MetricsContext, Signal, Verdict
from obsctl.clients.exposition import Exposition, parse_exposition
from obsctl.clients.telemetry import MetricSample
from obsctl.endpoints import Role
from obsctl.errors import BackendError
from obsctl.languages.quoting import string_literal
from obsctl.spec.contract import MetricType
from obsctl.wait import Deadline, until

READS = 8
"""How often a page is read in a row: with three processes behind it, all reads meet one of them once in 2,000 runs."""

LONGEST = 2.0
"""Seconds that these reads may take; a page that needs that long is read less often."""

_START = "process_start_time_seconds"
_PREFORK = (
    "several processes answer at one address, each with counters of its own. Python: set PROMETHEUS_MULTIPROC_DIR and "
    "serve MultiProcessCollector; Node: AggregatorRegistry of prom-client; Ruby: DirectFileStore; PHP: a shared store; "
    "or give each worker a port of its own and list them all, or push by OTLP with a service.instance.id for each"
)
_RESTART = (
    "the service restarted while it was looked at: see why (`obsctl logs`; a reload on changes, a crash, a memory "
    "limit, max requests of a worker), then run verify again"
)


@dataclass(frozen=True)
class CounterFall:
    """A counter of a component that fell. ``several``: processes of their own answer, which tells it from a restart."""

    component: str
    series: str
    values: tuple[float, ...]
    several: bool

    def __str__(self) -> str:
        shown = few((f"{v:g}" for v in self.values), 6)
        why = "several processes answer in turn" if self.several else "it began anew"
        return f"{self.series} on {self.component} fell ({shown}): {why}"


class MetricsResets:
    """See ``docs/checks/metrics-resets.md``."""

    id = "metrics.resets"
    signal = Signal.METRICS
    title = "counters never fall"

    def run(self, context: Context) -> Verdict:
        """Read each page some times in a row, and look through what was scraped since the run began."""
        if context.metrics is None:
            return skipped(NO_BACKEND)
        names = [counted(m) for m in context.contract.metrics if m.type is not MetricType.GAUGE]
        if not names:
            return skipped("the contract states no counter and no histogram")
        scraped = MetricsPoller.of(context, context.metrics).scraped(context.deadline)
        if verdict := nothing_arrived(context, scraped):
            return verdict
        falls: list[CounterFall] = []
        looked: list[Evidence] = []
        for component in scraped:
            pages = _pages(component, context.metrics)
            stored = _stored(component, names, context)
            own = [*_apart(component.name, pages), *_fallen(component.name, stored)]
            falls += own or _sunk(component.name, names, context, scraped)
            looked.append(Evidence(f"counters of {component.name}", _looked(pages, stored)))
        if falls:
            hint = _PREFORK if any(fall.several for fall in falls) else _RESTART
            return failed(summed([str(f) for f in falls]), [Evidence(f.series, str(f)) for f in falls], hint=hint)
        return passed(f"no counter of {few((s.name for s in scraped), 8)} fell", looked)


def _looked(pages: Sequence[Exposition], stored: Mapping[tuple[str, str], Sequence[float]]) -> str:
    return f"{count(len(pages), 'read')} in a row, {count(len(stored), 'stored series', 'stored series')}: none fell"


def _pages(component: ScrapedComponent, metrics: MetricsContext) -> list[Exposition]:
    """The component's page, read some times in a row over a connection each; none where it cannot be read."""
    pages: list[Exposition] = []
    began = time.monotonic()
    with contextlib.suppress(BackendError):
        while metrics.read_page and len(pages) < READS and time.monotonic() - began < LONGEST:
            pages.append(parse_exposition(metrics.read_page(component.component)))
    return pages


def _apart(component: str, pages: Sequence[Exposition]) -> Iterator[CounterFall]:
    """Counters that fall from read to read: then processes answer in turn, or it restarted just now."""
    starts = {value for page in pages for _, value in page.samples.get(_START, ())}
    read: dict[str, list[float]] = {}
    for page in pages:
        for name, labels, value in _counters(page):
            read.setdefault(_shown(name, labels), []).append(value)
    for series, values in read.items():
        if fell(values):
            yield CounterFall(component, series, tuple(values), several=True)
            return
    if len(starts) > 1:
        yield CounterFall(component, _START, tuple(sorted(starts)), several=True)


def _counters(page: Exposition) -> Iterator[tuple[str, Mapping[str, str], float]]:
    for name, samples in page.samples.items():
        kind = page.types.get(name) or page.types.get(name.removesuffix("_count"), "")
        if kind == "counter" or (kind in ("histogram", "summary") and name.endswith("_count")):
            yield from ((name, labels, value) for labels, value in samples)


def _stored(component: ScrapedComponent, names: Sequence[str], context: Context) -> dict[tuple[str, str], list[float]]:
    """The values of each counter of the contract in each scrape since the run began."""
    if context.metrics is None:
        return {}
    seconds = math.ceil(time.time() - context.run.started_at)
    samples: list[MetricSample] = []
    for query in queries_of(component.targets):
        wanted = f'{{__name__=~"{"|".join(names)}",{query.lstrip("{")}'
        samples += context.metrics.client.instant(f"{wanted}[{seconds}s]")
    found: dict[tuple[str, str], list[float]] = {}
    foreign = component.target_labels
    for sample in sorted(samples, key=lambda s: s.time):
        if sample.time >= context.run.started_at or not sample.time:
            own = {k: v for k, v in sample.labels.items() if k not in foreign}
            series = _shown(sample.labels.get("__name__", ""), own)
            found.setdefault((series, sample.labels.get("instance", "")), []).append(sample.value)
    return found


def _sunk(
    component: str, names: Sequence[str], context: Context, scraped: Sequence[ScrapedComponent]
) -> Iterator[CounterFall]:
    """The first counter that is less now than it was on the page before the run."""
    for rise in RunRises.of(context, scraped):
        if rise.component == component and rise.name in names and rise.rose < 0 and not _caught_up(rise, context):
            values = (rise.before or 0.0, rise.now)
            yield CounterFall(component, _shown(rise.name, rise.labels), values, several=False)
            return


def _caught_up(rise: SeriesRise, context: Context) -> bool:
    """Whether what is stored comes to what the page had: a backend may find its latest scrape only later."""
    backend, metrics = context.endpoints.first(Role.METRICS), context.metrics
    if backend is None or metrics is None or not backend.lag:
        return False
    own = ",".join(f"{name}={string_literal(value)}" for name, value in {**rise.labels, "job": rise.component}.items())
    query, wanted = f"{rise.name}{{{own}}}", rise.before or 0.0
    patience = Deadline.after(backend.lag + 2 * metrics.scrape_interval, context.deadline.cancelled)
    return bool(until(lambda: any(s.value >= wanted for s in metrics.client.instant(query)), patience, interval=0.2))


def _fallen(component: str, stored: Mapping[tuple[str, str], Sequence[float]]) -> Iterator[CounterFall]:
    """The first stored counter that fell; several processes where it also rose again to what it had."""
    for (series, _), values in stored.items():
        if fell(values):
            drops = sum(later < earlier for earlier, later in pairwise(values))
            lowest = min(range(len(values)), key=values.__getitem__)
            again = drops > 1 or max(values[lowest:]) >= max(values[: lowest + 1])
            yield CounterFall(component, series, tuple(values), several=again)
            return


def fell(values: Sequence[float]) -> bool:
    """Whether any value is less than the one before it."""
    return any(later < earlier for earlier, later in pairwise(values))


def _shown(name: str, labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return f"{name}{{{pairs}}}" if pairs else name
