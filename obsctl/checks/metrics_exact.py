"""Counters and histogram counts rose by exactly the number of driven requests: nothing lost, nothing counted twice."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from obsctl.checks._arrivals import Arrival, Arrivals
from obsctl.checks._metrics import NO_BACKEND, STORED, TARGET_LABELS, counted, exposing, selector, targets_of
from obsctl.checks._poller import Poller
from obsctl.checks._pushed import PushedMetrics, is_of, last_push, pushing
from obsctl.checks._verdicts import could_not_look, count, failed, few, noted, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, MetricsContext, Signal, Verdict
from obsctl.clients.exposition import Exposition, parse_exposition
from obsctl.clients.promql import Target
from obsctl.clients.telemetry import MetricSample
from obsctl.errors import BackendError
from obsctl.languages.routes import fits_labels
from obsctl.probes import Expectation

_Series = Mapping[str, Sequence[MetricSample]]
"""The series of one metric, by component."""

SCRAPES = 2
"""Scrapes after the run that must agree before a count is final."""


PAUSE = 1.5
"""Intervals of a component that pushes after which a reading counts as a second one."""

STOPPED = 4.0
"""Scrape intervals behind the other targets, after which one is left to ``metrics.targets``."""


@dataclass(frozen=True)
class CountRise:
    """What one series, summed over its components, had before the run, should have now, and has.

    ``now`` is None while there is no such metric at all. ``instead`` are series of the metric that rose too, and that
    nothing driven accounts for.
    """

    query: str
    before: float
    by: int
    now: float | None = None
    instead: tuple[str, ...] = ()

    @property
    def rose(self) -> float:
        """By how much it rose."""
        return (self.now or 0.0) - self.before

    def __str__(self) -> str:
        return f"was {self.before:g} before the run, must rise by {self.by}, now {self.now or 0.0:g}"


class MetricsExact:
    """See ``docs/checks/metrics-exact.md``."""

    id = "metrics.exact"
    signal = Signal.METRICS
    title = "counts rose by exactly what was driven"

    def run(self, context: Context) -> Verdict:
        """Compare with the baseline once two scrapes after the run agree; too many is final at once."""
        if context.metrics is None:
            return skipped(NO_BACKEND)
        if not context.run.requests:
            hint = "see readiness.driven: without driven requests there is nothing to count"
            return failed("nothing was driven, so there is nothing to count", hint=hint, because=STORED)
        if not context.run.expectations:
            return skipped("the contract ties no metric to driven requests, and no step says what rises")
        poller = CountsPoller.of(context, context.metrics)
        if not poller.is_possible:
            hint = "open each component's /metrics yourself; metrics.targets and readiness.roles say more"
            said = "no component's /metrics could be read before the run"
            return could_not_look(said, hint=hint, because=STORED)
        settled = poller.settle(context.deadline)
        return _verdict(poller, settled)


def _verdict(poller: CountsPoller, settled: bool) -> Verdict:
    judged = [c for c in poller.counts if c.now is not None]
    apart = sorted((c for c in judged if c.rose != c.by), key=lambda c: c.rose <= c.by)
    unseen = [c.query for c in poller.counts if c.now is None]
    notes = [f"without {few(unseen)}, which metrics.present is about" if unseen else "", poller.left_out]
    looked = [Evidence(c.query, str(c)) for c in (apart or judged)]
    if not judged:
        looked = [Evidence(c.query, "no series") for c in poller.counts]
        hint = "see metrics.targets and metrics.present"
        return failed("none of the counted metrics has been scraped since the run", looked, hint=hint, because=STORED)
    if apart:
        hint = (
            "count each request once, where its answer is finished; if something else calls the service meanwhile, "
            "run verify when it is quiet"
        )
        said = summed([_apart(c) for c in apart])
        return failed(said + noted(notes), looked, hint=hint, because=("metrics.resets", "metrics.cardinality"))
    if not settled:
        hint = "allow more time (--timeout): two scrapes must come after the run"
        said = "the counts were not seen unchanged over a second scrape"
        return failed(said + noted(notes), looked, hint=hint, because=("metrics.resets", *STORED))
    return passed(
        f"{count(len(judged), 'count')} rose by exactly what was driven, over {SCRAPES} scrapes" + noted(notes), looked
    )


def _apart(rise: CountRise) -> str:
    instead = f"; instead rose {few(rise.instead)}" if rise.rose < rise.by and rise.instead else ""
    return f"{rise.query} rose by {rise.rose:g}, not {rise.by}{instead}"


class CountsPoller(Poller):
    """Reads the counts after each scrape until two readings in a row are as expected, or one is too high."""

    def __init__(self, context: Context, metrics: MetricsContext) -> None:
        super().__init__()
        self._client = metrics.client
        self._scrape_interval = metrics.scrape_interval
        self._context = context
        texts = {c.name: context.run.baseline.get(c.name, "") for c in exposing(context.service)}
        self.baseline = {name: page for name, text in texts.items() if (page := _page(text))}
        self.pushers = {c.name for c in pushing(context.service)} | {*context.run.pushed}
        self._pushed = {name: parse_exposition(context.run.pushed.get(name, "")) for name in self.pushers}
        self._read_at = 0.0
        self._unread = [name for name in texts if name not in self.baseline]
        self._unscraped: list[str] = []
        self._last: dict[str, float] = {}
        self._agreeing = 0
        self._arrivals = Arrivals(context.run.ended_at)
        self.counts = tuple(self._start(e) for e in context.run.expectations)

    @classmethod
    def of(cls, context: Context, metrics: MetricsContext) -> CountsPoller:
        """The only poller of this run."""
        return context.cache.once(cls, lambda: cls(context, metrics))

    def arrivals(self) -> tuple[Arrival, ...]:
        """When each count that the run raised was found to have risen."""
        with self.lock:
            return self._arrivals.so_far()

    @property
    def is_possible(self) -> bool:
        """Whether it is known of any component what it had before the run."""
        return bool(self.baseline or self.pushers)

    @property
    def left_out(self) -> str:
        """The note about components that could not be counted."""
        names = sorted({*self._unread, *self._unscraped})
        return f"without {few(names)}, which metrics.targets is about" if names else ""

    def look(self) -> bool:
        """Take a reading if every target was scraped anew after the run."""
        self._arrivals.ask()
        found = self._client.targets()
        listed = {name: targets_of(c, found) for c in exposing(self._context.service) for name in [c.name]}
        newest = max((t.last_scrape for targets in listed.values() for t in targets), default=0.0)
        alive = newest - max(1.0, STOPPED * self._scrape_interval)
        up = {
            name: targets
            for name, targets in listed.items()
            if name in self.baseline and targets and all(t.health == "up" and t.last_scrape > alive for t in targets)
        }
        self._unscraped = [name for name in listed if name not in up]
        scrapes = {t.url: t.last_scrape for targets in up.values() for t in targets}
        pushes = {name: push for name in self.pushers if (push := last_push(self._client, name)).last}
        anew = all(at > max(self._context.run.ended_at, self._last.get(url, 0.0)) for url, at in scrapes.items())
        if not (scrapes or pushes) or not anew or not all(self._is_new(*push) for push in pushes.items()):
            return False
        self._last = {**scrapes, **{name: push.last for name, push in pushes.items()}}
        self._read_at = time.monotonic()
        self.counts = self._read(up, pushes)
        raised = [c for c in self.counts if c.by and c.now is not None]
        self._arrivals.looked({c.query for c in raised if c.rose >= c.by}, {c.query for c in raised})
        return self._final()

    def _is_new(self, name: str, push: PushedMetrics) -> bool:
        """Whether a component pushed since the run and the last reading; one that sends changes only may have none."""
        waited = self._read_at and time.monotonic() - self._read_at > max(1.0, PAUSE * push.interval)
        return push.last > self._context.run.ended_at and bool(waited or push.last > self._last.get(name, 0.0))

    def _final(self) -> bool:
        known = [c for c in self.counts if c.now is not None]
        if any(c.rose > c.by for c in known):
            return True
        self._agreeing = self._agreeing + 1 if known and all(c.rose == c.by for c in known) else 0
        return self._agreeing >= SCRAPES

    def _start(self, expectation: Expectation) -> CountRise:
        return CountRise(selector(self._name(expectation), expectation.labels), 0.0, expectation.by)

    def _name(self, expectation: Expectation) -> str:
        metric = self._context.contract.metric(expectation.metric)
        return counted(metric) if metric else expectation.metric

    def _read(self, up: Mapping[str, Sequence[Target]], pushes: Collection[str]) -> tuple[CountRise, ...]:
        names = dict.fromkeys(self._name(e) for e in self._context.run.expectations)
        series = {name: _by_component(self._client.instant(name), up, pushes) for name in names}
        baseline = [*(self.baseline[name] for name in up), *(self._pushed[name] for name in pushes)]
        merged = _merged([(self._name(e), e) for e in self._context.run.expectations], series)
        return tuple(self._count(name, e, series[name], baseline) for name, e in merged)

    def _count(self, name: str, expectation: Expectation, series: _Series, baseline: Sequence[Exposition]) -> CountRise:
        wanted, driven = expectation.labels, expectation.driven
        found = [s.value for samples in series.values() for s in samples if fits_labels(wanted, s.labels, driven)]
        before = sum(b.total(name, wanted, driven) or 0.0 for b in baseline)
        # no such series: it never rose, unless a component that should have it is not there at all
        known = found or not self._lacking(expectation.metric, series)
        instead = tuple(self._instead(name, series, baseline))
        return CountRise(selector(name, wanted), before, expectation.by, sum(found) if known else None, instead)

    def _instead(self, name: str, series: _Series, baseline: Sequence[Exposition]) -> Iterator[str]:
        """The series of a metric that rose although no expectation is about them."""
        wanted = [e for e in self._context.run.expectations if self._name(e) == name]
        for sample in (sample for samples in series.values() for sample in samples):
            labels = {k: v for k, v in sample.labels.items() if k not in TARGET_LABELS}
            rose = sample.value - sum(b.total(name, labels) or 0.0 for b in baseline)
            if rose > 0 and not any(fits_labels(e.labels, labels, e.driven) for e in wanted):
                yield f"{selector(name, labels)} by {rose:g}"

    def _lacking(self, metric: str, series: _Series) -> bool:
        """Whether a component that should expose this metric does not, or is not scraped."""
        stated = self._context.contract.metric(metric)
        wanted = stated.components if stated and stated.components else ()
        return not all(series.get(name) for name in wanted) if wanted else not any(series.values())


def _page(text: str) -> Exposition | None:
    """The page of a component before the run; None for none, and for one that a scraper cannot read either."""
    with contextlib.suppress(BackendError):
        return parse_exposition(text) if text else None
    return None


def _by_component(
    samples: Iterable[MetricSample], up: Mapping[str, Sequence[Target]], pushes: Collection[str]
) -> _Series:
    """The samples by the component they come from; other services may have the same metric."""
    owners = {(t.job, t.labels.get("instance", "")): name for name, targets in up.items() for t in targets}
    found: dict[str, list[MetricSample]] = {name: [] for name in (*up, *pushes)}
    for sample in samples:
        owner = owners.get((sample.labels.get("job", ""), sample.labels.get("instance", "")))
        owner = owner or next((name for name in pushes if is_of(name, sample)), None)
        if owner is not None:
            found[owner].append(sample)
    return found


def _merged(
    expectations: Sequence[tuple[str, Expectation]], series: Mapping[str, _Series]
) -> list[tuple[str, Expectation]]:
    """The expectations by the labels that are really there.

    Where a label is on no series of a metric at all, ``metrics.labels`` says so; the counts are then summed without it.
    So are those that the same series count, as one whose status is a class (``2xx``) does.
    """
    merged: dict[tuple[str, frozenset[tuple[str, str]] | frozenset[int]], Expectation] = {}
    for name, expectation in expectations:
        there = [sample.labels for samples in series[name].values() for sample in samples]
        known = {key for labels in there for key in labels}
        labels = {k: v for k, v in expectation.labels.items() if k in known or not known}
        fitting = frozenset(i for i, has in enumerate(there) if fits_labels(labels, has, expectation.driven))
        key = (name, fitting if fitting and expectation.driven else frozenset(labels.items()))
        before = merged[key].by if key in merged else 0
        merged[key] = replace(expectation, labels=labels, by=before + expectation.by)
    return [(name, expectation) for (name, _), expectation in merged.items()]
