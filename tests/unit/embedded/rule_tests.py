"""Runs promtool's rule tests (``promtool test rules``) on the embedded server's rule evaluation."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import yaml

from obsctl.embedded.query.promql import engine
from obsctl.embedded.query.vectors.values import Scalar
from obsctl.embedded.records import Batch, ExemplarRecord, MetadataRecord
from obsctl.embedded.rules.group import GroupRun
from obsctl.embedded.rules.load import groups
from obsctl.embedded.rules.model import AlertingRule, AlertOrigin
from obsctl.embedded.store.base import Samples, SeriesReader, StoredSeries, Written
from obsctl.languages.labels import Labels, Matcher, matches_all
from obsctl.languages.promql.parse import parse
from obsctl.languages.units import prom_duration_ms
from tests.unit.embedded.promql_script import labels_of, series
from tests.unit.embedded.promql_store import samples_of

Told = list[tuple[dict[str, str], dict[str, str]]]
"""Labels and annotations of alerts."""


class GrowingStore:
    """Series in memory that are written and read in turns."""

    def __init__(self) -> None:
        self.numbers: dict[Labels, int] = {}
        self.stored: list[tuple[list[int], list[float]]] = []
        self.named: dict[str, list[StoredSeries]] = {}

    def put(self, labels: Labels, time: int, value: float) -> None:
        number = self.numbers.setdefault(labels, len(self.stored))
        if number == len(self.stored):
            self.stored.append(([], []))
            self.named.setdefault(dict(labels).get("__name__", ""), []).append(StoredSeries(number, labels))
        times, values = self.stored[number]
        place = bisect_left(times, time)
        if place == len(times) or times[place] != time:
            times.insert(place, time)
            values.insert(place, value)

    def submit(self, batch: Batch) -> Future[Written]:
        for sample in batch.samples:
            self.put(sample.labels, sample.time_ms, sample.value)
        done: Future[Written] = Future()
        done.set_result(Written(len(batch.samples)))
        return done

    def snapshot(self) -> AbstractContextManager[SeriesReader]:
        return nullcontext(self)

    def series(
        self, matchers: Sequence[Matcher], start: int | None = None, end: int | None = None
    ) -> list[StoredSeries]:
        names = [m.value for m in matchers if (m.name, m.op) == ("__name__", "=")] or list(self.named)
        found = [one for name in names for one in self.named.get(name, ()) if matches_all(matchers, dict(one.labels))]
        if start is None or end is None:
            return found
        return [one for one in found if len(self.samples([one], start, end).times)]

    def samples(self, series: Sequence[StoredSeries], start: int, end: int) -> Samples:
        return samples_of(self._between(one, start, end) for one in series)

    def _between(self, one: StoredSeries, start: int, end: int) -> Mapping[int, float]:
        times, values = self.stored[one.id]
        inside = slice(bisect_left(times, start), bisect_right(times, end))
        return dict(zip(times[inside], values[inside], strict=True))

    def metadata(self) -> list[MetadataRecord]:
        return []

    def exemplars(self, matchers: Sequence[Matcher], start: int, end: int) -> list[ExemplarRecord]:
        return []


class Simulation:
    """One test of a file: its series, its rules, and a clock."""

    def __init__(self, test: Mapping[str, Any], rules: Sequence[tuple[str, Mapping[str, Any]]], interval: int) -> None:
        self.store = GrowingStore()
        self.interval = interval
        step = prom_duration_ms(test["interval"])
        for entry in test["input_series"]:
            labels, points = series(f"{entry['series']} {entry['values']}")
            for i, value in enumerate(points):
                if value is not None:
                    self.store.put(labels, i * step, value)
        around = AlertOrigin(test.get("external_labels", {}), test.get("external_url", ""))
        self.runs = [
            GroupRun(group, self.store, self.store, lambda _: None, around, restores=False)
            for file, document in rules
            for group in groups(document, file, interval)
        ]
        self._now = -interval

    def until(self, time: int) -> None:
        """Evaluate up to a time (ms)."""
        while self._now + self.interval <= time:
            self._now += self.interval
            for run in self.runs:
                run.evaluate(self._now)

    def firing(self, name: str) -> Told:
        """The alerts of a rule that fire."""
        return [
            (dict(alert.labels), dict(alert.annotations))
            for run in self.runs
            for status in run.status.rules
            if isinstance(status.rule, AlertingRule) and status.rule.name == name
            for alert in status.active.values()
            if alert.state == "firing"
        ]

    def values(self, query: str, time: int) -> dict[Labels, float]:
        value = engine.instant(self.store, parse(query), time)
        if isinstance(value, Scalar):
            return {(): float(value.values[0])}
        return dict(zip(value.labels, value.values[:, 0].tolist(), strict=True))


def failures(file: Path, pace: int = 1) -> Iterator[str]:
    """What a file of tests finds wrong. Where only alerts are looked at, one evaluation in ``pace`` is enough."""
    document = yaml.safe_load(file.read_text(encoding="utf8"))
    rules = [(name, yaml.safe_load((file.parent / name).read_text(encoding="utf8"))) for name in document["rule_files"]]
    interval = prom_duration_ms(document["evaluation_interval"])
    alike: dict[str, list[Mapping[str, Any]]] = {}
    for test in document["tests"]:
        alike.setdefault(repr({**test, "name": "", "alert_rule_test": 0, "promql_expr_test": 0}), []).append(test)
    for tests in alike.values():
        numbers = any("promql_expr_test" in test for test in tests)
        yield from problems(tests, rules, interval * (1 if numbers else pace))


def problems(
    tests: Sequence[Mapping[str, Any]], rules: Sequence[tuple[str, Mapping[str, Any]]], interval: int
) -> Iterator[str]:
    """What tests with the same series find wrong."""
    simulation = Simulation(tests[0], rules, interval)
    looks = [
        (prom_duration_ms(look["eval_time"]), check, look)
        for key, check in (("alert_rule_test", _alerts), ("promql_expr_test", _numbers))
        for test in tests
        for look in test.get(key, ())
    ]
    for at, check, look in sorted(looks, key=lambda look: look[0]):
        simulation.until(at)
        yield from check(simulation, look, at)
    for run in simulation.runs:
        yield from (f"{one.rule.name}: {one.last_error}" for one in run.status.rules if one.health == "err")


def _alerts(simulation: Simulation, look: Mapping[str, Any], at: int) -> Iterator[str]:
    name = look["alertname"]
    wanted = [
        ({"alertname": name, **one.get("exp_labels", {})}, one.get("exp_annotations", {})) for one in look["exp_alerts"]
    ]
    found = simulation.firing(name)
    if sorted(map(repr, map(_sorted, found))) != sorted(map(repr, map(_sorted, wanted))):
        yield f"at {at // 1000} s {name} is {found}, not {wanted}"


def _sorted(told: tuple[dict[str, str], dict[str, str]]) -> list[Any]:
    return [sorted(part.items()) for part in told]


def _numbers(simulation: Simulation, look: Mapping[str, Any], at: int) -> Iterator[str]:
    found = simulation.values(look["expr"], at)
    wanted = {_labels(one["labels"]): one["value"] for one in look.get("exp_samples", ())}
    same = found.keys() == wanted.keys() and all(abs(found[k] - wanted[k]) <= 1e-9 * abs(wanted[k]) for k in wanted)
    if not same:
        yield f"at {at // 1000} s {look['expr']} is {found}, not {wanted}"


def _labels(text: str) -> Labels:
    name, _, rest = text.partition("{")
    return labels_of(name.strip(), rest.rpartition("}")[0])
