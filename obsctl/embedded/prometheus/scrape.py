"""Scraping: every target in a thread and on a schedule of its own, with Prometheus' semantics.

A scrape is all or nothing. Series that are gone, or all of them when it failed, get a staleness marker. Five report
series say how it went.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from obsctl.embedded.config import ScrapeConfig, ScrapeTarget, TargetOptions
from obsctl.embedded.prometheus.exposition import ParsedExposition, Parser, ScrapedSample
from obsctl.embedded.prometheus.fetch import FetchError, FetchOptions, fetch
from obsctl.embedded.prometheus.series_labels import label_fault
from obsctl.embedded.records import STALE, Batch, ExemplarRecord, MetadataRecord, SampleRecord, TargetStatus
from obsctl.embedded.self_metrics import ACCEPTED, RECEIVED, SAMPLES_DROPPED, SCRAPES, SelfMetrics
from obsctl.embedded.store.base import CONFLICT, Sink, StoreFailedError, StoreFullError
from obsctl.languages.exposition_lines import ExpositionError
from obsctl.languages.labels import Labels

_COMMIT_TIMEOUT = 10.0
_LABELS = ("metrics", "scrape")
_FUTURE_MS = 600_000
"""Samples that claim to be from further ahead than this are dropped, as Prometheus does."""


@dataclass(frozen=True)
class ScrapeOutcome:
    """One scrape: when it began (ms), how long it took (s), and what it brought, or why nothing."""

    began_ms: int
    seconds: float
    found: ParsedExposition | None
    error: str = ""
    scraped: int = 0
    """Samples, those of a scrape that exceeded a limit too."""


@dataclass(frozen=True)
class Memory:
    """What the next scrape needs to know of the ones before."""

    live: frozenset[Labels] = frozenset()
    exemplars: Mapping[Labels, tuple[Labels, float]] = field(default_factory=dict)
    families: Mapping[str, MetadataRecord] = field(default_factory=dict)


def target_labels(target: ScrapeTarget) -> dict[str, str]:
    """``job``, ``instance`` and the configured labels of a target."""
    return {"job": target.job, "instance": target.instance, **{k: v for k, v in target.labels.items() if v}}


def relabel(scraped: dict[str, str], target: Mapping[str, str], *, honor_labels: bool = False) -> Labels:
    """Add the target's labels. A scraped one of the same name becomes ``exported_<name>``, or wins (``honor_labels``).

    One that is empty wins, too: the series then has no such label.
    """
    if honor_labels:
        return tuple(sorted((name, value) for name, value in {**target, **scraped}.items() if value))
    merged = dict(target)
    merged.update((name, value) for name, value in scraped.items() if name not in target)
    for name in sorted(scraped.keys() & target.keys()):
        exported = f"exported_{name}"
        while exported in merged or exported in scraped:
            exported = f"exported_{exported}"
        merged[exported] = scraped[name]
    return tuple(sorted((name, value) for name, value in merged.items() if value))


def digest(
    outcome: ScrapeOutcome, target: Mapping[str, str], memory: Memory, rules: TargetOptions
) -> tuple[Batch, Memory]:
    """What to store after a scrape, and what to remember. Pure.

    Series with times of their own get no staleness markers, unless ``track_timestamps_staleness`` is set.
    """
    found = outcome.found.samples if outcome.found else {}
    if not rules.honor_timestamps:
        found = {labels: replace(sample, time_ms=None) for labels, sample in found.items()}
    now = outcome.began_ms
    samples = [
        SampleRecord(labels, now if sample.time_ms is None else sample.time_ms, sample.value)
        for labels, sample in found.items()
        if sample.time_ms is None or sample.time_ms <= now + _FUTURE_MS
    ]
    tracked = rules.track_timestamps_staleness
    live = frozenset(labels for labels, sample in found.items() if tracked or sample.time_ms is None)
    samples += [SampleRecord(labels, now, STALE) for labels in memory.live - live]
    samples += _report(outcome, target, len(live - memory.live))
    if outcome.found is None:
        return Batch(samples=samples), replace(memory, live=live)
    fresh = _exemplars(found, now, memory)
    families = outcome.found.families
    changed = [record for family, record in families.items() if memory.families.get(family) != record]
    remembered = {**_kept(memory.exemplars, found), **{e.series: (e.labels, e.value) for e in fresh}}
    return Batch(samples=samples, exemplars=fresh, metadata=changed), Memory(live, remembered, families)


def _report(outcome: ScrapeOutcome, target: Mapping[str, str], added: int) -> list[SampleRecord]:
    count = float(outcome.scraped)
    values = {
        "up": 0.0 if outcome.found is None else 1.0,
        "scrape_duration_seconds": outcome.seconds,
        "scrape_samples_scraped": count,
        "scrape_samples_post_metric_relabeling": count,
        "scrape_series_added": float(added),
    }
    return [
        SampleRecord(relabel({"__name__": name}, target), outcome.began_ms, value) for name, value in values.items()
    ]


def _exemplars(found: Mapping[Labels, ScrapedSample], now: int, memory: Memory) -> list[ExemplarRecord]:
    """Exemplars that differ from the last one of their series: targets repeat them in every scrape."""
    return [
        ExemplarRecord(labels, one.labels, now if one.time_ms is None else one.time_ms, one.value)
        for labels, sample in found.items()
        if (one := sample.exemplar) and memory.exemplars.get(labels) != (one.labels, one.value)
    ]


def _kept(
    exemplars: Mapping[Labels, tuple[Labels, float]], found: Mapping[Labels, ScrapedSample]
) -> dict[Labels, tuple[Labels, float]]:
    return {labels: one for labels, one in exemplars.items() if labels in found}


class TargetScraper:
    """One target: scrapes it, stores what it says, knows how it is."""

    def __init__(self, target: ScrapeTarget, timing: ScrapeConfig, sink: Sink, metrics: SelfMetrics) -> None:
        self._target = target
        self._timeout = timing.timeout
        self._sink = sink
        self._metrics = metrics
        self._labels = target_labels(target)
        self._options = target
        self._fetching = FetchOptions(target.tls, target.auth, target.follow_redirects)
        honor_labels = target.honor_labels
        self._parser = Parser(lambda scraped: relabel(scraped, self._labels, honor_labels=honor_labels))
        self._memory = Memory()
        labels = tuple(sorted(self._labels.items()))
        self.status = TargetStatus(target.job, target.url, labels, interval=timing.interval, timeout=timing.timeout)
        for outcome in ("ok", "failed"):
            metrics.add(SCRAPES, 0, target.job, outcome)

    def scrape(self) -> None:
        """Scrape once."""
        began = time.time()
        clock = time.perf_counter()
        found, error = self._look()
        scraped = len(found.samples) if found else 0
        if found and not error:
            error = limit_exceeded(found.samples, self._memory.live, self._options)
        seconds = time.perf_counter() - clock
        outcome = ScrapeOutcome(int(began * 1000), seconds, None if error else found, error, scraped)
        batch, memory = digest(outcome, self._labels, self._memory, self._options)
        self._metrics.add(RECEIVED, len(batch.samples), *_LABELS)
        error = self._store(batch) or error
        self._memory = memory
        self._metrics.add(SCRAPES, 1, self._target.job, "failed" if error else "ok")
        self.status = replace(
            self.status,
            health="down" if error else "up",
            last_error=error,
            last_scrape=began,
            last_duration=outcome.seconds,
        )

    def _look(self) -> tuple[ParsedExposition | None, str]:
        try:
            fetched = fetch(self._target.url, self._timeout, self._fetching)
            return self._parser.parse(fetched.text, openmetrics=fetched.openmetrics), ""
        except (FetchError, ExpositionError) as error:
            return None, str(error)

    def _store(self, batch: Batch) -> str:
        """Store; why not, if not."""
        try:
            written = self._sink.submit(batch).result(_COMMIT_TIMEOUT)
        except (StoreFullError, StoreFailedError, TimeoutError) as error:
            reason = "store full" if isinstance(error, StoreFullError) else "store failed"
            self._metrics.add(SAMPLES_DROPPED, len(batch.samples), self._target.job, reason)
            return str(error) or "the store did not answer in time"
        lost = batch.items - written.stored - written.duplicates - written.conflicting
        self._metrics.add(ACCEPTED, max(0, len(batch.samples) - lost - written.conflicting), *_LABELS)
        if written.conflicting:
            self._metrics.add(SAMPLES_DROPPED, written.conflicting, self._target.job, CONFLICT)
        if lost:
            self._metrics.add(SAMPLES_DROPPED, lost, self._target.job, "too many series")
        return f"{lost} samples dropped: too many series" if lost else ""


class Scraping:
    """All targets, each in its thread. The first scrapes happen at once."""

    def __init__(self, scrape: ScrapeConfig, sink: Sink, metrics: SelfMetrics) -> None:
        self._interval = scrape.interval
        self._scrapers = [TargetScraper(target, scrape, sink, metrics) for target in scrape.targets]
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(one,), name=f"scrape-{one.status.job}", daemon=True)
            for one in self._scrapers
        ]
        for thread in self._threads:
            thread.start()

    def statuses(self) -> Sequence[TargetStatus]:
        """How every target is, in the order of the configuration."""
        return [one.status for one in self._scrapers]

    def close(self) -> None:
        """Stop; scrapes under way end by their own deadline."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, scraper: TargetScraper) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            scraper.scrape()
            due += self._interval
            # After a scrape longer than the interval, go on from now; there is nothing to catch up with.
            due = max(due, time.monotonic()) if due < time.monotonic() - self._interval else due


def limit_exceeded(samples: Mapping[Labels, ScrapedSample], known: Collection[Labels], rules: TargetOptions) -> str:
    """Which limit a scrape exceeds, in Prometheus' words; empty when none. ``known`` series were checked before."""
    if rules.sample_limit and len(samples) > rules.sample_limit:
        return "sample limit exceeded"
    faults = (
        _label_limit_exceeded(labels, rules) or label_fault((), labels) for labels in samples if labels not in known
    )
    return next(filter(None, faults), "")


def _label_limit_exceeded(labels: Labels, rules: TargetOptions) -> str:
    metric = json.dumps(dict(labels).get("__name__", ""), ensure_ascii=False)
    most, longest_name, longest_value = rules.label_limit, rules.label_name_length_limit, rules.label_value_length_limit
    if most and len(labels) > most:
        return f"label_limit exceeded (metric: {metric}, number of labels: {len(labels)}, limit: {most})"
    for name, value in labels:
        size, length = len(name.encode()), len(value.encode())
        if longest_name and size > longest_name:
            about = f"metric: {metric}, label name: {name[:200]}, length: {size}, limit: {longest_name}"
            return f"label_name_length_limit exceeded ({about})"
        if longest_value and length > longest_value:
            shown = json.dumps(value[:200], ensure_ascii=False)
            about = f"metric: {metric}, label name: {name}, value: {shown}, length: {length}, limit: {longest_value}"
            return f"label_value_length_limit exceeded ({about})"
    return ""
