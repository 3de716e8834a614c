"""What is scraped from each component of the service under test, fetched once for all checks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from obsctl.checks._arrivals import Arrival, Arrivals
from obsctl.checks._poller import Poller
from obsctl.checks._pushed import PushedMetrics, job_matcher, must_push, pushing, read_pushed
from obsctl.checks._verdicts import count, failed, few, skipped
from obsctl.checks.base import Context, Evidence, MetricsContext, Verdict
from obsctl.clients.promql import PromqlClient, Target
from obsctl.clients.telemetry import MetricSample
from obsctl.spec.contract import Contract, Metric, MetricType
from obsctl.spec.stack import Component, Service
from obsctl.wait import Deadline

NO_BACKEND = "this stack has no metrics backend"
STORED = ("readiness.driven", "metrics.targets", "metrics.present")
"""What explains that no metric can be judged."""
PUSH_HINT = (
    "see that the metrics exporter is on and sends here: OTEL_METRICS_EXPORTER=otlp, OTEL_EXPORTER_OTLP_ENDPOINT, and "
    "OTEL_METRIC_EXPORT_INTERVAL, which is 60000 (ms) unless it is set"
)
REFRESH = 0.25
"""Seconds after which the series are read anew although no scrape was announced: it may have been stored just after."""

_SUFFIXES: Mapping[MetricType, tuple[str, ...]] = {
    MetricType.COUNTER: ("",),
    MetricType.GAUGE: ("",),
    MetricType.HISTOGRAM: ("_count", "_sum", "_bucket"),
    MetricType.SUMMARY: ("_count", "_sum", ""),
}
TARGET_LABELS = frozenset({"__name__", "job", "instance", "service_namespace", "le", "quantile"})
"""Labels that no contract lists: the scraper adds them, or the exposition format does."""


@dataclass(frozen=True)
class ScrapedComponent:
    """A component, the scrape targets that are it, and every series that comes from them now, or that it pushed."""

    component: Component
    targets: tuple[Target, ...] = ()
    series: tuple[MetricSample, ...] = ()
    pushed: PushedMetrics = PushedMetrics()

    @property
    def pushes(self) -> bool:
        """Whether it has no page, so that all its metrics are pushed."""
        return not self.component.metrics

    @property
    def selectors(self) -> tuple[str, ...]:
        """Plain selectors of everything that it has."""
        return (f"{{{job_matcher(self.name)}}}",) if self.pushes else queries_of(self.targets)

    @property
    def job(self) -> str:
        """Its job, as its series have it."""
        jobs = [t.job for t in self.targets] or [s.labels.get("job", "") for s in self.series]
        return jobs[0] if jobs else self.name

    @property
    def name(self) -> str:
        """The component's name."""
        return self.component.name

    @property
    def up(self) -> bool:
        """Whether each of its targets was reached at the last scrape, or it ever pushed."""
        if self.pushes:
            return self.pushed.last > 0
        return bool(self.targets) and all(t.health == "up" for t in self.targets)

    def scraped_since(self, moment: float) -> bool:
        """Whether the last scrape of each target began, or the last push came, after a moment (epoch seconds)."""
        if self.pushes:
            return self.pushed.last > moment
        return bool(self.targets) and all(t.last_scrape > moment for t in self.targets)

    def reached_since(self, moment: float) -> bool:
        """Whether that scrape reached each target, too."""
        return self.up and self.scraped_since(moment)

    def of(self, metric: Metric) -> tuple[MetricSample, ...]:
        """All series of a metric."""
        names = sample_names(metric)
        return tuple(s for s in self.series if s.labels.get("__name__") in names)

    def has(self, metric: Metric) -> bool:
        """Whether the metric is there at all: its value, or its count."""
        return any(s.labels.get("__name__") == counted(metric) for s in self.series)

    @property
    def target_labels(self) -> frozenset[str]:
        """Labels that are the target's, not the metric's."""
        return TARGET_LABELS.union(self.pushed.resource, *(t.labels for t in self.targets))


def sample_names(metric: Metric) -> tuple[str, ...]:
    """The names under which a metric's series are stored."""
    return tuple(metric.name + suffix for suffix in _SUFFIXES[metric.type])


def counted(metric: Metric) -> str:
    """The name of the series that says how often: the counter (or gauge) itself, or the histogram's count."""
    return sample_names(metric)[0]


def selector(name: str, labels: Mapping[str, str]) -> str:
    """A plain PromQL selector. PromQL and JSON agree on the escapes that are used here."""
    pairs = ",".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in sorted(labels.items()))
    return f"{name}{{{pairs}}}" if pairs or not name else name


def targets_of(component: Component, targets: Sequence[Target]) -> tuple[Target, ...]:
    """The targets that are this component: the one at its address, else those whose job has its name.

    A scraper in another network knows the component under another address; the job is what stays.
    """
    at_address = tuple(t for t in targets if t.url == component.metrics_url)
    return at_address or tuple(t for t in targets if t.job == component.name)


def exposing(service: Service) -> Iterator[Component]:
    """The components that have metrics at all."""
    return (c for c in service.components if c.metrics)


class MetricsPoller(Poller):
    """Asks until each target was scraped after the run, and every required metric is there."""

    def __init__(self, client: PromqlClient, service: Service, since: float) -> None:
        super().__init__()
        self._client = client
        self._contract = service.contract
        self._since = since
        self._must_push = must_push(service)
        self._scraped = {c.name: ScrapedComponent(c) for c in (*exposing(service), *pushing(service))}
        self._read_at: dict[str, float] = {}
        self._arrivals = Arrivals(since)

    @classmethod
    def of(cls, context: Context, metrics: MetricsContext) -> MetricsPoller:
        """The only poller of this run."""
        return context.cache.once(cls, lambda: cls(metrics.client, context.service, context.run.ended_at))

    def scraped(self, deadline: Deadline) -> tuple[ScrapedComponent, ...]:
        """Every component with metrics, settled or as last seen. Raises BackendError."""
        self.settle(deadline)
        with self.lock:
            return self._known()

    def arrivals(self) -> tuple[Arrival, ...]:
        """When the first metrics of each component that were taken after the run were found."""
        with self.lock:
            return self._arrivals.so_far()

    def _known(self) -> tuple[ScrapedComponent, ...]:
        """Those that have a page, pushed something, or have to."""
        components = self._scraped.values()
        return tuple(s for s in components if not s.pushes or s.pushed.series or s.name in self._must_push)

    def look(self) -> bool:
        """See which targets were scraped anew, and read their series."""
        self._arrivals.ask()
        targets = self._client.targets()
        for before in tuple(self._scraped.values()):
            if before.pushes:
                self._refresh_pushed(before, targets)
            else:
                self._refresh(before, targets_of(before.component, targets))
        now = self._known()
        self._arrivals.looked({s.name for s in now if s.reached_since(self._since)}, {s.name for s in now})
        return all(s.reached_since(self._since) for s in now) and not missing(self._contract, now)

    def _refresh(self, before: ScrapedComponent, targets: tuple[Target, ...]) -> None:
        last, now = self._read_at.get(before.name), time.monotonic()
        if last is not None and targets == before.targets and now - last < REFRESH:
            return
        series = [s for query in queries_of(targets) for s in self._client.instant(query)]
        pushed = read_pushed(self._client, before.name, targets)
        self._read_at[before.name] = now
        self._scraped[before.name] = ScrapedComponent(before.component, targets, (*series, *pushed.series), pushed)

    def _refresh_pushed(self, before: ScrapedComponent, targets: Sequence[Target]) -> None:
        if not self._contract.metrics:
            return
        last, now = self._read_at.get(before.name), time.monotonic()
        if last is None or now - last >= REFRESH:
            pushed = read_pushed(self._client, before.name, targets)
            self._read_at[before.name] = now
            self._scraped[before.name] = ScrapedComponent(before.component, (), pushed.series, pushed)


def queries_of(targets: Sequence[Target]) -> tuple[str, ...]:
    """Plain selectors of everything that these targets expose."""
    picked = [{k: t.labels[k] for k in ("job", "instance") if t.labels.get(k)} or {"job": t.job} for t in targets]
    return tuple(dict.fromkeys(selector("", labels) for labels in picked))


def missing(contract: Contract, scraped: Sequence[ScrapedComponent]) -> tuple[tuple[Metric, str], ...]:
    """Required metrics that are not there, each with the component that lacks it ("" for: none has it).

    A component that is not scraped is not blamed for its metrics too, nor is anybody for a metric that it may have.
    """
    by_name = {s.name: s for s in scraped if s.up}
    found: list[tuple[Metric, str]] = []
    for metric in contract.metrics:
        if not metric.required:
            continue
        if metric.components:
            lacking = [n for n in metric.components if n in by_name and not by_name[n].has(metric)]
            found += [(metric, name) for name in lacking]
        elif len(by_name) == len(scraped) and not any(s.has(metric) for s in scraped):
            found.append((metric, ""))
    return tuple(found)


def present(contract: Contract, scraped: Sequence[ScrapedComponent]) -> Iterator[tuple[Metric, ScrapedComponent]]:
    """Each metric of the contract with each component that has it."""
    return ((m, s) for m in contract.metrics for s in scraped if s.of(m))


def not_scraped(scraped: Sequence[ScrapedComponent]) -> str:
    """The note about components that are left to ``metrics.targets``."""
    names = [s.name for s in scraped if not s.up]
    return f"without {few(names)}, which metrics.targets is about" if names else ""


def nothing_arrived(context: Context, scraped: Sequence[ScrapedComponent]) -> Verdict | None:
    """The verdict where there is nothing to judge: no metric of the contract is stored, or none since the run began."""
    if not context.contract.metrics:
        return skipped("the contract states no metric")
    current = [s for s in scraped if s.scraped_since(context.run.started_at)]
    if any(True for _ in present(context.contract, current)):
        return None
    looked = [Evidence(query, "no series of the contract") for s in scraped for query in s.selectors]
    looked = looked or [Evidence("GET /api/v1/targets", "no target of this service")]
    hint = "see that each component serves /metrics (`obsctl status`) and that the scraper lists it as a target"
    if scraped and all(s.pushes for s in scraped):
        hint = PUSH_HINT
    names = few(s.name for s in scraped) or "any component"
    wanted = count(len(context.contract.metrics), "metric")
    return failed(
        f"none of {wanted} of the contract {'came' if hint == PUSH_HINT else 'was scraped'} from {names} in this run",
        looked,
        hint=hint,
        because=STORED,
    )
