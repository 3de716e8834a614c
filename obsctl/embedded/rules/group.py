"""A group of rules, from one evaluation to the next: writes what they give, marks what is gone, tells of alerts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from obsctl.embedded.query.vectors.labels import NAME
from obsctl.embedded.query.vectors.limits import Budget
from obsctl.embedded.records import STALE, Batch, SampleRecord
from obsctl.embedded.rules import alerts, evaluate
from obsctl.embedded.rules.alerts import FOR_STATE, Active, ActiveAlert
from obsctl.embedded.rules.evaluate import ALERT_NAME, RuleMoment
from obsctl.embedded.rules.functions import query_link
from obsctl.embedded.rules.model import AlertingRule, AlertOrigin, Recording, Rule, RuleGroup
from obsctl.embedded.rules.status import GroupStatus, Notice, RuleStatus
from obsctl.embedded.store.base import SampleReader, Sink, StoreFailedError, StoreFullError
from obsctl.languages.errors import ExecutionError, QueryError
from obsctl.languages.labels import Labels, Matcher
from obsctl.languages.promql.tree import selectors_in

RESEND_MS = 60_000
GRACE_MS = 600_000
"""An alert with a shorter wait starts anew when the server does; others go on within this time at the earliest."""

OUTAGE_MS = 3_600_000
"""After a longer outage every alert starts anew."""

_COMMIT_TIMEOUT = 10.0
_log = logging.getLogger("obsctl.embedded.rules")

Tell = Callable[[Sequence[Notice]], None]
Storing = (StoreFullError, StoreFailedError, TimeoutError)


@dataclass
class _Live:
    """One rule, and the series it gave last."""

    status: RuleStatus
    given: frozenset[Labels] = frozenset()
    restored: bool = False


class GroupRun:
    """Evaluates one group. One thread evaluates; any may look at ``status``."""

    def __init__(
        self,
        group: RuleGroup,
        reader: SampleReader,
        sink: Sink,
        tell: Tell,
        around: AlertOrigin,
        *,
        restores: bool = True,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.group = group
        self._reader = reader
        self._sink = sink
        self._tell = tell
        self._around = around
        self._stopping = stopping
        self._rules = [_Live(RuleStatus(rule), restored=not restores) for rule in group.rules]
        self._waiting: list[tuple[_Live, list[SampleRecord]]] = []
        self._names: set[str] = set()
        self._evaluations = 0
        self._restores = restores
        self.status = GroupStatus(group, tuple(live.status for live in self._rules))

    def evaluate(self, now: int) -> None:
        """All rules at a time (ms), in order; a later one sees what an earlier one recorded."""
        began = time.perf_counter()
        moment = RuleMoment(now, now - self.group.offset_ms, lambda: Budget(cancelled=self._stopping))
        for live in self._rules:
            if self._stopping():
                break
            if self._depends(live.status.rule):
                self._write()
            self._evaluate(live, moment)
        self._write()
        self._evaluations += 1
        if (
            self._restores and self._evaluations == 2
        ):  # by then there is data to compare with, and what alerts depend on is recorded
            self.restore(now)
        rules = tuple(live.status for live in self._rules)
        self.status = GroupStatus(self.group, rules, now, time.perf_counter() - began)

    def _evaluate(self, live: _Live, moment: RuleMoment) -> None:
        began = time.perf_counter()
        rule = live.status.rule
        try:
            if isinstance(rule, Recording):
                active: Active = {}
                samples = evaluate.recorded(self._reader, rule, moment, self.group.limit)
            else:
                active = self._advanced(rule, live.status.active, moment)
                samples = list(alerts.series(active, moment.at)) if live.restored else []
        except QueryError as error:
            if isinstance(error, _TooManyAlertsError):
                live.status = replace(live.status, active={})
            self._failed(live, str(error), moment.now, time.perf_counter() - began)
            return
        live.status = RuleStatus(rule, "ok", "", moment.now, time.perf_counter() - began, active)
        samples_now = [*samples, *self._gone(live, samples, moment.at)]
        self._waiting.append((live, samples_now))
        self._names.update(dict(sample.labels).get(NAME, "") for sample in samples_now)
        live.given = frozenset(sample.labels for sample in samples)

    def _failed(self, live: _Live, error: str, now: int, seconds: float) -> None:
        """Its alerts and series stay as they were. The log hears of what is new."""
        if error != live.status.last_error:
            _log.warning("rule %s of group %s: %s", live.status.rule.name, self.group.name, error)
        live.status = replace(live.status, health="err", last_error=error, evaluated=now, seconds=seconds)

    def _advanced(self, rule: AlertingRule, before: Active, moment: RuleMoment) -> Active:
        seen = evaluate.alerts(self._reader, rule, moment, self._around)
        active = alerts.advance(before, seen, moment.now, rule)
        count = len(alerts.showing(active))
        if self.group.limit and count > self.group.limit:
            raise _TooManyAlertsError(f"exceeded limit of {self.group.limit} with {count} alerts")
        return self._told(rule, active, moment.now)

    def _told(self, rule: AlertingRule, active: Active, now: int) -> Active:
        """Tell of alerts that somebody has to hear of; they remember that it was done."""
        told = {
            labels: alerts.sent(alert, now, self.group.interval_ms, RESEND_MS)
            for labels, alert in active.items()
            if alerts.due(alert, now, RESEND_MS)
        }
        if told:
            link = self._around.external_url + query_link(rule.query)
            self._tell([_notice(alert, link) for alert in told.values()])
        return {**active, **told}

    def _gone(self, live: _Live, samples: Sequence[SampleRecord], at: int) -> Iterator[SampleRecord]:
        """Staleness markers for series that the rule does not give any more."""
        for labels in live.given - {sample.labels for sample in samples}:
            yield SampleRecord(labels, at, STALE)

    def _depends(self, rule: Rule) -> bool:
        """Whether a rule may read what waits to be written."""
        if not self._names:
            return False
        if isinstance(rule, AlertingRule) and any(t.asks for t in (*rule.labels.values(), *rule.annotations.values())):
            return True
        wanted = ([m for m in one.matchers if m.name == NAME] for one in selectors_in(rule.expr))
        return any(all(m.matches(name) for m in matchers) for matchers in wanted for name in self._names)

    def _write(self) -> None:
        """Store what waits. What cannot be stored makes its rules unwell."""
        waiting, self._waiting = self._waiting, []
        self._names.clear()
        samples = [sample for _, some in waiting for sample in some]
        if not samples:
            return
        try:
            written = self._sink.submit(Batch(samples=samples)).result(_COMMIT_TIMEOUT)
        except Storing as error:
            problem = str(error) or "the store did not answer in time"
        else:
            lost = len(samples) - written.stored - written.duplicates
            problem = f"{lost} samples dropped: too many series" if lost else ""
        if problem:
            for live, _ in waiting:
                self._failed(live, problem, live.status.evaluated, live.status.seconds)

    def restore(self, now: int, grace_ms: int = GRACE_MS) -> None:
        """Let alerts with a long wait go on where they were when the server went down."""
        for live in self._rules:
            rule = live.status.rule
            if isinstance(rule, AlertingRule):
                if rule.hold_ms >= grace_ms:
                    self._restore(live, rule, now, grace_ms)
                live.restored = True

    def _restore(self, live: _Live, rule: AlertingRule, now: int, grace_ms: int) -> None:
        last = {labels: sample for labels, sample in self._last_states(rule.name, now) if sample[1] == sample[1]}
        active = {
            labels: alerts.restored(alert, last[labels], now, rule.hold_ms, grace_ms) if labels in last else alert
            for labels, alert in live.status.active.items()
        }
        live.status = replace(live.status, active=active)

    def _last_states(self, name: str, now: int) -> Iterator[tuple[Labels, tuple[int, float]]]:
        """The newest sample of each ``ALERTS_FOR_STATE`` of a rule, by the alert's labels."""
        matchers = [Matcher(NAME, "=", FOR_STATE), Matcher(ALERT_NAME, "=", name)]
        found = self._reader.series(matchers, now - OUTAGE_MS, now)
        samples = self._reader.samples(found, now - OUTAGE_MS, now)
        for series, (first, end) in zip(found, pairwise(samples.bounds.tolist()), strict=True):
            if first < end:
                labels = tuple(pair for pair in series.labels if pair[0] != NAME)
                yield labels, (int(samples.times[end - 1]), float(samples.values[end - 1]))


class _TooManyAlertsError(ExecutionError):
    """More alerts than the group's limit: the rule forgets them all."""


def _notice(alert: ActiveAlert, link: str) -> Notice:
    ends = alert.valid_until if alert.resolved_at is None else alert.resolved_at
    begun = alert.active_at if alert.fired_at is None else alert.fired_at
    return Notice(dict(alert.labels), alert.annotations, begun, ends, link)
